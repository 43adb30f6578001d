//! Every provider that is in use, whichever configuration named it.
//!
//! Promises: 1. what concerns them all (a level, the end, old connections)
//! reaches also those that only calls of an earlier configuration still use;
//! 2. it keeps nobody alive, and remembers no more than there are providers of
//! this configuration and calls of earlier ones.

use std::sync::Arc;
use std::sync::Weak;

use kernel::sync::Mutex;
use tidegate_kernel as kernel;

use crate::provider::Provider;

/// See the module's text. The newest stand first.
#[derive(Default)]
pub(crate) struct Roster(Mutex<Vec<Weak<Provider>>>);

impl Roster {
    /// These are in use now; who is known already is not listed twice.
    pub(crate) fn add(&self, providers: &[Arc<Provider>]) {
        let mut fresh: Vec<_> = providers.iter().map(Arc::downgrade).collect();
        let mut known = self.0.lock();
        let stays = |one: &Weak<Provider>| {
            one.strong_count() > 0 && !fresh.iter().any(|new| new.ptr_eq(one))
        };
        let old: Vec<_> = known.drain(..).filter(stays).collect();
        fresh.extend(old);
        *known = fresh;
    }

    /// All that are in use, the newest first.
    pub(crate) fn all(&self) -> Vec<Arc<Provider>> {
        let known = self.0.lock().clone();
        known.iter().filter_map(Weak::upgrade).collect()
    }

    /// The newest one of this name.
    pub(crate) fn named(&self, name: &str) -> Option<Arc<Provider>> {
        self.all().into_iter().find(|one| &*one.name == name)
    }

    /// One for each name, the newest; what several of a name share is told once.
    pub(crate) fn by_name(&self) -> Vec<Arc<Provider>> {
        let mut names = std::collections::HashSet::new();
        let all = self.all().into_iter();
        all.filter(|one| names.insert(Arc::clone(&one.name)))
            .collect()
    }
}
