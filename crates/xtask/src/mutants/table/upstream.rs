//! Mutants of what protects an upstream: limit, breaker, retry budget.
//! What they cost is an upstream that is asked too much, or not at all.

use super::{Mutant, model, promise};

pub(super) const ALL: &[Mutant] = &[
    Mutant {
        name: "limit: a decrease for each refusal",
        file: "crates/kernel/src/limit/adaptive.rs",
        before: r"        if now < self.settled {
            if self.begun {",
        after: r"        if self.settled > now + settings.window {
            if self.begun {",
        caught_by: &[
            promise("limit_adaptive::promise_3_a_burst_of_refusals_is_one_decrease_a_window"),
            model("of_limit::promise_3_signals_at_once_are_one_decrease_and_permits_come_back"),
        ],
        why: "A.2: twenty 429s of one moment leave 12 per cent of the limit",
    },
    Mutant {
        name: "limit: grows while permits are idle",
        file: "crates/kernel/src/limit/adaptive.rs",
        before: "let used = busy == size || busy > size && settings.shadow;",
        after: "let used = busy <= size || settings.shadow;",
        caught_by: &[promise("limit_adaptive::promise_4_no_growth_without_use")],
        why: "A.2: a limit that grows at night is none in the morning",
    },
    Mutant {
        name: "limit: growth is cut to whole permits",
        file: "crates/kernel/src/limit/adaptive.rs",
        before: "            self.limit += self.step(now);",
        after: "            self.limit = (self.limit + self.step(now)).floor();",
        caught_by: &[promise(
            "limit_adaptive::promise_4_it_returns_to_the_ceiling_and_looks_beyond_rarely",
        )],
        why: "A.2: integer truncation; fractions of a permit never add up",
    },
    Mutant {
        name: "limit: what was not in use is decreased",
        file: "crates/kernel/src/limit/adaptive.rs",
        before: r"        self.limit = self.limit.min(busy as f64);
",
        after: "",
        caught_by: &[promise(
            "limit_adaptive::a_decrease_goes_by_what_was_in_flight_not_by_what_was_not_used",
        )],
        why: "A.2: a limit of 100 with 5 in flight hears ten refusals before it hears any",
    },
    Mutant {
        name: "limit: a shorter Retry-After ends a longer one",
        file: "crates/kernel/src/limit/gate.rs",
        before: "Self::Closed(known) => known.max(until),",
        after: "Self::Closed(_) => until,",
        caught_by: &[promise(
            "limit_adaptive::a_later_retry_after_wins_and_an_absurd_one_is_cut",
        )],
        why: "row 1: asked again before the time the upstream said",
    },
    Mutant {
        name: "limit: all at once when a pause is over",
        file: "crates/kernel/src/limit/gate.rs",
        before: "            Self::Opening { room, .. } => size.min(room),",
        after: "            Self::Opening { .. } => size,",
        caught_by: &[promise(
            "limit_adaptive::after_retry_after_nothing_begins_before_and_then_not_all_at_once",
        )],
        why: "those who waited run into the upstream in one moment",
    },
    Mutant {
        name: "limit: more at once when answers are slow",
        file: "crates/kernel/src/limit/scaled.rs",
        before: "let can = self.size < settings.max && !self.response.is_slow();",
        after: "let can = self.size < settings.max;",
        caught_by: &[promise(
            "limit::r_d14_slow_answers_never_grow_it_and_are_one_alarm",
        )],
        why: "seed 3: load is added to an upstream that is saturated",
    },
    Mutant {
        name: "limit: grows under a 429",
        file: "crates/kernel/src/limit/scaled.rs",
        before: "can.then(|| self.next.max(self.calm))",
        after: "can.then_some(self.next)",
        caught_by: &[promise(
            "limit::r_d14_an_overload_signal_wins_over_growth_until_it_is_over",
        )],
        why: "seed 3: more workers at a higher error rate",
    },
    Mutant {
        name: "breaker: the epoch is forgotten",
        file: "crates/kernel/src/circuit.rs",
        before: "if ticket.epoch != self.epoch {",
        after: "if ticket.epoch > self.epoch {",
        caught_by: &[
            promise("breaker::promise_3_verdicts_from_before_a_transition_count_for_nothing"),
            model(
                "of_breaker::promise_3_verdicts_of_before_and_a_probe_that_progresses_in_any_order",
            ),
        ],
        why: "A.3: calls of before the opening decide about the recovery",
    },
    Mutant {
        name: "breaker: two probes at once",
        file: "crates/kernel/src/circuit.rs",
        before: "State::Closed | State::Probing { out: false } => Duration::ZERO,",
        after: "State::Closed | State::Probing { .. } => Duration::ZERO,",
        caught_by: &[
            promise("breaker::promise_2_and_failures_row_36_one_probe_at_a_time"),
            model("of_breaker::promise_2_and_4_one_probe_at_a_time_and_its_place_never_gets_lost"),
        ],
        why: "A.3: an upstream that has just come back meets a herd",
    },
    Mutant {
        name: "breaker: a probe that is dropped keeps its place",
        file: "crates/kernel/src/circuit.rs",
        before: "                    self.state = State::Probing { out: false };",
        after: "",
        caught_by: &[
            promise("breaker::promise_4_a_probe_that_is_dropped_leaves_its_place"),
            model("of_breaker::promise_2_and_4_one_probe_at_a_time_and_its_place_never_gets_lost"),
        ],
        why: "R-D13: one caller who leaves closes the target for good",
    },
    Mutant {
        name: "breaker: a 429 counts as a failure in a row",
        file: "crates/kernel/src/circuit.rs",
        before: "            Verdict::Degraded => {}",
        after: "            Verdict::Degraded => self.failed_in_a_row += 1,",
        caught_by: &[promise(
            "breaker_machine::promises_1_to_4_the_breaker_and_its_model_agree_after_every_step",
        )],
        why: "A.3: five limited calls, and a healthy target is out",
    },
    Mutant {
        name: "breaker: the window never forgets",
        file: "crates/kernel/src/tally.rs",
        before: "self.sum.all -= left.all;",
        after: "",
        caught_by: &[promise(
            "breaker::promise_1_what_is_older_than_the_window_counts_no_more",
        )],
        why: "A.3: the failures of the morning open it in the evening",
    },
    Mutant {
        name: "breaker: the fast way stays open",
        file: "crates/kernel/src/breaker.rs",
        before: "                self.gate.store(gate, Ordering::Release);",
        after: r"                if gate != SHUT {
                    self.gate.store(gate, Ordering::Release);
                }",
        caught_by: &[promise(
            "breaker::promise_1_and_failures_row_4_five_failures_in_a_row_open_it",
        )],
        why: "the state says open, and everybody passes",
    },
    Mutant {
        name: "breaker: its hook is called under its lock",
        file: "crates/kernel/src/breaker.rs",
        before: r"        let (result, transition) = {
            let mut circuit = self.circuit.lock();
            let (result, transition) = step(&mut circuit);",
        after: r"        let mut circuit = self.circuit.lock();
        let (result, transition) = {
            let (result, transition) = step(&mut circuit);",
        caught_by: &[promise(
            "breaker::promise_5_each_transition_is_told_once_outside_the_lock",
        )],
        why: "a hook that asks the breaker waits for itself",
    },
    Mutant {
        name: "budget: looks, then takes",
        file: "crates/kernel/src/budget.rs",
        before: r"    word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step)
        .is_ok()",
        after: r"    let before = word.load(Ordering::Relaxed);
    step(before)
        .map(|after| word.store(after, Ordering::Relaxed))
        .is_some()",
        caught_by: &[
            model(
                "of_budget::inv_budget_concurrent_withdrawers_never_overdraw_and_nothing_gets_lost",
            ),
            model("of_budget::inv_budget_the_reserve_is_paid_out_once_also_while_time_passes"),
        ],
        why: "A.5: as in a known library, those who withdraw at once overdraw",
    },
    Mutant {
        name: "budget: per cents are rounded to whole parts",
        file: "crates/kernel/src/budget.rs",
        before: "let more = u64::from(account.settings.percent);",
        after: "let more = 100 / (100 / u64::from(account.settings.percent).max(1)).max(1);",
        caught_by: &[promise("budget::promise_2_every_per_cent_is_exact")],
        why: "A.5: as in a known library, 60 per cent become 100",
    },
    Mutant {
        name: "budget: the reserve is hoarded",
        file: "crates/kernel/src/budget.rs",
        before: "(since.saturating_add(full), gone.max(since))",
        after: "(since.saturating_add(full), gone)",
        caught_by: &[promise(
            "budget::promise_4_the_reserve_fills_with_time_to_ten_seconds",
        )],
        why: "INV-BUDGET: a calm night pays for a storm of retries",
    },
    Mutant {
        name: "budget: what was earned never expires",
        file: "crates/kernel/src/budget.rs",
        before: "            _ => old.sum().min(KEPT),",
        after: "            _ => old.sum(),",
        caught_by: &[promise(
            "budget::promise_3_a_long_calm_does_not_pay_for_a_storm",
        )],
        why: "INV-BUDGET: the amplification of an outage grows with the calm before it",
    },
];
