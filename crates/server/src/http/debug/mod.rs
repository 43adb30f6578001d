//! `/debug/*`: what the process does at this moment, as JSON for operators.
//!
//! Names of models, providers and tasks only: neither prompts nor answers are
//! shown, and no key.

mod advice;
mod overload;
mod pools;
mod requests;
mod reuse;
mod tasks;
mod watch;

pub(crate) use advice::advice;
pub(crate) use overload::overload;
pub(crate) use pools::pools;
pub(crate) use requests::{cancel, requests};
pub(crate) use reuse::reuse;
pub(crate) use tasks::tasks;
pub(crate) use watch::Watch;
