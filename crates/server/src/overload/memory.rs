//! Memory: what is used of what the process may use.
//!
//! 1. A limit of the configuration is held against the process's own memory.
//! 2. Without one, the tightest limit of its control group or of a group above
//!    it counts, against what that group uses; without any, nothing is known.
//! 3. Files in the cache that the system would give back at once are not used.

use super::Gauge;
use super::system::System;

/// A limit from here on means that there is none.
const ABSURD: u64 = 1 << 60;

/// Where memory is read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Memory {
    /// The process's own, against this limit.
    Process { limit: u64 },
    /// A control group's.
    Group(Group),
    /// Nobody says.
    Unknown,
}

/// The files of one control group.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Group {
    limit: String,
    used: String,
    statistics: String,
    /// The line of the statistics that tells what the system can take back.
    cached: &'static str,
}

impl Memory {
    /// Where this process has to look.
    pub(super) fn find(system: &System, limit: Option<u64>) -> Self {
        if let Some(limit) = limit {
            return Self::Process { limit };
        }
        let groups = system.text("/proc/self/cgroup").unwrap_or_default();
        let groups = || groups.lines().flat_map(folders);
        let limited = groups().filter_map(|group| Some((system.number(&group.limit)?, group)));
        limited
            .filter(|(limit, _)| *limit < ABSURD)
            .min_by_key(|(limit, _)| *limit)
            .map_or(Self::Unknown, |(_, group)| Self::Group(group))
    }

    pub(super) fn read(&self, system: &System) -> Gauge {
        match self {
            Self::Process { limit } => {
                let kib = system.field("/proc/self/status", "VmRSS:").unwrap_or(0);
                Gauge {
                    used: kib.saturating_mul(1024),
                    limit: Some(*limit),
                }
            }
            Self::Group(group) => {
                let cached = system.field(&group.statistics, group.cached).unwrap_or(0);
                let used = system.number(&group.used).unwrap_or(0);
                Gauge {
                    used: used.saturating_sub(cached),
                    limit: system.number(&group.limit).filter(|limit| *limit < ABSURD),
                }
            }
            Self::Unknown => Gauge::default(),
        }
    }
}

/// The folders of the group that a line of `/proc/self/cgroup` names, and of
/// all above it: a limit may stand on any of them. Inside a container the
/// innermost may be missing, and the outermost is its own.
fn folders(line: &str) -> Vec<Group> {
    let mut parts = line.splitn(3, ':');
    let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next())
    else {
        return Vec::new();
    };
    let group: fn(&str) -> Group = match controllers {
        "" => second,
        list if list.split(',').any(|name| name == "memory") => first,
        _ => return Vec::new(),
    };
    let path = path.trim_end_matches('/');
    let mut found: Vec<_> = path
        .match_indices('/')
        .map(|(end, _)| group(&path[..end]))
        .collect();
    found.push(group(path));
    found
}

/// Control groups of the second version: one tree for everything.
fn second(path: &str) -> Group {
    let folder = format!("/sys/fs/cgroup{path}");
    Group {
        limit: format!("{folder}/memory.max"),
        used: format!("{folder}/memory.current"),
        statistics: format!("{folder}/memory.stat"),
        cached: "inactive_file ",
    }
}

/// Control groups of the first version: a tree for memory.
fn first(path: &str) -> Group {
    let folder = format!("/sys/fs/cgroup/memory{path}");
    Group {
        limit: format!("{folder}/memory.limit_in_bytes"),
        used: format!("{folder}/memory.usage_in_bytes"),
        statistics: format!("{folder}/memory.stat"),
        cached: "total_inactive_file ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &str)], limit: Option<u64>) -> Gauge {
        let system = System::of(files);
        Memory::find(&system, limit).read(&system)
    }

    fn gauge(used: u64, limit: u64) -> Gauge {
        Gauge {
            used,
            limit: Some(limit),
        }
    }

    #[test]
    fn promise_1_a_limit_that_was_set_is_held_against_the_process() {
        let files = [
            ("/proc/self/status", "Name:\tx\nVmRSS:\t    2048 kB\n"),
            ("/proc/self/cgroup", "0::/\n"),
            ("/sys/fs/cgroup/memory.max", "5"),
        ];
        assert_eq!(read(&files, Some(4 << 20)), gauge(2 << 20, 4 << 20));
    }

    #[test]
    fn promises_2_and_3_the_group_counts_without_its_cache() {
        let files = [
            ("/proc/self/cgroup", "0::/a/b\n"),
            ("/sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("/sys/fs/cgroup/a/memory.max", "1000\n"),
            ("/sys/fs/cgroup/a/memory.current", "900\n"),
            (
                "/sys/fs/cgroup/a/memory.stat",
                "anon 1\ninactive_file 300\nactive_file 9\n",
            ),
        ];
        assert_eq!(read(&files, None), gauge(600, 1000));
    }

    #[test]
    fn promise_2_the_tightest_limit_counts_also_inside_a_container() {
        let files = [
            ("/proc/self/cgroup", "0::/pods/one\n"),
            ("/sys/fs/cgroup/memory.max", "4000"),
            ("/sys/fs/cgroup/memory.current", "1000"),
        ];
        assert_eq!(read(&files, None), gauge(1000, 4000));
        let tighter = [
            ("/sys/fs/cgroup/pods/one/memory.max", "2000"),
            ("/sys/fs/cgroup/pods/one/memory.current", "500"),
        ];
        let files = [&files[..], &tighter].concat();
        assert_eq!(read(&files, None), gauge(500, 2000));
    }

    #[test]
    fn groups_of_the_first_version_are_read_too() {
        let folder = "/sys/fs/cgroup/memory/jobs";
        let none = (1_u64 << 63).to_string();
        let files = [
            (
                "/proc/self/cgroup",
                "3:cpu,cpuacct:/x\n4:memory:/jobs\n0::/\n",
            ),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", &*none),
            (&*format!("{folder}/memory.limit_in_bytes"), "800"),
            (&*format!("{folder}/memory.usage_in_bytes"), "500"),
            (
                &*format!("{folder}/memory.stat"),
                "inactive_file 1\ntotal_inactive_file 100\n",
            ),
        ];
        assert_eq!(read(&files, None), gauge(400, 800));
    }

    #[test]
    fn promise_2_without_a_limit_nothing_is_known() {
        assert_eq!(read(&[], None), Gauge::default());
        let absurd = (1_u64 << 62).to_string();
        let files = [
            ("/proc/self/cgroup", "0::/\nnonsense\n7:\n"),
            ("/sys/fs/cgroup/memory.max", &*absurd),
        ];
        assert_eq!(read(&files, None), Gauge::default());
    }
}
