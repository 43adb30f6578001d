//! The load generator: one thread, one epoll, raw HTTP/1.1 over kept connections.
//!
//! 1. Every answer is read to its end and checked; a wrong one counts as a fault,
//!    never as a latency.
//! 2. In an open loop a latency begins at the intended start, so a stalled gateway
//!    cannot hide the calls that it kept waiting.
//! 3. It ends: by time, by count, and by a grace for what is still open.
//!
//! It speaks to loopback only and knows no TLS, no HTTP/2 and no redirects.

pub(crate) mod answer;
mod connection;
pub(crate) mod drive;
mod events;
pub(crate) mod fault;
pub(crate) mod pace;
pub(crate) mod request;

pub(crate) use answer::{Answer, Expect};
pub(crate) use drive::{Driver, Load, Stop, Tally, View};
pub(crate) use fault::Fault;
pub(crate) use pace::Pace;
