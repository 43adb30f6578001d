//! `cargo xtask long`: the large proofs, by hand and before a release. It runs
//! the whole suite in rounds, each with a seed of its own, more cases per
//! property and the large tests (`#[ignore]`) included, until the time is over.
//!
//! Promises: (1) every round is written to `docs/proofs.md` with date, commit
//! and seed, a failed one too; (2) the seed of a round repeats its cases.
//! It begins no round after its time; the last one may end later.

use std::fs;
use std::time::Duration;

use crate::suite::{self, Options as SuiteOptions, Size};
use crate::watch::Stopwatch;
use crate::workspace::{Outcome, Workspace, answer, commit, today};

/// The page of results, newest last.
const PAGE: &str = "docs/proofs.md";

const HEAD: &str = "# The large proofs\n\n\
    Written by `cargo xtask long`, one line a round: the whole suite with more cases per\n\
    property and the large tests included. The seed of a round repeats it:\n\
    `cargo xtask long --seed SEED --cases CASES --minutes 1`.\n\n\
    | date | commit | seed | cases | seconds | result |\n|---|---|---|---|---|---|\n";

/// Options of `cargo xtask long`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Begin no new round after this many minutes
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Cases per property in a round
    #[arg(long, default_value_t = 10_000)]
    cases: u32,
    /// Seed of the first round; the next ones count up. Default: the clock
    #[arg(long)]
    seed: Option<u64>,
}

/// Runs rounds until the time is over or one fails.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Outcome {
    let budget = Duration::from_secs(options.minutes * 60);
    let (date, commit) = (today(workspace)?, commit(workspace, PAGE)?);
    let first = match options.seed {
        Some(seed) => seed,
        None => answer(workspace, "date", &["+%s"])?
            .parse()
            .map_err(|_| "no clock")?,
    };
    let whole = Stopwatch::start();
    for seed in first.. {
        let watch = Stopwatch::start();
        println!("\n== round with seed {seed}, {} cases ==", options.cases);
        let outcome = suite::run_sized(workspace, &SuiteOptions::default(), &size(seed, options));
        let result = if outcome.is_ok() { "passed" } else { "FAILED" };
        let seconds = watch.elapsed().as_secs();
        let cases = options.cases;
        note(
            workspace,
            &format!("| {date} | {commit} | {seed} | {cases} | {seconds} | {result} |\n"),
        )?;
        outcome?;
        if whole.elapsed() >= budget {
            break;
        }
    }
    Ok(())
}

/// One round: hours are allowed, since thousands of cases take their time.
fn size(seed: u64, options: &Options) -> Size {
    let hours = Duration::from_secs(12 * 3600);
    Size {
        profile: "long",
        total: hours,
        silence: hours,
        ignored: true,
        variables: vec![
            ("PROPTEST_CASES", options.cases.to_string()),
            ("PROPTEST_RNG_SEED", seed.to_string()),
            ("TIDEGATE_SEED", seed.to_string()),
        ],
    }
}

fn note(workspace: &Workspace, row: &str) -> Outcome {
    let path = workspace.root.join(PAGE);
    let page = with_row(fs::read_to_string(&path).ok(), row);
    let folder = fs::create_dir_all(workspace.root.join("docs"));
    folder
        .and_then(|()| fs::write(path, page))
        .map_err(|error| format!("{PAGE}: {error}"))
}

fn with_row(page: Option<String>, row: &str) -> String {
    page.unwrap_or_else(|| HEAD.to_owned()) + row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_row_brings_the_head_and_later_ones_follow() {
        let first = with_row(None, "| a |\n");
        assert!(first.starts_with("# The large proofs") && first.ends_with("|\n| a |\n"));
        assert_eq!(with_row(Some(first.clone()), "| b |\n"), first + "| b |\n");
    }

    #[test]
    fn a_round_gets_its_seed_its_cases_and_the_large_tests() {
        let size = size(
            7,
            &Options {
                minutes: 1,
                cases: 900,
                seed: None,
            },
        );
        assert!(size.ignored && size.profile == "long");
        assert!(
            size.variables
                .contains(&("PROPTEST_RNG_SEED", "7".to_owned()))
        );
        assert!(
            size.variables
                .contains(&("PROPTEST_CASES", "900".to_owned()))
        );
    }
}
