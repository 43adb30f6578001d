//! Advice: what a provider's traffic says about its settings (R-D15).
//!
//! 1. Permits are what the answers needed, by Little's law: at least 1, and
//!    never more because of errors.
//! 2. Timers come from the measured tail, never from the mean, and are never
//!    zero; where a timer cut the tail, none becomes shorter.
//! 3. Nothing is advised from too few answers; how many more, is told.
//!
//! Pure: a measurement in, settings with their reasons out. It changes nothing;
//! who wants the advice writes it into the file.

mod text;

use std::time::Duration;

use crate::load::Traffic;
use crate::settings::Timeouts;
use crate::tail::Spread;

/// Good answers before anything is advised.
const ENOUGH: u64 = 200;
/// Values before one in a thousand means something.
const MANY: u64 = 1000;
/// From this part of overloaded answers on, the upstream decides the limit.
const OVERLOADED: f64 = 0.01;
/// From this part on, timers that fired have cut the tail that is measured.
const CUT: f64 = 0.001;

/// What was measured of one provider, and what it was measured under.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Its name.
    pub provider: String,
    /// What the last minutes came to.
    pub traffic: Traffic,
    /// Requests a minute that the upstream says it allows, if it does.
    pub rate_limit_per_minute: Option<u64>,
    /// The most permits there may be at present.
    pub size: usize,
    /// The timers at present.
    pub timeouts: Timeouts,
}

/// Settings for one provider, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Advice {
    /// The provider's name.
    pub provider: String,
    /// What the advice rests on, one line.
    pub basis: String,
    /// The settings.
    pub settings: Vec<Setting>,
}

/// One key of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The table of the provider in which it stands.
    pub table: &'static str,
    /// The key.
    pub key: &'static str,
    /// Its value.
    pub value: Value,
    /// Why, one line.
    pub why: String,
}

/// A value of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// A whole number.
    Count(u64),
    /// A duration.
    Time(Duration),
    /// One of a few words.
    Word(&'static str),
}

/// There were too few good answers to say anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLittle {
    /// How many more are needed.
    pub more: u64,
}

/// What a provider's traffic says about its settings.
///
/// # Errors
/// [`TooLittle`] when fewer than 200 good answers were measured.
pub fn advise(measured: &Measured) -> Result<Advice, TooLittle> {
    let good = measured.traffic.total.count;
    if good < ENOUGH {
        let more = ENOUGH - good;
        return Err(TooLittle { more });
    }
    let shares = Shares::of(&measured.traffic);
    let mut settings = permits(measured, &shares).to_vec();
    settings.extend(timers(measured, &shares));
    settings.extend(retries(&shares));
    Ok(Advice {
        provider: measured.provider.clone(),
        basis: text::basis(measured, &shares),
        settings,
    })
}

/// The parts of the attempts that say something about the upstream.
struct Shares {
    good: f64,
    overloaded: f64,
    timed_out: f64,
    failed: f64,
    /// Of the good and the overloaded alone, so that other errors hide none.
    pressed: f64,
}

impl Shares {
    fn of(traffic: &Traffic) -> Self {
        let Traffic {
            overloaded,
            timed_out,
            failed,
            ..
        } = *traffic;
        let good = traffic.total.count;
        let all = float(good + overloaded + timed_out + failed).max(1.0);
        Self {
            good: float(good) / all,
            overloaded: float(overloaded) / all,
            timed_out: float(timed_out) / all,
            failed: float(failed) / all,
            pressed: float(overloaded) / float(good + overloaded).max(1.0),
        }
    }

    fn errors(&self) -> f64 {
        self.overloaded + self.timed_out + self.failed
    }
}

/// Little's law over the good answers of the busiest moment, and twice the
/// root of it as room for chance: the square-root staffing rule of Halfin and
/// Whitt, with which about one request in fifty waits.
fn permits(measured: &Measured, shares: &Shares) -> [Setting; 4] {
    let traffic = &measured.traffic;
    let over = traffic.over.as_secs_f64().max(1.0);
    let offered = traffic.busiest.max(float(traffic.requests) / over);
    let allowed = measured
        .rate_limit_per_minute
        .map(|limit| float(limit) / 60.0);
    let rate = allowed.map_or(offered, |allowed| offered.min(allowed)) * shares.good;
    let each = traffic.total.mean.as_secs_f64();
    let busy = rate * each;
    let needed = whole(busy + 2.0 * busy.sqrt()).max(1);

    let pressed = shares.pressed > OVERLOADED;
    let most = if pressed {
        traffic.peak.max(1)
    } else {
        u64::MAX
    };
    let size = needed.min(most);
    let mut why = format!(
        "{rate:.2} good answers a second x {each:.3} s each = {busy:.1} at a time (Little's law), \
         and room for chance: {needed}"
    );
    if size < needed {
        why += &format!("; with {size} at a time it said that it has too much to do");
    }
    let (limit, min, reason) = if pressed {
        let part = text::percent(shares.pressed);
        let why = format!("{part} of the answers said that there is too much to do: follow them");
        ("adaptive", 1, why)
    } else if allowed.is_some_and(|allowed| allowed <= offered) {
        let why = "its rate limit is reached: follow what it says".to_owned();
        ("adaptive", 1, why)
    } else {
        let why = "it never said that it has too much to do: follow the demand".to_owned();
        ("scaled", size.min(10), why)
    };
    let least = "the fewest permits that such a limit leaves".to_owned();
    let queue = format!(
        "3 x size; {} of {} requests had to wait",
        traffic.waited, traffic.requests
    );
    [
        set("pool", "size", Value::Count(size), why),
        set("pool", "limit", Value::Word(limit), reason),
        set("pool", "min", Value::Count(min), least),
        set("pool", "queue", Value::Count(size.saturating_mul(3)), queue),
    ]
}

fn timers(measured: &Measured, shares: &Shares) -> Vec<Setting> {
    let (traffic, now) = (&measured.traffic, &measured.timeouts);
    let cut = shares.timed_out > CUT;
    let (total, why) = beyond(&traffic.total, cut.then_some(now.total));
    let mut settings = vec![set("timeouts", "total", Value::Time(total), why)];
    if traffic.first_token.count >= ENOUGH {
        let (first, why) = beyond(&traffic.first_token, cut.then_some(now.first_content));
        let value = Value::Time(first.min(total));
        settings.push(set("timeouts", "first_content", value, why));
    } else if now.first_content > total {
        settings.push(within("first_content", total));
    }
    for (key, timer) in [
        ("connect", now.connect),
        ("first_byte", now.first_byte),
        ("idle", now.idle),
    ] {
        if timer > total {
            settings.push(within(key, total));
        }
    }
    settings
}

fn within(key: &'static str, total: Duration) -> Setting {
    let why = "no part may take longer than the whole".to_owned();
    set("timeouts", key, Value::Time(total), why)
}

/// A time that good answers stay below: the tail and a margin. Where a timer
/// cut the tail, it is no shorter than that timer.
fn beyond(spread: &Spread, cut_at: Option<Duration>) -> (Duration, String) {
    let (tail, margin, name) = if spread.count >= MANY {
        (spread.p999, 1.5, "p99.9")
    } else {
        (spread.max, 2.0, "the longest")
    };
    let time = text::round_up(tail.mul_f64(margin));
    let tail = text::duration(tail);
    let why = format!(
        "{name} of {} good answers, {tail}, x {margin}",
        spread.count
    );
    match cut_at.filter(|timer| *timer > time) {
        Some(timer) => (
            timer,
            format!("{why}; timers fired, so none becomes shorter"),
        ),
        None => (time, why),
    }
}

/// Fewer and later attempts the more fail: what is in trouble is not helped by
/// more of the same (controls A.5).
fn retries(shares: &Shares) -> [Setting; 4] {
    let errors = shares.errors();
    let (attempts, base, cap, budget) = match errors {
        few if few < 0.01 => (3, 500, 8, 10),
        some if some < 0.10 => (3, 1000, 15, 10),
        _ => (2, 2000, 30, 5),
    };
    let why = format!("{} of the attempts failed", text::percent(errors));
    let (base, cap) = (Duration::from_millis(base), Duration::from_secs(cap));
    let spread = "the more fail, the longer the wait between two attempts".to_owned();
    let bound = "per cent of the requests that may be retries".to_owned();
    [
        set("retry", "attempts", Value::Count(attempts), why),
        set("retry", "base", Value::Time(base), spread.clone()),
        set("retry", "cap", Value::Time(cap), spread),
        set("retry", "budget", Value::Count(budget), bound),
    ]
}

fn set(table: &'static str, key: &'static str, value: Value, why: String) -> Setting {
    Setting {
        table,
        key,
        value,
        why,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a count of requests is far below 2^53"
)]
fn float(count: u64) -> f64 {
    count as f64
}

/// A number of permits, rounded up; at most what the file takes three times.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "cut to what the file may hold"
)]
fn whole(number: f64) -> u64 {
    number.ceil().clamp(0.0, 300_000.0) as u64
}

#[cfg(test)]
mod tests;
