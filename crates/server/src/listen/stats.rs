//! What the listener counts.
//!
//! 1. Every accepted connection is served or refused, and each refusal has its
//!    reason: nothing is turned away without a number that says so.
//! 2. `open` is what is served now; it is 0 when the last connection has ended.
//!
//! Plain atomics, pulled when somebody looks; nothing is counted per request.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tidegate_kernel::{Labels, Observe, Visitor};

use super::tls::{Handshake, Tls};
use crate::names;

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The numbers of one listener, shared with its connections.
#[derive(Debug, Default)]
pub struct ListenStats {
    pub(super) accepted: Count,
    pub(super) open: AtomicU64,
    pub(super) refused_limit: Count,
    pub(super) refused_per_ip: Count,
    pub(super) accept_errors: Count,
    pub(super) header_timeouts: Count,
    pub(super) write_stalls: Count,
    pub(super) panics: Count,
    pub(super) handshakes: Handshakes,
    tls: OnceLock<Arc<Tls>>,
}

/// TLS handshakes by how they ended.
#[derive(Debug, Default)]
pub(super) struct Handshakes([Count; Handshake::ALL.len()]);

impl Handshakes {
    pub(super) fn add(&self, ended: Handshake) {
        if let Some(count) = self.0.get(ended as usize) {
            count.add();
        }
    }

    pub(super) fn get(&self, ended: Handshake) -> u64 {
        self.0.get(ended as usize).map_or(0, Count::get)
    }
}

impl ListenStats {
    /// Callers are shown what this holds; said once.
    pub(crate) fn shows(&self, tls: Arc<Tls>) {
        let _ = self.tls.set(tls);
    }

    /// Connections that were taken from the kernel, served or refused.
    pub fn accepted(&self) -> u64 {
        self.accepted.get()
    }

    /// Connections that are served now.
    pub fn open(&self) -> u64 {
        self.open.load(Ordering::Relaxed)
    }

    /// Connections refused because all places were taken.
    pub fn refused_limit(&self) -> u64 {
        self.refused_limit.get()
    }

    /// Connections refused because their address had its share.
    pub fn refused_per_ip(&self) -> u64 {
        self.refused_per_ip.get()
    }

    /// Failed accepts: no file descriptors or no memory were left.
    pub fn accept_errors(&self) -> u64 {
        self.accept_errors.get()
    }

    /// Connections closed because a head did not arrive in time, or nothing did.
    pub fn header_timeouts(&self) -> u64 {
        self.header_timeouts.get()
    }

    /// Connections reset because their caller did not read.
    pub fn write_stalls(&self) -> u64 {
        self.write_stalls.get()
    }

    /// Panics of handlers and of answers' bodies.
    pub fn panics(&self) -> u64 {
        self.panics.get()
    }
}

impl Observe for ListenStats {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let open = u32::try_from(self.open()).unwrap_or(u32::MAX);
        to.gauge(names::CONNECTIONS_OPEN, labels, f64::from(open));
        let refused = [
            ("limit", self.refused_limit()),
            ("per_ip", self.refused_per_ip()),
        ];
        for (reason, count) in refused {
            let labels = [labels, &[("reason", reason)]].concat();
            to.counter(names::CONNECTIONS_REFUSED, &labels, count);
        }
        if let Some(tls) = self.tls.get() {
            let end = u32::try_from(tls.valid().until).unwrap_or(u32::MAX);
            to.gauge(names::TLS_CERTIFICATE_END, labels, f64::from(end));
        }
        for ended in Handshake::ALL {
            let labels = [labels, &[("result", ended.as_str())]].concat();
            to.counter(names::TLS_HANDSHAKES, &labels, self.handshakes.get(ended));
        }
        let totals = [
            (names::CONNECTIONS_ACCEPTED, self.accepted()),
            (names::CONNECTIONS_ACCEPT_ERRORS, self.accept_errors()),
            (names::CONNECTIONS_HEADER_TIMEOUTS, self.header_timeouts()),
            (names::CONNECTIONS_WRITE_STALLS, self.write_stalls()),
            (names::CONNECTIONS_PANICS, self.panics()),
        ];
        for (metric, count) in totals {
            to.counter(metric, labels, count);
        }
    }
}
