//! What `tidegate ask` adds to the server's own time to the first token.
//!
//! 1. By turns a plain connection and the command ask the same Tidegate the same;
//!    what is added is the difference of the medians.
//! 2. The command's time runs from the start of its process to the first byte on
//!    its standard output: what a person waits for. Its answer must be whole.

use std::{
    io::Read as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use super::{
    clock,
    figures::Spread,
    load::request,
    probe,
    stage::{Stage, Subject},
};
use crate::workspace::Outcome;

/// 20 ms to the first byte, then five pieces of text.
const MODEL: &str = "sim-20-5-5-24";
/// The simulated answers to this many asks are not counted.
const WARM: usize = 2;

/// What was found.
#[derive(Debug)]
pub(crate) struct Asks {
    /// How many there were of each.
    pub(crate) count: usize,
    /// Seconds to the first event on a plain connection.
    pub(crate) plain: Spread,
    /// Seconds to the first byte of `tidegate ask`.
    pub(crate) asked: Spread,
}

impl Asks {
    /// Seconds that the command adds.
    pub(crate) fn added(&self) -> f64 {
        self.asked.median - self.plain.median
    }
}

/// Asks `count` times each way.
pub(crate) fn measure(stage: &Stage, binary: &Path, count: usize) -> Outcome<Asks> {
    let at = stage.at(Subject::Tidegate);
    let request = request::chat(at, MODEL, true, 200);
    let (mut plain, mut asked) = (Vec::new(), Vec::new());
    for _ in 0..count + WARM {
        let event = probe::first_event(at, &request);
        let event = event.map_err(|error| format!("a plain connection: {error}"))?;
        plain.push(event.as_secs_f64());
        asked.push(ask(binary, &format!("http://{at}"))?.as_secs_f64());
    }
    let spread = |values: Vec<f64>| {
        let counted = values.into_iter().skip(WARM);
        Spread::of(counted).ok_or("no asks to measure")
    };
    Ok(Asks {
        count,
        plain: spread(plain)?,
        asked: spread(asked)?,
    })
}

/// From the start of the process to its first byte.
fn ask(binary: &Path, url: &str) -> Outcome<Duration> {
    let mut command = Command::new(binary);
    command.args(["ask", "why is the sea salty?", "--model", MODEL]);
    command.args(["--url", url]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let failed = |error: std::io::Error| format!("tidegate ask: {error}");
    let began = clock::now();
    let mut child = command.spawn().map_err(failed)?;
    let mut said = [0];
    let mut rest = Vec::new();
    // It ends by itself: the server is ours, and its answer has an end.
    let read = child.stdout.take().map_or(Ok(Duration::ZERO), |mut out| {
        out.read_exact(&mut said)?;
        let first = began.elapsed();
        out.read_to_end(&mut rest).map(|_| first)
    });
    let status = child.wait().map_err(failed)?;
    if !status.success() {
        return Err(format!("tidegate ask ended with {status}"));
    }
    read.map_err(failed)
}
