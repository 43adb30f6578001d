//! How translation grows, for every caller's dialect with every upstream's: the
//! `pairs` bench of the wire, read back.
//!
//! A size stands beside its double: what takes more than twice the time, and a
//! little for the noise, does not grow as its input does. The quickest of many runs
//! counts: whatever else the machine does can only add to it.

use std::fmt::Write as _;

use super::nouns::{self, Figure, Times, shown};
use crate::workspace::{Outcome, Workspace};

/// The longest that twice as much may take.
pub(crate) const GOAL: f64 = 2.2;

const CALLERS: [&str; 3] = ["openai", "anthropic", "responses"];
const UPSTREAMS: [&str; 5] = ["openai", "anthropic", "gemini", "bedrock", "ollama"];

/// What is measured, by its size: a picture in a request and a call in a stream.
const SIZES: [usize; 2] = [1 << 20, 200_000];

/// A size, its double, and how many times the latter takes the former's time.
fn grown(times: &Times, pair: &str, size: usize) -> Outcome<(f64, f64, f64)> {
    let told = |size: usize| {
        let name = format!("{pair}-{size}");
        let told = times.get(&name).copied();
        told.ok_or_else(|| format!("the bench of the pairs does not tell `{name}`"))
    };
    let (one, two) = (told(size)?, told(2 * size)?);
    Ok((one, two, two / one))
}

fn pairs() -> impl Iterator<Item = (&'static str, &'static str, String)> {
    CALLERS.into_iter().flat_map(|caller| {
        UPSTREAMS.map(|upstream| (caller, upstream, format!("{caller}-{upstream}")))
    })
}

/// Runs the bench.
pub(crate) fn measure(workspace: &Workspace) -> Outcome<Times> {
    let times = nouns::figures(workspace, "tidegate-wire", "pairs", Figure::Fastest)?;
    for (_, _, pair) in pairs() {
        for size in SIZES {
            grown(&times, &pair, size)?;
        }
    }
    Ok(times)
}

/// The largest growth of any pair.
pub(crate) fn worst(times: &Times) -> Option<f64> {
    let all = pairs().flat_map(|(_, _, pair)| SIZES.map(|size| grown(times, &pair, size)));
    all.filter_map(|grown| grown.ok().map(|(_, _, growth)| growth))
        .reduce(f64::max)
}

/// The table.
pub(crate) fn table(text: &mut String, times: &Times) {
    text.push_str(
        "## Translation: a picture in a request, a call in a stream, and twice as much\n\n\
         In one process, without a network; the quickest of many runs. What does not fit a core's\n\
         own cache takes longer a byte, so that 2 MiB may take somewhat more than twice the time.\n\n\
         | caller | upstream | 1 MiB | 2 MiB | | 200 KB | 400 KB | |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for (caller, upstream, pair) in pairs() {
        let _ = write!(text, "| {caller} | {upstream} |");
        for size in SIZES {
            if let Ok((one, two, growth)) = grown(times, &pair, size) {
                let _ = write!(text, " {} | {} | {growth:.2} x |", shown(one), shown(two));
            }
        }
        text.push('\n');
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Times {
        let mut times = Times::new();
        for (number, (_, _, pair)) in pairs().enumerate() {
            for size in SIZES {
                times.insert(format!("{pair}-{size}"), 1000.0);
                let double = 2000.0 + number as f64;
                times.insert(format!("{pair}-{}", 2 * size), double);
            }
        }
        times
    }

    #[test]
    fn every_pair_stands_in_the_table_with_its_growth() {
        let mut text = String::new();
        table(&mut text, &all());
        let rows = text.lines().filter(|line| line.ends_with(" x |"));
        assert_eq!(rows.count(), CALLERS.len() * UPSTREAMS.len());
        let last = "| responses | ollama | 1.0 us | 2.0 us | 2.01 x | 1.0 us | 2.0 us | 2.01 x |";
        assert!(text.contains(last), "{text}");
        assert_eq!(worst(&all()), Some(2.014));
    }

    #[test]
    fn a_pair_that_is_not_told_is_named() {
        let mut times = all();
        times.remove("responses-gemini-400000");
        let problem = grown(&times, "responses-gemini", 200_000).unwrap_err();
        assert!(problem.contains("`responses-gemini-400000`"), "{problem}");
        assert_eq!(worst(&Times::new()), None);
    }
}
