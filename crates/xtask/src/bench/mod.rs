//! `cargo xtask bench`: Tidegate beside nginx beside the bare upstream, in one run.
//!
//! 1. What is measured is the release build as it ships, by a release build of this.
//! 2. A run ends: rounds are bounded in time and count, processes end with it.
//! 3. Wrong answers make it fail (1); a goal that is missed is told, not failed.
//! 4. It installs nothing: what is missing is named, and the run ends with 2.

mod account;
mod asks;
mod clock;
mod dialects;
mod figures;
mod growth;
mod load;
mod machine;
mod measure;
mod nginx;
mod nouns;
mod options;
mod pairs;
mod probe;
mod process;
mod prose;
mod reloads;
mod report;
mod rows;
mod stage;
mod streams;

use std::{path::PathBuf, process::ExitCode};

use self::{
    figures::Spread,
    machine::Machine,
    options::{Options, USAGE},
    report::Report,
    rows::Effort,
    stage::Stage,
};
use crate::workspace::{self, Outcome, Workspace};

/// Wrong usage, or something missing that a person must install.
const NOT_POSSIBLE: u8 = 2;
/// Where the page stands in the repository.
const PAGE: &str = "docs/benchmarks.md";

/// Runs the benchmark with the words behind `bench`.
pub(crate) fn run(args: Vec<String>) -> ExitCode {
    let options = match Options::read(&args) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n\n{USAGE}");
            return ExitCode::from(NOT_POSSIBLE);
        }
    };
    if options.help {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let Some(nginx) = nginx::find() else {
        eprintln!("{}", nginx::MISSING);
        return ExitCode::from(NOT_POSSIBLE);
    };
    let ended = if cfg!(debug_assertions) {
        again_in_release(&args)
    } else {
        bench(&options, nginx)
    };
    match ended {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("bench: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the same words by a release build: a slow generator would take the cores
/// that the measured processes need.
fn again_in_release(args: &[String]) -> Outcome<ExitCode> {
    let workspace = Workspace::load()?;
    workspace::run(&mut workspace.cargo(&["build", "--release", "--package", "tidegate-xtask"]))?;
    let status = workspace
        .program(workspace.target.join("release/tidegate-xtask"))
        .arg("bench")
        .args(args)
        .status()
        .map_err(|error| format!("the release build did not start: {error}"))?;
    Ok(ExitCode::from(
        status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .unwrap_or(1),
    ))
}

fn bench(options: &Options, nginx: &'static str) -> Outcome<ExitCode> {
    let workspace = Workspace::load()?;
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => build(&workspace)?,
    };
    let effort = if options.quick {
        Effort::QUICK
    } else {
        Effort::FULL
    };
    let mut report = Report {
        machine: Machine::look(&workspace, &binary, nginx::version(nginx)),
        ..Report::default()
    };
    let mut stage = Stage::start(&binary, nginx)?;
    for row in rows::LOADS.iter().filter(|row| options.wants(row.name)) {
        println!("measuring {}: {}", row.name, row.title);
        report.rows.push(measure::row(&stage, row, &effort)?);
    }
    if options.wants(rows::STREAMS) {
        println!("measuring {}: {} at once", rows::STREAMS, streams::STREAMS);
        report.streams = Some(streams::hold(&mut stage, &effort)?);
    }
    if options.wants(rows::READY) {
        println!("measuring {}: {} starts", rows::READY, effort.starts);
        let starts = (0..effort.starts).map(|_| stage.time_to_ready());
        let times = starts.collect::<Outcome<Vec<_>>>()?;
        report.ready = Spread::of(times.iter().map(std::time::Duration::as_secs_f64));
    }
    if options.wants(rows::ASK) {
        println!("measuring {}: {} asks", rows::ASK, effort.asks);
        report.asks = Some(asks::measure(&stage, &binary, effort.asks)?);
    }
    drop(stage);
    if options.wants(rows::DIALECTS) {
        println!(
            "measuring {}: {} rounds of each",
            rows::DIALECTS,
            effort.rounds
        );
        report.dialects = dialects::measure(&binary, &effort)?;
        report.growth = growth::measure(&binary, &effort)?;
    }
    if options.wants(rows::RELOAD) {
        println!("measuring {}: {} reloads", rows::RELOAD, effort.reloads);
        report.reloads = Some(reloads::measure(&binary, effort.reloads)?);
    }
    if options.wants(rows::NOUNS) {
        println!("measuring {}: the kernel's bench", rows::NOUNS);
        report.nouns = nouns::measure(&workspace)?;
    }
    if options.wants(rows::PAIRS) {
        println!("measuring {}: the bench of the dialects", rows::PAIRS);
        report.pairs = pairs::measure(&workspace)?;
    }
    println!("\n{}", report.tables());
    conclude(&workspace, options, &report)
}

/// Builds what is measured, by itself: with other packages in the same build it
/// would get features that it does not ship with.
fn build(workspace: &Workspace) -> Outcome<PathBuf> {
    workspace::run(&mut workspace.cargo(&["build", "--release", "--package", "tidegate"]))?;
    Ok(workspace.target.join("release/tidegate"))
}

fn conclude(workspace: &Workspace, options: &Options, report: &Report) -> Outcome<ExitCode> {
    let wrong = report.faults();
    if wrong > 0 {
        return Err(format!("{wrong} wrong answers; nothing is written"));
    }
    if options.writes() {
        let page = workspace.root.join(PAGE);
        let written = std::fs::create_dir_all(workspace.root.join("docs"))
            .and_then(|()| std::fs::write(&page, report.page()));
        written.map_err(|error| format!("{PAGE}: {error}"))?;
        println!("wrote {PAGE}");
    }
    Ok(ExitCode::SUCCESS)
}
