//! Processes: what the machine says about one, and running one to its end.
//!
//! Read from `/proc`, so this is for Linux, as the product is.

use std::fs;
use std::os::fd::AsFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::folder::Folder;

/// A process's use of the machine at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory in KiB.
    pub rss_kib: u64,
    /// Open file descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
}

impl Usage {
    /// Looks at `/proc`.
    pub(super) fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let rss = rss.and_then(|rss| rss.split_whitespace().next()?.parse().ok());
        let count = |what: &str| {
            let list = fs::read_dir(format!("/proc/{pid}/{what}")).expect("a running process");
            list.count()
        };
        Self {
            rss_kib: rss.expect("VmRSS of a process"),
            descriptors: count("fd"),
            threads: count("task"),
        }
    }
}

/// The bytes of a pipe that nobody has read yet.
pub fn unread(pipe: &impl AsFd) -> u64 {
    rustix::io::ioctl_fionread(pipe).expect("a pipe")
}

/// Lets this test, and what it starts, open as many descriptors as the machine
/// allows; says how many that is.
pub fn raise_descriptors() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = getrlimit(Resource::Nofile);
    // Where it is refused, the test that needs them says so by failing.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    );
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Runs a command to its end, and gives all that it wrote. It is killed when
/// the test ends first.
///
/// # Panics
/// When it does not start, or does not end in time.
pub async fn command_output(mut command: Command) -> (ExitStatus, String) {
    let folder = Folder::new();
    command.stdin(Stdio::null());
    command
        .stdout(folder.writer("stdout"))
        .stderr(folder.writer("stderr"));
    let mut child = Killed(command.spawn().expect("the command starts"));
    let status = ended(&mut child.0);
    let status = tokio::time::timeout(LONG, status).await;
    let told = format!("{}{}", folder.read("stdout"), folder.read("stderr"));
    match status {
        Ok(status) => (status, told),
        Err(_) => panic!("the command did not end within {LONG:?}:\n{told}"),
    }
}

/// What a whole program may take on a busy machine.
const LONG: Duration = Duration::from_secs(90);

/// Waits for the end of a child, without a thread.
pub(super) async fn ended(child: &mut Child) -> ExitStatus {
    loop {
        if let Some(status) = child.try_wait().expect("the state of a child") {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
