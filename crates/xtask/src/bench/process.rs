//! A process that the benchmark started.
//!
//! 1. It ends with its owner: asked first; when it does not listen it is killed
//!    with all that it started. Who listens ends its own children.
//! 2. What it said is in a file and is told when something goes wrong.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{clock, probe};
use crate::watch::processes;
use crate::workspace::Outcome;

/// How long a process may take to answer first.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How long it may take to end when asked.
const END_WITHIN: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_micros(500);

/// A running process and its log.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
    began: Instant,
}

impl Process {
    /// Starts `command`; its output goes to a file in `folder`.
    pub(crate) fn start(name: &'static str, command: &mut Command, folder: &Path) -> Outcome<Self> {
        let log = folder.join(format!("{name}.log"));
        let failed = |error| format!("{name} did not start: {error}");
        let out = File::create(&log).map_err(failed)?;
        let err = out.try_clone().map_err(failed)?;
        let began = clock::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(failed)?;
        Ok(Self {
            name,
            child,
            log,
            began,
        })
    }

    /// The id that the system knows it by.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `GET path` is answered with 200; the time since it was started.
    pub(crate) fn ready(&mut self, at: SocketAddr, path: &str) -> Outcome<Duration> {
        loop {
            if probe::get(at, path).is_ok_and(|answer| answer.status() == 200) {
                return Ok(self.began.elapsed());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.complain(&format!("ended with {status}")));
            }
            if self.began.elapsed() > READY_WITHIN {
                return Err(self.complain(&format!("did not answer GET {path} with 200")));
            }
            clock::pause(LOOK_EVERY);
        }
    }

    /// All that it said so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// `problem` with the last that the process said.
    pub(crate) fn complain(&self, problem: &str) -> String {
        let said = self.said();
        let lines: Vec<&str> = said.lines().collect();
        match &lines[lines.len().saturating_sub(8)..] {
            [] => format!("{} {problem}; it said nothing", self.name),
            last => format!(
                "{} {problem}; it said last:\n  {}",
                self.name,
                last.join("\n  ")
            ),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let asked = clock::now();
        // An error here means that it has ended already.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        while asked.elapsed() < END_WITHIN {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            clock::pause(LOOK_EVERY);
        }
        processes::kill_with_descendants(self.child.id());
        let _ = self.child.wait();
    }
}

/// A folder of our own under the system's temporary folder, gone with its owner.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Makes it; `name` sets it apart from others of this process.
    pub(crate) fn make(name: &str) -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("tidegate-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file into it and returns where it is.
    pub(crate) fn write(&self, name: &str, text: &str) -> Outcome<PathBuf> {
        let path = self.0.join(name);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A loopback address that nobody listens on now.
pub(crate) fn free_address() -> Outcome<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map_err(|error| format!("no free port on loopback: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, folder: &Folder) -> Process {
        Process::start(
            "shell",
            Command::new("sh").args(["-c", script]),
            folder.path(),
        )
        .unwrap()
    }

    fn is_running(pid: u32) -> bool {
        Path::new(&format!("/proc/{pid}")).exists()
    }

    #[test]
    fn promise_1_it_ends_with_its_owner() {
        let folder = Folder::make("ends").unwrap();
        // `exec`, or the shell ends when asked and leaves its child to nobody.
        let process = shell("exec sleep 60", &folder);
        let pid = process.pid();
        assert!(is_running(pid));
        drop(process);
        assert!(!is_running(pid));
    }

    #[test]
    fn promise_1_also_when_it_does_not_listen() {
        let folder = Folder::make("deaf").unwrap();
        let process = shell(
            "trap '' TERM; sleep 100 & echo $!; while :; do sleep 0.05; done",
            &folder,
        );
        let child: u32 = loop {
            let said = fs::read_to_string(folder.path().join("shell.log")).unwrap();
            if let Some(line) = said.strip_suffix('\n') {
                break line.parse().unwrap();
            }
            clock::pause(LOOK_EVERY);
        };
        let pid = process.pid();
        drop(process);
        assert!(!is_running(pid));
        assert!(processes::ends(child), "its child {child} outlived it");
    }

    #[test]
    fn promise_2_the_last_words_are_told() {
        let folder = Folder::make("words").unwrap();
        let at = free_address().unwrap();
        let problem = shell("echo no such flag; exit 2", &folder)
            .ready(at, "/")
            .unwrap_err();
        assert!(
            problem.contains("no such flag") && problem.contains("exit status: 2"),
            "{problem}"
        );
        let silent = shell("exit 1", &folder).ready(at, "/").unwrap_err();
        assert!(silent.ends_with("it said nothing"), "{silent}");
    }

    #[test]
    fn a_folder_goes_with_its_owner() {
        let folder = Folder::make("goes").unwrap();
        let file = folder.write("a", "b").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "b");
        drop(folder);
        assert!(!file.exists());
    }
}
