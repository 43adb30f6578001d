//! What the kernel's nouns cost: the `nouns` bench of the kernel, read back.
//!
//! Each stands beside the nearest plain tool in the same run. Only those that
//! somebody waits for are shown; `cargo bench -p tidegate-kernel` shows all.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::workspace::{Outcome, Workspace};

/// One line: what, the bench, the plain bench beside it, the goal in ns.
struct Line {
    what: &'static str,
    ours: &'static str,
    plain: Option<(&'static str, &'static str)>,
    goal_ns: Option<f64>,
}

const fn line(
    what: &'static str,
    ours: &'static str,
    plain: Option<(&'static str, &'static str)>,
    goal_ns: Option<f64>,
) -> Line {
    Line {
        what,
        ours,
        plain,
        goal_ns,
    }
}

/// What is shown. A name that the bench does not tell is an error, so that the
/// table cannot go stale.
const LINES: &[Line] = &[
    line(
        "admission, a permit is idle: ask and give back",
        "admission_uncontended",
        Some(("semaphore", "plain_semaphore_uncontended")),
        Some(300.0),
    ),
    line(
        "admission, 64 tenants wait: a request's whole way",
        "admission_with_tenants_waiting/64",
        Some(("semaphore", "plain_semaphore_with_waiters/64")),
        Some(1000.0),
    ),
    line(
        "queue: put in and take out",
        "queue_hand_over",
        Some(("mpsc", "plain_mpsc_hand_over")),
        None,
    ),
    line(
        "ledger: an entry, opened and settled",
        "ledger_entry",
        Some(("mutex and map", "plain_mutex_map")),
        Some(100.0),
    ),
    line(
        "lane: hand-over to the next",
        "lane_hand_over",
        Some(("mutex", "plain_tokio_mutex_hand_over")),
        Some(1000.0),
    ),
    line(
        "share: hand-over to a write, and back to a read",
        "share_hand_over_to_a_write_and_back",
        Some(("rwlock", "plain_tokio_rwlock_hand_over_to_a_write_and_back")),
        Some(2000.0),
    ),
    line(
        "breaker: a pass and its verdict",
        "breaker_pass_and_settle/t=1",
        Some(("mutex counters", "plain_mutex_counters/t=1")),
        None,
    ),
    line(
        "retry budget: a deposit and a withdrawal",
        "budget_deposit_and_withdraw/t=1",
        None,
        None,
    ),
    line("once: a flight alone", "once_alone", None, None),
    line(
        "relay: an event to 1 subscriber",
        "relay_woken/1",
        Some(("broadcast", "plain_broadcast_woken/1")),
        None,
    ),
    line(
        "relay: an event to 100 subscribers",
        "relay_woken/100",
        Some(("broadcast", "plain_broadcast_woken/100")),
        None,
    ),
    line(
        "relay: an event to 1,000 subscribers",
        "relay_woken/1000",
        Some(("broadcast", "plain_broadcast_woken/1000")),
        None,
    ),
    line(
        "gather: all of 10 pieces",
        "gather_all/10",
        Some(("set of tasks", "plain_join_set_all/10")),
        None,
    ),
    line(
        "gather: the first of 3 pieces, the others dropped",
        "gather_first/3",
        Some(("set of tasks", "plain_join_set_first/3")),
        None,
    ),
    line(
        "merge: an item of one of 100 inputs",
        "merge_of_one/100",
        Some(("forwarding tasks", "plain_forwarding_of_one/100")),
        None,
    ),
    line(
        "merge: an item of each of 100 inputs",
        "merge_of_each/100",
        Some(("forwarding tasks", "plain_forwarding_of_each/100")),
        None,
    ),
    line(
        "reuse: sixteen bodies of 256 KiB at once",
        "sixteen_bodies_reused/262144",
        Some(("allocator", "sixteen_bodies_vec/262144")),
        None,
    ),
];

/// Times in nanoseconds, by the bench's path without its first part.
pub(crate) type Times = BTreeMap<String, f64>;

/// Runs a bench of a package, and reads one of its figures.
pub(super) fn figures(
    workspace: &Workspace,
    package: &str,
    bench: &str,
    figure: Figure,
) -> Outcome<Times> {
    let words = ["bench", "--quiet", "--package", package, "--bench", bench];
    let output = workspace.cargo(&words).output();
    let output =
        output.map_err(|error| format!("the bench of {package} does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "the bench of {package} failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    Ok(read(&String::from_utf8_lossy(&output.stdout), figure))
}

/// Runs the bench.
pub(crate) fn measure(workspace: &Workspace) -> Outcome<Times> {
    let medians = figures(workspace, "tidegate-kernel", "nouns", Figure::Median)?;
    for line in LINES {
        let plain = line.plain.map(|(_, bench)| bench);
        for bench in std::iter::once(line.ours).chain(plain) {
            if !medians.contains_key(bench) {
                return Err(format!("the kernel's bench does not tell `{bench}`"));
            }
        }
    }
    Ok(medians)
}

/// Which figure of a line is read: they stand in columns.
#[derive(Clone, Copy)]
pub(super) enum Figure {
    Fastest = 0,
    Median = 2,
}

/// Reads the tree that the bench prints: a branch is four columns deep.
fn read(tree: &str, figure: Figure) -> Times {
    let mut times = Times::new();
    let mut path: Vec<String> = Vec::new();
    for text in tree.lines() {
        let Some(at) = text.find(['├', '╰']) else {
            continue;
        };
        let depth = text[..at].chars().count() / 3;
        let rest = text[at..].trim_start_matches(['├', '╰', '─', ' ']);
        let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        path.truncate(depth);
        path.push(name.to_owned());
        let time = rest.split('│').nth(figure as usize).and_then(nanoseconds);
        if let (Some(time), Some(own)) = (time, path.get(1..)) {
            times.insert(own.join("/"), time);
        }
    }
    times
}

fn nanoseconds(figure: &str) -> Option<f64> {
    let (number, unit) = figure.trim().split_once(' ')?;
    let worth = match unit.trim() {
        "ns" => 1.0,
        "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * worth)
}

/// The table.
pub(crate) fn table(text: &mut String, medians: &Times) {
    text.push_str(
        "## The kernel's nouns, medians\n\n\
         | what | Tidegate | goal | | a plain tool |\n|---|---|---|---|---|\n",
    );
    for line in LINES {
        let Some(ours) = medians.get(line.ours) else {
            continue;
        };
        let (goal, verdict) = match line.goal_ns {
            Some(goal) if *ours < goal => (shown(goal), "reached"),
            Some(goal) => (shown(goal), "**missed**"),
            None => ("-".to_owned(), ""),
        };
        let plain = line
            .plain
            .and_then(|(name, bench)| Some(format!("{name} {}", shown(*medians.get(bench)?))));
        let _ = writeln!(
            text,
            "| {} | {} | {goal} | {verdict} | {} |",
            line.what,
            shown(*ours),
            plain.unwrap_or_else(|| "-".to_owned()),
        );
    }
    text.push('\n');
}

pub(super) fn shown(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.1} us", ns / 1e3),
        ns => format!("{:.1} ms", ns / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "\
Timer precision: 20 ns
nouns                       fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ of_breaker                             │               │               │               │         │
│  ├─ breaker_pass_and_settle             │               │               │               │         │
│  │  ├─ t=1                79.75 ns      │ 10.64 µs      │ 79.75 ns      │ 188.1 ns      │ 100     │ 100
│  │  ╰─ t=2                79.75 ns      │ 2.033 µs      │ 80 ns         │ 125.4 ns      │ 100     │ 100
│  ╰─ dice_roll             4.915 ns      │ 4.973 ns      │ 4.934 ns      │ 4.936 ns      │ 100     │ 51200
╰─ of_relay                               │               │               │               │         │
   ╰─ relay_woken                         │               │               │               │         │
      ├─ 100                9.433 µs      │ 25.96 µs      │ 9.493 µs      │ 9.841 µs      │ 100     │ 100
      │                     10.6 Mitem/s  │ 3.85 Mitem/s  │ 10.53 Mitem/s │ 10.16 Mitem/s │         │
      ╰─ 1000               86.8 µs       │ 119.4 µs      │ 1.5 ms        │ 93.73 µs      │ 100     │ 100
";

    #[test]
    fn the_tree_is_read_with_its_arguments() {
        let medians = read(TREE, Figure::Median);
        let got: Vec<_> = medians
            .iter()
            .map(|(name, ns)| (name.as_str(), *ns))
            .collect();
        let expected = [
            ("breaker_pass_and_settle/t=1", 79.75),
            ("breaker_pass_and_settle/t=2", 80.0),
            ("dice_roll", 4.934),
            ("relay_woken/100", 9493.0),
            ("relay_woken/1000", 1_500_000.0),
        ];
        assert_eq!(got, expected);
        let fastest = read(TREE, Figure::Fastest);
        assert_eq!(fastest.get("dice_roll"), Some(&4.915));
    }

    #[test]
    fn the_table_tells_goals_and_neighbours() {
        let medians = Times::from([
            ("ledger_entry".to_owned(), 65.5),
            ("plain_mutex_map".to_owned(), 34.0),
            ("lane_hand_over".to_owned(), 1_200.0),
        ]);
        let mut text = String::new();
        table(&mut text, &medians);
        assert!(
            text.contains("| 66 ns | 100 ns | reached | mutex and map 34 ns |"),
            "{text}"
        );
        assert!(
            text.contains("| 1.2 us | 1.0 us | **missed** | - |"),
            "{text}"
        );
    }
}
