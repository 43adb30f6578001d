//! What became of the reloads: for the page, the log and the metrics.
//!
//! Promises: 1. it says what holds now and what the last reload came to, with
//! the problems of a refused one; 2. what it keeps is bounded.

use std::sync::atomic::{AtomicU64, Ordering};

use kernel::sync::Mutex;
use kernel::{Labels, Observe, Visitor};
use tidegate_kernel as kernel;

use crate::config::Problems;
use crate::names;

/// What a reload came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    /// The new configuration holds.
    Applied,
    /// Nothing had changed.
    Unchanged,
    /// The new one is wrong; the one before holds.
    Refused,
}

impl Came {
    const ALL: [Self; 3] = [Self::Applied, Self::Unchanged, Self::Refused];

    fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
        }
    }
}

/// See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Record {
    state: Mutex<View>,
    came: [AtomicU64; Came::ALL.len()],
}

/// The state for whoever looks.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    /// The file, if there is one.
    pub(crate) file: Option<String>,
    /// How many configurations there were, this one included.
    pub(crate) generation: u64,
    /// When this one was taken, in milliseconds since 1970.
    pub(crate) loaded_at: u64,
    /// The last reload that found something new.
    pub(crate) last: Option<Last>,
    /// Keys whose values in the file are not those that hold.
    pub(crate) needs_restart: Vec<&'static str>,
}

/// One reload.
#[derive(Debug, Clone)]
pub(crate) struct Last {
    /// When, in milliseconds since 1970.
    pub(crate) at: u64,
    /// Whether the new configuration holds.
    pub(crate) ok: bool,
    /// What was wrong, or doubtful.
    pub(crate) problems: Problems,
}

impl Record {
    /// The configuration of the start.
    pub(crate) fn begin(&self, file: Option<String>, at: u64) {
        let mut state = self.state.lock();
        state.file = file;
        state.generation = 1;
        state.loaded_at = at;
    }

    /// A new configuration holds; its number.
    pub(crate) fn applied(
        &self,
        at: u64,
        file: Option<String>,
        warnings: Problems,
        needs_restart: Vec<&'static str>,
    ) -> u64 {
        self.count(Came::Applied);
        let mut state = self.state.lock();
        state.file = file;
        state.generation += 1;
        state.loaded_at = at;
        state.needs_restart = needs_restart;
        state.last = Some(Last {
            at,
            ok: true,
            problems: warnings.first(),
        });
        state.generation
    }

    /// A new one is wrong.
    pub(crate) fn refused(&self, at: u64, problems: &Problems) {
        self.count(Came::Refused);
        self.state.lock().last = Some(Last {
            at,
            ok: false,
            problems: problems.first(),
        });
    }

    /// Somebody wrote the file, and it says what it said.
    pub(crate) fn unchanged(&self) {
        self.count(Came::Unchanged);
    }

    fn count(&self, came: Came) {
        if let Some(count) = self.came.get(came as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The state of this moment.
    pub(crate) fn view(&self) -> View {
        self.state.lock().clone()
    }
}

impl Observe for Record {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let (generation, ok) = {
            let state = self.state.lock();
            (
                state.generation,
                state.last.as_ref().is_none_or(|last| last.ok),
            )
        };
        to.gauge(names::CONFIG_GENERATION, labels, generation as f64);
        to.gauge(names::CONFIG_OK, labels, f64::from(u8::from(ok)));
        for (came, count) in Came::ALL.into_iter().zip(&self.came) {
            let labels = [labels, &[("result", came.as_str())]].concat();
            to.counter(
                names::CONFIG_RELOADS,
                &labels,
                count.load(Ordering::Relaxed),
            );
        }
    }
}
