//! `cargo xtask fuzz`: bytes that nobody would think of, for every decoder of
//! the wire. It needs a nightly toolchain and a C++ compiler for libFuzzer,
//! which nothing else here does.
//!
//! Promises: (1) what cannot run is said aloud with what it lacks, and fails
//! nothing; (2) a finding fails the run, and is kept as a file that shows it
//! again; (3) the corpus of the checkout is read and never written.

use std::fs;
use std::num::NonZero;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::watch::{self, Overheard, leaving_nothing};
use crate::workspace::{Outcome, Workspace, answer, answers, run as call};

/// Seconds for each target in `ci`, and without an option.
const SECONDS: u64 = 30;

/// What the compiler puts in so that the fuzzer sees where it has been, and
/// what else is watched.
const FLAGS: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Zsanitizer=address --cfg fuzzing";

/// Options of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Seconds for each target
    #[arg(long, default_value_t = SECONDS)]
    seconds: u64,
    /// Only this target (may be given again)
    #[arg(long)]
    only: Vec<String>,
    /// Targets at a time; as many as there are cores by default
    #[arg(long)]
    jobs: Option<NonZero<usize>>,
}

/// What is there to build and run the targets with.
#[derive(Clone, Copy)]
struct Tools {
    nightly: bool,
    compiler: bool,
}

impl Tools {
    fn of(workspace: &Workspace) -> Self {
        Self {
            nightly: answers(nightly(workspace).args(["rustc", "--version"])),
            compiler: answers(workspace.program("c++").arg("--version")),
        }
    }

    /// What is lacking here.
    fn lack(self) -> Option<&'static str> {
        match self {
            Self { nightly: false, .. } => {
                Some("a nightly toolchain (`rustup toolchain install nightly`)")
            }
            Self {
                compiler: false, ..
            } => Some("a C++ compiler for libFuzzer (`c++`)"),
            _ => None,
        }
    }
}

/// Why nothing can be run here, if so.
pub(crate) fn lack(workspace: &Workspace) -> Option<&'static str> {
    Tools::of(workspace).lack()
}

/// Runs each target for the seconds that a build server has for it.
pub(crate) fn quick(workspace: &Workspace) -> Outcome {
    let options = Options {
        seconds: SECONDS,
        only: Vec::new(),
        jobs: None,
    };
    run(workspace, &options)
}

/// Builds the targets and runs them.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Outcome {
    let targets = chosen(&targets(workspace)?, &options.only)?;
    if let Some(lack) = lack(workspace) {
        println!("NOT RUN: it needs {lack}");
        return Ok(());
    }
    let host = ["run", "nightly", "rustc", "--print", "host-tuple"];
    let bench = Bench {
        workspace,
        host: answer(workspace, "rustup", &host)?,
        seconds: options.seconds,
    };
    call(&mut bench.build())?;
    let jobs = options.jobs.map_or_else(cores, NonZero::get);
    let mut told = leaving_nothing(|| bench.run_all(&targets, jobs));
    told.sort_by(|one, other| one.target.cmp(&other.target));
    let mut report = String::new();
    for end in &told {
        report += &format!("{:<20}{}\n", end.target, end.shown());
    }
    println!("\n{report}");
    let bad: Vec<&str> = told
        .iter()
        .filter(|end| end.problem.is_some())
        .map(|end| end.target.as_str())
        .collect();
    if bad.is_empty() {
        return Ok(());
    }
    let places = bad.join(", ");
    Err(format!(
        "something was found: {places}. Mend it, and put the file that shows it into \
         fuzz/corpus/TARGET, where the tests hold it"
    ))
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// The names of all targets, which are those of their corpora.
fn targets(workspace: &Workspace) -> Outcome<Vec<String>> {
    let folder = workspace.root.join("fuzz/corpus");
    let entries = fs::read_dir(&folder)
        .map_err(|error| format!("{} cannot be read: {error}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    Ok(names)
}

fn chosen(all: &[String], only: &[String]) -> Outcome<Vec<String>> {
    if let Some(wrong) = only.iter().find(|name| !all.contains(name)) {
        let all = all.join(", ");
        return Err(format!("there is no target `{wrong}`; there are {all}"));
    }
    let wanted = |name: &&String| only.is_empty() || only.contains(name);
    Ok(all.iter().filter(wanted).cloned().collect())
}

/// Where targets are built and run.
struct Bench<'w> {
    workspace: &'w Workspace,
    host: String,
    seconds: u64,
}

/// How a target ended.
struct End {
    target: String,
    /// Inputs tried.
    tried: Option<u64>,
    /// What was found, and where it is.
    problem: Option<String>,
}

impl End {
    fn shown(&self) -> String {
        match (&self.problem, self.tried) {
            (Some(problem), _) => format!("FAILED: {problem}"),
            (None, Some(tried)) => format!("nothing found in {tried} inputs"),
            (None, None) => "nothing found".to_owned(),
        }
    }
}

impl Bench<'_> {
    /// A folder below the target folder.
    fn place(&self, name: &str) -> PathBuf {
        self.workspace.target.join("fuzz").join(name)
    }

    fn build(&self) -> Command {
        let mut build = nightly(self.workspace);
        build
            .args(["cargo", "build", "--release", "--manifest-path"])
            .args(["fuzz/Cargo.toml", "--target", &self.host])
            .env("CARGO_TARGET_DIR", self.place("build"))
            .env("RUSTFLAGS", FLAGS);
        build
    }

    /// Every target, so many at a time.
    fn run_all(&self, targets: &[String], jobs: usize) -> Vec<End> {
        let (next, ends) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for _ in 0..jobs.min(targets.len()) {
                scope.spawn(|| {
                    while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
                        println!("{target} ...");
                        let end = self.run_one(target);
                        if let Ok(mut ends) = ends.lock() {
                            ends.push(end);
                        }
                    }
                });
            }
        });
        ends.into_inner().unwrap_or_default()
    }

    fn run_one(&self, target: &str) -> End {
        // Hangs are the fuzzer's to find; this is for a fuzzer that hangs.
        let limit = Duration::from_secs(2 * self.seconds + 60);
        let heard = self
            .call(target)
            .and_then(|mut call| watch::overhear(&mut call, limit));
        let problem = match &heard {
            Err(problem) => Some(problem.clone()),
            Ok(heard) => problem(heard),
        };
        End {
            target: target.to_owned(),
            tried: heard.ok().and_then(|heard| tried(&heard.err)),
            problem,
        }
    }

    /// What is new goes below the target folder, what stands in the checkout is
    /// begun with.
    fn call(&self, target: &str) -> Outcome<Command> {
        let grown = self.place("grown").join(target);
        let found = self.place("found");
        for folder in [&grown, &found] {
            fs::create_dir_all(folder)
                .map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
        }
        let program = self.place("build").join(&self.host).join("release/decoder");
        let mut call = self.workspace.program(program);
        call.env("TARGET", target)
            .arg(grown)
            .arg(self.workspace.root.join("fuzz/corpus").join(target))
            .arg(format!("-max_total_time={}", self.seconds))
            .arg("-dict=fuzz/words.dict")
            .args(["-max_len=16384", "-timeout=10", "-print_final_stats=1"])
            .args(["-rss_limit_mb=2048", "-malloc_limit_mb=64"])
            .arg(format!(
                "-artifact_prefix={}",
                found.join(format!("{target}-")).display()
            ));
        Ok(call)
    }
}

/// What was found, in the fuzzer's words.
fn problem(heard: &Overheard) -> Option<String> {
    match heard.status {
        Some(status) if status.success() => return None,
        None => return Some("the fuzzer did not end; it was killed".to_owned()),
        Some(_) => {}
    }
    let line = |what: &str| heard.err.lines().find(|line| line.contains(what));
    // The message of a panic stands on the line behind its place.
    let mut lines = heard.err.lines();
    let panic = lines
        .find(|line| line.contains("panicked at"))
        .map(|place| format!("{place} {}", lines.next().unwrap_or_default()));
    let what = panic
        .or_else(|| line("ERROR: ").map(str::to_owned))
        .unwrap_or_else(|| "it ended without a word".to_owned());
    let file = line("Test unit written to ").map_or("", str::trim);
    Some(format!("{what}\n{file}"))
}

fn tried(said: &str) -> Option<u64> {
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?;
    line.trim().parse().ok()
}

fn nightly(workspace: &Workspace) -> Command {
    let mut rustup = workspace.nested("rustup");
    rustup.args(["run", "nightly"]);
    rustup
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_named() {
        let tools = |nightly, compiler| Tools { nightly, compiler };
        assert!(tools(false, true).lack().unwrap().contains("nightly"));
        assert!(tools(true, false).lack().unwrap().contains("C++"));
        assert_eq!(tools(true, true).lack(), None);
    }

    #[test]
    fn targets_are_those_of_the_checkout() {
        let all = targets(&Workspace::load().unwrap()).unwrap();
        assert!(all.contains(&"openai_stream".to_owned()));
        let one = ["sse".to_owned()];
        assert_eq!(chosen(&all, &one).unwrap(), one);
        assert_eq!(chosen(&all, &[]).unwrap(), all);
        let wrong = chosen(&all, &["ssh".to_owned()]).unwrap_err();
        assert!(wrong.contains("`ssh`") && wrong.contains("sse"), "{wrong}");
    }

    #[test]
    fn a_finding_is_told_with_its_file() {
        let heard = |script: &str| {
            let mut call = Command::new("/bin/sh");
            watch::overhear(call.args(["-c", script]), Duration::from_secs(60)).unwrap()
        };
        let fine = heard("echo 'stat::number_of_executed_units: 42' >&2");
        assert_eq!((problem(&fine), tried(&fine.err)), (None, Some(42)));
        let bad = heard(
            "echo \"thread '<unnamed>' panicked at src/a.rs:1:2:\nbehind the end\" >&2; \
             echo 'artifact_prefix=x; Test unit written to found/sse-crash-1' >&2; exit 77",
        );
        let problem = problem(&bad).unwrap();
        for part in ["src/a.rs:1:2", "behind the end", "found/sse-crash-1"] {
            assert!(problem.contains(part), "{problem}");
        }
    }
}
