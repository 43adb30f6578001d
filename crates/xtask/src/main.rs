//! The repository's own commands, so that a person and the build server run
//! the same thing: `test` is the test command of the README, `ci` is every
//! check, `tidy` the house rules, `docs` the generated pages, `bench` the
//! measurements, `long` the large proofs, `mutants` the proof of the tests.
//!
//! It promises an exit code that tells the truth, and it needs nothing beyond
//! Rust to start. It never repairs a file behind your back: what writes into
//! the tree (`docs`, `bench`, `long`, `mutants --write`) has pages of its own.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of the terminal: printing is its work"
)]

mod bench;
mod ci;
mod docs;
mod fuzz;
mod long;
mod metrics;
mod mutants;
mod sanitize;
mod sdks;
mod suite;
mod tidy;
mod watch;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// The repository's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// All tests, with all set-up: the test command of the README
    Test(suite::Options),
    /// Every check that a change must pass: fmt, clippy, tidy, test, deny, docs
    Ci(ci::Options),
    /// The house rules: sizes, heads, edges, names, manifests, leftovers
    Tidy,
    /// Write the generated pages of docs/
    Docs(docs::Options),
    /// Measure Tidegate beside nginx and write docs/benchmarks.md
    #[command(disable_help_flag = true)]
    Bench {
        /// Given to the benchmark as they stand (`--help` tells them)
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Bugs put in on purpose, each of which a named test must catch
    Mutants(mutants::Options),
    /// The kernel's tests under Miri and sanitizers, as far as a nightly has them
    Sanitize(sanitize::Options),
    /// Made-up bytes for every decoder, where a nightly and a C++ compiler are
    Fuzz(fuzz::Options),
    /// The large proofs, for as long as you allow; results go to docs/proofs.md
    Long(long::Options),
}

fn main() -> ExitCode {
    let command = Line::parse().command;
    if let Command::Bench { arguments } = command {
        return bench::run(arguments);
    }
    let outcome = Workspace::load().and_then(|workspace| match command {
        Command::Test(options) => suite::run(&workspace, &options),
        Command::Ci(options) => ci::run(&workspace, &options),
        Command::Tidy => tidy::run(&workspace),
        Command::Docs(options) => docs::run(&workspace, &options),
        Command::Mutants(options) => mutants::run(&workspace, &options),
        Command::Sanitize(options) => sanitize::run(&workspace, &options),
        Command::Fuzz(options) => fuzz::run(&workspace, &options),
        Command::Long(options) => long::run(&workspace, &options),
        Command::Bench { .. } => Ok(()),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("cargo xtask: {problem}");
            ExitCode::FAILURE
        }
    }
}
