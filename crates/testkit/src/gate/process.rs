//! What the kernel of the machine says about a process.

use std::fs;

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

/// Lets this test open as many descriptors as the machine allows.
pub fn raise_descriptors() {
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
}
