//! The overload level: it rises at once, falls slowly, and tells each change.
//! The numbers are those of the promises in `pressure`.

use proptest::prelude::*;
use tidegate_kernel::pressure::HYSTERESIS;
use tidegate_kernel::{Cause, Level, LevelCell, Pressure, Readings};

fn read(cause: Cause, part: f64) -> Readings {
    Readings::new().with(cause, part, 1.0)
}

#[test]
fn promise_1_the_worst_gauge_decides_and_a_rise_is_immediate() {
    let mut pressure = Pressure::new();
    assert_eq!(pressure.sample(read(Cause::Memory, 0.79)), None);
    let worst = read(Cause::Memory, 0.5).with(Cause::Bytes, 980.0, 1000.0);
    let change = pressure.sample(worst).unwrap();
    assert_eq!((change.from, change.to), (Level::Calm, Level::Extreme));
    assert_eq!((change.cause, change.reading), (Cause::Bytes, 0.98));
    assert_eq!(pressure.level(), Level::Extreme);
}

#[test]
fn promise_2_it_falls_step_by_step_five_per_cent_below() {
    let mut pressure = Pressure::new();
    pressure.sample(read(Cause::Memory, 1.2));
    let falls = [
        (0.94, Level::Extreme),
        (0.92, Level::Critical),
        (0.89, Level::High),
        (0.86, Level::High),
        (0.84, Level::Busy),
        (0.76, Level::Busy),
        (0.74, Level::Calm),
    ];
    for (part, level) in falls {
        pressure.sample(read(Cause::Memory, part));
        assert_eq!(pressure.level(), level, "at {part}");
    }
}

#[test]
fn promise_3_a_change_is_told_once_with_the_gauge_that_holds_the_level() {
    let mut pressure = Pressure::new();
    let both = read(Cause::Memory, 0.99).with(Cause::Files, 0.96, 1.0);
    assert_eq!(pressure.sample(both).unwrap().cause, Cause::Memory);
    assert_eq!(pressure.sample(both), None);
    let change = pressure.sample(read(Cause::Files, 0.96)).unwrap();
    assert_eq!((change.to, change.cause), (Level::Critical, Cause::Files));
    let change = pressure.sample(read(Cause::Lag, 0.1)).unwrap();
    assert_eq!((change.to, change.cause), (Level::Calm, Cause::Lag));
    assert_eq!(pressure.changes(), 3);
}

#[test]
fn nobody_is_ended_for_files_or_lag() {
    for cause in [Cause::Files, Cause::Lag] {
        let mut pressure = Pressure::new();
        pressure.sample(read(cause, 50.0));
        assert_eq!(pressure.level(), Level::Critical, "{cause:?}");
    }
}

#[test]
fn what_cannot_be_known_presses_nobody() {
    for (used, limit) in [
        (1.0, 0.0),
        (f64::NAN, 1.0),
        (-1.0, 1.0),
        (1.0, f64::INFINITY),
    ] {
        let mut pressure = Pressure::new();
        let readings = Readings::new().with(Cause::Memory, used, limit);
        assert_eq!(pressure.sample(readings), None, "{used} of {limit}");
    }
}

#[test]
fn a_cell_holds_every_level() {
    let cell = LevelCell::default();
    assert_eq!(cell.get(), Level::Calm);
    for level in Level::ALL {
        cell.set(level);
        assert_eq!(cell.get(), level);
    }
}

fn reached(reading: f64, slack: f64) -> Level {
    let reaches = |level: &Level| reading >= level.threshold() - slack;
    Level::ALL.into_iter().rfind(reaches).unwrap()
}

fn some_readings() -> impl Strategy<Value = Readings> {
    prop::array::uniform4(0.0..1.5_f64).prop_map(|parts| {
        let each = Cause::ALL.into_iter().zip(parts);
        each.fold(Readings::new(), |all, (cause, part)| {
            all.with(cause, part, 1.0)
        })
    })
}

proptest! {
    #[test]
    fn promises_1_and_2_the_level_lies_between_reached_and_left(
        samples in prop::collection::vec(some_readings(), 1..50),
    ) {
        let mut pressure = Pressure::new();
        let mut changes = 0;
        for readings in samples {
            let before = pressure.level();
            let change = pressure.sample(readings);
            changes += u64::from(change.is_some());
            prop_assert_eq!(change.map(|change| change.from), change.map(|_| before));
            let level = |slack| {
                let each = Cause::ALL.map(|cause| {
                    reached(readings.of(cause), slack).min(cause.most())
                });
                each.into_iter().max().unwrap()
            };
            prop_assert!(level(0.0) <= pressure.level() && pressure.level() <= level(HYSTERESIS));
        }
        prop_assert_eq!(pressure.changes(), changes);
    }

    #[test]
    fn promise_2_a_small_swing_never_goes_back_and_forth(
        low in 0.0..1.1_f64,
        swings in prop::collection::vec(0.0..0.0499_f64, 2..50),
    ) {
        let mut pressure = Pressure::new();
        let mut turns: Vec<bool> = swings
            .into_iter()
            .filter_map(|swing| pressure.sample(read(Cause::Memory, low + swing)))
            .map(|change| change.to > change.from)
            .collect();
        turns.dedup();
        prop_assert!(turns.len() <= 1, "{:?}", turns);
    }
}
