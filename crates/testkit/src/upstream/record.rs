//! What was seen of one request.
//!
//! The bytes stay as they came; reading them is left to the test.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::wait::{Stopwatch, until};

/// One request as it arrived, and when its connection ended.
#[derive(Debug, Clone)]
pub struct Recorded {
    head: Vec<u8>,
    body: Vec<u8>,
    connection: usize,
    arrived: Instant,
    closed: Closed,
}

/// Set once, when the peer closes the connection or resets it.
pub(crate) type Closed = Arc<OnceLock<Instant>>;

impl Recorded {
    pub(crate) fn new(head: Vec<u8>, body: Vec<u8>, connection: usize, closed: Closed) -> Self {
        Self {
            head,
            body,
            connection,
            arrived: Instant::now(),
            closed,
        }
    }

    /// The bytes of the head, up to and with the empty line.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The body without its framing.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The number of the connection, in the order of accepting, from 1.
    pub fn connection(&self) -> usize {
        self.connection
    }

    /// Method and target of the request line.
    pub fn line(&self) -> (String, String) {
        let head = String::from_utf8_lossy(&self.head);
        let mut words = head.split_ascii_whitespace().map(str::to_owned);
        (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        )
    }

    /// All headers, names in lower case.
    pub fn headers(&self) -> Vec<(String, String)> {
        let head = String::from_utf8_lossy(&self.head);
        head.lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect()
    }

    /// One header.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers()
            .into_iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// True once the peer has closed the connection.
    pub fn is_closed(&self) -> bool {
        self.closed.get().is_some()
    }

    /// Waits for the peer to close, and tells how long after `since`.
    pub async fn closed_after(&self, since: Stopwatch) -> Duration {
        let what = "the gateway closes its upstream connection";
        since.until(until(what, || self.closed.get().copied()).await)
    }

    /// The time from `since` to the last byte of the request.
    pub fn arrived_after(&self, since: Stopwatch) -> Duration {
        since.until(self.arrived)
    }
}
