//! `tidegate`: the command line.
//!
//! Exit codes: 0 fine, 1 failed while running, 2 wrong usage or configuration.
//! Standard output carries results, standard error everything about them.

mod advise;
mod banner;
mod check;
mod cli;
mod log;
mod open_files;
mod runtime;
mod say;
mod serve;
mod signals;
mod simulate;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match cli::Cli::parse().command {
        cli::Command::Serve(args) => serve::run(args),
        cli::Command::Check(args) => check::run(args),
        cli::Command::Advise(args) => advise::run(&args),
        cli::Command::Sim(args) => simulate::run(&args),
    }
}
