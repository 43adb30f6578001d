//! `cargo xtask sanitize`: the kernel's tests under programs that watch every
//! access to memory. They need a nightly toolchain, which nothing else here does.
//!
//! Promises: (1) what cannot run is said aloud with what it lacks, and fails
//! nothing, on a build server neither; (2) a finding fails the run; (3) each
//! watcher ends within its minutes. Our own code has no `unsafe`; what is
//! watched is what we build on, and that nothing is left behind at the end.

use std::fmt;
use std::fs;
use std::time::Duration;

use clap::ValueEnum;

use crate::watch::{self, Limits, Stopwatch, leaving_nothing};
use crate::workspace::{Outcome, Workspace, answer, answers};

/// Few cases for each property: a step costs ten to a hundred times as much.
const CASES: &str = "8";

/// Options of `cargo xtask sanitize`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only this watcher (may be given again)
    #[arg(long, value_enum)]
    only: Vec<Watcher>,
    /// Longest run of one watcher, its build not counted
    #[arg(long, default_value_t = 10)]
    minutes: u64,
}

/// Who watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Watcher {
    /// Miri: undefined behaviour, races and leaks, step by step
    Miri,
    /// AddressSanitizer with its leak check
    Address,
    /// ThreadSanitizer
    Thread,
}

impl Watcher {
    /// Where the tests are that it can run.
    ///
    /// Miri takes the tests inside the kernel's files: plain values, and those
    /// whose threads are their own. The others need a runtime with timers for
    /// thousands of tasks, which would take it hours; the model checker's
    /// stacks it cannot switch, and no sanitizer can follow them either.
    fn tests(self) -> &'static [&'static str] {
        match self {
            Self::Miri => &["--lib"],
            Self::Address | Self::Thread => &["--lib", "--test", "promises"],
        }
    }
}

impl fmt::Display for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Miri => "miri",
            Self::Address => "address",
            Self::Thread => "thread",
        })
    }
}

/// What the nightly toolchain has.
#[derive(Clone, Copy, Default)]
struct Nightly {
    there: bool,
    miri: bool,
    source: bool,
}

impl Nightly {
    fn of(workspace: &Workspace) -> Self {
        let has = |words: &[&str]| answers(nightly(workspace).args(words));
        let root = ["run", "nightly", "rustc", "--print", "sysroot"];
        let root = answer(workspace, "rustup", &root).unwrap_or_default();
        let library = format!("{root}/lib/rustlib/src/rust/library/Cargo.toml");
        Self {
            there: has(&["rustc", "--version"]),
            miri: has(&["cargo", "miri", "--version"]),
            source: fs::exists(library).unwrap_or(false),
        }
    }

    /// What the watcher lacks here.
    fn lacks(self, watcher: Watcher) -> Option<&'static str> {
        match watcher {
            _ if !self.there => Some("a nightly toolchain (`rustup toolchain install nightly`)"),
            Watcher::Miri if !self.miri => {
                Some("Miri (`rustup component add --toolchain nightly miri`)")
            }
            // A standard library that is not watched makes each join of two
            // threads look like a race.
            Watcher::Thread if !self.source => Some(
                "the source of the standard library \
                 (`rustup component add --toolchain nightly rust-src`)",
            ),
            _ => None,
        }
    }
}

/// Runs the kernel's tests under every watcher there is.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Outcome {
    let nightly = Nightly::of(workspace);
    let limit = Duration::from_secs(options.minutes * 60);
    let (mut report, mut bad) = (String::new(), Vec::new());
    for &watcher in Watcher::value_variants() {
        if !options.only.is_empty() && !options.only.contains(&watcher) {
            continue;
        }
        let time = Stopwatch::start();
        let said = match nightly.lacks(watcher) {
            Some(lack) => format!("NOT RUN: it needs {lack}"),
            None => match leaving_nothing(|| watched(workspace, watcher, limit)) {
                Ok(()) => format!("nothing found ({:.0} s)", time.elapsed().as_secs_f64()),
                Err(problem) => {
                    bad.push(watcher.to_string());
                    format!("FAILED: {problem}")
                }
            },
        };
        report += &format!("{watcher:<9}{said}\n");
    }
    println!("\n{report}");
    if bad.is_empty() {
        return Ok(());
    }
    Err(format!("failed: {}", bad.join(", ")))
}

fn watched(workspace: &Workspace, watcher: Watcher, limit: Duration) -> Outcome {
    let host = ["run", "nightly", "rustc", "--print", "host-tuple"];
    let host = answer(workspace, "rustup", &host)?;
    println!("\n== {watcher} ==");
    let build = Limits {
        total: Duration::from_secs(30 * 60),
        silence: None,
    };
    if watcher != Watcher::Miri {
        let mut build_only = call(workspace, watcher, &host);
        watch::run(build_only.arg("--no-run"), build)?;
    }
    let limits = Limits {
        total: limit,
        silence: None,
    };
    watch::run(&mut call(workspace, watcher, &host), limits)
}

/// The tests of the kernel under this watcher.
fn call(workspace: &Workspace, watcher: Watcher, host: &str) -> std::process::Command {
    let mut call = nightly(workspace);
    call.arg("cargo");
    match watcher {
        Watcher::Miri => call
            .arg("miri")
            .env("MIRIFLAGS", "-Zmiri-disable-isolation"),
        Watcher::Address => call.env("RUSTFLAGS", "-Zsanitizer=address"),
        Watcher::Thread => call.env("RUSTFLAGS", "-Zsanitizer=thread"),
    };
    call.args(["test", "--package", "tidegate-kernel", "--target", host])
        .args(watcher.tests());
    if watcher == Watcher::Thread {
        call.arg("-Zbuild-std");
    }
    let build = workspace.target.join(format!("sanitize-{watcher}"));
    call.env("CARGO_TARGET_DIR", build)
        .env("PROPTEST_CASES", CASES)
        .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true");
    call
}

fn nightly(workspace: &Workspace) -> std::process::Command {
    let mut rustup = workspace.nested("rustup");
    rustup.args(["run", "nightly"]);
    rustup
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_named_and_what_is_there_runs() {
        let none = Nightly::default();
        for watcher in Watcher::value_variants() {
            assert!(none.lacks(*watcher).unwrap().contains("nightly"));
        }
        let bare = Nightly {
            there: true,
            ..none
        };
        assert!(bare.lacks(Watcher::Miri).unwrap().contains("miri"));
        assert!(bare.lacks(Watcher::Thread).unwrap().contains("rust-src"));
        assert_eq!(bare.lacks(Watcher::Address), None);
    }

    #[test]
    fn each_watcher_has_its_flags_and_a_folder_of_its_own() {
        let workspace = Workspace::load().unwrap();
        let shown = |watcher| format!("{:?}", call(&workspace, watcher, "host"));
        assert!(shown(Watcher::Miri).contains("\"miri\" \"test\""));
        assert!(shown(Watcher::Address).contains("sanitize-address"));
        assert!(shown(Watcher::Thread).contains("-Zbuild-std"));
    }
}
