//! How translation grows, for every caller's dialect with every upstream's: the
//! `pairs` bench of the wire, read back.
//!
//! What takes more than eight times as long for eight times as much, and a little
//! for the noise, does not grow as its input does; told is what one doubling of the
//! three comes to. A single one says less: at that where data leave a core's own
//! cache, or blocks of memory begin to go back to the system, linear work takes more
//! than twice as long, and at the next one less. The quickest of many runs counts.

use std::fmt::Write as _;

use super::nouns::{self, Figure, Times, shown};
use crate::workspace::{Outcome, Workspace};

const CALLERS: [&str; 3] = ["openai", "anthropic", "responses"];
const UPSTREAMS: [&str; 5] = ["openai", "anthropic", "gemini", "bedrock", "ollama"];

/// What is measured, by its size: a picture in a request and a call in a stream.
const SIZES: [usize; 2] = [1 << 20, 200_000];

/// What a size takes, its double, eight times itself, and the growth a doubling.
struct Grown {
    times: [f64; 3],
    growth: f64,
}

fn grown(times: &Times, pair: &str, size: usize) -> Outcome<Grown> {
    let told = |size: usize| {
        let name = format!("{pair}-{size}");
        let told = times.get(&name).copied();
        told.ok_or_else(|| format!("the bench of the pairs does not tell `{name}`"))
    };
    let times = [told(size)?, told(2 * size)?, told(8 * size)?];
    let growth = (times[2] / times[0]).cbrt();
    Ok(Grown { times, growth })
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

/// The table.
pub(crate) fn table(text: &mut String, times: &Times) {
    text.push_str(
        "## Translation: a picture in a request, a call in a stream, and what more of it takes\n\n\
         In one process, without a network; the quickest of many runs. The factor is that of one\n\
         doubling, as the mean of three: what leaves a core's own cache, or asks the system for memory\n\
         anew, takes longer a byte, so that large ones may take more than twice the time.\n\n\
         | caller | upstream | 1 MiB | 2 MiB | 8 MiB | | 200 KB | 400 KB | 1.6 MB | |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (caller, upstream, pair) in pairs() {
        let _ = write!(text, "| {caller} | {upstream} |");
        for size in SIZES {
            if let Ok(Grown { times, growth }) = grown(times, &pair, size) {
                let [one, two, eight] = times.map(shown);
                let _ = write!(text, " {one} | {two} | {eight} | {growth:.2} x |");
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
                times.insert(format!("{pair}-{}", 2 * size), 2300.0);
                let eight = 8000.0 + number as f64;
                times.insert(format!("{pair}-{}", 8 * size), eight);
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
        let last = "| responses | ollama | 1.0 us | 2.3 us | 8.0 us | 2.00 x | 1.0 us | 2.3 us | 8.0 us | 2.00 x |";
        assert!(text.contains(last), "{text}");
    }

    #[test]
    fn a_pair_that_is_not_told_is_named() {
        let mut times = all();
        times.remove("responses-gemini-400000");
        let problem = grown(&times, "responses-gemini", 200_000).err().unwrap();
        assert!(problem.contains("`responses-gemini-400000`"), "{problem}");
    }
}
