//! `cargo xtask test`: the whole test suite with all of its set-up, on a
//! machine that has Rust and nothing else.
//!
//! Promises: (1) the tests meet the real binary, built from this tree; (2) a
//! test that hangs is killed and named; (3) the last lines on the terminal are
//! the runner's own; (4) what a machine lacks is told loudly, and on a build
//! server it fails.

use std::io::{self, IsTerminal};
use std::process::Command;
use std::time::Duration;

use crate::sdks;
use crate::watch::{self, Limits};
use crate::workspace::{Outcome, Workspace, answers, on_ci, run as call};

/// The variable that tells the tests where the binary is.
const BINARY: &str = "TIDEGATE_E2E_BIN";

/// Options of `cargo xtask test`.
#[derive(clap::Args, Default)]
pub(crate) struct Options {
    /// Use plain `cargo test` even if cargo-nextest is installed
    #[arg(long)]
    plain: bool,
    /// Given to the runner as they stand, such as `-p tidegate-kernel`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// How large a run is: the profile of nextest, the limits, what tests are told.
pub(crate) struct Size {
    /// A profile of `.config/nextest.toml`, which ends single tests that hang.
    pub(crate) profile: &'static str,
    /// The net below it, and the limit of the whole run.
    pub(crate) total: Duration,
    /// Without nextest: how long no test may end before it counts as a hang.
    pub(crate) silence: Duration,
    /// Also run the tests marked `#[ignore]`, the large ones.
    pub(crate) ignored: bool,
    /// Variables for the tests.
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl Size {
    /// The run of every submission. Silence is three times the 60 s after
    /// which libtest names a slow test.
    pub(crate) fn ordinary() -> Self {
        Self {
            profile: if on_ci() { "ci" } else { "default" },
            total: Duration::from_secs(40 * 60),
            silence: Duration::from_secs(180),
            ignored: false,
            variables: Vec::new(),
        }
    }
}

/// Prepares and runs all tests, or those that the options name.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Outcome {
    run_sized(workspace, options, &Size::ordinary())
}

/// As [`run`], with a size of its own.
pub(crate) fn run_sized(workspace: &Workspace, options: &Options, size: &Size) -> Outcome {
    let mut variables = size.variables.clone();
    variables.extend(sdks::variables(workspace)?);
    call(&mut workspace.cargo(&["build", "--package", "tidegate"]))?;
    let binary = workspace.target.join("debug").join("tidegate");
    variables.push((BINARY, binary.display().to_string()));

    watch::leaving_nothing(|| run_steps(workspace, options, size, &variables))
}

fn run_steps(
    workspace: &Workspace,
    options: &Options,
    size: &Size,
    variables: &[(&'static str, String)],
) -> Outcome {
    let nextest = !options.plain && answers(&mut workspace.cargo(&["nextest", "--version"]));
    let mut problems = Vec::new();
    for step in steps(options, size, nextest) {
        let words: Vec<&str> = step.words.iter().map(String::as_str).collect();
        let mut command = workspace.cargo(&words);
        command.envs(variables.iter().map(|(key, value)| (*key, value)));
        colour(&mut command);
        let limits = Limits {
            total: size.total,
            silence: step.silence,
        };
        match watch::run(&mut command, limits) {
            Err(problem) if step.is_compile => return Err(problem),
            outcome => problems.extend(outcome.err()),
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("; "))
    }
}

/// A cargo call of a run.
struct Step {
    words: Vec<String>,
    /// How long it may say nothing.
    silence: Option<Duration>,
    /// Without it the others make no sense.
    is_compile: bool,
}

/// The runner comes last, so that its summary is the last thing on the terminal.
fn steps(options: &Options, size: &Size, nextest: bool) -> Vec<Step> {
    let whole = options.arguments.is_empty();
    let mut scope: Vec<String> = Vec::new();
    if !options
        .arguments
        .iter()
        .any(|word| word.starts_with("-p") || word == "--package")
    {
        scope.push("--workspace".into());
    }
    let call = |words: &[&str], rest: &[&[String]]| -> Vec<String> {
        words
            .iter()
            .map(ToString::to_string)
            .chain(rest.concat())
            .collect()
    };
    let arguments = options.arguments.clone();
    let run = |words, silence| Step {
        words,
        silence,
        is_compile: false,
    };
    let mut steps = Vec::new();
    if whole || !nextest {
        // Compiling is no hang: it comes before the watch on silence.
        let of_cargo = arguments
            .split(|word| word == "--")
            .next()
            .unwrap_or_default();
        let words = call(&["test", "--no-run"], &[&scope, of_cargo]);
        steps.push(Step {
            words,
            silence: None,
            is_compile: true,
        });
    }
    if nextest {
        if whole {
            // nextest runs no documentation tests.
            steps.push(run(call(&["test", "--doc"], &[&scope]), Some(size.silence)));
        }
        let mut words = vec!["nextest", "run", "--profile", size.profile];
        if size.ignored {
            words.extend(["--run-ignored", "all"]);
        }
        steps.push(run(call(&words, &[&scope, &arguments]), None));
    } else {
        let mut last = call(&["test", "--no-fail-fast"], &[&scope, &arguments]);
        if size.ignored {
            last.extend(["--".into(), "--include-ignored".into()]);
        }
        steps.push(run(last, Some(size.silence)));
    }
    steps
}

/// Under the watch the runner sees a pipe; its colours are meant for us.
fn colour(command: &mut Command) {
    if io::stdout().is_terminal() && io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(arguments: &[&str], ignored: bool, nextest: bool) -> Vec<String> {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let options = Options {
            plain: false,
            arguments,
        };
        let size = Size {
            ignored,
            profile: "ci",
            ..Size::ordinary()
        };
        steps(&options, &size, nextest)
            .iter()
            .map(|step| step.words.join(" "))
            .collect()
    }

    #[test]
    fn nextest_comes_last_after_the_documentation_tests() {
        assert_eq!(
            lines(&[], false, true),
            [
                "test --no-run --workspace",
                "test --doc --workspace",
                "nextest run --profile ci --workspace",
            ]
        );
        assert_eq!(
            lines(&["-p", "tidegate-wire"], true, true),
            ["nextest run --profile ci --run-ignored all -p tidegate-wire"]
        );
    }

    #[test]
    fn the_compile_comes_before_the_watch_on_silence() {
        for nextest in [false, true] {
            let first = &steps(&Options::default(), &Size::ordinary(), nextest)[0];
            assert!(first.is_compile && first.silence.is_none());
            assert_eq!(first.words.join(" "), "test --no-run --workspace");
        }
        let plain = steps(&Options::default(), &Size::ordinary(), false);
        assert!(
            plain[1].silence.is_some(),
            "nobody else ends a hang of plain cargo test"
        );
    }

    #[test]
    fn plain_runs_take_filters_and_the_large_tests() {
        assert_eq!(
            lines(&["limit", "--", "--nocapture"], false, false),
            [
                "test --no-run --workspace limit",
                "test --no-fail-fast --workspace limit -- --nocapture",
            ]
        );
        assert_eq!(
            lines(&[], true, false)[1],
            "test --no-fail-fast --workspace -- --include-ignored"
        );
    }
}
