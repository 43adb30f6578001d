//! The page tells what was found, and tells it as missed when it was; it never
//! leaves out a goal because the figure for it is missing.

use std::collections::BTreeMap;

use super::*;
use crate::bench::{account::Memory, load::Fault, rows::LOADS};

fn figures(cpu_us: Option<f64>, p50_us: f64) -> Figures {
    Figures {
        cpu_us,
        p50_us,
        p99_us: 2000.0,
        per_second: 900.0,
        answers: 10,
        ..Figures::default()
    }
}

fn steady(seconds: f64) -> Spread {
    Spread {
        median: seconds,
        least: seconds,
        most: seconds,
    }
}

fn report(ratio: f64, resident_kib: u64) -> Report {
    let memory = Memory {
        resident_kib,
        peak_kib: 30_000,
    };
    let measured = |row| Measured {
        row,
        medians: [
            figures(None, 100.0),
            figures(Some(10.0), 150.0),
            figures(Some(15.0), 1150.0),
        ],
        ratio: Some(Spread {
            median: ratio,
            least: 1.0,
            most: 9.0,
        }),
        memory: [memory; 2],
        unit_bytes: 200,
    };
    let held = |subject| Held {
        subject,
        before: memory,
        open: Some(Memory {
            resident_kib: resident_kib + 30_000,
            peak_kib: 60_000,
        }),
        cpu_us: 300.0,
        ended_right: 1_000,
        faults: BTreeMap::new(),
    };
    Report {
        machine: Machine {
            model: "Abacus".into(),
            cores: 2,
            ..Machine::default()
        },
        rows: LOADS.iter().map(measured).collect(),
        streams: Some([held(Subject::Nginx), held(Subject::Tidegate)]),
        ready: Some(Spread {
            median: 0.020,
            least: 0.018,
            most: 0.030,
        }),
        asks: Some(Asks {
            count: 30,
            plain: steady(0.021),
            asked: steady(0.030),
        }),
        dialects: Vec::new(),
        reloads: Some(Reloads {
            count: 30,
            took: Spread {
                median: 0.012,
                least: 0.010,
                most: 0.049,
            },
            shown: steady(0.095),
        }),
        nouns: Default::default(),
        growth: Default::default(),
        pairs: Default::default(),
    }
}

#[test]
fn goals_are_reached_or_told_as_missed() {
    let good = report(1.3, 20_000).tables();
    assert!(!good.contains("missed"), "{good}");
    assert!(
        good.contains("| CPU against nginx, unary | 1.30 x (rounds 1.00-9.00) | 1.8 x | reached |")
    );
    assert!(good.contains("| memory for an open stream | 30.0 KiB | 40 KiB | reached |"));
    assert!(good.contains("| process start to ready | 20.0 ms (18.0-30.0) | 150 ms | reached |"));
    let bad = report(1.9, 60_000).tables();
    assert_eq!(bad.matches("**missed**").count(), 3, "{bad}");
    let mut silent = report(1.0, 20_000);
    silent.rows[0].ratio = None;
    let silent = silent.tables();
    assert!(
        silent.contains("| CPU against nginx, unary | no right answers | 1.8 x | **missed** |")
    );
}

#[test]
fn a_step_of_delayed_acknowledgements_is_seen() {
    let mut report = report(1.0, 20_000);
    report.rows[1].medians[2].p50_us = 44_100.0;
    assert!(
        report
            .tables()
            .contains("no step of 40 ms | 44.00 ms added | none | **missed** |")
    );
}

#[test]
fn latency_is_told_against_the_direct_way() {
    let text = report(1.0, 20_000).tables();
    assert!(
        text.contains("| Tidegate | 15.0 | 1.15 ms | 2.00 ms | - | 1.05 ms / 0.00 ms / - | 900")
    );
}

#[test]
fn a_reload_is_judged_by_its_longest_and_ask_by_what_it_adds() {
    let mut report = report(1.0, 20_000);
    let good = report.tables();
    for line in [
        "| a reload that changes 200 providers | 12.0 ms (10.0-49.0) | 50 ms | reached |",
        "| from the rename to the new generation | 95.0 ms (95.0-95.0) |",
        "| `tidegate ask` to its first byte | 9.0 ms added | 20 ms | reached |",
    ] {
        assert!(good.contains(line), "{line} is missing in {good}");
    }
    report.reloads.as_mut().unwrap().took.most = 0.051;
    report.asks.as_mut().unwrap().asked = steady(0.042);
    let bad = report.tables();
    assert!(bad.contains("12.0 ms (10.0-51.0) | 50 ms | **missed** |"));
    assert!(bad.contains("21.0 ms added | 20 ms | **missed** |"));
}

#[test]
fn wrong_answers_are_counted_and_shown() {
    let mut report = report(1.0, 20_000);
    assert_eq!(report.faults(), 0);
    report.rows[0].medians[2].faults = BTreeMap::from([(Fault::Status(503), 3), (Fault::Cut, 1)]);
    assert_eq!(report.faults(), 4);
    assert!(
        report
            .tables()
            .contains("**3 status 503, 1 connection cut**")
    );
}

#[test]
fn the_page_says_where_how_and_how_far_to_trust_it() {
    let page = report(1.0, 20_000).page();
    for part in [
        "2 cores of Abacus",
        "cargo xtask bench",
        "## How it is measured",
        "## Limits",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
    let tables = page.lines().filter(|line| line.starts_with('|'));
    assert!(tables.clone().count() > 40);
    assert!(tables.into_iter().all(|line| line.ends_with('|')));
}
