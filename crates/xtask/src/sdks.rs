//! What the SDK tests need beside the binary: a folder of the target for each
//! language, with the pinned packages of `crates/e2e`.
//!
//! Promises: (1) it is made once and anew when the pins or the language's own
//! version change; (2) a half-made one is never used; (3) on a build server a
//! missing language is a failure, elsewhere a loud notice.

mod node;
mod python;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::workspace::{Outcome, Workspace, on_ci, shown};

const PYTHON: &str = "Install Python 3 with its venv module (Debian: python3-venv)";

/// Variables that tell the tests where each language is; one that this machine
/// cannot have is left out (the reason has then been told, loudly).
pub(crate) fn variables(workspace: &Workspace) -> Outcome<Vec<(&'static str, String)>> {
    let mut variables = Vec::new();
    for (variable, language, prepared, remedy) in [
        (
            "TIDEGATE_E2E_PYTHON",
            "Python",
            python::prepare(workspace, &python::OPENAI),
            PYTHON,
        ),
        (
            "TIDEGATE_E2E_DIALECTS",
            "Python for every dialect",
            python::prepare(workspace, &python::DIALECTS),
            PYTHON,
        ),
        (
            "TIDEGATE_E2E_NODE",
            "Node",
            node::prepare(workspace),
            "Install Node 18 or later with npm (Debian: nodejs npm)",
        ),
    ] {
        match prepared {
            Ok(place) => variables.push((variable, place.display().to_string())),
            Err(problem) if on_ci() => {
                return Err(format!("no {language} for the SDK tests: {problem}"));
            }
            Err(problem) => println!("{}", notice(language, &problem, remedy)),
        }
    }
    Ok(variables)
}

fn notice(language: &str, problem: &str, remedy: &str) -> String {
    let rule = "!".repeat(78);
    format!(
        "{rule}\n!! THE SDK TESTS OF {} ARE SKIPPED: {problem}\n\
         !! {remedy} and run this again.\n{rule}",
        language.to_uppercase()
    )
}

/// What a program says of its version.
fn version(command: &mut Command) -> Outcome<String> {
    let shown = shown(command);
    let output = command
        .output()
        .map_err(|error| format!("`{shown}` does not start ({error})"))?;
    if !output.status.success() {
        return Err(format!("`{shown}` ended with {}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A file of pins, from the root of the workspace.
fn pins(workspace: &Workspace, file: &str) -> Outcome<String> {
    fs::read_to_string(workspace.root.join(file))
        .map_err(|error| format!("cannot read {file}: {error}"))
}

/// A folder and what it is to be made from.
struct Made {
    folder: PathBuf,
    from: String,
}

impl Made {
    fn new(folder: PathBuf, version: &str, pins: &str) -> Self {
        let from = format!("{version}\n{pins}");
        Self { folder, from }
    }

    fn stamp(&self) -> PathBuf {
        self.folder.join("made-from.txt")
    }

    /// Whether it is complete, made from just this, and still has `part`.
    fn is_ready(&self, part: &Path) -> bool {
        self.folder.join(part).exists()
            && fs::read_to_string(self.stamp()).is_ok_and(|found| found == self.from)
    }

    /// Written last, so that it also says "complete".
    fn done(&self) -> Outcome {
        fs::write(self.stamp(), &self.from)
            .map_err(|error| format!("cannot stamp {}: {error}", self.folder.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_ready_only_with_its_part_and_its_own_stamp() {
        let folder = std::env::temp_dir().join(format!("xtask-made-{}", std::process::id()));
        fs::create_dir_all(folder.join("bin")).unwrap();
        let part = Path::new("bin/python");
        let made = |version, pins| Made::new(folder.clone(), version, pins);
        let first = made("Python 3.11.7", "openai==1.0\n");
        first.done().unwrap();
        assert!(!first.is_ready(part), "no interpreter yet");
        fs::write(folder.join(part), "").unwrap();
        assert!(first.is_ready(part));
        assert!(!made("Python 3.12.0", "openai==1.0\n").is_ready(part));
        assert!(!made("Python 3.11.7", "openai==2.0\n").is_ready(part));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let problem = version(Command::new("no-such-program").arg("--version")).unwrap_err();
        assert!(
            problem.starts_with("`no-such-program --version` does not start"),
            "{problem}"
        );
        assert!(version(Command::new("sh").args(["-c", "exit 3"])).is_err());
    }

    #[test]
    fn the_notice_says_what_is_skipped_why_and_what_to_do() {
        let text = notice("Node", "node does not start", "Install it");
        for part in [
            "TESTS OF NODE ARE SKIPPED",
            "node does not start",
            "Install it",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}
