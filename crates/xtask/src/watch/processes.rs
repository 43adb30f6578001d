//! The processes below one of ours, and their end.
//!
//! Promises: (1) `kill_with_descendants` reaches every process that descends
//! from the given one at that moment, whatever its process group; (2) after
//! `adopt_orphans` a process whose parent died is still below us (on Linux).
//! It reads `/proc` where there is one and asks `ps` elsewhere.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Makes this process the parent of every descendant whose own parent ends.
/// Where the system cannot do that, orphans are lost to us.
pub(super) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Ends what is still running below us; gives how many processes that were.
pub(super) fn kill_leftovers() -> usize {
    let left = descendants(std::process::id());
    kill(&left);
    left.len()
}

/// Ends `pid` and all its descendants at once (SIGKILL).
pub(super) fn kill_with_descendants(pid: u32) {
    let mut doomed = descendants(pid);
    doomed.push(pid);
    kill(&doomed);
}

/// Every process below `pid`.
fn descendants(pid: u32) -> Vec<u32> {
    let parents = parents();
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(
            parents
                .iter()
                .filter(|link| link.1 == parent)
                .map(|link| link.0),
        );
        next += 1;
    }
    found.split_off(1)
}

fn kill(pids: &[u32]) {
    if pids.is_empty() {
        return;
    }
    let list = pids
        .iter()
        .map(u32::to_string)
        .collect::<Vec<_>>()
        .join(" ");
    // The shell's own `kill`: a bare Debian has no other.
    let mut kill = Command::new("/bin/sh");
    kill.args(["-c", &format!("kill -KILL {list}")])
        .stderr(Stdio::null());
    let _ = kill.status();
}

/// All processes as (own id, parent's id); zombies are left out.
fn parents() -> Vec<(u32, u32)> {
    if Path::new("/proc/self/stat").exists() {
        from_proc()
    } else {
        from_ps()
    }
}

fn from_proc() -> Vec<(u32, u32)> {
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    folders
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            Some((pid, parent_in(&stat)?))
        })
        .collect()
}

/// The parent's id in a `/proc/<pid>/stat` line. The name stands in
/// parentheses and may itself hold spaces and parentheses.
fn parent_in(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut words = rest.split_whitespace();
    let state = words.next()?;
    if state == "Z" {
        None
    } else {
        words.next()?.parse().ok()
    }
}

fn from_ps() -> Vec<(u32, u32)> {
    let answer = Command::new("ps").args(["-axo", "pid=,ppid="]).output();
    let text = answer.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text)
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
        })
        .collect()
}

/// Whether `pid` is a process that still runs.
#[cfg(test)]
pub(super) fn is_running(pid: u32) -> bool {
    parents().iter().any(|link| link.0 == pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_hide_the_parent() {
        assert_eq!(parent_in("7 (a) b) c) S 42 7 7 0"), Some(42));
        assert_eq!(parent_in("7 (gone) Z 42 7 7 0"), None);
        assert_eq!(parent_in("nonsense"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_orphan_in_its_own_session_is_still_below_us() {
        adopt_orphans();
        let mut parent = Command::new("/bin/sh");
        parent.args(["-c", "setsid sleep 100 >/dev/null 2>&1 & echo $!"]);
        let said = parent.output().unwrap().stdout;
        let orphan: u32 = String::from_utf8(said).unwrap().trim().parse().unwrap();
        assert!(descendants(std::process::id()).contains(&orphan));
        kill(&[orphan]);
    }

    #[test]
    fn we_are_running() {
        assert!(is_running(std::process::id()));
        assert!(!is_running(u32::MAX));
    }
}
