//! What one provider's requests came to: outcomes and tokens, counted.
//!
//! Written once a request, by its ticket; read when somebody looks. The
//! ledger holds the law over all requests, this only says whose they were.

use std::sync::atomic::{AtomicU64, Ordering};

use kernel::{Class, Visitor};
use tidegate_kernel as kernel;
use tidegate_types::Usage;

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
}

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

    pub(crate) fn observe(&self, provider: &str, to: &mut dyn Visitor) {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        for (class, number) in CLASSES.iter().zip(&self.ended) {
            to.counter(
                "tidegate_provider_requests_total",
                "Requests that were routed to the provider, by the class of their outcome.",
                &[("provider", provider), ("class", class.as_str())],
                read(number),
            );
        }
        for (direction, number) in [("input", &self.input), ("output", &self.output)] {
            to.counter(
                "tidegate_tokens_total",
                "Tokens, as the provider told them or, where it did not, as estimated.",
                &[("provider", provider), ("direction", direction)],
                read(number),
            );
        }
        to.counter(
            "tidegate_usage_estimated_total",
            "Requests whose tokens are an estimate.",
            &[("provider", provider)],
            read(&self.estimated),
        );
    }
}
