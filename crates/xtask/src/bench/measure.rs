//! Measures one row: rounds that go to and fro between the subjects.
//!
//! 1. Each round drives every subject, each time in another order, so that drift of
//!    the machine meets all of them.
//! 2. What an answer must look like is asked of the upstream itself, once a row.
//! 3. An answer counts only if the upstream saw the call.

use std::io;

use super::{
    account::{Cpu, Memory},
    clock,
    figures::{Figures, Spread},
    load::{Driver, Expect, Load, Stop, request},
    probe,
    rows::{Effort, Row},
    stage::{Stage, Subject},
};
use crate::workspace::Outcome;

/// More calls than a round can hold; what bounds the memory of its samples.
const MOST_CALLS: u64 = 2_000_000;
/// What is open at the end of a round may take this long.
const GRACE: std::time::Duration = std::time::Duration::from_secs(5);
/// Lets a process settle what it does behind the last answer.
const SETTLE: std::time::Duration = std::time::Duration::from_millis(20);

/// One row as measured.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) row: &'static Row,
    /// Medians in the order of `Subject::ALL`.
    pub(crate) medians: [Figures; 3],
    /// Tidegate's CPU against nginx's.
    pub(crate) ratio: Option<Spread>,
    /// Memory after the row, in the order of `Subject::BETWEEN`.
    pub(crate) memory: [Memory; 2],
    /// Bytes of an event, or of a unary body.
    pub(crate) unit_bytes: u64,
}

/// Runs all rounds of `row`.
pub(crate) fn row(stage: &Stage, row: &'static Row, effort: &Effort) -> Outcome<Measured> {
    let (expect, unit_bytes) = upstreams_own(stage, row)?;
    let mut rounds: [Vec<Figures>; 3] = Default::default();
    for round in 0..effort.rounds {
        for which in order(round) {
            let subject = Subject::ALL[which];
            rounds[which].push(self::round(stage, row, subject, expect, effort)?);
        }
    }
    Ok(Measured {
        row,
        medians: [0, 1, 2].map(|which: usize| Figures::of_rounds(&rounds[which])),
        ratio: Spread::of_ratio(&rounds[2], &rounds[1]),
        memory: memory(stage)?,
        unit_bytes,
    })
}

/// The order of a round's subjects: turned and mirrored from round to round, so that
/// none always comes first, last, or behind the same other.
fn order(round: usize) -> [usize; 3] {
    let mut order = [0, 1, 2].map(|turn: usize| (round + turn) % Subject::ALL.len());
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

/// The memory of those between, in the order of `Subject::BETWEEN`.
pub(crate) fn memory(stage: &Stage) -> Outcome<[Memory; 2]> {
    let of = |subject| {
        let process = stage.process(subject);
        Memory::of(process.pid()).map_err(|error| process.complain(&error.to_string()))
    };
    Ok([of(Subject::Nginx)?, of(Subject::Tidegate)?])
}

/// The shape of the upstream's own answer, and the bytes of an event or a body.
fn upstreams_own(stage: &Stage, row: &Row) -> Outcome<(Expect, u64)> {
    let at = stage.at(Subject::Direct);
    let answer = probe::call(at, &request::chat(at, row.model, row.stream, row.prompt))
        .map_err(|error| format!("the upstream's own answer for {}: {error}", row.name))?;
    let expect = answer.shape();
    answer
        .check(&expect)
        .map_err(|fault| format!("the upstream's own {}: {fault}", row.name))?;
    if row.stream && expect.events < 20 {
        return Err(format!(
            "{} should stream 20 chunks, not {}",
            row.model, expect.events
        ));
    }
    Ok((
        expect,
        answer.body_bytes() / u64::from(expect.events.max(1)),
    ))
}

fn round(
    stage: &Stage,
    row: &Row,
    subject: Subject,
    expect: Expect,
    effort: &Effort,
) -> Outcome<Figures> {
    drive(stage, row, subject, expect, effort).map_err(|error| {
        stage
            .process(subject)
            .complain(&format!("in row {}: {error}", row.name))
    })
}

fn drive(
    stage: &Stage,
    row: &Row,
    subject: Subject,
    expect: Expect,
    effort: &Effort,
) -> io::Result<Figures> {
    let (sim, at) = (stage.at(Subject::Direct), stage.at(subject));
    let request = request::chat(at, row.model, row.stream, row.prompt);
    let seen_before = probe::calls_seen(sim)?;
    let load = Load {
        at,
        request: &request,
        expect,
        connections: row.connections,
        pace: row.pace,
    };
    let mut driver = Driver::connect(load)?;
    let stop = |after| Stop {
        after,
        count: MOST_CALLS,
        grace: GRACE,
    };
    let warm_up = driver.run(stop(effort.warm_up))?;
    let account = || {
        clock::pause(SETTLE);
        Cpu::of(stage.process(subject).pid())
    };
    let before = account()?;
    let tally = driver.run(stop(effort.round))?;
    let used = account()?.since(&before);
    let answered = (warm_up.latencies.len() + tally.latencies.len()) as u64;
    let seen = probe::calls_seen(sim)? - seen_before;
    if seen < answered {
        let problem = format!("answered {answered} calls, but the upstream saw {seen}");
        return Err(io::Error::other(problem));
    }
    let cpu = (subject != Subject::Direct).then_some(used);
    Ok(Figures::of_round(tally, cpu, effort.round))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promise_1_every_subject_has_every_place_and_every_neighbour() {
        let orders: Vec<[usize; 3]> = (0..6).map(order).collect();
        for subject in 0..3 {
            for place in 0..3 {
                assert!(
                    orders.iter().any(|order| order[place] == subject),
                    "{orders:?}"
                );
            }
            for other in (0..3).filter(|other| *other != subject) {
                let behind = |order: &[usize; 3]| order.windows(2).any(|w| w == [other, subject]);
                assert!(
                    orders.iter().any(behind),
                    "{subject} never behind {other}: {orders:?}"
                );
            }
        }
    }
}
