//! Where and on what a run was made: what a reader needs to judge its figures.
//!
//! It never fails: what cannot be found out is told as unknown. It looks only; host
//! names and paths stay out of the report.

use std::{fs, path::Path, process::Command};

use crate::workspace::Workspace;

/// The machine and the versions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) model: String,
    pub(crate) memory_gib: u64,
    pub(crate) kernel: String,
    pub(crate) date: String,
    pub(crate) commit: String,
    pub(crate) tidegate: String,
    pub(crate) nginx: String,
    pub(crate) rustc: String,
}

impl Machine {
    /// Looks around; what cannot be found out says so in the report.
    pub(crate) fn look(workspace: &Workspace, binary: &Path, nginx: String) -> Self {
        let say = |program: &Path, arguments: &[&str]| {
            said(workspace.program(program).args(arguments)).unwrap_or_else(|| "unknown".into())
        };
        let git = |arguments: &[&str]| said(workspace.program("git").args(arguments));
        let mut commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or("unknown".into());
        if git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|it| !it.is_empty())
        {
            commit.push_str(", with changes not committed");
        }
        let meminfo = proc_field("/proc/meminfo", "MemTotal").unwrap_or_default();
        let memory_kib = meminfo
            .trim_end_matches(" kB")
            .parse::<u64>()
            .unwrap_or_default();
        Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            model: proc_field("/proc/cpuinfo", "model name").unwrap_or("unknown CPU".into()),
            memory_gib: memory_kib.div_ceil(1 << 20),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .unwrap_or_default()
                .trim()
                .into(),
            date: say(Path::new("date"), &["-u", "+%Y-%m-%d"]),
            commit,
            tidegate: say(binary, &["--version"]),
            nginx,
            rustc: say(Path::new("rustc"), &["--version"]),
        }
    }
}

/// The first line that a program says, if it succeeds.
fn said(command: &mut Command) -> Option<String> {
    let output = command
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(
        String::from_utf8(output.stdout)
            .ok()?
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned(),
    )
}

/// The value of the first `name : value` line.
fn proc_field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines
        .into_iter()
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known() {
        let workspace = Workspace::load().unwrap();
        let machine = Machine::look(&workspace, Path::new("rustc"), "1".into());
        assert!(machine.cores > 0 && machine.memory_gib > 0, "{machine:?}");
        assert_eq!(
            (machine.date.len(), &machine.tidegate),
            (10, &machine.rustc)
        );
        assert!(machine.rustc.starts_with("rustc 1."), "{machine:?}");
        let nobody = Machine::look(&workspace, Path::new("no-such-program"), String::new());
        assert_eq!(nobody.tidegate, "unknown");
    }
}
