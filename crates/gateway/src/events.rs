//! What breakers and limits decide, as lines of the log.
//!
//! The numbers are pulled from the nouns themselves; a decision is told when
//! it is made, with its reason (R-D8, R-D14).

use std::sync::Arc;

use kernel::breaker::Phase;
use kernel::{Decision, Pool};
use tidegate_kernel as kernel;

use crate::keys::Key;
use crate::target::Target;

/// Tells of a provider's pool.
pub(crate) fn of_pool(provider: &Arc<str>, pool: &Pool) {
    let provider = Arc::clone(provider);
    pool.on_decision(move |decision| limit(&provider, None, decision));
}

/// Tells of a key that leaves the rotation, or comes back.
pub(crate) fn of_key(provider: &Arc<str>, key: &Key) {
    let (provider, name) = (Arc::clone(provider), Arc::clone(&key.name));
    key.breaker.on_transition(move |change| {
        let (provider, key) = (&*provider, &*name);
        let reason = change.reason.as_str();
        let seconds = change.retry_after.as_secs_f64();
        match change.to {
            Phase::Open => {
                tracing::warn!(provider, key, reason, seconds, "a key left the rotation");
            }
            Phase::Probing => tracing::debug!(provider, key, "a key is tried again"),
            Phase::Closed => tracing::info!(provider, key, reason, "a key is back"),
        }
    });
}

/// Tells of each target of a provider, from its birth on.
pub(crate) fn of_targets(provider: &Arc<str>) -> Box<dyn Fn(&Target) + Send + Sync> {
    let provider = Arc::clone(provider);
    Box::new(move |target| {
        of_breaker(&provider, target);
        if let Some(gate) = &target.gate {
            let (provider, model) = (Arc::clone(&provider), Arc::clone(&target.model));
            gate.on_decision(move |decision| limit(&provider, Some(&model), decision));
        }
    })
}

fn of_breaker(provider: &Arc<str>, target: &Target) {
    let provider = Arc::clone(provider);
    let (model, key) = (Arc::clone(&target.model), Arc::clone(&target.key.name));
    target.breaker.on_transition(move |change| {
        let (provider, model, key) = (&*provider, &*model, &*key);
        let reason = change.reason.as_str();
        let seconds = change.retry_after.as_secs_f64();
        match change.to {
            Phase::Open => {
                tracing::warn!(provider, model, key, reason, seconds, "the breaker opened");
            }
            Phase::Probing => tracing::debug!(provider, model, key, "the breaker probes"),
            Phase::Closed => tracing::info!(provider, model, key, reason, "the breaker closed"),
        }
    });
}

fn limit(provider: &str, model: Option<&str>, decision: &Decision) {
    let (from, to) = (decision.from, decision.to);
    let reason = decision.reason.as_str();
    match to < from {
        true => tracing::info!(provider, model, from, to, reason, "the limit shrank"),
        false => tracing::debug!(provider, model, from, to, reason, "the limit moved"),
    }
}
