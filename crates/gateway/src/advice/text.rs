//! Advice as text: lines of the configuration file, ready to paste.
//!
//! Numbers are rounded for people, upwards where a number is a bound.

use std::fmt::{self, Write};
use std::time::Duration;

use super::{Advice, Measured, Shares, Value};

impl Advice {
    /// Tables of the configuration file; a comment above each key says why.
    pub fn to_toml(&self) -> String {
        let mut text = format!("# {}: {}\n", self.provider, self.basis);
        let name = match self.provider.contains('.') {
            true => format!("{:?}", self.provider),
            false => self.provider.clone(),
        };
        let mut table = "";
        for setting in &self.settings {
            // Writing to a String cannot fail.
            if setting.table != table {
                table = setting.table;
                let _ = writeln!(text, "[providers.{name}.{table}]");
            }
            let _ = writeln!(text, "# {}", setting.why);
            let _ = writeln!(text, "{} = {}", setting.key, setting.value);
        }
        text
    }
}

/// As the file has it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(number) => write!(f, "{number}"),
            Self::Time(time) => write!(f, "\"{}\"", duration(*time)),
            Self::Word(word) => write!(f, "\"{word}\""),
        }
    }
}

/// What was measured, in one line.
pub(super) fn basis(measured: &Measured, shares: &Shares) -> String {
    let traffic = &measured.traffic;
    let spread = &traffic.total;
    format!(
        "{} requests in {} min, {:.2} a second when busiest, at most {} of {} permits; \
         {} overloaded, {} timed out, {} failed; answers took {} (p50), {} (p99), {} (p99.9)",
        traffic.requests,
        traffic.over.as_secs().div_ceil(60),
        traffic.busiest,
        traffic.peak,
        measured.size,
        percent(shares.overloaded),
        percent(shares.timed_out),
        percent(shares.failed),
        duration(spread.p50),
        duration(spread.p99),
        duration(spread.p999),
    )
}

/// `1.2 %`.
pub(super) fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

/// Whole milliseconds, rounded up, in the form of the file.
pub(super) fn duration(time: Duration) -> String {
    let millis = time.as_micros().div_ceil(1000);
    match millis % 1000 {
        0 => format!("{}s", millis / 1000),
        _ => format!("{millis}ms"),
    }
}

/// The next time that a person would write: whole seconds, fives beyond ten,
/// half minutes beyond one; at most a day.
pub(super) fn round_up(time: Duration) -> Duration {
    let seconds = time.as_millis().div_ceil(1000).clamp(1, 24 * 3600);
    let seconds = u64::try_from(seconds).unwrap_or(1);
    let step = match seconds {
        0..=10 => 1,
        11..=60 => 5,
        _ => 30,
    };
    Duration::from_secs(seconds.next_multiple_of(step))
}
