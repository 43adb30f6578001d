//! Percentiles of a round and medians of rounds.
//!
//! Percentiles are exact (nearest rank over all samples, nothing is binned).
//! Between rounds the median counts, so that one disturbed round does not.

use std::{collections::BTreeMap, time::Duration};

use super::load::{Fault, Tally};

/// Samples that a 99.9th percentile needs to mean anything.
const ENOUGH_FOR_P999: usize = 1_000;

/// The figures of one subject in one round, and later their medians.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    /// CPU per right answer, in microseconds; none for the direct way.
    pub(crate) cpu_us: Option<f64>,
    /// Latency, in microseconds.
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: Option<f64>,
    /// Time to the first event, in microseconds; none for unary answers.
    pub(crate) first_us: Option<f64>,
    /// Right answers in a second.
    pub(crate) per_second: f64,
    /// Right answers in all.
    pub(crate) answers: u64,
    pub(crate) faults: BTreeMap<Fault, u64>,
}

impl Figures {
    /// The figures of one round: its tally, the CPU used and the time it had.
    pub(crate) fn of_round(tally: Tally, cpu: Option<Duration>, time: Duration) -> Self {
        let Tally {
            mut latencies,
            mut first_events,
            in_time,
            faults,
            ..
        } = tally;
        latencies.sort_unstable();
        first_events.sort_unstable();
        let answers = latencies.len() as u64;
        Self {
            cpu_us: cpu
                .filter(|_| answers > 0)
                .map(|cpu| cpu.as_secs_f64() * 1e6 / answers as f64),
            p50_us: percentile(&latencies, 500).unwrap_or(f64::NAN),
            p99_us: percentile(&latencies, 990).unwrap_or(f64::NAN),
            p999_us: percentile(&latencies, 999).filter(|_| latencies.len() >= ENOUGH_FOR_P999),
            first_us: percentile(&first_events, 500),
            per_second: in_time as f64 / time.as_secs_f64(),
            answers,
            faults,
        }
    }

    /// Medians over rounds; answers and faults are sums.
    pub(crate) fn of_rounds(rounds: &[Self]) -> Self {
        let over = |field: fn(&Self) -> f64| median(rounds.iter().map(field)).unwrap_or(f64::NAN);
        let some = |field: fn(&Self) -> Option<f64>| median(rounds.iter().filter_map(field));
        let mut faults = BTreeMap::new();
        for (fault, count) in rounds.iter().flat_map(|round| &round.faults) {
            *faults.entry(*fault).or_default() += count;
        }
        Self {
            cpu_us: some(|round| round.cpu_us),
            p50_us: over(|round| round.p50_us),
            p99_us: over(|round| round.p99_us),
            p999_us: some(|round| round.p999_us),
            first_us: some(|round| round.first_us),
            per_second: over(|round| round.per_second),
            answers: rounds.iter().map(|round| round.answers).sum(),
            faults,
        }
    }
}

/// A value of each round: its median, and how far the rounds lay apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// The CPU of `ours` against `theirs`, round by round, so that drift of the
    /// machine meets both sides of each ratio.
    pub(crate) fn of_ratio(ours: &[Figures], theirs: &[Figures]) -> Option<Self> {
        let ratios = ours
            .iter()
            .zip(theirs)
            .filter_map(|(a, b)| Some(a.cpu_us? / b.cpu_us?));
        Self::of(ratios)
    }

    /// The spread of `values`, if there are any.
    pub(crate) fn of(values: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        Some(Self {
            median: median(values.clone())?,
            least: values.clone().fold(f64::INFINITY, f64::min),
            most: values.fold(f64::NEG_INFINITY, f64::max),
        })
    }
}

/// The middle value; of an even number the mean of the two in the middle.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let above = values.get(middle)?;
    if values.len() % 2 == 1 {
        Some(*above)
    } else {
        Some((values[middle - 1] + above) / 2.0)
    }
}

/// The nearest-rank percentile, given per mille, of sorted nanoseconds, in microseconds.
fn percentile(sorted: &[u64], per_mille: usize) -> Option<f64> {
    let rank = (sorted.len() * per_mille).div_ceil(1_000);
    sorted
        .get(rank.saturating_sub(1))
        .map(|nanos| *nanos as f64 / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(latencies: Vec<u64>) -> Tally {
        Tally {
            in_time: latencies.len() as u64,
            latencies,
            ..Tally::default()
        }
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let nanos: Vec<u64> = (1..=1000).rev().map(|n| n * 1000).collect();
        let figures = Figures::of_round(
            tally(nanos),
            Some(Duration::from_millis(20)),
            Duration::from_secs(2),
        );
        assert_eq!((figures.p50_us, figures.p99_us), (500.0, 990.0));
        assert_eq!((figures.p999_us, figures.first_us), (Some(999.0), None));
        assert_eq!((figures.cpu_us, figures.per_second), (Some(20.0), 500.0));
    }

    #[test]
    fn few_samples_have_no_tail_and_none_have_nothing() {
        let few = Figures::of_round(tally(vec![5_000]), None, Duration::from_secs(1));
        assert_eq!((few.p50_us, few.p999_us, few.cpu_us), (5.0, None, None));
        let none = Figures::of_round(tally(vec![]), Some(Duration::ZERO), Duration::from_secs(1));
        assert!(none.p50_us.is_nan() && none.cpu_us.is_none());
    }

    #[test]
    fn a_disturbed_round_does_not_count_but_its_faults_do() {
        let round = |cpu, fault| Figures {
            cpu_us: Some(cpu),
            faults: BTreeMap::from([(Fault::Cut, fault)]),
            answers: 10,
            ..Figures::default()
        };
        let rounds = [round(10.0, 0), round(90.0, 2), round(12.0, 1)];
        let all = Figures::of_rounds(&rounds);
        assert_eq!(
            (all.cpu_us, all.answers, all.faults[&Fault::Cut]),
            (Some(12.0), 30, 3)
        );
        let ratio = Spread::of_ratio(&rounds, &[round(5.0, 0), round(9.0, 0), round(4.0, 0)]);
        assert_eq!(
            ratio,
            Some(Spread {
                median: 3.0,
                least: 2.0,
                most: 10.0
            })
        );
        assert_eq!(median([1.0, 4.0].into_iter()), Some(2.5));
        assert_eq!(median(std::iter::empty()), None);
    }
}
