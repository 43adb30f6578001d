//! Where the configuration becomes what the parts below are told.
//!
//! The parts know nothing of files; this is the only place that sees both.

mod gateway;
mod pressed;

pub(crate) use gateway::{gateway_settings, json_limits};
