//! `tidegate`: the command line.
//!
//! Exit codes: 0 fine, 1 failed while running, 2 wrong usage or configuration,
//! 130 Ctrl-C in a command that talks to a server.
//! Standard output carries results, standard error everything about them.

mod advise;
mod ask;
mod banner;
mod cancel;
mod check;
mod cli;
mod client;
mod columns;
mod fault;
mod health;
mod interrupt;
mod log;
mod models;
mod names;
mod notify;
mod open_files;
mod pages;
mod paint;
mod reader;
mod requests;
mod runtime;
mod say;
mod serve;
mod signals;
mod simulate;

#[cfg(test)]
mod examples;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let command = match cli::Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(told) => return pages::told(&told),
    };
    match command {
        cli::Command::Serve(args) => serve::run(args),
        cli::Command::Check(args) => check::run(args),
        cli::Command::Ask(args) => ask::run(&args),
        cli::Command::Models(args) => models::run(&args),
        cli::Command::Requests(args) => requests::run(&args),
        cli::Command::Cancel(args) => cancel::run(&args),
        cli::Command::Health(args) => health::run(&args),
        cli::Command::Advise(args) => advise::run(&args),
        cli::Command::Sim(args) => simulate::run(&args),
        cli::Command::Completions(args) => pages::completions(&args),
        cli::Command::Man(args) => pages::man(&args),
    }
}
