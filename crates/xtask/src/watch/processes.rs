//! The processes below one of ours, and their end.
//!
//! Promises: (1) `kill_with_descendants` reaches every process that descends
//! from the given one, whatever its process group, and also what they start
//! meanwhile: they are all stopped before the first is killed; (2) after
//! `adopt_orphans` a process whose parent died is still below us (on Linux).
//! It reads `/proc` where there is one and asks `ps` elsewhere.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How often a family is looked at until all of it stands still, and the time
/// between two looks. Who does not stand then is killed as it is.
const LOOKS: usize = 100;
const BETWEEN: Duration = Duration::from_millis(1);

/// A process that still runs.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Running {
    pid: u32,
    parent: u32,
    /// The name of its program, as the system cuts it.
    name: String,
    /// It was told to stand still, and does.
    stopped: bool,
}

/// Makes this process the parent of every descendant whose own parent ends.
/// Where the system cannot do that, orphans are lost to us.
pub(super) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Ends what is still running below us; tells each as `name (id)`.
pub(super) fn kill_leftovers() -> Vec<String> {
    let left = still(std::process::id());
    left.iter().for_each(|one| signal(one.pid, Signal::KILL));
    left.iter()
        .map(|one| format!("{} ({})", one.name, one.pid))
        .collect()
}

/// Ends `pid` and all its descendants at once (SIGKILL).
pub(crate) fn kill_with_descendants(pid: u32) {
    // First itself, so that it starts nothing more.
    signal(pid, Signal::STOP);
    for one in still(pid) {
        signal(one.pid, Signal::KILL);
    }
    signal(pid, Signal::KILL);
}

/// Every process below `pid`, told to stand still: one that runs may start
/// another between the look and its own end, and that one is found by nobody.
fn still(pid: u32) -> Vec<Running> {
    let mut found = descendants(pid);
    for _ in 0..LOOKS {
        let mut moving = found.iter().filter(|one| !one.stopped).peekable();
        if moving.peek().is_none() {
            break;
        }
        moving.for_each(|one| signal(one.pid, Signal::STOP));
        pause(BETWEEN);
        found = descendants(pid);
    }
    found
}

/// Every process below `pid`.
fn descendants(pid: u32) -> Vec<Running> {
    let all = all();
    let mut found: Vec<Running> = Vec::new();
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for child in all.iter().filter(|one| one.parent == parent) {
            parents.push(child.pid);
            found.push(child.clone());
        }
    }
    found
}

/// An error here means that it has ended already.
fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "no runtime here: the thread is ours alone"
)]
fn pause(time: Duration) {
    thread::sleep(time);
}

/// All processes; zombies are left out.
fn all() -> Vec<Running> {
    if Path::new("/proc/self/stat").exists() {
        from_proc()
    } else {
        from_ps()
    }
}

fn from_proc() -> Vec<Running> {
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    folders
        .filter_map(|entry| {
            entry.file_name().to_str()?.parse::<u32>().ok()?;
            in_stat(&fs::read_to_string(entry.path().join("stat")).ok()?)
        })
        .collect()
}

/// The process of a `/proc/<pid>/stat` line. The name stands in parentheses
/// and may itself hold spaces and parentheses.
fn in_stat(stat: &str) -> Option<Running> {
    let (front, rest) = stat.rsplit_once(')')?;
    let (pid, name) = front.split_once(" (")?;
    let mut words = rest.split_whitespace();
    let state = words.next()?;
    running(pid, words.next()?, state, name)
}

fn from_ps() -> Vec<Running> {
    let columns = ["-axo", "pid=,ppid=,state=,comm="];
    let answer = Command::new("ps").args(columns).output();
    let text = answer.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text)
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (pid, parent, state) = (words.next()?, words.next()?, words.next()?);
            running(pid, parent, state, words.next().unwrap_or_default())
        })
        .collect()
}

/// `None` for a zombie, which has ended.
fn running(pid: &str, parent: &str, state: &str, name: &str) -> Option<Running> {
    let first = state.chars().next()?;
    let running = Running {
        pid: pid.parse().ok()?,
        parent: parent.parse().ok()?,
        name: name.to_owned(),
        stopped: first.eq_ignore_ascii_case(&'T'),
    };
    (first != 'Z').then_some(running)
}

/// Whether `pid` is a process that still runs.
#[cfg(test)]
pub(crate) fn is_running(pid: u32) -> bool {
    all().iter().any(|one| one.pid == pid)
}

/// Whether `pid` ends within ten seconds: a kill is not waited for.
#[cfg(test)]
pub(crate) fn ends(pid: u32) -> bool {
    (0..1_000).any(|_| {
        let ended = !is_running(pid);
        if !ended {
            pause(Duration::from_millis(10));
        }
        ended
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_hides_nothing() {
        let told = in_stat("7 (a) b) c) T 42 7 7 0").unwrap();
        assert_eq!((told.pid, told.parent, told.stopped), (7, 42, true));
        assert_eq!(told.name, "a) b) c");
        assert!(!in_stat("7 (a) S 42 7 7 0").unwrap().stopped);
        assert_eq!(in_stat("7 (gone) Z 42 7 7 0"), None);
        assert_eq!(in_stat("nonsense"), None);
    }

    #[test]
    fn we_are_running() {
        assert!(is_running(std::process::id()));
        assert!(!is_running(u32::MAX));
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod families {
    use std::os::unix::process::CommandExt as _;
    use std::process::Child;

    use super::*;

    /// A child that ends with the test, and all that it started with it.
    struct Family(Child);

    impl Drop for Family {
        fn drop(&mut self) {
            kill_with_descendants(self.0.id());
            let _ = self.0.wait();
        }
    }

    /// A shell that leads a process group, by which all that it started is
    /// known also when its parent is gone.
    fn shell(script: &str) -> Family {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", script]).process_group(0);
        Family(shell.spawn().unwrap())
    }

    fn in_group(group: u32) -> Vec<Running> {
        let in_it = |one: &Running| {
            let stat = fs::read_to_string(format!("/proc/{}/stat", one.pid)).unwrap_or_default();
            let rest = stat.rsplit_once(')').map(|parts| parts.1);
            let its = rest.and_then(|rest| rest.split_whitespace().nth(2));
            its.and_then(|its| its.parse().ok()) == Some(group)
        };
        all().into_iter().filter(in_it).collect()
    }

    /// A shell that forks all the time: at each look it has another child.
    #[test]
    fn promise_1_what_is_started_meanwhile_is_reached_too() {
        for _ in 0..20 {
            let family = shell("while :; do sleep 100 & sleep 0.001; done");
            let pid = family.0.id();
            while in_group(pid).len() < 3 {
                pause(BETWEEN);
            }
            drop(family);
            let left = in_group(pid);
            assert!(left.iter().all(|one| ends(one.pid)), "{left:?}");
        }
    }

    #[test]
    fn promise_2_an_orphan_in_its_own_session_is_still_below_us() {
        adopt_orphans();
        let mut parent = Command::new("/bin/sh");
        parent.args(["-c", "setsid sleep 100 >/dev/null 2>&1 & echo $!"]);
        let said = parent.output().unwrap().stdout;
        let orphan: u32 = String::from_utf8(said).unwrap().trim().parse().unwrap();
        let found = descendants(std::process::id());
        // Killed before anything is asserted, and gone before the test is.
        signal(orphan, Signal::KILL);
        assert!(found.iter().any(|one| one.pid == orphan), "{found:?}");
        assert!(ends(orphan));
    }
}
