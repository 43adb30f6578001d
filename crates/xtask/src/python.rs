//! The Python environment of the SDK tests: a venv in the target folder with
//! the pinned packages of `crates/e2e/python/requirements.txt`.
//!
//! Promises: (1) it is made once and anew when the pins or the interpreter
//! change; (2) a half-made one is never used; (3) on a build server a missing
//! Python is a failure, elsewhere a loud notice.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::workspace::{Outcome, Workspace, on_ci, run};

/// The pins, from the root of the workspace.
const PINS: &str = "crates/e2e/python/requirements.txt";

/// The interpreter for the SDK tests; `None` if this machine cannot have one
/// (the reason has then been told, loudly).
pub(crate) fn interpreter(workspace: &Workspace) -> Outcome<Option<PathBuf>> {
    let pins = fs::read_to_string(workspace.root.join(PINS))
        .map_err(|error| format!("cannot read {PINS}: {error}"))?;
    match prepare(workspace, &pins) {
        Ok(python) => Ok(Some(python)),
        Err(problem) if on_ci() => Err(format!("no Python for the SDK tests: {problem}")),
        Err(problem) => {
            println!("{}", notice(&problem));
            Ok(None)
        }
    }
}

fn prepare(workspace: &Workspace, pins: &str) -> Outcome<PathBuf> {
    let version = Command::new("python3")
        .arg("--version")
        .output()
        .map_err(|error| format!("python3 does not start ({error})"))?;
    let stamp = stamp(&version.stdout, pins);
    let venv = workspace.target.join("venv");
    let python = venv.join("bin").join("python");
    if is_ready(&venv, &stamp) {
        return Ok(python);
    }
    println!(
        "Making the Python environment of the SDK tests in {}",
        venv.display()
    );
    run(workspace
        .program("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&venv))?;
    let mut pip = workspace.program(&python);
    run(pip.args([
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "-r",
        PINS,
    ]))?;
    fs::write(stamp_file(&venv), &stamp).map_err(|error| format!("cannot stamp it: {error}"))?;
    Ok(python)
}

/// What the venv was made from; written last, so that it also says "complete".
fn stamp(version: &[u8], pins: &str) -> String {
    format!("{}\n{pins}", String::from_utf8_lossy(version).trim())
}

fn stamp_file(venv: &Path) -> PathBuf {
    venv.join("made-from.txt")
}

fn is_ready(venv: &Path, stamp: &str) -> bool {
    venv.join("bin").join("python").exists()
        && fs::read_to_string(stamp_file(venv)).is_ok_and(|found| found == stamp)
}

fn notice(problem: &str) -> String {
    let rule = "!".repeat(78);
    format!(
        "{rule}\n!! THE SDK TESTS ARE SKIPPED: {problem}\n\
         !! Install Python 3 with its venv module (Debian: python3-venv) and run this again.\n{rule}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_venv_is_ready_only_with_its_interpreter_and_its_own_stamp() {
        let venv = std::env::temp_dir().join(format!("xtask-venv-{}", std::process::id()));
        fs::create_dir_all(venv.join("bin")).unwrap();
        let made = stamp(b"Python 3.11.7\n", "openai==1.0\n");
        fs::write(stamp_file(&venv), &made).unwrap();
        assert!(!is_ready(&venv, &made), "no interpreter yet");
        fs::write(venv.join("bin").join("python"), "").unwrap();
        assert!(is_ready(&venv, &made));
        assert!(!is_ready(
            &venv,
            &stamp(b"Python 3.12.0\n", "openai==1.0\n")
        ));
        assert!(!is_ready(
            &venv,
            &stamp(b"Python 3.11.7\n", "openai==2.0\n")
        ));
        fs::remove_dir_all(&venv).unwrap();
    }

    #[test]
    fn the_notice_says_what_is_skipped_and_why() {
        let text = notice("python3 does not start");
        assert!(text.contains("SKIPPED") && text.contains("python3 does not start"));
    }
}
