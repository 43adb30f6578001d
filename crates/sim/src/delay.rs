//! Times to wait: fixed, or drawn from a distribution.
//!
//! Written `A`, `A..B` (evenly between the two), `M~S` (normal: mean and standard deviation) or
//! `M~~P` (lognormal: median and 99th percentile), in names as milliseconds and in rules with
//! units. Promises: (1) no delay is below zero or over [`LONGEST`]; (2) the same seed draws the
//! same delays.

use std::time::Duration;

use crate::draw::Draw;

/// The longest time to wait at one point.
pub(crate) const LONGEST: Duration = Duration::from_secs(3_600);

/// How many standard deviations the 99th percentile of a normal distribution is above its mean.
const TO_P99: f64 = 2.326_347_874_040_841;

/// How long to wait at one point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Delay {
    Fixed(Duration),
    Even { from: Duration, to: Duration },
    Normal { mean: Duration, deviation: Duration },
    Lognormal { median: Duration, p99: Duration },
}

impl Delay {
    pub(crate) const NONE: Self = Self::Fixed(Duration::ZERO);

    /// Reads one of the four forms, each time of it by `time`.
    pub(crate) fn parse(text: &str, time: impl Fn(&str) -> Option<Duration>) -> Option<Self> {
        let time = |text: &str| time(text.trim()).filter(|time| *time <= LONGEST);
        let two = |mark: &str| text.split_once(mark).map(|(a, b)| (time(a), time(b)));
        Some(if let Some((from, to)) = two("..") {
            let (from, to) = (from?, to?);
            (from <= to).then_some(Self::Even { from, to })?
        } else if let Some((median, p99)) = two("~~") {
            let (median, p99) = (median?, p99?);
            (!median.is_zero() && median <= p99).then_some(Self::Lognormal { median, p99 })?
        } else if let Some((mean, deviation)) = two("~") {
            let (mean, deviation) = (mean?, deviation?);
            Self::Normal { mean, deviation }
        } else {
            Self::Fixed(time(text)?)
        })
    }

    /// Whether it never waits.
    pub(crate) fn is_zero(self) -> bool {
        self == Self::NONE
    }

    /// One of its times.
    pub(crate) fn draw(self, draw: &mut Draw) -> Duration {
        let seconds = match self {
            Self::Fixed(time) => return time,
            Self::Even { from, to } => from.as_secs_f64() + (to - from).as_secs_f64() * draw.unit(),
            Self::Normal { mean, deviation } => {
                mean.as_secs_f64() + deviation.as_secs_f64() * draw.normal()
            }
            Self::Lognormal { median, p99 } => {
                let spread = (p99.as_secs_f64() / median.as_secs_f64()).ln() / TO_P99;
                median.as_secs_f64() * (spread * draw.normal()).exp()
            }
        };
        let seconds = seconds.clamp(0.0, LONGEST.as_secs_f64());
        Duration::from_secs_f64(seconds)
    }
}

/// The gaps of one answer, one after another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gaps {
    delay: Delay,
    draw: Draw,
}

impl Gaps {
    pub(crate) fn new(delay: Delay, draw: Draw) -> Self {
        Self { delay, draw }
    }

    /// Whether nothing ever waits.
    pub(crate) fn are_none(&self) -> bool {
        self.delay.is_zero()
    }

    pub(crate) fn next(&mut self) -> Duration {
        self.delay.draw(&mut self.draw)
    }

    /// Passes over so many gaps; says how long they are together.
    pub(crate) fn skip(&mut self, count: u32) -> Duration {
        match self.delay {
            Delay::Fixed(gap) => gap * count,
            _ => (0..count).map(|_| self.next()).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delay(text: &str) -> Option<Delay> {
        Delay::parse(text, |text| text.parse().ok().map(Duration::from_millis))
    }

    fn drawn(text: &str) -> Vec<f64> {
        let (delay, mut draw) = (delay(text).expect("a delay"), Draw::new(7));
        let one = |_| delay.draw(&mut draw).as_secs_f64() * 1e3;
        let mut all: Vec<f64> = (0..4_000).map(one).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    #[test]
    fn the_four_forms_and_nothing_else() {
        let ms = Duration::from_millis;
        assert_eq!(delay("300"), Some(Delay::Fixed(ms(300))));
        let (from, to) = (ms(200), ms(400));
        assert_eq!(delay("200 .. 400"), Some(Delay::Even { from, to }));
        let (mean, deviation) = (ms(300), ms(50));
        assert_eq!(delay("300~50"), Some(Delay::Normal { mean, deviation }));
        let (median, p99) = (ms(300), ms(2_000));
        assert_eq!(delay("300~~2000"), Some(Delay::Lognormal { median, p99 }));
        for wrong in [
            "", "..", "400..200", "1..2..3", "~", "300~~200", "0~~5", "3600001", "1~2~3",
        ] {
            assert_eq!(delay(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_distribution_has_the_shape_that_it_names() {
        let near = |value: f64, wanted: f64| (value / wanted - 1.0).abs() < 0.1;
        let even = drawn("200..400");
        assert!(even[0] >= 200.0 && even[3_999] <= 400.0 && near(even[2_000], 300.0));
        let normal = drawn("300~50");
        assert!(near(normal[2_000], 300.0) && near(normal[3_364], 350.0));
        let long = drawn("300~~2000");
        assert!(
            near(long[2_000], 300.0) && near(long[3_960], 2_000.0),
            "{}",
            long[3_960]
        );
        assert!(drawn("1~1000")[0] >= 0.0);
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        assert_eq!(drawn("300~~2000"), drawn("300~~2000"));
        let gaps = Gaps::new(delay("1..9").expect("a delay"), Draw::new(3));
        let (mut one, mut all) = (gaps, gaps);
        let sum: Duration = (0..10).map(|_| one.next()).sum();
        assert_eq!(all.skip(10), sum);
    }
}
