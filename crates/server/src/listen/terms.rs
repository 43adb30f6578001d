//! The limits of connections as they are now: a reload puts others in their
//! place, and each connection keeps those under which it was let in.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::ListenSettings;

/// See the module's text.
#[derive(Debug)]
pub struct Terms(ArcSwap<ListenSettings>);

impl Terms {
    /// These, until there are others.
    pub fn new(settings: ListenSettings) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(settings)))
    }

    /// These from the next connection on.
    pub fn set(&self, settings: ListenSettings) {
        self.0.store(Arc::new(settings));
    }

    pub(super) fn get(&self) -> Arc<ListenSettings> {
        self.0.load_full()
    }

    /// Whether `known` are still those that hold.
    pub(super) fn are(&self, known: &Arc<ListenSettings>) -> bool {
        Arc::ptr_eq(&self.0.load(), known)
    }
}
