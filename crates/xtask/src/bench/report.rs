//! The report: the same text on the terminal and in `docs/benchmarks.md`.
//!
//! Figures stand beside what we mean to reach; a goal that was missed is told as
//! such. A figure is never a test: only wrong answers make the run fail.

use std::fmt::Write as _;

use super::{
    asks::Asks,
    dialects,
    figures::{Figures, Spread},
    growth,
    machine::Machine,
    measure::Measured,
    nouns::{self, Times},
    pairs, prose,
    reloads::{self, Reloads},
    stage::Subject,
    streams::Held,
};

/// Memory before the slow streams, in MB.
const MEMORY_GOAL_MB: f64 = 40.0;
/// Memory for each open stream, in KiB.
const STREAM_GOAL_KIB: f64 = 40.0;
/// From process start to ready, in milliseconds.
const READY_GOAL_MS: f64 = 150.0;
/// What `tidegate ask` adds, in milliseconds.
const ASK_GOAL_MS: f64 = 20.0;
/// The longest reload of 200 changed providers, in milliseconds.
const RELOAD_GOAL_MS: f64 = 50.0;
/// A stream that waits for a delayed acknowledgement takes 40 ms more.
const STEP_US: f64 = 20_000.0;

/// Everything that a run found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) rows: Vec<Measured>,
    pub(crate) streams: Option<[Held; 2]>,
    /// Seconds from process start to ready.
    pub(crate) ready: Option<Spread>,
    /// What `tidegate ask` adds.
    pub(crate) asks: Option<Asks>,
    /// What a call costs from one dialect to another.
    pub(crate) dialects: Vec<dialects::Costs>,
    /// What twice as much costs there.
    pub(crate) growth: Vec<growth::Growth>,
    /// What reloads take.
    pub(crate) reloads: Option<Reloads>,
    /// What the kernel's nouns cost.
    pub(crate) nouns: Times,
    /// What translation alone takes, by size.
    pub(crate) pairs: Times,
}

impl Report {
    /// Wrong answers of all rows and subjects.
    pub(crate) fn faults(&self) -> u64 {
        let rows = self
            .rows
            .iter()
            .flat_map(|row| &row.medians)
            .flat_map(|f| f.faults.values());
        let held = self
            .streams
            .iter()
            .flatten()
            .flat_map(|held| held.faults.values());
        rows.chain(held).sum()
    }

    /// The figures alone: goals, then a table a row.
    pub(crate) fn tables(&self) -> String {
        let mut text = String::new();
        self.goals(&mut text);
        for measured in &self.rows {
            row(&mut text, measured);
        }
        if let Some(streams) = &self.streams {
            held(&mut text, streams);
        }
        if !self.rows.is_empty() {
            memory(&mut text, &self.rows);
        }
        if let Some(asks) = &self.asks {
            asked(&mut text, asks);
        }
        if !self.dialects.is_empty() {
            dialects::table(&mut text, &self.dialects);
        }
        if !self.growth.is_empty() {
            growth::table(&mut text, &self.growth);
        }
        if let Some(reloads) = &self.reloads {
            reloaded(&mut text, reloads);
        }
        if !self.nouns.is_empty() {
            nouns::table(&mut text, &self.nouns);
        }
        if !self.pairs.is_empty() {
            pairs::table(&mut text, &self.pairs);
        }
        text
    }

    /// The whole page.
    pub(crate) fn page(&self) -> String {
        let machine = &self.machine;
        format!(
            "{}\n{} cores of {}, {} GiB, Linux {}. {}, commit {}. {}; nginx {}; {}.\n\n{}\n{}",
            prose::OPENING,
            machine.cores,
            machine.model,
            machine.memory_gib,
            machine.kernel,
            machine.date,
            machine.commit,
            machine.tidegate,
            machine.nginx,
            machine.rustc,
            self.tables(),
            prose::METHOD,
        )
    }

    fn goals(&self, text: &mut String) {
        text.push_str(
            "## What we mean to reach\n\n| what | figure | goal | |\n|---|---|---|---|\n",
        );
        let mut goal = |what: &str, figure: String, goal: &str, met: bool| {
            let verdict = if met { "reached" } else { "**missed**" };
            let _ = writeln!(text, "| {what} | {figure} | {goal} | {verdict} |");
        };
        for measured in &self.rows {
            if let Some(most) = measured.row.goal {
                let what = format!("CPU against nginx, {}", measured.row.name);
                let figure = measured.ratio.map_or("no right answers".into(), ratio);
                let met = measured.ratio.is_some_and(|ratio| ratio.median <= most);
                goal(&what, figure, &format!("{most} x"), met);
            }
            if measured.row.name == "burst" {
                let added = measured.medians[2].p50_us - measured.medians[0].p50_us;
                let figure = format!("{} added", milliseconds(added));
                goal(
                    "p50 of a burst stream: no step of 40 ms",
                    figure,
                    "none",
                    added < STEP_US,
                );
            }
        }
        if let Some(last) = self.rows.last() {
            let mb = last.memory[1].resident_kib as f64 * 1024.0 / 1e6;
            let what = "resident memory before the slow streams";
            goal(what, format!("{mb:.1} MB"), "40 MB", mb < MEMORY_GOAL_MB);
        }
        if let Some(each) = self
            .streams
            .as_ref()
            .map(|[_, tidegate]| tidegate.kib_each())
        {
            let figure = each.map_or("never all open".into(), |kib| format!("{kib:.1} KiB"));
            let met = each.is_some_and(|kib| kib <= STREAM_GOAL_KIB);
            goal("memory for an open stream", figure, "40 KiB", met);
        }
        if let Some(ready) = self.ready {
            let met = ready.median * 1e3 < READY_GOAL_MS;
            goal("process start to ready", seconds(ready), "150 ms", met);
        }
        if let Some(asks) = &self.asks {
            let ms = asks.added() * 1e3;
            let what = "`tidegate ask` to its first byte";
            goal(what, format!("{ms:.1} ms added"), "20 ms", ms < ASK_GOAL_MS);
        }
        for costs in &self.dialects {
            for (way, ratio) in costs.translated() {
                let what = format!("CPU against passing on, {}, {way}", costs.load.name);
                let (most, met) = (dialects::GOAL, ratio.median <= dialects::GOAL);
                goal(&what, self::ratio(ratio), &format!("{most} x"), met);
            }
        }
        if let Some(Reloads { took, .. }) = self.reloads {
            let what = format!("a reload that changes {} providers", reloads::PROVIDERS);
            // Each of them, not the middle one.
            let met = took.most * 1e3 < RELOAD_GOAL_MS;
            goal(&what, seconds(took), "50 ms", met);
        }
        for growth in &self.growth {
            if let Some(ratio) = growth.ratio() {
                let what = format!("CPU of twice as much: {}", growth.way.name);
                let (most, met) = (format!("{} x", growth::GOAL), ratio.median <= growth::GOAL);
                goal(&what, self::ratio(ratio), &most, met);
            }
        }
        text.push('\n');
    }
}

fn row(text: &mut String, measured: &Measured) {
    let Measured {
        row,
        medians,
        unit_bytes,
        ..
    } = measured;
    let unit = if row.stream { "an event" } else { "an answer" };
    let _ = writeln!(
        text,
        "## {}\n\n`{}`: {unit} has {unit_bytes} bytes.\n",
        row.title, row.model
    );
    let first = if row.stream { " first event p50 |" } else { "" };
    let _ = writeln!(
        text,
        "| | CPU, us | p50 | p99 | p99.9 | added p50 / p99 / p99.9 |{first} per second | answers | wrong |"
    );
    let _ = writeln!(
        text,
        "|---|---|---|---|---|---|{}---|---|---|",
        if row.stream { "---|" } else { "" }
    );
    let direct = &medians[0];
    for (subject, figures) in Subject::ALL.into_iter().zip(medians) {
        let cpu = figures.cpu_us.map_or("-".into(), |us| format!("{us:.1}"));
        let p999 = figures.p999_us.map_or("-".into(), milliseconds);
        let added = if subject == Subject::Direct {
            "-".into()
        } else {
            added(figures, direct)
        };
        let first = if row.stream {
            format!(" {} |", figures.first_us.map_or("-".into(), milliseconds))
        } else {
            String::new()
        };
        let _ = writeln!(
            text,
            "| {} | {cpu} | {} | {} | {p999} | {added} |{first} {:.0} | {} | {} |",
            subject.name(),
            milliseconds(figures.p50_us),
            milliseconds(figures.p99_us),
            figures.per_second,
            figures.answers,
            wrong(&figures.faults),
        );
    }
    text.push('\n');
}

fn held(text: &mut String, streams: &[Held; 2]) {
    let _ = writeln!(
        text,
        "## {} slow streams, open at once\n\n| | before, MB | all open, MB | KiB a stream | \
         CPU a stream, us | ended right | wrong |\n|---|---|---|---|---|---|---|",
        super::streams::STREAMS
    );
    for held in streams {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {:.0} | {} | {} |",
            held.subject.name(),
            megabytes(held.before.resident_kib),
            held.open
                .map_or("-".into(), |open| megabytes(open.resident_kib)),
            held.kib_each()
                .map_or("-".into(), |kib| format!("{kib:.1}")),
            held.cpu_us,
            held.ended_right,
            wrong(&held.faults),
        );
    }
    text.push('\n');
}

fn asked(text: &mut String, asks: &Asks) {
    let _ = writeln!(
        text,
        "## `tidegate ask`, {} times\n\n| time to the first token | median (range) |\n|---|---|\n\
         | a plain connection, first event | {} |\n\
         | `tidegate ask`, from the start of its process | {} |\n",
        asks.count,
        seconds(asks.plain),
        seconds(asks.asked),
    );
}

fn reloaded(text: &mut String, reloads: &Reloads) {
    let _ = writeln!(
        text,
        "## {} reloads, each changes {} providers\n\n| | median (range) |\n|---|---|\n\
         | the work, as the process tells it | {} |\n\
         | from the rename to the new generation | {} |\n",
        reloads.count,
        reloads::PROVIDERS,
        seconds(reloads.took),
        seconds(reloads.shown),
    );
}

fn memory(text: &mut String, rows: &[Measured]) {
    text.push_str("## Resident memory after each row, and the peak so far, in MB\n\n");
    text.push_str(
        "| after | nginx | nginx peak | Tidegate | Tidegate peak |\n|---|---|---|---|---|\n",
    );
    for measured in rows {
        let [nginx, tidegate] = measured.memory;
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            measured.row.name,
            megabytes(nginx.resident_kib),
            megabytes(nginx.peak_kib),
            megabytes(tidegate.resident_kib),
            megabytes(tidegate.peak_kib),
        );
    }
    text.push('\n');
}

fn added(figures: &Figures, direct: &Figures) -> String {
    let tail = match (figures.p999_us, direct.p999_us) {
        (Some(ours), Some(direct)) => milliseconds(ours - direct),
        _ => "-".into(),
    };
    let p50 = milliseconds(figures.p50_us - direct.p50_us);
    format!(
        "{p50} / {} / {tail}",
        milliseconds(figures.p99_us - direct.p99_us)
    )
}

fn wrong(faults: &std::collections::BTreeMap<super::load::Fault, u64>) -> String {
    if faults.is_empty() {
        return "0".into();
    }
    let each = faults
        .iter()
        .map(|(fault, count)| format!("{count} {fault}"));
    format!("**{}**", each.collect::<Vec<_>>().join(", "))
}

fn ratio(spread: Spread) -> String {
    let (least, most) = (spread.least, spread.most);
    format!("{:.2} x (rounds {least:.2}-{most:.2})", spread.median)
}

/// A spread of seconds.
fn seconds(spread: Spread) -> String {
    let Spread {
        median,
        least,
        most,
    } = spread;
    let (ms, least, most) = (median * 1e3, least * 1e3, most * 1e3);
    format!("{ms:.1} ms ({least:.1}-{most:.1})")
}

fn milliseconds(us: f64) -> String {
    if us.is_nan() {
        "-".into()
    } else {
        format!("{:.2} ms", us / 1e3)
    }
}

fn megabytes(kib: u64) -> String {
    format!("{:.1}", kib as f64 * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests;
