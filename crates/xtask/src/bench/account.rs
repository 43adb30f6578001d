//! What a process and its children used, by the kernel's own account.
//!
//! 1. CPU time is user + system, in nanoseconds, summed over all tasks of the
//!    process and its descendants (nginx: master and workers).
//! 2. When a task ended in between, its time is taken from the process's own sum,
//!    which is kept in ticks of 10 ms but forgets nobody.
//!
//! It samples when the process is idle; while a task runs its account lags.

use std::{collections::BTreeMap, fs, io, time::Duration};

/// CPU time up to a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cpu {
    /// Nanoseconds by task.
    tasks: BTreeMap<u32, u64>,
    /// The same by the processes' own sums.
    ticks: Duration,
}

impl Cpu {
    /// Reads the account of `pid` and its descendants.
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let mut cpu = Self {
            tasks: BTreeMap::new(),
            ticks: Duration::ZERO,
        };
        for pid in family(pid)? {
            cpu.ticks += process_time(&fs::read_to_string(format!("/proc/{pid}/stat"))?)
                .ok_or_else(|| unreadable("stat"))?;
            for task in fs::read_dir(format!("/proc/{pid}/task"))? {
                let task = task?;
                let Some(id) = task.file_name().to_str().and_then(|id| id.parse().ok()) else {
                    continue;
                };
                // A task may end while we look; its process's sum still has it.
                if let Ok(text) = fs::read_to_string(task.path().join("schedstat")) {
                    cpu.tasks
                        .insert(id, run_time(&text).ok_or_else(|| unreadable("schedstat"))?);
                }
            }
        }
        Ok(cpu)
    }

    /// Time used since `before`.
    pub(crate) fn since(&self, before: &Self) -> Duration {
        let nobody_left = before
            .tasks
            .keys()
            .all(|task| self.tasks.contains_key(task));
        if nobody_left && !self.tasks.is_empty() {
            let sum = |cpu: &Self| cpu.tasks.values().sum::<u64>();
            Duration::from_nanos(sum(self).saturating_sub(sum(before)))
        } else {
            self.ticks.saturating_sub(before.ticks)
        }
    }
}

/// Resident memory in KiB, summed over a process and its descendants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Resident now (`VmRSS`); pages that nginx's processes share count in each.
    pub(crate) resident_kib: u64,
    /// The most that ever was (`VmHWM`).
    pub(crate) peak_kib: u64,
}

impl Memory {
    /// Reads the memory of `pid` and its descendants.
    pub(crate) fn of(pid: u32) -> io::Result<Self> {
        let mut memory = Self::default();
        for pid in family(pid)? {
            let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
            let field = |name| status_kib(&text, name).ok_or_else(|| unreadable("status"));
            memory.resident_kib += field("VmRSS:")?;
            memory.peak_kib += field("VmHWM:")?;
        }
        Ok(memory)
    }
}

/// A process and everything that descends from it.
pub(crate) fn family(pid: u32) -> io::Result<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(id) = entry?
            .file_name()
            .to_str()
            .and_then(|id| id.parse::<u32>().ok())
        else {
            continue;
        };
        if let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) {
            parents.extend(
                fields(&stat)
                    .nth(1)
                    .and_then(|p| p.parse::<u32>().ok())
                    .map(|p| (p, id)),
            );
        }
    }
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(
            parents
                .iter()
                .filter(|(p, _)| *p == parent)
                .map(|(_, id)| *id),
        );
        next += 1;
    }
    Ok(family)
}

/// The fields of `/proc/<pid>/stat` behind the name, which may hold spaces and brackets.
fn fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit_once(')')
        .map_or("", |(_, rest)| rest)
        .split_ascii_whitespace()
}

fn process_time(stat: &str) -> Option<Duration> {
    let mut times = fields(stat).skip(11).map(|field| field.parse::<u64>().ok());
    let ticks = times.next()?? + times.next()??;
    Some(Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second()).ok()?)
}

fn run_time(schedstat: &str) -> Option<u64> {
    schedstat.split_ascii_whitespace().next()?.parse().ok()
}

fn status_kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

fn unreadable(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("cannot read a /proc {what} file"),
    )
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::bench::clock;
    use crate::bench::process::{Folder, Process};

    #[test]
    fn promise_1_work_is_seen_and_sleep_is_not() {
        let me = std::process::id();
        // The account of a running task lags by up to a tick: a sleep settles it.
        let settled = || {
            clock::pause(Duration::from_millis(20));
            Cpu::of(me).unwrap()
        };
        let before = settled();
        let began = clock::now();
        let (wanted, patience) = (Duration::from_millis(10), Duration::from_secs(30));
        let mut used = Duration::ZERO;
        // On a busy machine who spins may wait for a core most of the time.
        while used <= wanted && began.elapsed() < patience {
            let round = clock::now();
            while round.elapsed() < Duration::from_millis(200) {
                std::hint::spin_loop();
            }
            used = settled().since(&before);
        }
        let took = began.elapsed();
        assert!(used > wanted, "{used:?} seen of {took:?} of spinning");
    }

    #[test]
    fn promise_2_an_ended_task_is_not_forgotten() {
        let cpu = |tasks: &[(u32, u64)], ticks| Cpu {
            tasks: tasks.iter().copied().collect(),
            ticks: Duration::from_millis(ticks),
        };
        let before = cpu(&[(1, 5_000), (2, 7_000)], 100);
        assert_eq!(
            cpu(&[(1, 6_000), (2, 9_000)], 100).since(&before),
            Duration::from_micros(3)
        );
        assert_eq!(
            cpu(&[(1, 6_000), (2, 7_000), (3, 500)], 100)
                .since(&before)
                .as_nanos(),
            1500
        );
        assert_eq!(
            cpu(&[(1, 6_000)], 140).since(&before),
            Duration::from_millis(40)
        );
        assert_eq!(
            cpu(&[], 140).since(&cpu(&[], 100)),
            Duration::from_millis(40)
        );
    }

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 90 0 0 0 250 150 0 0 20 0 1 0 100 1 1";
        assert_eq!(process_time(stat), Some(Duration::from_secs(4)));
        assert_eq!(fields(stat).nth(1), Some("1"));
        assert_eq!(process_time("7 (a) S 1"), None);
    }

    #[test]
    fn memory_has_a_peak_and_a_child_counts_in() {
        let me = std::process::id();
        let alone = Memory::of(me).unwrap();
        assert!(alone.peak_kib >= alone.resident_kib && alone.resident_kib > 500);
        let folder = Folder::make("account").unwrap();
        let mut sleep = Command::new("sleep");
        let child = Process::start("sleep", sleep.arg("30"), folder.path()).unwrap();
        let family = family(me).unwrap();
        assert!(family.contains(&child.pid()) && family[0] == me);
        assert_eq!(
            status_kib("VmRSS:\t  12 kB\nVmHWM: 99 kB\n", "VmHWM:"),
            Some(99)
        );
    }
}
