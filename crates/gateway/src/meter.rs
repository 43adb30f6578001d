//! What one provider's requests came to: outcomes and tokens, counted.
//!
//! Written once a request, by its ticket; read when somebody looks. The
//! ledger holds the law over all requests, this only says whose they were.

use std::sync::atomic::{AtomicU64, Ordering};

use kernel::{Class, Labels, Observe, Visitor};
use tidegate_kernel as kernel;
use tidegate_types::{Code, Usage};

use crate::fallback::Reason;
use crate::names;

const CLASSES: [Class; 4] = [
    Class::Completed,
    Class::Failed,
    Class::Cancelled,
    Class::Refused,
];

/// The counts of one provider.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    ended: [AtomicU64; CLASSES.len()],
    input: AtomicU64,
    output: AtomicU64,
    estimated: AtomicU64,
    attempts: AtomicU64,
    /// By the code of what failed, in the order of [`RETRIED`].
    retries: [AtomicU64; RETRIED.len()],
    /// By the reason why another target was left for this one.
    fallbacks: [AtomicU64; Reason::ALL.len()],
    over_budget: AtomicU64,
    no_place: AtomicU64,
}

/// What can be followed by another attempt.
const RETRIED: [Code; 11] = [
    Code::UpstreamRateLimited,
    Code::InsufficientQuota,
    Code::UpstreamOverloaded,
    Code::UpstreamError,
    Code::UpstreamAuth,
    Code::UpstreamUnreachable,
    Code::UpstreamTimeout,
    Code::StreamIdleTimeout,
    Code::UpstreamProtocol,
    Code::UpstreamDisconnected,
    Code::StreamTruncated,
];

impl Meter {
    pub(crate) fn ended(&self, class: Class, usage: Option<Usage>) {
        let count = |number: &AtomicU64, by| number.fetch_add(by, Ordering::Relaxed);
        for (known, number) in CLASSES.iter().zip(&self.ended) {
            if *known == class {
                count(number, 1);
            }
        }
        if let Some(usage) = usage {
            count(&self.input, usage.input);
            count(&self.output, usage.output);
            count(&self.estimated, u64::from(usage.estimated));
        }
    }

    /// An attempt begins.
    pub(crate) fn attempted(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    /// Another attempt follows one that failed with `code`.
    pub(crate) fn retried(&self, code: Code) {
        debug_assert!(RETRIED.contains(&code), "{}", code.as_str());
        for (known, number) in RETRIED.iter().zip(&self.retries) {
            if *known == code {
                number.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// A target of another provider, or another model, was left for this one.
    pub(crate) fn fell_back(&self, reason: Reason) {
        for (known, number) in Reason::ALL.iter().zip(&self.fallbacks) {
            if *known == reason {
                number.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Another attempt would have helped, and the budget was spent.
    pub(crate) fn over_budget(&self) {
        self.over_budget.fetch_add(1, Ordering::Relaxed);
    }

    /// As many waited for their next attempt as may.
    pub(crate) fn no_place(&self) {
        self.no_place.fetch_add(1, Ordering::Relaxed);
    }

    /// How often that was so.
    pub(crate) fn without_place(&self) -> u64 {
        self.no_place.load(Ordering::Relaxed)
    }
}

impl Observe for Meter {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        for (class, number) in CLASSES.iter().zip(&self.ended) {
            let labels = [labels, &[("class", class.as_str())]].concat();
            to.counter(names::PROVIDER_REQUESTS, &labels, read(number));
        }
        for (direction, number) in [("input", &self.input), ("output", &self.output)] {
            let labels = [labels, &[("direction", direction)]].concat();
            to.counter(names::TOKENS, &labels, read(number));
        }
        for (code, number) in RETRIED.iter().zip(&self.retries) {
            let labels = [labels, &[("reason", code.as_str())]].concat();
            to.counter(names::RETRIES, &labels, read(number));
        }
        for (reason, number) in Reason::ALL.iter().zip(&self.fallbacks) {
            let labels = [labels, &[("reason", reason.as_str())]].concat();
            to.counter(names::FALLBACKS, &labels, read(number));
        }
        for (metric, number) in [
            (names::ATTEMPTS, &self.attempts),
            (names::RETRIES_OVER_BUDGET, &self.over_budget),
            (names::PAUSING_REFUSED, &self.no_place),
            (names::USAGE_ESTIMATED, &self.estimated),
        ] {
            to.counter(metric, labels, read(number));
        }
    }
}
