//! The limit as a value: how it follows use (R-D14), what it shares with the
//! others. `limit_adaptive` has the one that listens, `limit_any` any signals.

use std::time::Duration;

use tidegate_kernel::{Clock, Instant, Limit, LimitKind, LimitSettings, Reason, Signal};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Takes as many as it gets, up to `n`.
pub(crate) fn take(limit: &mut Limit, n: usize, now: Instant) -> usize {
    (0..n).take_while(|_| limit.take(now)).count()
}

pub(crate) fn give_back(limit: &mut Limit, n: usize, now: Instant) {
    (0..n).for_each(|_| limit.give_back(now));
}

/// What was decided: from, to, and the label of the reason.
pub(crate) fn decided(limit: &mut Limit) -> Vec<(usize, usize, &'static str)> {
    std::iter::from_fn(|| limit.decided())
        .map(|decision| (decision.from, decision.to, decision.reason.as_str()))
        .collect()
}

pub(crate) fn success(took: Duration) -> Signal {
    Signal::Succeeded {
        first_token: None,
        input_tokens: 0,
        took,
    }
}

pub(crate) fn overload(retry_after: Option<Duration>) -> Signal {
    Signal::Overloaded { retry_after }
}

#[test]
fn promise_1_fixed_is_always_its_size_whatever_is_signalled() {
    let now = Clock.now();
    let mut limit = Limit::new(&LimitSettings::fixed(3), now);
    assert_eq!(take(&mut limit, 10, now), 3);
    limit.signal(overload(Some(SECOND)), now);
    limit.signal(success(SECOND), now);
    limit.tick(now + SECOND);
    assert_eq!((limit.size(), limit.max(), limit.busy()), (3, 3, 3));
    assert_eq!((limit.due(), decided(&mut limit)), (None, vec![]));
    // Smaller: nothing is revoked, and nothing is given before it fits.
    limit.apply(&LimitSettings::fixed(1), now);
    give_back(&mut limit, 2, now);
    assert!(!limit.take(now));
    give_back(&mut limit, 1, now);
    assert!(limit.take(now));
    assert_eq!(decided(&mut limit), [(3, 1, "settings")]);
    limit.apply(&LimitSettings::fixed(0), now);
    give_back(&mut limit, 1, now);
    assert!(!limit.take(now), "none is none");
}

#[test]
fn r_d14_a_burst_from_idle_has_its_maximum_after_three_intervals() {
    let start = Clock.now();
    let mut limit = Limit::new(&LimitSettings::scaled(10, 100), start);
    assert_eq!(limit.size(), 10);
    let mut served = vec![take(&mut limit, 100, start)];
    while limit.busy() < 100 {
        let due = limit.due().expect("it can still grow");
        limit.tick(due - MS);
        assert!(!limit.take(due - MS), "never twice within the interval");
        limit.tick(due);
        let left = 100 - limit.busy();
        served.push(take(&mut limit, left, due));
    }
    // The first growth is before the first wait, at more than 80 % in use.
    assert_eq!(served, [20, 20, 40, 20]);
    assert_eq!(limit.due(), None, "it cannot grow any more");
    let steps: Vec<_> = std::iter::from_fn(|| limit.decided()).collect();
    let at: Vec<_> = steps
        .iter()
        .map(|step| (step.at - start, step.to))
        .collect();
    let interval = 100 * MS;
    assert_eq!(
        at,
        [
            (Duration::ZERO, 20),
            (interval, 40),
            (2 * interval, 80),
            (3 * interval, 100)
        ]
    );
    assert_eq!(steps[0].reason, Reason::Demand { busy: 9 });
}

#[test]
fn r_d14_little_use_shrinks_it_by_steps_and_never_below_its_minimum() {
    let start = Clock.now();
    let mut limit = Limit::new(&LimitSettings::scaled(10, 100), start);
    let mut now = start;
    while limit.size() < 100 {
        now += 100 * MS;
        take(&mut limit, 100, now);
    }
    take(&mut limit, 100, now);
    decided(&mut limit);
    // 30 of 100 stay in use: that is not below 30 per cent.
    give_back(&mut limit, 70, now);
    for _ in 0..3 {
        now += 10 * SECOND;
        limit.tick(now);
    }
    assert_eq!(limit.size(), 100);
    give_back(&mut limit, 10, now);
    let mut sizes = Vec::new();
    for second in 0..60 {
        now += SECOND;
        limit.tick(now);
        if second == 25 {
            give_back(&mut limit, 20, now);
        }
        sizes.push(limit.size());
    }
    sizes.dedup();
    // Half each time, but enough for the 20 that were in use at once.
    assert_eq!(sizes, [100, 50, 25, 12, 10]);
    assert!(limit.busy() == 0 && take(&mut limit, 8, now) == 8);
    let reasons = decided(&mut limit);
    assert!(reasons.iter().all(|(.., reason)| *reason == "idle"));
}

#[test]
fn r_d14_it_shrinks_to_what_was_used_and_not_so_far_that_it_grows_again() {
    let start = Clock.now();
    let settings = LimitSettings {
        factor: 1000,
        ..LimitSettings::scaled(10, 100)
    };
    let mut limit = Limit::new(&settings, start);
    assert_eq!(take(&mut limit, 29, start), 29);
    limit.tick(start + 10 * SECOND);
    assert_eq!(limit.size(), 37, "29 are just under 80 per cent of it");
    limit.tick(start + 20 * SECOND);
    assert_eq!(limit.size(), 37);
}

#[test]
fn r_d14_slow_answers_never_grow_it_and_are_one_alarm() {
    let now = Clock.now();
    let settings = LimitSettings {
        slow: Some(2 * SECOND),
        ..LimitSettings::scaled(10, 100)
    };
    let mut limit = Limit::new(&settings, now);
    for _ in 0..9 {
        limit.signal(success(30 * SECOND), now);
    }
    assert_eq!(decided(&mut limit), [], "nine calls are anecdotes");
    (0..20).for_each(|_| limit.signal(success(30 * SECOND), now));
    assert_eq!(decided(&mut limit), [(10, 10, "slow")]);
    assert_eq!(take(&mut limit, 100, now), 10);
    assert_eq!(limit.due(), None);
    limit.tick(now + 60 * SECOND);
    assert_eq!(limit.size(), 10);
    // Once they are quick again, it may.
    (0..40).for_each(|_| limit.signal(success(SECOND), now + 60 * SECOND));
    limit.tick(now + 60 * SECOND);
    assert_eq!(limit.size(), 20);
}

#[test]
fn r_d14_an_overload_signal_wins_over_growth_until_it_is_over() {
    let start = Clock.now();
    let mut limit = Limit::new(&LimitSettings::scaled(10, 100), start);
    limit.signal(overload(None), start);
    assert_eq!(take(&mut limit, 100, start), 10);
    assert_eq!(limit.due(), Some(start + SECOND));
    // One that says when moves it, and one that says less does not.
    let now = start + SECOND / 2;
    limit.signal(overload(Some(20 * SECOND)), now);
    limit.signal(overload(Some(SECOND)), now);
    assert_eq!(limit.due(), Some(now + 20 * SECOND));
    limit.tick(now + 20 * SECOND - MS);
    assert_eq!(limit.size(), 10);
    limit.tick(now + 20 * SECOND);
    assert_eq!(limit.size(), 20);
    let told = decided(&mut limit);
    assert_eq!(told, [(10, 10, "overloaded"), (10, 20, "demand")]);
    // Row 34 of the failures: more than five minutes is nonsense.
    limit.signal(overload(Some(Duration::MAX)), now + 60 * SECOND);
    assert_eq!(limit.due(), Some(now + 360 * SECOND));
}

#[test]
fn shadow_computes_and_tells_but_holds_nobody() {
    let start = Clock.now();
    let shadow = |settings| LimitSettings {
        shadow: true,
        ..settings
    };
    let mut limit = Limit::new(&shadow(LimitSettings::scaled(10, 100)), start);
    assert_eq!(take(&mut limit, 200, start), 100);
    assert_eq!(
        (limit.size(), limit.computed(), limit.due()),
        (100, 20, None)
    );
    assert_eq!(decided(&mut limit), [(10, 20, "demand")]);
    let mut limit = Limit::new(&shadow(LimitSettings::adaptive(1, 100)), start);
    assert_eq!(take(&mut limit, 60, start), 60);
    (0..50).for_each(|_| limit.signal(success(SECOND), start));
    assert_eq!(limit.computed(), 60, "more in use than computed is in use");
    limit.signal(overload(Some(SECOND)), start + SECOND);
    assert_eq!((limit.size(), limit.computed()), (100, 42));
    assert_eq!(take(&mut limit, 200, start + SECOND), 40);
}

#[test]
fn settings_change_in_place_and_what_was_learned_stays() {
    let now = Clock.now();
    let mut limit = Limit::new(&LimitSettings::scaled(10, 100), now);
    take(&mut limit, 20, now);
    limit.apply(&LimitSettings::scaled(5, 50), now);
    assert_eq!(limit.size(), 20);
    limit.apply(&LimitSettings::scaled(5, 15), now);
    assert_eq!((limit.size(), limit.max(), limit.busy()), (15, 15, 20));
    limit.apply(&LimitSettings::adaptive(1, 50), now);
    assert_eq!(limit.size(), 10, "another kind begins anew");
    let told = decided(&mut limit);
    assert_eq!(told[1..], [(20, 15, "settings"), (15, 10, "settings")]);
}

#[test]
fn promise_5_decisions_that_nobody_fetches_are_bounded() {
    let now = Clock.now();
    let mut limit = Limit::new(&LimitSettings::fixed(1), now);
    (2..100).for_each(|n| limit.apply(&LimitSettings::fixed(n), now));
    let told = decided(&mut limit);
    assert_eq!((told.len(), told.last()), (16, Some(&(98, 99, "settings"))));
}

#[test]
fn settings_that_make_no_sense_do_no_harm() {
    let start = Clock.now();
    for kind in [LimitKind::Fixed, LimitKind::Scaled, LimitKind::Adaptive] {
        let settings = LimitSettings {
            kind,
            min: 9,
            max: 3,
            grow_at: 0,
            shrink_at: 1000,
            factor: 0,
            interval: Duration::MAX,
            shrink_after: Duration::ZERO,
            decrease: 0,
            hard_decrease: 500,
            window: Duration::ZERO,
            slow: Some(Duration::ZERO),
            ..LimitSettings::fixed(3)
        };
        let mut limit = Limit::new(&settings, start);
        for n in 0..100 {
            let now = start + n * SECOND;
            take(&mut limit, 5, now);
            limit.signal(success(Duration::MAX), now);
            limit.signal(overload(Some(Duration::MAX)), now);
            assert!((1..=3).contains(&limit.computed()) && limit.busy() <= 3);
            let back = limit.busy().min(1);
            give_back(&mut limit, back, now);
        }
    }
}
