//! `cargo xtask mutants`: bugs put into the tree on purpose, one at a time, each
//! of which a named test must catch. What no test would notice, no test proves.
//!
//! Promises: (1) the checkout is not touched, only a copy of it below the
//! target folder; (2) a mutant counts as caught only when every test that is
//! named for it fails, hangs or crashes with it and passes without; (3) a
//! survivor, or a mutant that does not build, fails the run.

mod page;
mod sandbox;
mod table;
mod trial;

use std::time::Duration;

use self::page::Page;
use self::sandbox::Sandbox;
use self::table::{Mutant, all};
use self::trial::Trial;
use crate::watch::{Stopwatch, leaving_nothing};
use crate::workspace::{Outcome, Workspace, commit, today};

/// Options of `cargo xtask mutants`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only the mutants with these numbers, such as `3,7-9`
    #[arg(long, value_delimiter = ',', value_parser = numbers)]
    only: Vec<Numbers>,
    /// Print the table and try nothing
    #[arg(long)]
    list: bool,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
    /// Write the results of this run into docs/mutations.md
    #[arg(long)]
    write: bool,
    /// Longest run of the tests of one mutant, in seconds; longer is a hang
    #[arg(long, default_value_t = LIMIT)]
    seconds: u64,
}

/// Generous: a slow machine must not look like a hang.
const LIMIT: u64 = 60;

/// From the first to the last of these numbers.
type Numbers = std::ops::RangeInclusive<usize>;

/// Those that are tried with every change: quick, and the same small program of
/// tests catches them, so that little has to be built.
const QUICK: [&str; 3] = [
    "fair: what was taken too much is forgotten",
    "fair: batch starves",
    "fair: the true cost is not charged to who still waits",
];

/// Tries a few, to see that the way from a bug to its test still works.
pub(crate) fn quick(workspace: &Workspace) -> Outcome {
    let mut some = chosen(&[])?;
    some.retain(|(_, mutant)| QUICK.contains(&mutant.name));
    let limit = Duration::from_secs(LIMIT);
    verdict(&leaving_nothing(|| attempt(workspace, &some, limit))?)
}

/// Tries the chosen mutants and tells what became of each.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Outcome {
    let chosen = chosen(&options.only)?;
    if options.list {
        for (number, mutant) in chosen {
            let tests: Vec<&str> = mutant.caught_by.iter().map(|test| test.name).collect();
            println!("{number:>3}  {}  [{}]", mutant.name, tests.join(", "));
        }
        return Ok(());
    }
    let limit = Duration::from_secs(options.seconds);
    // Before: what is tried is the checkout of this moment.
    let when = format!("{}, {}", today(workspace)?, commit(workspace, page::PLACE)?);
    let trials = leaving_nothing(|| attempt(workspace, &chosen, limit))?;
    if options.write {
        Page::read(workspace)?
            .with(&trials, &when)
            .write(workspace)?;
    }
    if options.json {
        println!("{}", trial::json(&trials));
    }
    verdict(&trials)
}

fn attempt(
    workspace: &Workspace,
    chosen: &[(usize, &'static Mutant)],
    limit: Duration,
) -> Outcome<Vec<Trial>> {
    let sandbox = Sandbox::of(workspace)?;
    eprintln!("without any mutant, in {}:", sandbox.place());
    trial::baseline(&sandbox, chosen, limit)?;
    let mut trials = Vec::new();
    for (n, (number, mutant)) in chosen.iter().enumerate() {
        let watch = Stopwatch::start();
        let result = trial::attempt(&sandbox, mutant, limit)?;
        let took = watch.elapsed();
        eprintln!(
            "{:>3} of {}  #{number} {}: {result} ({:.0} s)",
            n + 1,
            chosen.len(),
            mutant.name,
            took.as_secs_f64()
        );
        let number = *number;
        trials.push(Trial {
            number,
            mutant,
            result,
            took,
        });
    }
    Ok(trials)
}

/// Fails with the names of those that nobody caught.
fn verdict(trials: &[Trial]) -> Outcome {
    let missed = trials.iter().filter(|trial| !trial.result.is_caught());
    let missed: Vec<String> = missed
        .map(|trial| format!("#{} {}: {}", trial.number, trial.mutant.name, trial.result))
        .collect();
    eprintln!("{} of {} caught", trials.len() - missed.len(), trials.len());
    if missed.is_empty() {
        return Ok(());
    }
    Err(missed.join("\n"))
}

/// A number, or a range of them.
fn numbers(text: &str) -> Outcome<Numbers> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| {
        text.parse::<usize>()
            .map_err(|_| format!("`{text}` is no number"))
    };
    Ok(number(first)?..=number(last)?)
}

/// All mutants with their numbers, or those that were asked for.
fn chosen(only: &[Numbers]) -> Outcome<Vec<(usize, &'static Mutant)>> {
    let wanted = |number: usize| only.is_empty() || only.iter().any(|n| n.contains(&number));
    let mutants = (1..).zip(all());
    let chosen: Vec<_> = mutants.filter(|(number, _)| wanted(*number)).collect();
    if chosen.is_empty() {
        return Err("no mutant has such a number; `--list` names them".to_owned());
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests;
