//! What stays high: the lowest of the last few seconds.
//!
//! As CoDel tells a standing queue from a burst by its lowest delay, this tells
//! a runtime that has too much to do from one that stood still for a moment:
//! only the first is helped by less work.

use std::time::Duration;

/// How many samples it must stay high: three seconds of them.
const SAMPLES: usize = 12;

/// The last samples.
#[derive(Debug, Default)]
pub(super) struct Standing {
    last: [Duration; SAMPLES],
    next: usize,
}

impl Standing {
    /// Takes one more; the lowest of the last ones.
    pub(super) fn lowest(&mut self, sample: Duration) -> Duration {
        if let Some(place) = self.last.get_mut(self.next) {
            *place = sample;
        }
        self.next = (self.next + 1) % SAMPLES;
        self.last.iter().min().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_nothing_and_three_seconds_are() {
        let (late, well) = (Duration::from_millis(400), Duration::from_millis(1));
        let mut standing = Standing::default();
        for _ in 0..SAMPLES - 1 {
            assert_eq!(standing.lowest(late), Duration::ZERO);
        }
        assert_eq!(standing.lowest(late), late);
        assert_eq!(standing.lowest(well), well, "one good moment ends it");
        for _ in 0..SAMPLES - 1 {
            assert_eq!(standing.lowest(late), well);
        }
        assert_eq!(standing.lowest(late), late);
    }
}
