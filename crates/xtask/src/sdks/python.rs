//! The Python environment of the SDK tests: a venv with the pinned packages of
//! `crates/e2e/python/requirements.txt`. The place is its interpreter.

use std::path::{Path, PathBuf};

use super::{Made, pins, version};
use crate::workspace::{Outcome, Workspace, run};

/// The pins, from the root of the workspace.
const PINS: &str = "crates/e2e/python/requirements.txt";

pub(super) fn prepare(workspace: &Workspace) -> Outcome<PathBuf> {
    let pins = pins(workspace, PINS)?;
    let version = version(workspace.program("python3").arg("--version"))?;
    let venv = Made::new(workspace.target.join("venv"), &version, &pins);
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
        "-r",
        PINS,
    ]))?;
    venv.done()?;
    Ok(python)
}
