//! Where the configuration becomes what the parts below are told.
//!
//! The parts know nothing of files; this is the only place that sees both.

mod account;
mod edges;
mod gateway;
mod pressed;

pub(crate) use edges::{body_limits, listen_settings};
pub(crate) use gateway::{gateway_settings, json_limits};
