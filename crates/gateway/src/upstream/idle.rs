//! The idle set: connections to one upstream that are free for the next call.
//!
//! Promises: 1. a connection is in the set or with exactly one request, never
//! both; 2. the set is bounded, by count and by age; 3. a connection that the
//! upstream closed meanwhile is found out before it is given away.
//! Last in, first out, so that a quiet time lets the surplus grow old and go.

use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use hyper::client::conn::http1::{Connection, SendRequest};
use hyper_util::rt::TokioIo;
use kernel::{Drive, Instant};
use tidegate_kernel as kernel;

use super::socket::{Heard, Socket};
use super::upload::Outgoing;

/// How long a connection may rest. Shorter than the keep-alive of the servers
/// in common use (nginx 75 s, Node 5 s behind balancers of 60 s), so that the
/// race with their closing it is rare.
const REST: Duration = Duration::from_secs(30);

/// A connection, driven by whoever holds it.
pub(crate) struct Line {
    pub(crate) send: SendRequest<Outgoing>,
    pub(crate) io: Connection<TokioIo<Socket>, Outgoing>,
    pub(crate) heard: Heard,
    /// Through which its holder polls it.
    pub(crate) drive: Drive,
}

impl Line {
    /// Whether it is still open, with nothing to read.
    ///
    /// It is looked at for nobody: a task that left its waker in a resting
    /// connection would be woken by its own next request.
    pub(crate) fn rests(&mut self) -> bool {
        self.drive.rest();
        let mut nobody = Context::from_waker(Waker::noop());
        Pin::new(&mut self.io).poll(&mut nobody).is_pending() && self.send.is_ready()
    }
}

/// See the module's text. It holds none before it has a size.
#[derive(Default)]
pub(crate) struct IdleSet {
    lines: Mutex<Vec<(Instant, Box<Line>)>>,
    most: AtomicUsize,
}

impl IdleSet {
    /// Holds at most `most` from here on; the oldest beyond that are closed.
    pub(crate) fn resize(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
        let mut lines = self.lock();
        let surplus = lines.len().saturating_sub(most);
        let gone: Vec<_> = lines.drain(..surplus).collect();
        drop(lines);
        drop(gone);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Instant, Box<Line>)>> {
        self.lines
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A connection that is still open, if one is there.
    pub(crate) fn take(&self, now: Instant) -> Option<Box<Line>> {
        loop {
            let (since, mut line) = self.lock().pop()?;
            let fresh = now.duration_since(since) < REST;
            // Polling an idle connection reads its socket: an end, or bytes
            // that nobody asked for, show here.
            if fresh && line.rests() {
                return Some(line);
            }
        }
    }

    /// Takes a connection back whose answer was read to its end.
    pub(crate) fn give(&self, now: Instant, mut line: Box<Line>) {
        // The look lets it notice that its exchange is over.
        if !line.rests() {
            return;
        }
        let mut lines = self.lock();
        if lines.len() < self.most.load(Ordering::Relaxed) {
            lines.push((now, line));
        }
    }

    /// Closes what has rested too long.
    pub(crate) fn prune(&self, now: Instant) {
        let mut lines = self.lock();
        let old = lines
            .iter()
            .take_while(|(since, _)| now.duration_since(*since) >= REST)
            .count();
        let gone: Vec<_> = lines.drain(..old).collect();
        drop(lines);
        drop(gone);
    }

    /// How many connections rest here.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }
}
