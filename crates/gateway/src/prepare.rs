//! From the body's bytes to what is asked of whom: one look, then a splice.
//!
//! The body is scanned once, for limits and for the few fields that matter;
//! what goes to the upstream is the same bytes but for the model's name and
//! the wish for usage (contracts 12), so that prompt caches keep hitting.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use kernel::Clock;
use tidegate_kernel as kernel;
use tidegate_types::{Code, Usage};
use tidegate_wire::openai::{Edits, Peek, Refused};

use crate::endpoint::Endpoint;
use crate::errand::{self, Subject};
use crate::failure::Failure;
use crate::house::House;
use crate::provider::Provider;
use crate::request::Ticket;
use crate::route::{Course, Found, Wish, fnv};
use crate::setup::Setup;
use crate::translate::{Once, Translation};

/// A call that is understood.
pub(crate) struct Prepared {
    /// The model's name as the caller wrote it.
    pub(crate) model: String,
    /// What goes to the first target.
    pub(crate) written: Written,
    pub(crate) stream: bool,
    /// Whose conversation it is, as a number; 0 if nobody said.
    pub(crate) session: u64,
    /// Tokens that it will cost, as far as is known before.
    pub(crate) cost: u64,
    /// The way over several targets, and the body that is written for the next.
    pub(crate) course: Option<(Course, Bytes)>,
    /// Who is asked the same, and for whose model this is the body.
    pub(crate) shadow: Option<(Arc<str>, Bytes)>,
}

/// A call as one provider is asked it.
pub(crate) struct Written {
    pub(crate) provider: Arc<Provider>,
    /// As it goes to the upstream.
    pub(crate) body: Bytes,
    /// The model's name as the upstream knows it.
    pub(crate) model: Box<str>,
    /// Whether the caller asked for the usage chunk itself.
    pub(crate) wants_usage: bool,
    /// Where caller and provider speak different dialects.
    pub(crate) translation: Option<Translation>,
}

/// What a caller said beside the body.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// Whose conversation it is.
    pub session: Option<String>,
    /// Which models are asked when the one that is named cannot answer.
    pub fallbacks: Vec<String>,
    /// Its `cache-control`.
    pub cache_control: Option<String>,
}

/// Tokens of an answer that nobody bounded, before any is known of its tenant.
const USUAL_ANSWER: u64 = 500;

/// A caller's bound on the answer is believed up to this: most never come near.
const MOST_ANSWER: u64 = 4_000;

/// Reads `body` and decides who answers it.
pub(crate) fn prepare(
    subject: &Subject,
    body: &Bytes,
    setup: &Setup,
    said: &Said,
    once: Once,
) -> Result<Prepared, Failure> {
    match subject {
        Subject::Model(endpoint) => of_model(*endpoint, body, setup, said, once),
        Subject::Errand(errand) => errand::prepare(errand, body, &setup.limits, &setup.routes),
    }
}

fn of_model(
    endpoint: Endpoint,
    body: &Bytes,
    setup: &Setup,
    said: &Said,
    once: Once,
) -> Result<Prepared, Failure> {
    let mut peek = endpoint.scan(body, &setup.limits).map_err(refused)?;
    let own = std::mem::take(&mut peek.own);
    if !own.is_empty() {
        let said = Said {
            session: said.session.clone(),
            cache_control: None,
            fallbacks: match own.fallbacks.is_empty() {
                true => said.fallbacks.clone(),
                false => own.fallbacks.clone(),
            },
        };
        return of_model(endpoint, &own.strip(body), setup, &said, once);
    }
    let user = said.session.as_deref().or(peek.user.as_deref());
    let cost = cost(body.len(), peek.max_tokens, peek.n, endpoint);
    let found = setup.routes.find(&peek.model)?;
    let shadow = match &found {
        Found::Route(route) => route.shadow.as_ref().filter(|shadow| shadow.falls()),
        Found::Target(_) => None,
    };
    let shadow = shadow.map(|shadow| {
        let edits = Edits {
            model: Some(&*shadow.target),
            ask_usage: false,
        };
        (Arc::clone(&shadow.target), peek.splice(body, edits))
    });
    let (written, course) = match found {
        Found::Target(target) if said.fallbacks.is_empty() => {
            let (provider, model) = (target.provider, target.model);
            (write(endpoint, body, &peek, provider, model, once)?, None)
        }
        _ => {
            let facts = |provider: &Provider, model: &str| setup.facts_of(provider, model);
            let (steps, policy) = setup.routes.course(&peek.model, &said.fallbacks, facts)?;
            let input = Usage::estimate(body.len() as u64, 0).input;
            let wish = Wish {
                session: user.map_or(0, sticky),
                input,
                output: cost.saturating_sub(input),
                above: None,
            };
            let mut course = Course::new(steps.into_iter(), policy, wish);
            let written = first(endpoint, body, &peek, &mut course, once)?;
            (written, Some((course, body.clone())))
        }
    };
    Ok(Prepared {
        written,
        course,
        shadow,
        stream: peek.stream,
        session: user.map_or(0, session),
        cost,
        model: peek.model.into_owned(),
    })
}

/// For the first target that can be told what is asked.
fn first(
    endpoint: Endpoint,
    body: &Bytes,
    peek: &Peek<'_>,
    course: &mut Course,
    once: Once,
) -> Result<Written, Failure> {
    let mut refused = None;
    loop {
        // Where all rest somebody is asked all the same, and says for how long.
        let rest = course.next(Clock.now()).is_err();
        let member = match rest {
            true => course.any(),
            false => course.last(),
        };
        let Some(member) = member else {
            return Err(refused.unwrap_or_else(nobody));
        };
        let (provider, model) = (&member.provider, &member.model);
        match write(endpoint, body, peek, provider, model, once) {
            Ok(written) => return Ok(written),
            Err(failure) => drop(refused.get_or_insert(failure)),
        }
    }
}

fn nobody() -> Failure {
    Failure::new(Code::Internal, "The route has no target.")
}

/// The call that was scanned before, for another provider.
pub(crate) fn again(
    endpoint: Endpoint,
    body: &Bytes,
    setup: &Setup,
    provider: &Arc<Provider>,
    model: &str,
    once: Once,
) -> Result<Written, Failure> {
    let peek = endpoint.scan(body, &setup.limits).map_err(refused)?;
    write(endpoint, body, &peek, provider, model, once)
}

/// The call as `provider` is asked it, for its `model`.
fn write(
    endpoint: Endpoint,
    body: &Bytes,
    peek: &Peek<'_>,
    provider: &Arc<Provider>,
    model: &str,
    once: Once,
) -> Result<Written, Failure> {
    let model = provider.upstream_name(model);
    let (translation, body) = match provider.speaks().natively(endpoint, &provider.ways) {
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
    Ok(Written {
        provider: Arc::clone(provider),
        body,
        model: model.into(),
        wants_usage: peek.include_usage,
        translation,
    })
}

/// Reads a body, `inline` or beside the runtime's workers.
pub(crate) async fn beside<T: Send + 'static>(
    house: &House,
    ticket: &Ticket,
    inline: bool,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    if inline {
        return work();
    }
    let task = house.scope.spawn_blocking("read a large body", work);
    let task = task.map_err(|_| {
        let text = "Too many large bodies at once; try again.";
        Failure::new(Code::Overloaded, text)
    })?;
    let mut task = pin!(task);
    poll_fn(|cx| match task.as_mut().poll(cx) {
        Poll::Ready(kernel::Exit::Done(done)) => Poll::Ready(done),
        Poll::Ready(_) => {
            let text = "Reading the body failed.";
            Poll::Ready(Err(Failure::new(Code::Internal, text)))
        }
        Poll::Pending => ticket.poll_halted(cx).map(Err),
    })
    .await
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

/// The same number for the same session, in every process.
fn sticky(session: &str) -> u64 {
    fnv(session.bytes()).max(1)
}

/// What a caller is told of a body that is refused.
pub(crate) fn refused(refused: Refused) -> Failure {
    let failure = Failure::new(refused.code, refused.message);
    match refused.param {
        Some(param) => failure.with_param(param),
        None => failure,
    }
}
