//! Mutants of waiting and room: pool, fair order, queue, workers, bytes.
//! What they cost is a permit or a place that nobody has any more.

use super::{Mutant, model, promise, unit};

pub(super) const ALL: &[Mutant] = &[
    Mutant {
        name: "pool: a grant that meets its leaver is lost",
        file: "crates/kernel/src/pool/admission.rs",
        before: r"            Answer::Granted(tag) => self.return_unused(&tag, now, after),
        }
        self.counts.cancelled += 1;",
        after: r"            Answer::Granted(_) => {}
        }
        self.counts.cancelled += 1;",
        caught_by: &[
            promise("pool::inv_permit_a_grant_that_raced_with_leaving_goes_to_the_next"),
            model("of_pool::inv_permit_whoever_stays_gets_a_permit_whoever_leaves_loses_none"),
        ],
        why: "INV-PERMIT: the release is skipped on cancel, and the pool shrinks for ever",
    },
    Mutant {
        name: "pool: a permit does not come back from a panic",
        file: "crates/kernel/src/pool/acquire.rs",
        before: r"        let held = now.saturating_duration_since(self.since);
        self.pool
            .change",
        after: r"        let held = now.saturating_duration_since(self.since);
        if std::thread::panicking() {
            return;
        }
        self.pool
            .change",
        caught_by: &[promise(
            "pool::r_d13_a_permit_comes_back_from_a_panic_an_abort_and_a_timeout",
        )],
        why: "R-D13: permits come back on every path",
    },
    Mutant {
        name: "pool: a permit that comes back is not handed on",
        file: "crates/kernel/src/pool/admission.rs",
        before: r"        self.pace.held(held);
        self.limit.give_back(now);
        self.dispatch(now, after);",
        after: r"        self.pace.held(held);
        self.limit.give_back(now);
        let _ = after;",
        caught_by: &[
            promise("pool::r_d4_free_capacity_is_given_at_once_and_then_in_order"),
            model("of_pool::inv_permit_whoever_stays_gets_a_permit_whoever_leaves_loses_none"),
        ],
        why: "a lost wake-up: idle permits and waiting requests side by side",
    },
    Mutant {
        name: "pool: one whose time is over is served",
        file: "crates/kernel/src/pool/admission.rs",
        before: "            if now < waiter.due {",
        after: "            if waiter.waits() {",
        caught_by: &[promise("pool::a_permit_passes_by_who_has_waited_too_long")],
        why: "A.1: work for callers who have given up is how overload stays",
    },
    Mutant {
        name: "pool: a grant is taken after its deadline",
        file: "crates/kernel/src/pool/admission.rs",
        before: "Answer::Granted(tag) if now < waiter.deadline.instant() => {",
        after: "Answer::Granted(tag) if now >= waiter.since => {",
        caught_by: &[promise(
            "pool::inv_deadline_no_permit_is_given_when_nothing_is_left",
        )],
        why: "INV-DEADLINE: nothing begins when no time is left",
    },
    Mutant {
        name: "pool: who is dropped is not counted",
        file: "crates/kernel/src/pool/admission.rs",
        before: r"        self.counts.count_refused(&why);
        if let Some(waiter) = self.waiters.get_mut(key) {",
        after: r"        if !matches!(why, Refusal::Dropped) {
            self.counts.count_refused(&why);
        }
        if let Some(waiter) = self.waiters.get_mut(key) {",
        caught_by: &[
            promise("overflow::r_d5_drop_oldest_lets_the_newcomer_in_and_gives_the_oldest_up"),
            model("of_pool::inv_lim_resize_release_and_overflow_in_any_order"),
        ],
        why: "INV-NOSILENT: a loss without a number",
    },
    Mutant {
        name: "pool: drop_oldest refuses the newcomer",
        file: "crates/kernel/src/pool/admission.rs",
        before: "let oldest = room == Room::AfterOldest && self.overflow == Overflow::DropOldest;",
        after: "let oldest = false;",
        caught_by: &[promise(
            "overflow::r_d5_drop_oldest_lets_the_newcomer_in_and_gives_the_oldest_up",
        )],
        why: "seed 3: two policies that did the same",
    },
    Mutant {
        name: "pool: what time alone frees has no keeper",
        file: "crates/kernel/src/pool/admission.rs",
        before: r"            self.keeper = None;
            self.keep(after);
        }
    }",
        after: r"            self.keeper = None;
            let _ = after;
        }
    }",
        caught_by: &[model(
            "of_limit::inv_permit_a_pause_ends_for_who_waits_whoever_leaves_and_never_before",
        )],
        why: "a lost wake-up, since nobody rings when a pause is over",
    },
    Mutant {
        name: "pool: a hopeless deadline waits in the queue",
        file: "crates/kernel/src/pool/admission.rs",
        before: r"        if wait(&mut self.pace, self.fair.len()).is_none() {
            return Ok(());
        }",
        after: r"        if wait(&mut self.pace, self.fair.len()).is_none() || size > 0 {
            return Ok(());
        }",
        caught_by: &[promise(
            "pool::a_deadline_that_cannot_be_met_is_refused_at_once",
        )],
        why: "A.1: who cannot be in time is told at once, not at its deadline",
    },
    Mutant {
        name: "fair: what was taken too much is forgotten",
        file: "crates/kernel/src/fair/lane.rs",
        before: r"        tenant.credit -= cost;
",
        after: r"        tenant.credit = (tenant.credit - cost).max(0);
",
        caught_by: &[unit(
            "fair::tests::inv_fair_two_that_wait_differ_by_at_most_twice_the_largest_cost",
        )],
        why: "INV-FAIR: the deficit is not carried, so large requests are cheap",
    },
    Mutant {
        name: "fair: batch starves",
        file: "crates/kernel/src/fair/mod.rs",
        before: "let ready = |lane: &Lane<T>| !lane.is_empty() && lane.credit > 0;",
        after: "let ready = |lane: &Lane<T>| !lane.is_empty();",
        caught_by: &[unit("fair::tests::it_does_what_a_plain_model_does")],
        why: "INV-STARVE: batch gets 1 of 13 under any load",
    },
    Mutant {
        name: "fair: the true cost is not charged to who still waits",
        file: "crates/kernel/src/fair/mod.rs",
        before: r"            Some(&key) if self.tenants[key].items > 0 => {
                lane.charge(&mut self.tenants, key, more);
            }",
        after: "            Some(&key) if self.tenants[key].items > 0 => {}",
        caught_by: &[unit("fair::tests::it_does_what_a_plain_model_does")],
        why: "A.7: a tenant that understates its cost would be served first",
    },
    Mutant {
        name: "fair: a debtor that comes back owes nothing",
        file: "crates/kernel/src/fair/mod.rs",
        before: r"        if credit >= 0 {
            self.forget(key);",
        after: r"        if credit >= 0 || self.tenants[key].items == 0 {
            self.forget(key);",
        caught_by: &[unit("fair::tests::it_does_what_a_plain_model_does")],
        why: "A.7: to go and come back must not be a way around the fair share",
    },
    Mutant {
        name: "fair: last in is first out within a session",
        file: "crates/kernel/src/fair/mod.rs",
        before: "let key = self.sessions[session].items.front()?;",
        after: "let key = self.sessions[session].items.keys(&self.items).last()?;",
        caught_by: &[promise(
            "pool::r_d4_free_capacity_is_given_at_once_and_then_in_order",
        )],
        why: "the newcomer overtakes in the queue",
    },
    Mutant {
        name: "queue: a taker that was woken and leaves keeps the news",
        file: "crates/kernel/src/queue/state.rs",
        before: "Some(Taker { waker: None, .. }) if self.fair.len() > 0 => self.wake_taker(after),",
        after: "Some(Taker { waker: None, .. }) if self.fair.len() > 0 => {}",
        caught_by: &[
            promise("queue::promise_2_a_taker_that_was_woken_and_leaves_wakes_another"),
            model("of_queue::what_is_submitted_reaches_takers_although_takers_leave"),
        ],
        why: "a lost wake-up between cancel and delivery",
    },
    Mutant {
        name: "queue: who leaves the door lets nobody in",
        file: "crates/kernel/src/queue/state.rs",
        before: r"        // It may have kept smaller ones behind it from coming in.
        self.let_in(after);",
        after: "",
        caught_by: &[promise(
            "queue::promise_2_who_leaves_before_it_is_in_takes_its_thing_along_and_lets_others_in",
        )],
        why: "those behind a large one that gave up wait for ever",
    },
    Mutant {
        name: "queue: newcomers pass those before the door",
        file: "crates/kernel/src/queue/state.rs",
        before: "let behind = self.door.len() > 0 && tag.priority != Priority::Control;",
        after: "let behind = false;",
        caught_by: &[promise(
            "queue::promise_2_who_leaves_before_it_is_in_takes_its_thing_along_and_lets_others_in",
        )],
        why: "R-G20: who waits for room is passed by whoever comes",
    },
    Mutant {
        name: "queue: the oldest is dropped without a count",
        file: "crates/kernel/src/queue/state.rs",
        before: r"            self.counts.dropped += 1;
            self.dropped.push(oldest);",
        after: "            self.dropped.push(oldest);",
        caught_by: &[
            promise(
                "queue::r_d5_drop_gives_the_newcomer_up_and_drop_oldest_the_oldest_of_the_lowest",
            ),
            promise("queue::inv_nosilent_each_thing_comes_out_once_or_back_once"),
        ],
        why: "INV-NOSILENT, and seed 4: full, a warning, gone",
    },
    Mutant {
        name: "queue: a close throws away what is queued",
        file: "crates/kernel/src/queue/state.rs",
        before: "        match self.fair.pop() {",
        after: "        match self.fair.pop().filter(|_| !self.closed) {",
        caught_by: &[
            promise("queue::r_g31_a_close_gives_the_door_back_and_takers_the_rest"),
            promise("workers::r_g31_stop_finishes_what_is_queued_although_nobody_reads_results"),
        ],
        why: "R-G31: a stop finishes what was accepted",
    },
    Mutant {
        name: "workers: a worker rests although a job is open",
        file: "crates/kernel/src/workers/crew.rs",
        before: "let rests = books.open < books.active;",
        after: "let rests = books.open <= books.active;",
        caught_by: &[model(
            "of_workers::r_p16_a_job_that_meets_the_last_worker_on_its_way_is_done",
        )],
        why: "R-P16: the job that meets the last worker on its way out is stranded",
    },
    Mutant {
        name: "workers: the exit of dropped work is not told",
        file: "crates/kernel/src/workers/job.rs",
        before: r"impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if self.said {",
        after: r"impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if self.said || !std::thread::panicking() {",
        caught_by: &[
            promise("workers::r_p11_every_owner_wakes_when_the_scope_ends_by_cancel_or_by_force"),
            model("of_workers::r_p11_every_owner_wakes_when_a_cancel_comes"),
        ],
        why: "R-P11: an owner waits for ever",
    },
    Mutant {
        name: "bytes: what was held is not given back",
        file: "crates/kernel/src/byte_budget.rs",
        before: "            self.budget.0.used.fetch_sub(held, Ordering::Relaxed);",
        after: "            self.budget.0.used.fetch_sub(held - held.min(1), Ordering::Relaxed);",
        caught_by: &[
            promise("byte_budget::promise_1_shares_together_stay_within_the_limit_under_threads"),
            promise(
                "byte_budget::promises_2_and_3_a_refusal_changes_nothing_and_a_drop_gives_back",
            ),
        ],
        why: "INV-PERMIT: one byte a request, and in a week nobody is served",
    },
    Mutant {
        name: "bytes: looks, then takes",
        file: "crates/kernel/src/byte_budget.rs",
        before: r"match used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => {",
        after: r"match fits(used.load(Ordering::Relaxed)).ok_or(()) {
            Ok(_) => {
                used.fetch_add(bytes, Ordering::Relaxed);",
        caught_by: &[model(
            "of_byte_budget::inv_lim_shares_that_grow_at_once_stay_within_the_limit",
        )],
        why: "INV-LIM: two threads find the same room",
    },
    Mutant {
        name: "pool: a hook that panics takes the permit along",
        file: "crates/kernel/src/pool/mod.rs",
        before: "let _ = catch_unwind(AssertUnwindSafe(|| hook(decision)));",
        after: "AssertUnwindSafe(|| hook(decision))();",
        caught_by: &[promise(
            "admission::inv_permit_a_hook_that_panics_takes_no_permit_with_it",
        )],
        why: "INV-PERMIT: a defect in what only looks on, and the pool shrinks",
    },
    Mutant {
        name: "pool: the place of a keeper that gave way stays empty",
        file: "crates/kernel/src/pool/admission.rs",
        before: r"        // The keeper may have been among them.
        self.keep(after);
",
        after: "",
        caught_by: &[promise(
            "admission::promise_2_who_takes_the_place_of_the_keeper_looks_in_its_stead",
        )],
        why: "nobody looks at the time, and a pause that is over is not heard of",
    },
    Mutant {
        name: "pool: one tenant fills the queue for all",
        file: "crates/kernel/src/pool/admission.rs",
        before: "                self.fair.gives_way(&tag)\n",
        after: "                None\n",
        caught_by: &[promise(
            "fair::inv_fair_a_queue_that_one_tenant_filled_is_not_full_for_others",
        )],
        why: "INV-FAIR: who sends most decides who is refused",
    },
    Mutant {
        name: "workers: who counted on a worker that could not start waits for ever",
        file: "crates/kernel/src/workers/worker.rs",
        before: r"            if self.crew.reporter.is_cancelled() {
                self.crew.queue.close();
            }
",
        after: r"            if !self.crew.reporter.is_cancelled() {
                return;
            }
            self.crew.queue.close();
",
        caught_by: &[model(
            "of_workers::r_g30_a_job_that_counted_on_a_worker_who_could_not_start_has_its_end",
        )],
        why: "R-G30: at the limit of tasks a job is taken that nobody does",
    },
    Mutant {
        name: "drive: a wake from within the poll is forgotten",
        file: "crates/kernel/src/drive.rs",
        before: "        rests.is_ok()",
        after: "        rests.is_ok() || self.state.swap(0, success) != 0",
        caught_by: &[
            promise("drive::promise_1_a_wake_from_inside_polls_again_and_wakes_no_task"),
            promise("drive::promise_1_work_that_always_asks_for_more_lets_others_run"),
        ],
        why: "a connection that asked for another look waits for bytes that are there",
    },
    Mutant {
        name: "drive: a wake between the look and the sleep is lost",
        file: "crates/kernel/src/drive.rs",
        before: r"        self.shared.knows(cx.waker());
        // After the task is known: whoever calls from here on finds it.
        if self.shared.state.load(Ordering::Acquire) == 0 {
            return Poll::Pending;
        }
",
        after: r"        let called = self.shared.state.load(Ordering::Acquire) != 0;
        self.shared.knows(cx.waker());
        if !called {
            return Poll::Pending;
        }
",
        caught_by: &[model(
            "of_drive::promise_2_no_wake_is_lost_whenever_it_comes",
        )],
        why: "INV-NODEAD: an event is there and its stream sleeps on",
    },
];
