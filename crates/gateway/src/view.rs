//! What an operator sees of the pools: limits, queues, targets and keys.
//!
//! Values of one moment each; they are taken one after the other, so that
//! looking holds nobody up.

use std::sync::Arc;
use std::time::Duration;

use kernel::breaker::BreakerStats;
use kernel::{Decision, Instant, PoolStats};
use tidegate_kernel as kernel;

use crate::advice::Measured;
use crate::keys::Unfit;
use crate::provider::{Link, Provider};
use crate::target::Target;

/// One provider's pool.
#[derive(Debug)]
pub struct PoolView {
    /// Whose it is.
    pub provider: Arc<str>,
    /// Its permits and its queue.
    pub stats: PoolStats,
    /// What its limit decided last, the oldest first.
    pub decisions: Vec<Decision>,
    /// Requests that wait for their next attempt, beside the queue.
    pub pausing: usize,
    /// Its keys.
    pub keys: Vec<KeyView>,
    /// What it is signed to with, where that is fetched.
    pub credential: Option<CredentialView>,
    /// Its models with its keys, as far as they were asked for.
    pub targets: Vec<TargetView>,
}

/// One key.
#[derive(Debug)]
pub struct KeyView {
    /// Its name.
    pub name: Arc<str>,
    /// Why it is not used, and for how long: `spent` or `refused`.
    pub out: Option<(&'static str, Duration)>,
}

/// A credential that is lent; nothing of itself.
#[derive(Debug)]
pub struct CredentialView {
    /// Who lends it: `web identity`, `container`, `machine`, or `role`.
    pub source: &'static str,
    /// Until it ends; none is there without it.
    pub left: Option<Duration>,
    /// Why the last fetch failed, if it did.
    pub failed: Option<String>,
}

/// One model with one key.
#[derive(Debug)]
pub struct TargetView {
    /// The model as the upstream knows it.
    pub model: Arc<str>,
    /// The key's name.
    pub key: Arc<str>,
    /// Attempts that run.
    pub pending: u32,
    /// Those of them that wait for their caller, and so are no load.
    pub paused: u32,
    /// Its breaker.
    pub breaker: BreakerStats,
    /// When the breaker lets the next one through, if it does not now.
    pub retry_after: Option<Duration>,
    /// How long it rests because the upstream limits its rate.
    pub rests: Option<Duration>,
    /// Its own limit and queue, where the pool is adaptive.
    pub gate: Option<(PoolStats, Vec<Decision>)>,
}

pub(crate) fn pool(provider: &Provider, now: Instant) -> PoolView {
    let keys = provider.targets.keys().iter().map(|key| KeyView {
        name: Arc::clone(&key.name),
        out: key.fit(now).err().map(|unfit| match unfit {
            Unfit::Spent(after) => ("spent", after),
            Unfit::Refused(after) => ("refused", after),
        }),
    });
    let mut targets: Vec<_> = provider.targets.all();
    targets.sort_by(|a, b| (&a.model, a.index).cmp(&(&b.model, b.index)));
    PoolView {
        provider: Arc::clone(&provider.name),
        stats: provider.pool.stats(),
        decisions: provider.pool.decisions(),
        pausing: provider.pausing.load(std::sync::atomic::Ordering::Relaxed),
        keys: keys.collect(),
        credential: match &provider.link {
            Link::Http(http) => http.lender().map(|lender| lender.view(now)),
            Link::Sim(_) => None,
        },
        targets: targets.iter().map(|target| view(target, now)).collect(),
    }
}

fn view(target: &Target, now: Instant) -> TargetView {
    let gate = target.gate.as_ref();
    TargetView {
        model: Arc::clone(&target.model),
        key: Arc::clone(&target.key.name),
        pending: target.burden.pending(),
        paused: target.burden.paused(),
        breaker: target.breaker.stats(),
        retry_after: Some(target.breaker.retry_after()).filter(|after| !after.is_zero()),
        rests: Some(target.rests(now)).filter(|rests| !rests.is_zero()),
        gate: gate.map(|gate| (gate.stats(), gate.decisions())),
    }
}

/// What is known of its traffic, for advice.
pub(crate) fn measured(provider: &Provider, now: Instant) -> Measured {
    let limit = provider
        .rate_limit
        .load(std::sync::atomic::Ordering::Relaxed);
    Measured {
        provider: provider.name.to_string(),
        traffic: provider.load.traffic(now),
        rate_limit_per_minute: (limit > 0).then_some(limit),
        size: provider.pool.stats().max as usize,
        timeouts: provider.timeouts,
    }
}
