//! What every handler may use, and where the process stands in its life.
//!
//! Promise: a request uses one [`App`], and with it one configuration, from its
//! first look at a key to its last byte; a reload puts another one in the place
//! of [`Current`], and changes none.
//!
//! State only: how a request finds its handler is `entrance`'s matter, so that
//! a page depends on this file and on nothing that depends on pages.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use kernel::{Clock, Labels, Observe, Scope, Visitor};
use tidegate_gateway::Gateway;
use tidegate_kernel as kernel;

use super::access::Access;
use super::body::BodyLimits;
use crate::listen::ListenStats;
use crate::names;
use crate::overload::Overload;
use crate::reload::Record;

/// Where the process stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    Starting,
    Ready,
    Draining,
}

/// The [`App`] of this moment.
pub(crate) struct Current(ArcSwap<App>);

impl Current {
    pub(crate) fn new(app: Arc<App>) -> Arc<Self> {
        Arc::new(Self(ArcSwap::new(app)))
    }

    /// The one to use for all of a request: two looks may find two.
    pub(crate) fn get(&self) -> Arc<App> {
        self.0.load_full()
    }

    /// Every request from now on uses this one.
    pub(crate) fn put(&self, app: App) {
        self.0.store(Arc::new(app));
    }
}

/// What one configuration says of an [`App`].
pub(crate) struct Configured {
    pub(crate) gateway: Gateway,
    pub(crate) access: Access,
    pub(crate) body_limits: BodyLimits,
    /// How long running requests may take to finish once draining begins.
    pub(crate) shutdown_timeout: Duration,
}

/// What every handler may use: the first four are those of one [`Configured`],
/// the others stay for as long as the process lives.
pub(crate) struct App {
    pub(crate) gateway: Gateway,
    pub(crate) access: Access,
    pub(crate) body_limits: BodyLimits,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) clock: Clock,
    pub(crate) listening: Arc<ListenStats>,
    pub(crate) scope: Scope,
    pub(crate) overload: Arc<Overload>,
    pub(crate) record: Arc<Record>,
    phase: Arc<AtomicU8>,
    /// What is the process's and not the server's, told on `/metrics` too.
    other: Arc<OnceLock<Arc<dyn Observe + Send + Sync>>>,
}

impl App {
    pub(crate) fn new(
        configured: Configured,
        clock: Clock,
        listening: Arc<ListenStats>,
        scope: Scope,
        overload: Arc<Overload>,
    ) -> Self {
        Self {
            gateway: configured.gateway,
            access: configured.access,
            body_limits: configured.body_limits,
            shutdown_timeout: configured.shutdown_timeout,
            clock,
            listening,
            scope,
            overload,
            record: Arc::default(),
            phase: Arc::new(AtomicU8::new(Phase::Starting as u8)),
            other: Arc::default(),
        }
    }

    /// The same process under another configuration.
    pub(crate) fn next(&self, configured: Configured) -> Self {
        Self {
            gateway: configured.gateway,
            access: configured.access,
            body_limits: configured.body_limits,
            shutdown_timeout: configured.shutdown_timeout,
            clock: self.clock,
            listening: Arc::clone(&self.listening),
            scope: self.scope.clone(),
            overload: Arc::clone(&self.overload),
            record: Arc::clone(&self.record),
            phase: Arc::clone(&self.phase),
            other: Arc::clone(&self.other),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
    }

    pub(crate) fn also_observe(&self, other: Arc<dyn Observe + Send + Sync>) {
        let _ = self.other.set(other);
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }
}

impl Observe for App {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        self.gateway.observe(labels, to);
        self.listening.observe(labels, to);
        self.scope.observe(labels, to);
        self.overload.observe(labels, to);
        self.record.observe(labels, to);
        let kind = [labels, &[("kind", "large_request_body")]].concat();
        self.body_limits.shelf.observe(&kind, to);
        let ready = f64::from(u8::from(self.phase() == Phase::Ready));
        to.gauge(names::READY, labels, ready);
        if let Some(other) = self.other.get() {
            other.observe(labels, to);
        }
    }
}

impl std::fmt::Debug for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Current").field(&self.get()).finish()
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("gateway", &self.gateway)
            .finish_non_exhaustive()
    }
}
