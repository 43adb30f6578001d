//! How a translated call grows: a picture in a request, and a tool's arguments in a
//! stream, beside the same of twice the size.
//!
//! What is counted is the CPU of the whole gateway for the whole call, sockets and
//! all: that is what grows for its operator. What translation alone takes is the
//! `pairs` bench's.

use std::{fmt::Write as _, net::SocketAddr, path::Path, time::Duration};

use super::{
    dialects::{between, round},
    figures::{Figures, Spread},
    load::request,
    process::Folder,
    rows::Effort,
    stage,
};
use crate::workspace::Outcome;

/// The most that twice as much may cost.
pub(crate) const GOAL: f64 = 2.2;

/// Bytes of a picture, and of the arguments of a call.
const PICTURE: usize = 1_000_000;
const ARGUMENTS: usize = 200_000;

/// One at a time: a larger call is not compared with how it waits for another.
const ONE: (usize, Duration) = (1, Duration::ZERO);

/// A caller with a provider of the other dialect, and what it asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) name: &'static str,
    provider: &'static str,
    messages: bool,
    picture: bool,
}

const WAYS: [Way; 4] = [
    Way {
        name: "OpenAI to Anthropic, a picture of 1 MB",
        provider: "anthropic-side",
        messages: false,
        picture: true,
    },
    Way {
        name: "Anthropic to OpenAI, a picture of 1 MB",
        provider: "openai-side",
        messages: true,
        picture: true,
    },
    Way {
        name: "OpenAI to Anthropic, a streamed call of 200 KB",
        provider: "anthropic-side",
        messages: false,
        picture: false,
    },
    Way {
        name: "Anthropic to OpenAI, a streamed call of 200 KB",
        provider: "openai-side",
        messages: true,
        picture: false,
    },
];

/// A way, with a figure a round of its size and of the double.
#[derive(Debug)]
pub(crate) struct Growth {
    pub(crate) way: Way,
    once: Vec<Figures>,
    twice: Vec<Figures>,
}

impl Growth {
    /// How many times the CPU of the single size.
    pub(crate) fn ratio(&self) -> Option<Spread> {
        Spread::of_ratio(&self.twice, &self.once)
    }
}

impl Way {
    fn request(&self, at: SocketAddr, prefix: &str, times: usize) -> Vec<u8> {
        match (self.picture, self.messages) {
            (true, messages) => {
                let model = format!("{prefix}sim-0-1-0-4");
                request::picture(at, &model, messages, times * PICTURE)
            }
            (false, messages) => {
                let model = format!("{prefix}call-{times}");
                request::tool(at, &model, messages)
            }
        }
    }
}

/// Measures all of them, the sizes by turns.
pub(crate) fn measure(binary: &Path, effort: &Effort) -> Outcome<Vec<Growth>> {
    let folder = Folder::make("growth")?;
    let script = folder.write("script.toml", &script())?;
    let simulated = |at: SocketAddr| {
        format!(
            "listen = \"{at}\"\n[providers.sim]\nscript = \"{}\"\n",
            script.display()
        )
    };
    let (_upstream, behind) = stage::tidegate(binary, &folder, simulated)?;
    let (process, at) = stage::tidegate(binary, &folder, |at| between(at, behind))?;
    let drive = |way: &Way, times: usize| -> Outcome<Figures> {
        let own = way.request(behind, "", times);
        let prefix = format!("{}/", way.provider);
        let request = way.request(at, &prefix, times);
        let figures = round((&process, at), &request, (behind, &own), ONE, effort)
            .map_err(|error| process.complain(&error.to_string()))?;
        match figures.faults.is_empty() {
            true => Ok(figures),
            false => Err(format!("{}: {:?}", way.name, figures.faults)),
        }
    };
    let grows = |way: &Way| -> Outcome<Growth> {
        let mut growth = Growth {
            way: *way,
            once: Vec::new(),
            twice: Vec::new(),
        };
        for _ in 0..effort.rounds {
            growth.once.push(drive(way, 1)?);
            growth.twice.push(drive(way, 2)?);
        }
        Ok(growth)
    };
    WAYS.iter().map(grows).collect()
}

/// What the simulated model is told: calls of either size, in pieces of 20 bytes.
fn script() -> String {
    let mut script = String::new();
    for times in [1, 2] {
        let text = "twenty letters long.".repeat(times * ARGUMENTS / 20);
        let _ = write!(
            script,
            "[[rule]]\nmatch.model = \"call-{times}\"\n\
             respond.tool_call = [{{ name = \"f\", arguments = {{ text = \"{text}\" }} }}]\n\
             chunk_bytes = 20\n"
        );
    }
    script
}

/// The table.
pub(crate) fn table(text: &mut String, all: &[Growth]) {
    text.push_str(
        "## Twice as much, from one dialect to another\n\n\
         The same two processes; one call at a time, CPU of the first for the whole call.\n\n\
         | what | CPU, ms | of twice the size | |\n|---|---|---|---|\n",
    );
    for growth in all {
        let shown = |rounds: &[Figures]| {
            let cpu = Figures::of_rounds(rounds).cpu_us;
            cpu.map_or("-".to_owned(), |us| format!("{:.2}", us / 1e3))
        };
        let ratio = growth.ratio().map_or("-".to_owned(), |ratio| {
            format!(
                "{:.2} x ({:.2}-{:.2})",
                ratio.median, ratio.least, ratio.most
            )
        });
        let _ = writeln!(
            text,
            "| {} | {} | {} | {ratio} |",
            growth.way.name,
            shown(&growth.once),
            shown(&growth.twice)
        );
    }
    text.push('\n');
}
