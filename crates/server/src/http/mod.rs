//! HTTP as callers and operators see it: routes, access, forms, errors.
//!
//! `routes` is the whole list, one line an endpoint; `ask` is the one handler
//! of every call to a model; `errors` is the only place where a failure becomes
//! a status. A handler decodes, calls, encodes, and knows nothing of sockets.

mod access;
mod admin;
mod app;
mod ask;
mod body;
mod debug;
mod entrance;
mod errand;
mod errors;
mod gathered;
mod health;
mod ids;
mod metrics;
mod models;
mod openapi;
mod query;
mod reply;
mod routes;
mod upload;
mod viewer;

pub(crate) use access::Access;
pub(crate) use app::{App, Configured, Current, Phase};
pub(crate) use body::BodyLimits;
pub(crate) use entrance::Entrance;
pub(crate) use gathered::shelf;
pub(crate) use routes::Face;
