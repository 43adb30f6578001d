//! How a limit is configured. Shares are in per cent, so that settings can be
//! compared and hashed as they stand.

use std::time::Duration;

/// By what a limit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitKind {
    /// Always `max`.
    Fixed,
    /// Between `min` and `max`, by how many of the permits are used (R-D14).
    Scaled,
    /// Between `min` and `max`, by what the upstream says.
    Adaptive,
}

/// What a limit goes by, and how fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LimitSettings {
    /// By what it goes.
    pub kind: LimitKind,
    /// Permits it never goes below, whatever is signalled. At least 1 and at
    /// most `max` is taken.
    pub min: usize,
    /// Permits it never goes above.
    pub max: usize,
    /// Compute and show, but enforce `max` only.
    pub shadow: bool,
    /// Scaled: grow when more than so many per cent of the permits are busy.
    pub grow_at: u32,
    /// Scaled: shrink when fewer than so many per cent were busy at any time
    /// in `shrink_after`.
    pub shrink_at: u32,
    /// Scaled: per cent of the size that a growth leads to; shrinking goes
    /// back by the same.
    pub factor: u32,
    /// Scaled: the least time between two changes.
    pub interval: Duration,
    /// Scaled: how long so few must be busy before it shrinks.
    pub shrink_after: Duration,
    /// The ceiling of the response time, on the average of the last calls. Above
    /// it nothing grows; it is an alarm, and with `Adaptive` a reason to shrink.
    pub slow: Option<Duration>,
    /// Adaptive: per cent that is left after an overload signal.
    pub decrease: u32,
    /// Adaptive: per cent that is left after one that says `retry-after`.
    pub hard_decrease: u32,
    /// Adaptive: time in which there is one decrease, however many signals.
    pub window: Duration,
    /// Adaptive: also shrink when the first token of calls of like size comes
    /// late, compared with what it used to be.
    pub gradient: bool,
}

impl LimitSettings {
    /// Always `size` permits.
    pub const fn fixed(size: usize) -> Self {
        Self {
            kind: LimitKind::Fixed,
            min: size,
            max: size,
            shadow: false,
            grow_at: 80,
            shrink_at: 30,
            factor: 200,
            interval: Duration::from_millis(100),
            shrink_after: Duration::from_secs(10),
            slow: None,
            decrease: 85,
            hard_decrease: 70,
            window: Duration::from_secs(1),
            gradient: false,
        }
    }

    /// Between `min` and `max` permits, by use.
    pub const fn scaled(min: usize, max: usize) -> Self {
        Self {
            kind: LimitKind::Scaled,
            min,
            ..Self::fixed(max)
        }
    }

    /// Between `min` and `max` permits, by what the upstream says.
    pub const fn adaptive(min: usize, max: usize) -> Self {
        Self {
            kind: LimitKind::Adaptive,
            min,
            ..Self::fixed(max)
        }
    }

    /// As the algorithms want them, whatever was configured.
    pub(super) fn sane(&self) -> Self {
        const SHORTEST: Duration = Duration::from_millis(1);
        const LONGEST: Duration = Duration::from_secs(3600);
        let time = |time: Duration| time.clamp(SHORTEST, LONGEST);
        Self {
            min: self.min.max(1).min(self.max),
            grow_at: self.grow_at.clamp(1, 100),
            shrink_at: self.shrink_at.min(100),
            factor: self.factor.clamp(100, 1000),
            interval: time(self.interval),
            shrink_after: time(self.shrink_after),
            decrease: self.decrease.clamp(1, 100),
            hard_decrease: self.hard_decrease.clamp(1, 100),
            window: time(self.window),
            ..*self
        }
    }
}
