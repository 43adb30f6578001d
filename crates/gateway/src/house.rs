//! The house: what all requests share, for as long as the process lives.
//!
//! It decides nothing; the steps of the pipeline use it. What a configuration
//! says is the `setup`, of which there is another after each reload.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use kernel::{
    ByteBudget, Clock, Dice, Gatherings, Ledger, Level, LevelCell, Priority, Scope, Watchdog,
};
use tidegate_kernel as kernel;
use tidegate_types::RequestIds;

use crate::feed::Feed;
use crate::provider::Provider;
use crate::request::Request;
use crate::roster::Roster;
use crate::shadow::Shadows;
use crate::stream::Oddities;

/// See the module's text.
pub(crate) struct House {
    pub(crate) ledger: Ledger<Request>,
    /// The calls that are made for several requests, or for a part of one: they are
    /// no requests, and their tokens are counted where they are asked.
    pub(crate) inner: Ledger<Request>,
    /// Bytes of the bodies and buffers that are held.
    pub(crate) bodies: ByteBudget,
    pub(crate) ids: Arc<RequestIds>,
    pub(crate) clock: Clock,
    pub(crate) scope: Scope,
    pub(crate) closed: AtomicBool,
    pub(crate) oddities: Oddities,
    /// The looks at the providers.
    pub(crate) looks: Gatherings,
    pub(crate) dice: Dice,
    /// How near the process is to its bounds, as was last measured.
    pub(crate) level: Arc<LevelCell>,
    pub(crate) watchdog: Watchdog,
    /// The number from which those of the providers' dice come.
    pub(crate) seed: u64,
    /// Every provider that is in use, whichever configuration named it.
    pub(crate) roster: Roster,
    /// Who watches the requests.
    pub(crate) feed: Arc<Feed>,
    /// The calls that are made for comparison.
    pub(crate) shadows: Arc<Shadows>,
    /// One that nobody watches, for those inner calls.
    pub(crate) silent: Arc<Feed>,
}

impl House {
    /// These are in use from now on, and learn what concerns them all. Whoever
    /// changes that does so before looking who is there, and this looks after
    /// they are: one of the two sees the other.
    pub(crate) fn join(&self, providers: &[Arc<Provider>]) {
        self.roster.add(providers);
        fence(Ordering::SeqCst);
        loop {
            let level = self.level.get();
            for provider in providers {
                provider.refuse_below(floor(level));
            }
            // Or an old level would stay where a newer one was set meanwhile.
            fence(Ordering::SeqCst);
            if self.level.get() == level {
                break;
            }
        }
        if self.closed.load(Ordering::Acquire) {
            providers.iter().for_each(|one| one.close());
        }
    }

    /// This is the level from now on.
    pub(crate) fn set_level(&self, level: Level) {
        self.level.set(level);
        fence(Ordering::SeqCst);
        for provider in self.roster.all() {
            provider.refuse_below(floor(level));
        }
    }

    /// No provider takes a new call, and those that wait are given up; who
    /// watches is told that this is the end.
    pub(crate) fn close(&self) {
        self.feed.close();
        self.closed.store(true, Ordering::Release);
        // Who joins, or begins to wait, from now on sees that it is closed.
        fence(Ordering::SeqCst);
        self.roster.all().iter().for_each(|one| one.close());
    }
}

/// The least urgent work that a level lets in.
fn floor(level: Level) -> Option<Priority> {
    (level >= Level::Busy).then_some(Priority::Interactive)
}
