//! The limit that follows use (R-D14).
//!
//! A burst from idle is met at once: the first growth does not wait, and with
//! the defaults (double, 100 ms) 100 permits are there 300 ms after the 9th of
//! 10 was taken. That is little beside a model's seconds, and still three
//! looks at the upstream on the way. Down takes its time: what was needed in
//! the last ten seconds is likely to be needed again.

use super::latency::ResponseTime;
use super::settings::LimitSettings;
use super::signal::{Reason, Signal, pause};
use crate::clock::Instant;

#[derive(Debug)]
pub(super) struct Scaled {
    size: usize,
    /// No change before.
    next: Instant,
    /// No growth before: the upstream has said that it has too much.
    calm: Instant,
    /// The most that were out since the last look.
    peak: usize,
    /// The next look at it.
    look: Instant,
    response: ResponseTime,
}

impl Scaled {
    pub(super) fn new(settings: &LimitSettings, now: Instant) -> Self {
        Self {
            size: settings.min,
            next: now,
            calm: now,
            peak: 0,
            look: now + settings.shrink_after,
            response: ResponseTime::default(),
        }
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn fit(&mut self, settings: &LimitSettings) {
        self.size = self.size.clamp(settings.min, settings.max);
    }

    /// When it could grow, if it could.
    pub(super) fn due(&self, settings: &LimitSettings) -> Option<Instant> {
        let can = self.size < settings.max && !self.response.is_slow();
        can.then(|| self.next.max(self.calm))
    }

    /// So many are out, with the one that is just asked for.
    pub(super) fn used(
        &mut self,
        busy: usize,
        settings: &LimitSettings,
        now: Instant,
    ) -> Option<Reason> {
        self.peak = self.peak.max(busy);
        let wanted = busy >= self.size || share(busy, 100) > share(self.size, settings.grow_at);
        if wanted && self.due(settings).is_some_and(|due| due <= now) {
            let grown = share(self.size, settings.factor) / 100;
            self.change(grown.clamp(self.size + 1, settings.max), settings, now);
            return Some(Reason::Demand { busy });
        }
        self.look(busy, settings, now)
    }

    /// Shrinks when little was used for a while.
    fn look(&mut self, busy: usize, settings: &LimitSettings, now: Instant) -> Option<Reason> {
        if now < self.look || now < self.next {
            return None;
        }
        self.look = now + settings.shrink_after;
        let peak = std::mem::replace(&mut self.peak, busy);
        if self.size == settings.min || share(peak, 100) >= share(self.size, settings.shrink_at) {
            return None;
        }
        // Not so far that the peak would make it grow again.
        let shrunk = share(self.size, 100) / settings.factor as usize;
        let enough = share(peak, 100).div_ceil(settings.grow_at as usize);
        let size = shrunk.max(enough).clamp(settings.min, self.size - 1);
        self.change(size, settings, now);
        Some(Reason::Idle { peak })
    }

    fn change(&mut self, size: usize, settings: &LimitSettings, now: Instant) {
        self.size = size;
        self.next = now + settings.interval;
    }

    pub(super) fn signal(
        &mut self,
        signal: Signal,
        busy: usize,
        settings: &LimitSettings,
        now: Instant,
    ) -> Option<Reason> {
        match signal {
            Signal::Succeeded { took, .. } => self
                .response
                .note(took, settings.slow)
                .map(|took| Reason::Slow { took }),
            Signal::Overloaded { retry_after } => {
                let news = self.calm <= now;
                let wait = pause(retry_after);
                self.calm = self.calm.max(now + wait.max(settings.window));
                news.then_some(match retry_after {
                    Some(_) => Reason::RetryAfter { wait, busy },
                    None => Reason::Overloaded { busy },
                })
            }
            Signal::Remaining { .. } => None,
        }
    }
}

/// So many per cent of `n`, in hundredths.
fn share(n: usize, per_cent: u32) -> usize {
    n.saturating_mul(per_cent as usize)
}
