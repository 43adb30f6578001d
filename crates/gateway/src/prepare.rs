//! From the body's bytes to what is asked of whom: one look, then a splice.
//!
//! The body is scanned once, for limits and for the few fields that matter;
//! what goes to the upstream is the same bytes but for the model's name and
//! the wish for usage (contracts 12), so that prompt caches keep hitting.

use std::sync::Arc;

use bytes::Bytes;
use tidegate_wire::json::Limits;
use tidegate_wire::openai::{Edits, Endpoint, Refused, scan};

use crate::failure::Failure;
use crate::provider::Provider;
use crate::route::Routes;

/// A call that is understood.
pub(crate) struct Prepared {
    /// The model's name as the caller wrote it.
    pub(crate) model: String,
    pub(crate) provider: Arc<Provider>,
    /// As it goes to the upstream.
    pub(crate) body: Bytes,
    pub(crate) stream: bool,
    /// Whether the caller asked for the usage chunk itself.
    pub(crate) wants_usage: bool,
}

/// Reads `body` and decides who answers it.
pub(crate) fn prepare(
    endpoint: Endpoint,
    body: &Bytes,
    limits: &Limits,
    routes: &Routes,
) -> Result<Prepared, Failure> {
    let peek = scan(endpoint, body, limits).map_err(refused)?;
    let target = routes.find(&peek.model)?;
    let edits = Edits {
        model: (target.model != peek.model).then_some(target.model),
        ask_usage: peek.stream && !peek.include_usage && target.provider.ask_usage,
    };
    Ok(Prepared {
        body: peek.splice(body, edits),
        provider: Arc::clone(target.provider),
        stream: peek.stream,
        wants_usage: peek.include_usage,
        model: peek.model.into_owned(),
    })
}

fn refused(refused: Refused) -> Failure {
    let failure = Failure::new(refused.code, refused.message);
    match refused.param {
        Some(param) => failure.with_param(param),
        None => failure,
    }
}
