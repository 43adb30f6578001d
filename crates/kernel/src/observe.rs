//! Counters and gauges of every noun, pulled when somebody looks.
//!
//! 1. Nothing is pushed: a noun keeps plain numbers and tells them to a
//!    visitor, so that the hot path knows no metrics system.
//! 2. A crate's names, labels and texts stand in one file, its `names`; the
//!    compiler keeps counters and gauges apart.
//!
//! No histograms here; who needs one keeps it where it measures.

/// What a number is called and what it says: a line of a crate's `names`.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The name, with its unit, and `_total` if it only grows.
    pub name: &'static str,
    /// The labels of its own, behind those of who holds the noun.
    pub labels: &'static [&'static str],
    /// One sentence for the reader of `/metrics`.
    pub help: &'static str,
}

impl Metric {
    /// Whether its own labels stand at the end of these.
    pub fn has_its_own(&self, labels: &Labels<'_>) -> bool {
        let others = labels.len().checked_sub(self.labels.len());
        let own = others.and_then(|others| labels.get(others..));
        own.is_some_and(|own| own.iter().map(|(key, _)| key).eq(self.labels))
    }
}

/// The metric of a number that only grows.
#[derive(Clone, Copy, Debug)]
pub struct Counter(pub Metric);

/// The metric of a number that goes up and down.
#[derive(Clone, Copy, Debug)]
pub struct Gauge(pub Metric);

/// A crate's table of metrics: one constant a line.
#[macro_export]
macro_rules! metrics {
    ($($constant:ident: $kind:ident $name:literal [$($label:ident)*] $help:literal;)*) => {$(
        #[doc = $help]
        pub(crate) const $constant: $crate::observe::$kind =
            $crate::observe::$kind($crate::observe::Metric {
                name: $name,
                labels: &[$(stringify!($label)),*],
                help: $help,
            });
    )*};
}

/// Labels of a sample: name and value.
pub type Labels<'a> = [(&'static str, &'a str)];

/// Something that can tell its numbers: every noun that has some.
pub trait Observe {
    /// Tells every number once, under these labels and those of its own. What
    /// it is called is the matter of who holds it.
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor);
}

/// Who is told.
pub trait Visitor {
    /// A number that only grows.
    fn counter(&mut self, metric: Counter, labels: &Labels<'_>, value: u64);

    /// A number that goes up and down.
    fn gauge(&mut self, metric: Gauge, labels: &Labels<'_>, value: f64);
}

/// A count as a gauge; exact up to 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; counts stay far below 2^53"
)]
pub(crate) fn gauge(count: u64) -> f64 {
    count as f64
}
