//! The limit that listens to its upstream: what each signal does to it, and
//! what it does by itself (R-D14, with `adaptive`).

use std::time::Duration;

use tidegate_kernel::{Clock, Instant, Limit, LimitSettings, Reason, Signal};

use crate::limit::{decided, give_back, overload, success, take};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn adaptive(now: Instant) -> Limit {
    Limit::new(&LimitSettings::adaptive(1, 100), now)
}

/// Ends a call well and begins the next, `n` times: all permits stay in use.
fn succeed(limit: &mut Limit, n: usize, now: Instant) {
    for _ in 0..n {
        take(limit, 100, now);
        limit.signal(success(SECOND), now);
        limit.give_back(now);
    }
    take(limit, 100, now);
}

fn refuse(limit: &mut Limit, retry_after: Option<Duration>, now: Instant) {
    limit.signal(overload(retry_after), now);
    limit.give_back(now);
}

/// In use up to `n`, where the upstream said no for the first time.
fn at_ceiling(n: usize, now: Instant) -> Limit {
    let mut limit = adaptive(now);
    while limit.busy() < n + 1 {
        succeed(&mut limit, 1, now);
    }
    refuse(&mut limit, None, now);
    decided(&mut limit);
    limit
}

#[test]
fn promise_3_a_burst_of_refusals_is_one_decrease_a_window() {
    let start = Clock.now();
    let mut limit = adaptive(start);
    succeed(&mut limit, 10, start);
    assert_eq!((limit.size(), limit.busy()), (20, 20), "doubled in a round");
    (0..20).for_each(|_| refuse(&mut limit, None, start));
    // Growth that was not told yet is told first.
    let told = [
        (10, 11, "success"),
        (11, 20, "success"),
        (20, 17, "overloaded"),
    ];
    assert_eq!(decided(&mut limit), told);
    // What was out is refused in the next window too: one decrease again.
    let later = start + SECOND;
    take(&mut limit, 17, later);
    (0..17).for_each(|_| refuse(&mut limit, None, later));
    assert_eq!(decided(&mut limit), [(17, 14, "overloaded")]);
}

#[test]
fn promise_3_who_is_refused_after_the_decrease_closes_the_gate_for_the_window() {
    let start = Clock.now();
    let mut limit = at_ceiling(20, start);
    assert_eq!((limit.size(), limit.busy()), (17, 20));
    // The same news from one that was out already.
    refuse(&mut limit, None, start + 10 * MS);
    give_back(&mut limit, 3, start + 20 * MS);
    assert!(limit.take(start + 20 * MS), "the gate is open");
    // One that began after the decrease: nothing begins before the window ends.
    refuse(&mut limit, None, start + 30 * MS);
    assert!(!limit.take(start + SECOND - MS));
    assert_eq!((limit.computed(), limit.size(), limit.busy()), (17, 16, 16));
    assert_eq!(limit.due(), Some(start + SECOND));
    // And a no after that is answered harder.
    assert!(limit.take(start + SECOND));
    refuse(&mut limit, None, start + SECOND);
    assert_eq!(decided(&mut limit), [(17, 11, "overloaded")]);
}

#[test]
fn promise_4_it_returns_to_the_ceiling_and_looks_beyond_rarely() {
    let start = Clock.now();
    let mut limit = at_ceiling(20, start);
    let mut now = start + SECOND;
    give_back(&mut limit, 3, now);
    succeed(&mut limit, 17, now);
    assert_eq!(limit.size(), 20, "back within a round");
    // The refusal was paid by what was saved; 200 calls earn the next look.
    succeed(&mut limit, 150, now);
    assert_eq!(limit.size(), 20);
    succeed(&mut limit, 80, now);
    assert!(limit.size() > 20, "it looks");
    // Nobody said no: it goes on, and faster.
    let before = limit.size();
    succeed(&mut limit, 60, now);
    assert!(limit.size() > before + 5, "{}", limit.size());
    // Refused: back to what was in flight then, less the decrease.
    let busy = limit.busy();
    refuse(&mut limit, None, now);
    assert_eq!(limit.computed(), busy * 85 / 100);
    // Without calls, time earns it too.
    let mut slow = at_ceiling(20, start);
    let over = slow.busy() - slow.size();
    give_back(&mut slow, over, now);
    for _ in 0..150 {
        now += 4 * SECOND;
        succeed(&mut slow, 1, now);
    }
    assert!(slow.size() > 20, "{}", slow.size());
}

#[test]
fn promise_4_no_growth_without_use() {
    let now = Clock.now();
    let mut limit = adaptive(now);
    take(&mut limit, 9, now);
    (0..1000).for_each(|_| limit.signal(success(SECOND), now));
    assert_eq!((limit.size(), decided(&mut limit)), (10, vec![]));
}

#[test]
fn small_capacities_are_reached_since_fractions_count() {
    let start = Clock.now();
    let mut limit = adaptive(start);
    for n in 0..20 {
        let now = start + n * SECOND;
        take(&mut limit, 1, now);
        refuse(&mut limit, None, now);
    }
    assert_eq!(limit.size(), 1, "and never none");
    // An upstream that takes three.
    let mut limit = adaptive(start);
    for n in 0..10 {
        let now = start + n * SECOND;
        take(&mut limit, 100, now);
        while limit.busy() > 3 {
            refuse(&mut limit, None, now);
        }
    }
    assert_eq!(limit.size(), 3);
}

#[test]
fn after_retry_after_nothing_begins_before_and_then_not_all_at_once() {
    let start = Clock.now();
    let mut limit = adaptive(start);
    succeed(&mut limit, 10, start);
    refuse(&mut limit, Some(5 * SECOND), start);
    let decisions = std::iter::from_fn(|| limit.decided());
    let decision = decisions.last().expect("it was decided");
    let wait = 5 * SECOND;
    let reason = Reason::RetryAfter { wait, busy: 20 };
    assert_eq!((decision.to, decision.reason), (14, reason));
    // In flight goes on, and as it ends there is less.
    give_back(&mut limit, 19, start + SECOND);
    assert_eq!((limit.size(), limit.busy(), limit.computed()), (0, 0, 14));
    assert!(!limit.take(start + 5 * SECOND - MS));
    let open = start + 5 * SECOND;
    assert_eq!(limit.due(), Some(open));
    let mut begun = vec![take(&mut limit, 99, open)];
    while limit.busy() < 14 {
        let due = limit.due().expect("it goes on opening");
        begun.push(take(&mut limit, 99, due));
        assert!(due <= open + SECOND + MS);
    }
    assert_eq!(begun, [1; 14], "one by one over the window");
    limit.tick(open + SECOND);
    assert_eq!((limit.due(), limit.size()), (None, 14));
}

#[test]
fn a_refusal_that_costs_a_pause_is_not_tried_again_for_twenty_pauses() {
    let start = Clock.now();
    let mut limit = at_ceiling(20, start);
    give_back(&mut limit, 3, start + SECOND);
    refuse(&mut limit, Some(SECOND), start + SECOND);
    take(&mut limit, 100, start + 3 * SECOND);
    // Enough successes for many looks, and it is back at where it was refused.
    succeed(&mut limit, 1000, start + 3 * SECOND);
    let ceiling = limit.size();
    succeed(&mut limit, 1000, start + 21 * SECOND - MS);
    assert_eq!(limit.size(), ceiling);
    succeed(&mut limit, 100, start + 21 * SECOND);
    assert!(limit.size() > ceiling);
}

#[test]
fn an_upstream_that_says_there_is_room_and_refuses_is_not_believed() {
    let start = Clock.now();
    let mut limit = at_ceiling(20, start);
    give_back(&mut limit, 3, start);
    let mut now = start + SECOND;
    // Its refusals are paid back by 200 calls each; until then it says in vain.
    refuse(&mut limit, None, now);
    take(&mut limit, 100, now);
    let before = limit.computed();
    for (calls, believed) in [(40, false), (40, false), (200, false), (60, true)] {
        now += SECOND;
        let (requests, reset) = (40, None);
        limit.signal(Signal::Remaining { requests, reset }, now);
        succeed(&mut limit, calls, now);
        let grown = limit.size() > before + 6;
        assert_eq!(grown, believed, "{} after {before}", limit.size());
    }
}

#[test]
fn a_decrease_goes_by_what_was_in_flight_not_by_what_was_not_used() {
    for (retry_after, left) in [(None, 17), (Some(SECOND), 14)] {
        let start = Clock.now();
        let mut limit = adaptive(start);
        succeed(&mut limit, 50, start);
        let over = limit.busy() - 20;
        give_back(&mut limit, over, start);
        assert_eq!((limit.size(), limit.busy()), (60, 20));
        refuse(&mut limit, retry_after, start);
        assert_eq!(limit.computed(), left);
    }
}

#[test]
fn a_later_retry_after_wins_and_an_absurd_one_is_cut() {
    let start = Clock.now();
    let mut limit = adaptive(start);
    take(&mut limit, 10, start);
    for seconds in [30, 60, 10, 0] {
        refuse(&mut limit, Some(seconds * SECOND), start);
    }
    assert_eq!(limit.due(), Some(start + 60 * SECOND));
    refuse(&mut limit, Some(Duration::MAX), start);
    assert_eq!(limit.due(), Some(start + 300 * SECOND));
}

#[test]
fn what_answers_say_remains_bounds_until_its_reset() {
    let start = Clock.now();
    let mut limit = adaptive(start);
    take(&mut limit, 4, start);
    let remaining = |requests, reset: Option<Duration>| Signal::Remaining { requests, reset };
    limit.signal(remaining(2, Some(10 * SECOND)), start);
    assert_eq!(decided(&mut limit), [(10, 6, "remaining")]);
    assert_eq!(take(&mut limit, 9, start), 2);
    assert_eq!(limit.due(), Some(start + 10 * SECOND));
    assert_eq!(take(&mut limit, 9, start + 10 * SECOND), 4);
    // Nothing left and nothing in flight: one is worth a try.
    give_back(&mut limit, 10, start + 10 * SECOND);
    let now = start + 20 * SECOND;
    limit.signal(remaining(0, Some(Duration::MAX)), now);
    assert_eq!(take(&mut limit, 9, now), 1);
    assert_eq!(limit.due(), Some(now + 300 * SECOND));
    // Beyond our own maximum it says nothing, so the bound stays.
    limit.signal(remaining(u64::MAX, None), now);
    assert_eq!(limit.size(), 1);
    limit.signal(remaining(50, None), now);
    assert_eq!(limit.size(), 10);
}

#[test]
fn what_answers_say_is_free_is_used_and_a_little_is_kept() {
    let now = Clock.now();
    let mut limit = at_ceiling(40, now);
    give_back(&mut limit, 7, now);
    // An upstream that takes `capacity` at once and says what is free.
    let follow = |limit: &mut Limit, mut now: Instant, capacity: usize| {
        for _ in 0..30 {
            now += SECOND;
            let free = (capacity - limit.busy()) as u64;
            let reset = None;
            limit.signal(
                Signal::Remaining {
                    requests: free,
                    reset,
                },
                now,
            );
            let busy = limit.busy();
            succeed(limit, busy, now);
            assert!(limit.busy() <= capacity, "it never goes beyond");
        }
        limit.size()
    };
    assert_eq!(
        follow(&mut limit, now, 60),
        58,
        "one in twenty is kept free"
    );
    let now = now + 60 * SECOND;
    give_back(&mut limit, 20, now);
    assert_eq!(follow(&mut limit, now, 58), 56);
}

#[test]
fn slow_answers_shrink_it_once_per_answer_time_and_only_if_we_are_many() {
    let start = Clock.now();
    let settings = LimitSettings {
        slow: Some(2 * SECOND),
        ..LimitSettings::adaptive(1, 100)
    };
    let mut limit = Limit::new(&settings, start);
    take(&mut limit, 4, start);
    let slow = success(8 * SECOND);
    (0..50).for_each(|_| limit.signal(slow, start));
    assert_eq!(decided(&mut limit), [(10, 10, "slow")], "an alarm");
    take(&mut limit, 6, start);
    for second in 0..16 {
        let now = start + second * SECOND;
        (0..10).for_each(|_| limit.signal(slow, now));
    }
    assert_eq!(decided(&mut limit), [(10, 8, "slow"), (8, 7, "slow")]);
}

#[test]
fn late_first_tokens_shrink_it_but_long_prompts_and_long_answers_do_not() {
    let start = Clock.now();
    let settings = LimitSettings {
        gradient: true,
        ..LimitSettings::adaptive(1, 100)
    };
    let told = |late: u32, after: u32| {
        let mut limit = Limit::new(&settings, start);
        take(&mut limit, 10, start);
        for n in 0..600u32 {
            let now = start + n * 100 * MS;
            let long = n % 3 == 0;
            let (input_tokens, usual) = if long {
                (20_000, 9 * SECOND)
            } else {
                (300, SECOND)
            };
            let first_token = Some(if n < after { usual } else { usual * late });
            let took = (n % 50 + 1) * SECOND;
            limit.signal(
                Signal::Succeeded {
                    first_token,
                    input_tokens,
                    took,
                },
                now,
            );
            take(&mut limit, 100, now);
        }
        decided(&mut limit)
    };
    assert!(told(1, 0).iter().all(|(.., why)| *why == "success"));
    let late = told(3, 300);
    let cuts: Vec<_> = late
        .iter()
        .filter(|(.., why)| *why == "first_token")
        .collect();
    assert!(
        !cuts.is_empty() && cuts.iter().all(|(from, to, _)| to < from),
        "{late:?}"
    );
}
