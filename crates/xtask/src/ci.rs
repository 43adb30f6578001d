//! `cargo xtask ci`: every check that a change must pass, in order of cost,
//! with the time of each.
//!
//! Promises: (1) a stage that fails does not hide what the later ones say;
//! (2) the closing table names every stage once, (3) and its last line counts
//! what passed. A stage left out is told as left out, never as passed.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;

use crate::watch::Stopwatch;
use crate::workspace::{Outcome, Workspace, answers, on_ci, run as call};
use crate::{docs, fuzz, mutants, suite, tidy};

/// Options of `cargo xtask ci`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run only this stage (may be given again)
    #[arg(long, value_enum)]
    only: Vec<Stage>,
    /// Leave this stage out (may be given again)
    #[arg(long, value_enum, conflicts_with = "only")]
    skip: Vec<Stage>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// The form of the source
    Fmt,
    /// Lints, warnings denied, all targets
    Clippy,
    /// The house rules
    Tidy,
    /// The test command of the README
    Test,
    /// Three seeded bugs, which their tests must notice
    Mutants,
    /// Half a minute of made-up bytes for every decoder
    Fuzz,
    /// Licences, sources and banned crates of dependencies
    Deny,
    /// The documentation builds, and generated pages are up to date
    Docs,
}

/// How a stage ended.
enum Ended {
    Passed,
    Failed(String),
    LeftOut(&'static str),
}

impl fmt::Display for Stage {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.pad(match self {
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Tidy => "tidy",
            Self::Test => "test",
            Self::Mutants => "mutants",
            Self::Fuzz => "fuzz",
            Self::Deny => "deny",
            Self::Docs => "docs",
        })
    }
}

/// Runs the stages and prints the table.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Outcome {
    let whole = Stopwatch::start();
    let mut rows = Vec::new();
    for &stage in Stage::value_variants() {
        let watch = Stopwatch::start();
        let ended = if is_wanted(options, stage) {
            println!("\n== {stage} ==");
            run_stage(workspace, stage)
        } else {
            Ended::LeftOut("not asked for")
        };
        if let Ended::Failed(problem) = &ended {
            eprintln!("{stage}: {problem}");
        }
        rows.push((stage, ended, watch.elapsed()));
    }
    let (table, outcome) = close(&rows, whole.elapsed());
    println!("\n{table}");
    outcome
}

fn is_wanted(options: &Options, stage: Stage) -> bool {
    let chosen = options.only.is_empty() || options.only.contains(&stage);
    chosen && !options.skip.contains(&stage)
}

fn run_stage(workspace: &Workspace, stage: Stage) -> Ended {
    let outcome = match stage {
        Stage::Fmt => call(&mut workspace.cargo(&["fmt", "--all", "--", "--check"])),
        Stage::Clippy => call(
            workspace
                .cargo(&["clippy", "--workspace", "--all-targets"])
                .args(["--", "--deny", "warnings"]),
        ),
        Stage::Tidy => tidy::run(workspace),
        Stage::Test => suite::run(workspace, &suite::Options::default()),
        Stage::Mutants => mutants::quick(workspace),
        Stage::Fuzz => match fuzz::lack(workspace) {
            Some(lack) => return Ended::LeftOut(lack),
            None => fuzz::quick(workspace),
        },
        Stage::Deny if !answers(&mut workspace.cargo(&["deny", "--version"])) && !on_ci() => {
            return Ended::LeftOut("needs `cargo install cargo-deny --locked`");
        }
        // The advisory database is not reachable everywhere, so it is no gate.
        Stage::Deny => {
            call(&mut workspace.cargo(&["deny", "check", "bans", "licenses", "sources"]))
        }
        Stage::Docs => document(workspace),
    };
    outcome.map_or_else(Ended::Failed, |()| Ended::Passed)
}

fn document(workspace: &Workspace) -> Outcome {
    let mut rustdoc = workspace.cargo(&["doc", "--workspace", "--no-deps"]);
    call(rustdoc.env("RUSTDOCFLAGS", "--deny warnings"))?;
    docs::check(workspace)
}

/// The closing table with its count, and what the whole run ends with.
fn close(rows: &[(Stage, Ended, Duration)], whole: Duration) -> (String, Outcome) {
    let mut table = format!("{:<8}{:>9}  result\n", "stage", "time");
    let (mut passed, mut failed, mut left_out) = (0, Vec::new(), 0);
    for (stage, ended, time) in rows {
        let result = match ended {
            Ended::Passed => {
                passed += 1;
                "passed".to_owned()
            }
            Ended::Failed(_) => {
                failed.push(stage.to_string());
                "FAILED".to_owned()
            }
            Ended::LeftOut(why) => {
                left_out += 1;
                format!("left out ({why})")
            }
        };
        table += &format!("{stage:<8}{:>7.1} s  {result}\n", time.as_secs_f64());
    }
    let noun = if passed == 1 { "stage" } else { "stages" };
    table += &format!("\n{passed} {noun} passed");
    if !failed.is_empty() {
        table += &format!(", {} FAILED", failed.len());
    }
    if left_out > 0 {
        table += &format!(", {left_out} left out");
    }
    table += &format!(", in {:.1} s", whole.as_secs_f64());
    let outcome = if failed.is_empty() {
        Ok(())
    } else {
        Err(format!("failed: {}", failed.join(", ")))
    };
    (table, outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_and_skip_choose_the_stages() {
        let only = Options {
            only: vec![Stage::Tidy],
            skip: vec![],
        };
        assert!(is_wanted(&only, Stage::Tidy) && !is_wanted(&only, Stage::Fmt));
        let skip = Options {
            only: vec![],
            skip: vec![Stage::Test],
        };
        assert!(is_wanted(&skip, Stage::Tidy) && !is_wanted(&skip, Stage::Test));
    }

    #[test]
    fn one_failure_fails_the_run_and_the_others_are_still_told() {
        let second = Duration::from_secs(1);
        let rows = [
            (Stage::Fmt, Ended::Failed("x".into()), second),
            (Stage::Tidy, Ended::Passed, second),
            (Stage::Deny, Ended::LeftOut("not asked for"), second),
        ];
        let (table, outcome) = close(&rows, second * 3);
        assert_eq!(outcome, Err("failed: fmt".to_owned()));
        assert!(
            table.ends_with("1 stage passed, 1 FAILED, 1 left out, in 3.0 s"),
            "{table}"
        );
        assert!(table.contains("tidy        1.0 s  passed"), "{table}");
    }

    #[test]
    fn all_passed_is_a_success() {
        let rows = [(Stage::Fmt, Ended::Passed, Duration::ZERO)];
        assert_eq!(close(&rows, Duration::ZERO).1, Ok(()));
    }
}
