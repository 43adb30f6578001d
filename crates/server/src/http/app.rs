//! What every handler may use, and where the process stands in its life.
//!
//! State only: how a request finds its handler is `entrance`'s matter, so that
//! a page depends on this file and on nothing that depends on pages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use kernel::{Clock, Labels, Observe, Scope, Visitor};
use tidegate_gateway::Gateway;
use tidegate_kernel as kernel;

use super::access::Access;
use super::body::BodyLimits;
use crate::listen::ListenStats;
use crate::names;
use crate::overload::Overload;

/// Where the process stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    Starting,
    Ready,
    Draining,
}

/// What every handler may use.
pub(crate) struct App {
    pub(crate) gateway: Gateway,
    pub(crate) clock: Clock,
    pub(crate) access: Access,
    pub(crate) body_limits: BodyLimits,
    pub(crate) listening: Arc<ListenStats>,
    pub(crate) scope: Scope,
    pub(crate) overload: Arc<Overload>,
    phase: AtomicU8,
}

impl App {
    pub(crate) fn new(
        gateway: Gateway,
        clock: Clock,
        access: Access,
        body_limits: BodyLimits,
        listening: Arc<ListenStats>,
        scope: Scope,
        overload: Arc<Overload>,
    ) -> Self {
        Self {
            gateway,
            clock,
            access,
            body_limits,
            listening,
            scope,
            overload,
            phase: AtomicU8::new(Phase::Starting as u8),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
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
        let kind = [labels, &[("kind", "large_request_body")]].concat();
        self.body_limits.shelf.observe(&kind, to);
        let ready = f64::from(u8::from(self.phase() == Phase::Ready));
        to.gauge(names::READY, labels, ready);
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("gateway", &self.gateway)
            .finish_non_exhaustive()
    }
}
