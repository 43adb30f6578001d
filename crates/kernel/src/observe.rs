//! Counters and gauges of every noun, pulled when somebody looks.
//!
//! 1. Nothing is pushed: a noun keeps plain numbers and tells them to a
//!    visitor, so that the hot path knows no metrics system.
//! 2. Names and help texts stand in one file, `names`.
//!
//! No histograms here; who needs one keeps it where it measures.

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
    fn counter(&mut self, name: &'static str, help: &'static str, labels: &Labels<'_>, value: u64);

    /// A number that goes up and down.
    fn gauge(&mut self, name: &'static str, help: &'static str, labels: &Labels<'_>, value: f64);
}

/// A count as a gauge; exact up to 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; counts stay far below 2^53"
)]
pub(crate) fn gauge(count: u64) -> f64 {
    count as f64
}
