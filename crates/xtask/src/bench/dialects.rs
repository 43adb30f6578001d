//! What translating costs beside passing on: one Tidegate before another, which
//! speaks both dialects and simulates the model.
//!
//! 1. The same process is driven in all ways by turns, so that drift of the
//!    machine meets all of them.
//! 2. What an answer must look like is asked of the upstream itself, in the
//!    caller's dialect.

use std::{fmt::Write as _, io, net::SocketAddr, path::Path, time::Duration};

use super::{
    account::Cpu,
    clock,
    figures::{Figures, Spread},
    load::{Driver, Expect, Load, Pace, Stop, request},
    probe,
    process::{Folder, Process},
    rows::Effort,
    stage,
};
use crate::workspace::Outcome;

/// The most that a translated call may cost, in calls that pass.
pub(crate) const GOAL: f64 = 2.5;

const MOST_CALLS: u64 = 2_000_000;
const GRACE: Duration = Duration::from_secs(5);
const SETTLE: Duration = Duration::from_millis(20);
const PROMPT: usize = 200;

/// A caller and a provider: the first two pass.
const WAYS: [Way; 4] = [
    Way {
        name: "OpenAI to OpenAI",
        provider: "openai-side",
        messages: false,
        passes: None,
    },
    Way {
        name: "Anthropic to Anthropic",
        provider: "anthropic-side",
        messages: true,
        passes: None,
    },
    Way {
        name: "OpenAI to Anthropic",
        provider: "anthropic-side",
        messages: false,
        passes: Some(0),
    },
    Way {
        name: "Anthropic to OpenAI",
        provider: "openai-side",
        messages: true,
        passes: Some(1),
    },
];

struct Way {
    name: &'static str,
    provider: &'static str,
    /// The caller speaks Anthropic's Messages, and not OpenAI's chat.
    messages: bool,
    /// With which way of its caller it is compared, if it is translated.
    passes: Option<usize>,
}

impl Way {
    fn request(&self, at: SocketAddr, model: &str, stream: bool) -> Vec<u8> {
        match self.messages {
            true => request::message(at, model, stream, PROMPT),
            false => request::chat(at, model, stream, PROMPT),
        }
    }
}

/// What is asked.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) name: &'static str,
    title: &'static str,
    model: &'static str,
    stream: bool,
    connections: usize,
    ramp: Duration,
}

static LOADS: [Asked; 2] = [
    Asked {
        name: "unary",
        title: "unary calls, 8 connections, closed loop",
        model: "sim-0-20-0-24",
        stream: false,
        connections: 8,
        ramp: Duration::ZERO,
    },
    Asked {
        name: "paced",
        title: "streams of 20 chunks, 10 ms apart, 100 at a time",
        model: "sim-0-20-10-24",
        stream: true,
        connections: 100,
        ramp: Duration::from_millis(200),
    },
];

/// One load in all ways.
#[derive(Debug)]
pub(crate) struct Costs {
    pub(crate) load: &'static Asked,
    /// In the order of the ways; a figure a round.
    rounds: [Vec<Figures>; WAYS.len()],
}

impl Costs {
    /// The ways that translate, and their CPU against their caller's own dialect.
    pub(crate) fn translated(&self) -> impl Iterator<Item = (&'static str, Spread)> {
        let ways = WAYS.iter().zip(&self.rounds);
        ways.filter_map(|(way, rounds)| {
            let passes = &self.rounds[way.passes?];
            Some((way.name, Spread::of_ratio(rounds, passes)?))
        })
    }
}

/// Measures both loads.
pub(crate) fn measure(binary: &Path, effort: &Effort) -> Outcome<Vec<Costs>> {
    let folder = Folder::make("dialects")?;
    let (_upstream, behind) = stage::tidegate(binary, &folder, simulated)?;
    let (process, at) = stage::tidegate(binary, &folder, |at| between(at, behind))?;
    LOADS
        .iter()
        .map(|load| {
            let mut costs = Costs {
                load,
                rounds: Default::default(),
            };
            for round in 0..effort.rounds {
                for turn in 0..WAYS.len() {
                    let which = (round + turn) % WAYS.len();
                    let figures = drive(load, &WAYS[which], (&process, at), behind, effort)
                        .map_err(|error| process.complain(&error.to_string()))?;
                    if !figures.faults.is_empty() {
                        let faults = &figures.faults;
                        return Err(format!("{}, {}: {faults:?}", load.name, WAYS[which].name));
                    }
                    costs.rounds[which].push(figures);
                }
            }
            Ok(costs)
        })
        .collect()
}

fn drive(
    asked: &Asked,
    way: &Way,
    (process, at): (&Process, SocketAddr),
    behind: SocketAddr,
    effort: &Effort,
) -> io::Result<Figures> {
    let own = way.request(behind, asked.model, asked.stream);
    let model = format!("{}/{}", way.provider, asked.model);
    let request = way.request(at, &model, asked.stream);
    let pace = (asked.connections, asked.ramp);
    round((process, at), &request, (behind, &own), pace, effort)
}

/// One round of `request`, whose answers look as that to `own` does behind it.
pub(super) fn round(
    (process, at): (&Process, SocketAddr),
    request: &[u8],
    (behind, own): (SocketAddr, &[u8]),
    (connections, ramp): (usize, Duration),
    effort: &Effort,
) -> io::Result<Figures> {
    let own = probe::call(behind, own)?;
    let expect = Expect {
        // Names of models and ids differ by some bytes.
        bytes: own.shape().bytes / 2,
        ..own.shape()
    };
    let mut driver = Driver::connect(Load {
        at,
        request,
        expect,
        connections,
        pace: Pace::Closed { ramp },
    })?;
    let stop = |after| Stop {
        after,
        count: MOST_CALLS,
        grace: GRACE,
    };
    driver.run(stop(effort.warm_up))?;
    let account = || {
        clock::pause(SETTLE);
        Cpu::of(process.pid())
    };
    let before = account()?;
    let tally = driver.run(stop(effort.round))?;
    let used = account()?.since(&before);
    Ok(Figures::of_round(tally, Some(used), effort.round))
}

/// The upstream: the simulated model, asked in either dialect.
fn simulated(at: SocketAddr) -> String {
    format!("listen = \"{at}\"\n[providers.sim]\npool = {{ {POOL} }}\n")
}

/// What is measured: a provider of each dialect, at the same upstream.
pub(super) fn between(at: SocketAddr, behind: SocketAddr) -> String {
    let provider = |name: &str, kind: &str, path: &str| {
        format!(
            "[providers.{name}]\nkind = \"{kind}\"\nbase_url = \"http://{behind}{path}\"\n\
             keys = [{{ name = \"main\", value = \"sk-bench\" }}]\nmodels = [\"*\"]\n\
             pool = {{ {POOL} }}\n"
        )
    };
    format!(
        "listen = \"{at}\"\n{}{}",
        provider("openai-side", "openai", "/v1"),
        provider("anthropic-side", "anthropic", "")
    )
}

const POOL: &str = "size = 500, min = 500, queue = 500, overflow = \"block\", max_wait = \"10s\"";

/// The table.
pub(crate) fn table(text: &mut String, all: &[Costs]) {
    text.push_str(
        "## From one dialect to another\n\n\
         One Tidegate before another one, which simulates the model and speaks both dialects;\n\
         CPU is that of the first. Beside it: against the caller's own dialect, passed on.\n\n\
         | what | | CPU, us | p50 | |\n|---|---|---|---|---|\n",
    );
    for costs in all {
        for (way, rounds) in WAYS.iter().zip(&costs.rounds) {
            let figures = Figures::of_rounds(rounds);
            let cpu = figures
                .cpu_us
                .map_or("-".to_owned(), |us| format!("{us:.1}"));
            let against = way.passes.and_then(|passes| {
                let ratio = Spread::of_ratio(rounds, &costs.rounds[passes])?;
                Some(format!(
                    "{:.2} x ({:.2}-{:.2})",
                    ratio.median, ratio.least, ratio.most
                ))
            });
            let _ = writeln!(
                text,
                "| {} | {} | {cpu} | {:.2} ms | {} |",
                costs.load.title,
                way.name,
                figures.p50_us / 1e3,
                against.unwrap_or_else(|| "passes".to_owned()),
            );
        }
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_that_is_translated_is_compared_with_its_callers_own() {
        for way in &WAYS {
            if let Some(passes) = way.passes {
                let own = &WAYS[passes];
                assert!(own.passes.is_none());
                assert_eq!(own.messages, way.messages, "{}", way.name);
                assert_ne!(own.provider, way.provider, "{}", way.name);
            }
        }
    }
}
