//! 1,000 slow streams at once: what an open stream takes of memory.
//!
//! Both start anew for this row and are warmed by a few streams, so that the
//! difference is what streams take and not what earlier rows left. Memory is
//! sampled only while all streams are open and have sent something.

use std::{collections::BTreeMap, io, time::Duration};

use super::{
    account::{Cpu, Memory},
    load::{Driver, Fault, Load, Pace, Stop, View, request},
    probe,
    rows::Effort,
    stage::{Stage, Subject},
};
use crate::workspace::Outcome;

/// Streams that are open at once.
pub(crate) const STREAMS: usize = 1_000;
const WARM: usize = 16;
const RAMP: Duration = Duration::from_secs(1);
const SAMPLE_EVERY: Duration = Duration::from_millis(200);
const GRACE: Duration = Duration::from_secs(20);

/// What 1,000 streams took of one subject.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) subject: Subject,
    pub(crate) before: Memory,
    /// The most while all were open; none when they never were.
    pub(crate) open: Option<Memory>,
    /// CPU for all of them, in microseconds each.
    pub(crate) cpu_us: f64,
    pub(crate) ended_right: u64,
    pub(crate) faults: BTreeMap<Fault, u64>,
}

impl Held {
    /// KiB of resident memory for each open stream.
    pub(crate) fn kib_each(&self) -> Option<f64> {
        let grown = self
            .open?
            .resident_kib
            .saturating_sub(self.before.resident_kib);
        Some(grown as f64 / STREAMS as f64)
    }
}

/// Measures nginx, then Tidegate.
pub(crate) fn hold(stage: &mut Stage, effort: &Effort) -> Outcome<[Held; 2]> {
    stage.refresh()?;
    let [nginx, tidegate] = Subject::BETWEEN.map(|subject| {
        let complain = |error: io::Error| {
            stage
                .process(subject)
                .complain(&format!("with {STREAMS} streams: {error}"))
        };
        hold_one(stage, subject, effort.slow_model).map_err(complain)
    });
    Ok([nginx?, tidegate?])
}

fn hold_one(stage: &Stage, subject: Subject, model: &str) -> io::Result<Held> {
    let (at, pid) = (stage.at(subject), stage.process(subject).pid());
    let request = request::chat(at, model, true, 200);
    // The same form without the waits gives the shape at once.
    let quick = request::chat(at, "sim-0-20-0-24", true, 200);
    let expect = probe::call(stage.at(Subject::Direct), &quick)?.shape();
    let stop = |count: usize, after| Stop {
        after,
        count: count as u64,
        grace: GRACE,
    };
    let pace = Pace::Closed { ramp: RAMP };
    let warm = Load {
        at,
        request: &quick,
        expect,
        connections: WARM,
        pace,
    };
    Driver::connect(warm)?.run(stop(WARM * 20, RAMP * 3))?;

    let (before, cpu) = (Memory::of(pid)?, Cpu::of(pid)?);
    let mut open: Option<Memory> = None;
    let mut sampled = Duration::ZERO;
    let mut watch = |view: View| {
        if view.flowing == STREAMS && view.elapsed > sampled + SAMPLE_EVERY {
            let now = Memory::of(pid)?;
            sampled = view.elapsed;
            open = open
                .filter(|most| most.resident_kib > now.resident_kib)
                .or(Some(now));
        }
        Ok(())
    };
    let load = Load {
        at,
        request: &request,
        expect,
        connections: STREAMS,
        pace,
    };
    let tally = Driver::connect(load)?.run_watched(stop(STREAMS, RAMP * 2), &mut watch)?;
    let cpu_us = Cpu::of(pid)?.since(&cpu).as_secs_f64() * 1e6 / STREAMS as f64;
    let ended_right = tally.latencies.len() as u64;
    Ok(Held {
        subject,
        before,
        open,
        cpu_us,
        ended_right,
        faults: tally.faults,
    })
}
