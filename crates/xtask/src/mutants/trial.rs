//! One mutant, its tests, and what became of them.
//!
//! Promises: (1) every named test is asked for by its whole name, and one that
//! did not run counts as a mistake of the table, never as a catch; (2) what
//! does not compile is no catch either; (3) a hang ends at the limit.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::sandbox::Sandbox;
use super::table::{Mutant, Suite, Test};
use crate::watch::{self, Overheard};
use crate::workspace::Outcome;

/// Longest build of one suite.
const BUILD: Duration = Duration::from_secs(20 * 60);
/// How much of what a test run said is repeated when it makes no sense.
const SHOWN: usize = 4000;

/// A mutant that was tried.
pub(super) struct Trial {
    pub(super) number: usize,
    pub(super) mutant: &'static Mutant,
    pub(super) result: Fate,
    pub(super) took: Duration,
}

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Every named test failed; the words say how where it was not by a panic.
    Caught(&'static str),
    /// These tests passed all the same.
    Survived(Vec<&'static str>),
    /// The compiler refused it.
    Broken(String),
}

impl Fate {
    pub(super) fn is_caught(&self) -> bool {
        matches!(self, Self::Caught(_))
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caught(how) => write!(f, "caught{how}"),
            Self::Survived(tests) => write!(f, "SURVIVED {}", tests.join(", ")),
            Self::Broken(why) => write!(f, "DOES NOT BUILD: {why}"),
        }
    }
}

/// How one test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Passed,
    Failed,
    /// It was running when the time was over.
    Hung,
    /// The whole run ended under it.
    Crashed,
}

/// Runs the tests of all these mutants on the sound tree; all must pass.
pub(super) fn baseline(
    sandbox: &Sandbox,
    chosen: &[(usize, &'static Mutant)],
    limit: Duration,
) -> Outcome {
    let tests = chosen.iter().flat_map(|(_, mutant)| mutant.caught_by);
    for (suite, tests) in by_suite(tests) {
        build(sandbox, suite).map_err(|why| format!("the sound tree does not build: {why}"))?;
        let most = limit.saturating_mul(10);
        let (ends, said) = test(sandbox, suite, &tests, most)?;
        let bad = ends.iter().find(|(_, end)| *end != End::Passed);
        if let Some((name, end)) = bad {
            return Err(format!(
                "`{name}` does not pass without a mutant: {end:?}\n{said}"
            ));
        }
        eprintln!("  {} tests of {suite:?} pass", ends.len());
    }
    Ok(())
}

/// Puts the mutant in, and runs its tests.
pub(super) fn attempt(sandbox: &Sandbox, mutant: &Mutant, limit: Duration) -> Outcome<Fate> {
    sandbox.with(mutant, || {
        let mut all = Vec::new();
        for (suite, tests) in by_suite(mutant.caught_by) {
            if let Err(why) = build(sandbox, suite) {
                return Ok(Fate::Broken(why));
            }
            let (ends, _) = test(sandbox, suite, &tests, limit)?;
            all.extend(ends);
        }
        Ok(fate(&all))
    })?
}

fn fate(ends: &[(&'static str, End)]) -> Fate {
    let by = |wanted| ends.iter().any(|(_, end)| *end == wanted);
    if by(End::Passed) {
        let passed = ends.iter().filter(|(_, end)| *end == End::Passed);
        return Fate::Survived(passed.map(|(name, _)| *name).collect());
    }
    Fate::Caught(match (by(End::Hung), by(End::Crashed)) {
        (true, _) => " by a hang",
        (_, true) => " by a crash",
        _ => "",
    })
}

fn by_suite<'a>(tests: impl IntoIterator<Item = &'a Test>) -> BTreeMap<Suite, Vec<&'static str>> {
    let mut suites = BTreeMap::<Suite, Vec<&'static str>>::new();
    for test in tests {
        let names = suites.entry(test.suite).or_default();
        if !names.contains(&test.name) {
            names.push(test.name);
        }
    }
    suites
}

fn build(sandbox: &Sandbox, suite: Suite) -> Outcome {
    let mut cargo = sandbox.cargo(&["test", "--quiet", "--no-run"]);
    let heard = watch::overhear(cargo.args(suite.words()), BUILD)?;
    if heard.status.is_some_and(|status| status.success()) {
        return Ok(());
    }
    let errors = heard.err.lines().filter(|line| line.starts_with("error"));
    Err(errors.take(3).collect::<Vec<_>>().join("; "))
}

fn test(
    sandbox: &Sandbox,
    suite: Suite,
    names: &[&'static str],
    limit: Duration,
) -> Outcome<(Vec<(&'static str, End)>, String)> {
    let mut cargo = sandbox.cargo(&["test"]);
    cargo
        .args(suite.words())
        .args(["--", "--exact"])
        .args(names);
    let heard = watch::overhear(&mut cargo, limit)?;
    Ok((ends(&heard, names)?, tail(&heard.out)))
}

/// How each of these tests ended, by the words of the test runner.
fn ends(heard: &Overheard, names: &[&'static str]) -> Outcome<Vec<(&'static str, End)>> {
    let running = match names.len() {
        1 => "running 1 test\n".to_owned(),
        n => format!("running {n} tests\n"),
    };
    let said = || format!("{}\n{}", tail(&heard.err), tail(&heard.out));
    if !heard.out.contains(&running) {
        return Err(format!("not all of {names:?} are tests here\n{}", said()));
    }
    // Of what the runner could not tell the end any more.
    let untold = match heard.status {
        None => End::Hung,
        Some(_) => End::Crashed,
    };
    let end = |name: &&'static str| {
        let told = |how: &str| {
            let line = format!("test {name} ... {how}");
            heard.out.lines().any(|said| said == line)
        };
        match (told("ok"), told("FAILED")) {
            (true, _) => End::Passed,
            (_, true) => End::Failed,
            _ => untold,
        }
    };
    let ends: Vec<_> = names.iter().map(|name| (*name, end(name))).collect();
    // A runner that came to its end has told of each.
    let torn = heard.out.contains("\ntest result: ")
        && ends
            .iter()
            .any(|(_, end)| !matches!(end, End::Passed | End::Failed));
    match torn {
        true => Err(format!("an end that is not told\n{}", said())),
        false => Ok(ends),
    }
}

fn tail(text: &str) -> String {
    let from = text.len().saturating_sub(SHOWN);
    let from = (from..).find(|at| text.is_char_boundary(*at));
    from.and_then(|from| text.get(from..))
        .unwrap_or(text)
        .to_owned()
}

/// The results for a program that reads them.
pub(super) fn json(trials: &[Trial]) -> String {
    let rows = trials.iter().map(|trial| {
        serde_json::json!({
            "number": trial.number,
            "name": trial.mutant.name,
            "file": trial.mutant.file,
            "caught": trial.result.is_caught(),
            "result": trial.result.to_string(),
            "seconds": trial.took.as_secs_f64(),
        })
    });
    serde_json::Value::from_iter(rows).to_string()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, ExitStatus};

    use super::*;

    fn status(code: u8) -> ExitStatus {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", &format!("exit {code}")])
            .status()
            .unwrap()
    }

    fn heard(out: &str, status: Option<ExitStatus>) -> Overheard {
        Overheard {
            out: out.to_owned(),
            err: String::new(),
            status,
        }
    }

    #[test]
    fn a_mutant_is_caught_when_each_of_its_tests_did_not_pass() {
        let text = "running 3 tests\ntest a::x ... ok\ntest a::y ... FAILED\n";
        let names = &["a::x", "a::y", "a::z"];
        let failed = ends(&heard(text, Some(status(1))), names).unwrap();
        let [x, y, z] = [
            ("a::x", End::Passed),
            ("a::y", End::Failed),
            ("a::z", End::Crashed),
        ];
        assert_eq!(failed, [x, y, z]);
        let killed = ends(&heard(text, None), names).unwrap();
        assert_eq!(killed[2], ("a::z", End::Hung));

        assert_eq!(fate(&[x, y, z]), Fate::Survived(vec!["a::x"]));
        assert_eq!(fate(&[y]), Fate::Caught(""));
        assert_eq!(fate(&[y, z]), Fate::Caught(" by a crash"));
        assert_eq!(fate(&killed[1..]), Fate::Caught(" by a hang"));
    }

    #[test]
    fn a_test_that_does_not_exist_catches_nothing() {
        let none = heard("running 0 tests\n", Some(status(0)));
        assert!(ends(&none, &["a::x"]).is_err());
        let one = heard("running 1 test\ntest a::x ... ok\n", Some(status(0)));
        assert!(ends(&one, &["a::x", "a::y"]).is_err());
        assert_eq!(ends(&one, &["a::x"]), Ok(vec![("a::x", End::Passed)]));
        let torn = "running 1 test\ntest a::x ... noise\nok\n\ntest result: ok.\n";
        assert!(ends(&heard(torn, Some(status(0))), &["a::x"]).is_err());
    }
}
