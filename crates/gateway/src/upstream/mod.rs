//! The upstreams: how one is reached, and how its answers are pulled.
//!
//! No retries, no timers and no tasks here; those are the pipeline's.

mod account;
pub(crate) mod allowance;
pub(crate) mod classify;
pub(crate) mod headers;
mod http;
mod idle;
mod paths;
mod sign;
mod socket;
mod source;
mod tls;
mod upload;

pub(crate) use account::Lender;
pub use headers::FORWARDED;
pub(crate) use headers::RETRY_AFTER_CAP;
pub(crate) use http::{Address, HttpUpstream, Missed, Target};
pub(crate) use source::{Pull, Source};
pub use tls::client_config;
pub(crate) use tls::{Trust, roots};
pub(crate) use upload::{Course, Load};
pub use upload::{Unsent, Upload};
