//! A copy of the tracked files below the target folder, where a mutant may be
//! put in and nobody's work is in the way.
//!
//! Promises: (1) it is the checkout as it stands, uncommitted changes included;
//! (2) a file that did not change is not written, so that cargo builds only
//! what differs; (3) after a mutant its file is as before, whatever happened.
//! It has a target folder of its own, which stays for the next run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::table::Mutant;
use crate::workspace::{Outcome, Workspace};

/// See the module's text.
pub(super) struct Sandbox(Workspace);

impl Sandbox {
    /// Brings the copy up to date.
    pub(super) fn of(workspace: &Workspace) -> Outcome<Self> {
        let place = workspace.target.join("mutants");
        let copy = Workspace {
            root: place.join("tree"),
            target: place.join("build"),
            members: Vec::new(),
        };
        let files = tracked(workspace)?;
        for file in &files {
            bring(&workspace.root.join(file), &copy.root.join(file))?;
        }
        leave_only(&copy.root, &copy.root, &files)?;
        Ok(Self(copy))
    }

    /// Where it stands.
    pub(super) fn place(&self) -> std::path::Display<'_> {
        self.0.root.display()
    }

    /// A call of cargo in the copy, with tests that go by nothing but the code.
    pub(super) fn cargo(&self, words: &[&str]) -> Command {
        let mut cargo = self.0.cargo(words);
        cargo
            .env("CARGO_TARGET_DIR", &self.0.target)
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_TERM_COLOR", "never")
            .env("RUST_BACKTRACE", "0")
            // A case that was found once would be tried first from then on.
            .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true")
            .env("PROPTEST_MAX_SHRINK_ITERS", "0");
        for given in ["PROPTEST_CASES", "PROPTEST_RNG_SEED", "TIDEGATE_SEED"] {
            cargo.env_remove(given);
        }
        cargo
    }

    /// Does `work` while the mutant is in.
    pub(super) fn with<T>(&self, mutant: &Mutant, work: impl FnOnce() -> T) -> Outcome<T> {
        let path = self.0.root.join(mutant.file);
        let sound = fs::read_to_string(&path).map_err(|e| told(&path, &e))?;
        fs::write(&path, mutant.applied(&sound)?).map_err(|e| told(&path, &e))?;
        let done = work();
        fs::write(&path, sound).map_err(|e| told(&path, &e))?;
        Ok(done)
    }
}

fn tracked(workspace: &Workspace) -> Outcome<Vec<PathBuf>> {
    let listed = workspace.program("git").args(["ls-files", "-z"]).output();
    let listed = listed.map_err(|error| format!("git does not start: {error}"))?;
    if !listed.status.success() {
        return Err("`git ls-files` failed: is this a checkout?".to_owned());
    }
    let names = String::from_utf8_lossy(&listed.stdout);
    let files = names.split_terminator('\0').map(PathBuf::from);
    // One that was deleted and not committed is tracked, and not there.
    Ok(files
        .filter(|file| workspace.root.join(file).is_file())
        .collect())
}

fn bring(from: &Path, to: &Path) -> Outcome {
    let bytes = fs::read(from).map_err(|error| told(from, &error))?;
    if fs::read(to).is_ok_and(|known| known == bytes) {
        return Ok(());
    }
    let folder = to.parent().map_or(Ok(()), fs::create_dir_all);
    folder
        .and_then(|()| fs::write(to, bytes))
        .map_err(|error| told(to, &error))
}

/// Takes away what an earlier copy had and the checkout has not any more.
fn leave_only(folder: &Path, root: &Path, files: &[PathBuf]) -> Outcome {
    let entries = fs::read_dir(folder).map_err(|error| told(folder, &error))?;
    for entry in entries {
        let path = entry.map_err(|error| told(folder, &error))?.path();
        let inside = path.strip_prefix(root).unwrap_or(&path);
        if path.is_dir() {
            leave_only(&path, root, files)?;
        } else if !files.iter().any(|file| file == inside) && !inside.ends_with("Cargo.lock") {
            fs::remove_file(&path).map_err(|error| told(&path, &error))?;
        }
    }
    Ok(())
}

fn told(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unchanged_file_is_not_written_and_a_surplus_one_is_gone() {
        let place = std::env::temp_dir().join(format!("xtask-copy-{}", std::process::id()));
        let (from, to) = (place.join("a"), place.join("copy/deep/a"));
        fs::create_dir_all(&place).unwrap();
        fs::write(&from, "one").unwrap();
        bring(&from, &to).unwrap();
        let written = fs::metadata(&to).unwrap().modified().unwrap();
        bring(&from, &to).unwrap();
        assert_eq!(fs::metadata(&to).unwrap().modified().unwrap(), written);
        fs::write(&from, "two").unwrap();
        bring(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "two");

        let copy = place.join("copy");
        fs::write(copy.join("surplus"), "").unwrap();
        leave_only(&copy, &copy, &[PathBuf::from("deep/a")]).unwrap();
        assert!(to.exists() && !copy.join("surplus").exists());
        fs::remove_dir_all(&place).unwrap();
    }
}
