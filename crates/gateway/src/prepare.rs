//! From the body's bytes to what is asked of whom: one look, then a splice.
//!
//! The body is scanned once, for limits and for the few fields that matter;
//! what goes to the upstream is the same bytes but for the model's name and
//! the wish for usage (contracts 12), so that prompt caches keep hitting.

use std::sync::Arc;

use bytes::Bytes;
use tidegate_types::Usage;
use tidegate_wire::json::Limits;
use tidegate_wire::openai::{Edits, Refused};

use crate::endpoint::Endpoint;
use crate::errand::{self, Subject};
use crate::failure::Failure;
use crate::provider::Provider;
use crate::route::Routes;
use crate::translate::{Once, Translation};

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
    /// The model's name as the upstream knows it.
    pub(crate) upstream_model: Box<str>,
    /// Whose conversation it is, as a number; 0 if nobody said.
    pub(crate) session: u64,
    /// Tokens that it will cost, as far as is known before.
    pub(crate) cost: u64,
    /// Where caller and provider speak different dialects.
    pub(crate) translation: Option<Translation>,
}

/// Tokens of an answer that nobody bounded, before any is known of its tenant.
const USUAL_ANSWER: u64 = 500;

/// A caller's bound on the answer is believed up to this: most never come near.
const MOST_ANSWER: u64 = 4_000;

/// Reads `body` and decides who answers it.
pub(crate) fn prepare(
    subject: &Subject,
    body: &Bytes,
    limits: &Limits,
    routes: &Routes,
    once: Once,
) -> Result<Prepared, Failure> {
    match subject {
        Subject::Model(endpoint) => of_model(*endpoint, body, limits, routes, once),
        Subject::Errand(errand) => errand::prepare(errand, body, limits, routes),
    }
}

fn of_model(
    endpoint: Endpoint,
    body: &Bytes,
    limits: &Limits,
    routes: &Routes,
    once: Once,
) -> Result<Prepared, Failure> {
    let peek = endpoint.scan(body, limits).map_err(refused)?;
    let target = routes.find(&peek.model)?;
    let provider = target.provider;
    let model = provider.upstream_name(target.model);
    let (translation, body_out) = match provider.speaks().natively(endpoint, &provider.ways) {
        true => {
            let edits = Edits {
                model: (model != peek.model).then_some(model),
                ask_usage: peek.stream && !peek.include_usage && provider.ways.ask_usage,
            };
            (None, peek.splice(body, edits))
        }
        false => {
            let (translation, body) = Translation::of(endpoint, body, provider, model, once)?;
            (Some(translation), body)
        }
    };
    Ok(Prepared {
        body: body_out,
        translation,
        provider: Arc::clone(provider),
        stream: peek.stream,
        wants_usage: peek.include_usage,
        upstream_model: model.into(),
        session: peek.user.as_deref().map_or(0, session),
        cost: cost(body.len(), peek.max_tokens, peek.n, endpoint),
        model: peek.model.into_owned(),
    })
}

/// The estimate by which tenants are weighed; the true cost is settled later.
fn cost(bytes: usize, bound: Option<u64>, answers: u64, endpoint: Endpoint) -> u64 {
    let input = Usage::estimate(bytes as u64, 0).input;
    if !endpoint.writes() {
        return input.max(1);
    }
    let each = bound.unwrap_or(USUAL_ANSWER).min(MOST_ANSWER);
    input
        .saturating_add(each.saturating_mul(answers.min(16)))
        .max(1)
}

/// The same number for the same user, as long as this process lives.
fn session(user: &str) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    static SEED: std::sync::LazyLock<RandomState> = std::sync::LazyLock::new(RandomState::new);
    // 0 is for those who do not say.
    SEED.hash_one(user).max(1)
}

/// What a caller is told of a body that is refused.
pub(crate) fn refused(refused: Refused) -> Failure {
    let failure = Failure::new(refused.code, refused.message);
    match refused.param {
        Some(param) => failure.with_param(param),
        None => failure,
    }
}
