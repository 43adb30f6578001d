//! The workspace as cargo sees it: where it stands, where it builds, who its
//! members are, and how to call cargo and other programs inside it.
//!
//! Promises: (1) nested cargo calls do not inherit what the outer `cargo run`
//! set for this program (a build script that watches such a variable would
//! build anew each time); (2) nothing here needs the network.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cargo_metadata::{MetadataCommand, Package};

/// What a command of this program ends with; the text is for a person.
pub(crate) type Outcome<T = ()> = Result<T, String>;

/// Set by cargo for the program that it runs, meaningless to a nested cargo.
const OF_THE_OUTER_RUN: [&str; 4] = [
    "CARGO_BIN_",
    "CARGO_CRATE_",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
];

/// The checkout this program was started in.
pub(crate) struct Workspace {
    /// The folder of the root manifest.
    pub(crate) root: PathBuf,
    /// Where cargo builds (`CARGO_TARGET_DIR` and configuration respected).
    pub(crate) target: PathBuf,
    /// The members with the dependencies that they declare.
    pub(crate) members: Vec<Package>,
}

impl Workspace {
    /// Asks cargo about the workspace of the current folder.
    pub(crate) fn load() -> Outcome<Self> {
        let metadata = MetadataCommand::new()
            .no_deps()
            .exec()
            .map_err(|error| format!("cannot read the workspace: {error}"))?;
        Ok(Self {
            root: metadata.workspace_root.into(),
            target: metadata.target_directory.into(),
            members: metadata.packages,
        })
    }

    /// A call of the same cargo that started us, at the root of the workspace.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = self.nested(cargo);
        command.args(arguments);
        command
    }

    /// A call of a program that calls cargo, at the root of the workspace.
    pub(crate) fn nested(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.program(program);
        for (key, _) in env::vars_os() {
            let name = key.to_string_lossy();
            if OF_THE_OUTER_RUN
                .iter()
                .any(|prefix| name.starts_with(prefix))
            {
                command.env_remove(&key);
            }
        }
        command
    }

    /// A call of any program, at the root of the workspace.
    pub(crate) fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }
}

/// Runs `command` with our terminal and tells in words how it failed.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let shown = shown(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{shown}` ended with {status}")),
        Err(error) => Err(format!("`{shown}` did not start: {error}")),
    }
}

/// What a program prints, without the line break at its end.
pub(crate) fn answer(workspace: &Workspace, program: &str, arguments: &[&str]) -> Outcome<String> {
    let output = workspace.program(program).args(arguments).output();
    let output = output.map_err(|error| format!("{program} does not start: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned())
}

/// The date of today in UTC.
pub(crate) fn today(workspace: &Workspace) -> Outcome<String> {
    answer(workspace, "date", &["-u", "+%Y-%m-%d"])
}

/// The commit, with a `+` when the tree differs from it in more than `page`,
/// which a command writes itself.
pub(crate) fn commit(workspace: &Workspace, page: &str) -> Outcome<String> {
    let commit = answer(workspace, "git", &["rev-parse", "--short=10", "HEAD"])?;
    let changed = ["status", "--porcelain", "--untracked-files=no"];
    let changed = answer(workspace, "git", &changed)?;
    let changed = changed.lines().any(|line| !line.ends_with(page));
    Ok(if changed { commit + "+" } else { commit })
}

/// Whether `command` can be run at all and succeeds, in silence.
pub(crate) fn answers(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether we run on a build server, where what is missing is a failure.
pub(crate) fn on_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !["", "0", "false"].iter().any(|no| value == *no))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_named_with_its_arguments() {
        let problem = run(Command::new("/bin/sh").args(["-c", "exit 3"])).unwrap_err();
        assert!(
            problem.starts_with("`sh -c exit 3` ended with"),
            "{problem}"
        );
        assert!(
            run(&mut Command::new("no-such-program"))
                .unwrap_err()
                .contains("did not start")
        );
    }

    #[test]
    fn only_a_success_counts_as_an_answer() {
        assert!(answers(Command::new("/bin/sh").args(["-c", "true"])));
        assert!(!answers(Command::new("/bin/sh").args(["-c", "false"])));
        assert!(!answers(&mut Command::new("no-such-program")));
    }

    #[test]
    fn the_workspace_knows_its_own_member() {
        let workspace = Workspace::load().unwrap();
        assert!(
            workspace
                .members
                .iter()
                .any(|member| member.name == "tidegate-xtask")
        );
        assert!(workspace.root.join("Cargo.lock").is_file());
    }
}
