//! Open files: how many of those that the process may have.
//!
//! The limit is read once, after it was raised; where a system has to count
//! the open ones one by one, they are counted less often than they are asked
//! for.

use super::Gauge;
use super::system::System;

/// Of so many readings one counts.
const EVERY: u32 = 8;

/// Where open files are read.
#[derive(Debug)]
pub(super) struct Files {
    limit: Option<u64>,
    used: u64,
    reading: u32,
}

impl Files {
    pub(super) fn find(system: &System) -> Self {
        Self {
            limit: system.field("/proc/self/limits", "Max open files"),
            used: 0,
            reading: 0,
        }
    }

    pub(super) fn read(&mut self, system: &System) -> Gauge {
        if self.limit.is_some() && self.reading.is_multiple_of(EVERY) {
            self.used = system.entries("/proc/self/fd").unwrap_or(0);
        }
        self.reading = self.reading.wrapping_add(1);
        Gauge {
            used: self.used,
            limit: self.limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_counts_and_the_rest_is_left_alone() {
        let limits =
            "Limit    Soft Limit  Hard Limit  Units\nMax open files      1024   4096   files\n";
        let system = System::of(&[("/proc/self/limits", limits), ("/proc/self/fd", "40")]);
        let gauge = Files::find(&system).read(&system);
        assert_eq!((gauge.used, gauge.limit), (40, Some(1024)));
        for unknown in ["", "Max open files   unlimited   unlimited  files\n"] {
            let system = System::of(&[("/proc/self/limits", unknown)]);
            assert_eq!(Files::find(&system).read(&system), Gauge::default());
        }
    }

    #[test]
    fn one_reading_in_eight_counts() {
        let limits = ("/proc/self/limits", "Max open files 10 10 files\n");
        let before = System::of(&[limits, ("/proc/self/fd", "1")]);
        let after = System::of(&[limits, ("/proc/self/fd", "2")]);
        let mut files = Files::find(&before);
        assert_eq!(files.read(&before).used, 1);
        let seen: Vec<_> = (0..8).map(|_| files.read(&after).used).collect();
        assert_eq!(seen, [1, 1, 1, 1, 1, 1, 1, 2]);
    }
}
