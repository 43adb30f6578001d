//! The Python environments of the SDK tests, each a venv with the pinned packages
//! of a file in `crates/e2e/python`. The place is its interpreter.
//!
//! They are two: what tests the API's description stays small.

use std::path::{Path, PathBuf};

use super::{Made, pins, version};
use crate::workspace::{Outcome, Workspace, run};

/// A venv: its folder in the target, and its pins from the root of the workspace.
pub(super) struct Environment {
    folder: &'static str,
    pins: &'static str,
}

/// The SDK of OpenAI, and what tests the API's description.
pub(super) const OPENAI: Environment = Environment {
    folder: "venv",
    pins: "crates/e2e/python/requirements.txt",
};

/// The SDKs of every dialect, and frameworks for agents.
pub(super) const DIALECTS: Environment = Environment {
    folder: "venv-dialects",
    pins: "crates/e2e/python/requirements-dialects.txt",
};

pub(super) fn prepare(workspace: &Workspace, environment: &Environment) -> Outcome<PathBuf> {
    let pins = pins(workspace, environment.pins)?;
    let version = version(workspace.program("python3").arg("--version"))?;
    let venv = Made::new(workspace.target.join(environment.folder), &version, &pins);
    let interpreter = Path::new("bin/python");
    let python = venv.folder.join(interpreter);
    if venv.is_ready(interpreter) {
        return Ok(python);
    }
    println!(
        "Making the Python environment of the SDK tests in {}",
        venv.folder.display()
    );
    run(workspace
        .program("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&venv.folder))?;
    let mut pip = workspace.program(&python);
    run(pip.args([
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        // The pins are all that there is to be.
        "--no-deps",
        "-r",
        environment.pins,
    ]))?;
    venv.done()?;
    Ok(python)
}
