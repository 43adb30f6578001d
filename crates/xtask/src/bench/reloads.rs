//! What a reload takes when it changes 200 providers at once.
//!
//! 1. Each file says of every provider another address, other permits and other
//!    models, so nothing can be kept but names; a reload that changed fewer fails.
//! 2. The work is what the process itself says of it (`took_us` of its log); the
//!    way is from the rename to the first page that shows the new generation.

use std::{fmt::Write as _, fs, net::SocketAddr, path::Path, process::Command, time::Duration};

use super::{
    clock,
    figures::Spread,
    probe,
    process::{Folder, Process, free_address},
};
use crate::workspace::Outcome;

/// Providers of the file.
pub(crate) const PROVIDERS: usize = 200;
/// How long one reload may take to show.
const WITHIN: Duration = Duration::from_secs(10);
/// Seldom enough that the looks do not take what is measured.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// What the process says of a reload.
const LINE: &str = "the configuration was reloaded";

/// What was found.
#[derive(Debug)]
pub(crate) struct Reloads {
    /// How many there were.
    pub(crate) count: usize,
    /// Seconds that the process says a reload took.
    pub(crate) took: Spread,
    /// Seconds from the rename of the file to the new generation.
    pub(crate) shown: Spread,
}

/// Reloads `count` times, in a process of its own.
pub(crate) fn measure(binary: &Path, count: usize) -> Outcome<Reloads> {
    let folder = Folder::make("bench-reload")?;
    let at = free_address()?;
    let file = folder.write("gate.toml", &configuration(at, 0))?;
    let mut command = Command::new(binary);
    command.arg("serve").arg("--config").arg(&file);
    let mut process = Process::start("reload", &mut command, folder.path())?;
    process.ready(at, "/readyz")?;
    let mut shown = Vec::with_capacity(count);
    for turn in 1..=count {
        let fresh = folder.write("gate.new", &configuration(at, turn))?;
        let began = clock::now();
        fs::rename(&fresh, &file).map_err(|error| format!("the new file: {error}"))?;
        // The start was the first.
        let generation = turn as u64 + 1;
        while !probe::generation(at).is_ok_and(|now| now >= generation) {
            if began.elapsed() > WITHIN {
                return Err(process.complain(&format!("did not take configuration {generation}")));
            }
            clock::pause(LOOK_EVERY);
        }
        shown.push(began.elapsed().as_secs_f64());
    }
    let took = told(&process, count)?;
    let spread = |values: Vec<f64>| Spread::of(values.into_iter()).ok_or("no reloads to measure");
    Ok(Reloads {
        count,
        took: spread(took)?,
        shown: spread(shown)?,
    })
}

/// What the log says of all of them, in seconds; it is written a little later.
fn told(process: &Process, count: usize) -> Outcome<Vec<f64>> {
    let began = clock::now();
    loop {
        let took = took(&process.said()).map_err(|what| process.complain(&what))?;
        if took.len() == count {
            return Ok(took);
        }
        if began.elapsed() > WITHIN {
            let problem = format!("told of {} reloads, not of {count}", took.len());
            return Err(process.complain(&problem));
        }
        clock::pause(LOOK_EVERY);
    }
}

/// The seconds of every whole line that tells of a reload.
fn took(log: &str) -> Outcome<Vec<f64>> {
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let lines = whole.lines().filter(|line| line.contains(LINE));
    let each = lines.map(|line| {
        let changed = line.matches("provider-").count();
        if changed != PROVIDERS {
            return Err(format!("changed {changed} providers of {PROVIDERS}"));
        }
        let micros = probe::number(line, "took_us").ok_or("took_us is not told")?;
        Ok(micros as f64 / 1e6)
    });
    each.collect()
}

/// The `turn`-th file: of no provider it says what another turn's says.
fn configuration(at: SocketAddr, turn: usize) -> String {
    let mut text = format!("listen = \"{at}\"\nchecks = \"off\"\n");
    for provider in 0..PROVIDERS {
        let size = 16 + turn % 48;
        // Nobody calls them, so nobody need answer there.
        let _ = write!(
            text,
            "\n[providers.provider-{provider:03}]\n\
             kind = \"openai\"\n\
             base_url = \"http://127.0.0.1:9/turn-{turn}/v1\"\n\
             keys = [{{ name = \"main\", value = \"sk-bench-{provider}\" }}]\n\
             models = [\"model-{provider}-{turn}\", \"family-{provider}-*\"]\n\
             pool = {{ size = {size}, queue = {} }}\n",
            size * 4,
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promise_1_no_provider_of_one_turn_is_said_by_another() {
        let at = SocketAddr::from(([127, 0, 0, 1], 9));
        let (one, two) = (configuration(at, 1), configuration(at, 2));
        let of = |text: &str| text.split("\n\n").skip(1).map(str::to_owned).collect();
        let (one, two): (Vec<String>, Vec<String>) = (of(&one), of(&two));
        assert_eq!((one.len(), two.len()), (PROVIDERS, PROVIDERS));
        assert!(one.iter().zip(&two).all(|(one, two)| one != two));
    }

    #[test]
    fn promise_2_the_log_is_read_as_far_as_it_is_whole() {
        let names: Vec<String> = (0..PROVIDERS).map(|n| format!("provider-{n}")).collect();
        let line = |micros| {
            let names = names.join(", ");
            format!("INFO {LINE} generation=2 changed=\"{names}\" took_us={micros}\n")
        };
        let log = format!("INFO ready\n{}{}", line(1_500), line(250_000));
        assert_eq!(took(&log).unwrap(), [0.0015, 0.25]);
        assert_eq!(took(log.trim_end()).unwrap(), [0.0015]);
        let few = line(10).replace("provider-7,", "");
        assert!(took(&few).unwrap_err().contains("199 providers"));
    }
}
