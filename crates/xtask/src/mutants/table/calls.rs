//! Mutants of what many do together and how it ends: once, relay, ledger,
//! scope, merge, gather, pulse, reuse.

use super::{Mutant, model, promise};

pub(super) const ALL: &[Mutant] = &[
    Mutant {
        name: "once: an abandoned flight strands the next",
        file: "crates/kernel/src/once.rs",
        before: "let entry = last.then(|| flights.remove_entry(&self.key));",
        after: "let entry = (last && self.seat > 0).then(|| flights.remove_entry(&self.key));",
        caught_by: &[
            promise("once::promise_4_a_caller_who_leaves_takes_nothing_from_the_others"),
            model("of_once::r_g35_whoever_leaves_those_who_stay_get_the_end_of_one_run"),
        ],
        why: "R-G35: a cancelled runner, and all who come after it wait for its work",
    },
    Mutant {
        name: "once: one who leaves takes the work along",
        file: "crates/kernel/src/once.rs",
        before: "let last = inside.callers.len() == 0 && self.flight.landed.get().is_none();",
        after: "let last = self.flight.landed.get().is_none();",
        caught_by: &[
            promise("once::promise_4_a_caller_who_leaves_takes_nothing_from_the_others"),
            model("of_once::r_g35_whoever_leaves_those_who_stay_get_the_end_of_one_run"),
        ],
        why: "R-G35: the others wait for work that is gone",
    },
    Mutant {
        name: "once: a failure is told before it is forgotten",
        file: "crates/kernel/src/once.rs",
        before: r#"        let entry = self.once.flights.lock().remove_entry(&self.key);
        let set = self.flight.landed.set(result);
        debug_assert!(set.is_ok(), "one flight lands once");
        self.flight
            .change(|inside, woken| inside.callers.ring(woken));"#,
        after: r#"        let set = self.flight.landed.set(result);
        debug_assert!(set.is_ok(), "one flight lands once");
        self.flight
            .change(|inside, woken| inside.callers.ring(woken));
        let entry = self.once.flights.lock().remove_entry(&self.key);"#,
        caught_by: &[model(
            "of_once::promise_3_who_is_told_a_failure_and_asks_again_begins_anew",
        )],
        why: "who asks again at once gets the old failure",
    },
    Mutant {
        name: "once: news while the work is polled are lost",
        file: "crates/kernel/src/once.rs",
        before: r"                inside.work = Some(work);
                if inside.due {
                    inside.callers.ring(woken);
                }",
        after: r"                inside.work = Some(work);
                let _ = woken;",
        caught_by: &[model(
            "of_once::r_g35_whoever_leaves_those_who_stay_get_the_end_of_one_run",
        )],
        why: "a lost wake-up between the poll and the way back",
    },
    Mutant {
        name: "relay: a gap is not told",
        file: "crates/kernel/src/subscriber.rs",
        before: r"                let first = number;
                Relayed::Gap { first, missed }",
        after: r"                cx.waker().wake_by_ref();
                return Poll::Pending;",
        caught_by: &[
            promise("relay::promise_3_r_s28_a_slow_subscriber_is_told_its_gap_and_stays"),
            promise("relay_bounds::inv_nosilent_every_number_is_delivered_or_missed"),
        ],
        why: "R-S28: a text with a hole in it looks whole",
    },
    Mutant {
        name: "relay: a second end replaces the first",
        file: "crates/kernel/src/relay.rs",
        before: r"        if self.end.is_some() {
            return false;
        }",
        after: "",
        caught_by: &[
            promise("relay::promise_2_r_s18_the_end_is_one_and_last_also_for_who_comes_after_it"),
            model("of_relay::inv_nosilent_publish_subscribe_leave_and_end_in_any_order"),
        ],
        why: "INV-ONE: some hear finished, others aborted",
    },
    Mutant {
        name: "relay: the end is told twice",
        file: "crates/kernel/src/subscriber.rs",
        before: r"                self.ended = true;
",
        after: "",
        caught_by: &[promise(
            "relay::promise_2_r_s18_the_end_is_one_and_last_also_for_who_comes_after_it",
        )],
        why: "R-S18: exactly one terminal event",
    },
    Mutant {
        name: "relay: a producer that leaves has finished",
        file: "crates/kernel/src/relay.rs",
        before: "        self.relay.end(End::Failed(what.into()));",
        after: r"        let _ = what;
        self.relay.end(End::Finished);",
        caught_by: &[promise(
            "relay::promise_2_inv_trunc_a_producer_that_leaves_or_panics_has_failed",
        )],
        why: "INV-TRUNC, seed 2: a truncated stream looks complete",
    },
    Mutant {
        name: "relay: the producer does not hear that all have left",
        file: "crates/kernel/src/relay.rs",
        before: r"        if self.subscribers.len() == 0 {
            self.unneeded.ring(woken);
        }",
        after: "",
        caught_by: &[
            promise("relay::promise_5_r_g17_who_only_waits_for_it_is_woken"),
            model("of_relay::r_g17_the_producer_hears_that_the_last_one_left_or_that_it_ended"),
        ],
        why: "R-G17: tokens are paid that nobody reads",
    },
    Mutant {
        name: "ledger: an entry is settled twice",
        file: "crates/kernel/src/ledger.rs",
        before: "        self.outcome = Some((class, label));",
        after: r"        let mut page = self.ledger.0.shards[self.shard].0.lock();
        drop(page.settle(self.key, class, label));
        drop(page);
        self.outcome = Some((class, label));",
        caught_by: &[model(
            "of_ledger::inv_one_an_entry_settles_nobody_else_where_its_place_is_used_again",
        )],
        why: "INV-ONE: the second settles whoever has the place by then",
    },
    Mutant {
        name: "ledger: a panic is its caller's leaving",
        file: "crates/kernel/src/ledger.rs",
        before: r#"true => (Class::Failed, "panic"),"#,
        after: r#"true => (Class::Cancelled, "panic"),"#,
        caught_by: &[promise(
            "ledger::inv_one_a_panic_settles_as_failed_and_leaves_the_ledger_usable",
        )],
        why: "truth: our defect counts as somebody's choice",
    },
    Mutant {
        name: "ledger: received is counted in a second step",
        file: "crates/kernel/src/ledger.rs",
        before: r"        page.received += 1;
        let key = page.live.insert(Arc::clone(&info));
        drop(page);",
        after: r"        let key = page.live.insert(Arc::clone(&info));
        drop(page);
        self.0.shards[shard].0.lock().received += 1;",
        caught_by: &[model(
            "of_ledger::inv_cons_the_law_holds_in_every_snapshot_of_every_schedule",
        )],
        why: "INV-CONS: the law holds at rest only",
    },
    Mutant {
        name: "scope: a child born meanwhile is not cancelled",
        file: "crates/kernel/src/tree.rs",
        before: r"        node.why
            .store(above.why.load(Ordering::Acquire), Ordering::Release);
",
        after: "",
        caught_by: &[model(
            "of_scope::cancel_reaches_a_child_also_one_that_is_born_meanwhile",
        )],
        why: "work that nobody can stop any more",
    },
    Mutant {
        name: "scope: a cancel is missed between look and wait",
        file: "crates/kernel/src/tree.rs",
        before: r"        match self.why() {
            Some(why) => Err(why),
            None => Ok(inside.watchers.insert(waker.clone())),
        }",
        after: "        Ok(inside.watchers.insert(waker.clone()))",
        caught_by: &[model(
            "of_scope::cancel_reaches_a_child_also_one_that_is_born_meanwhile",
        )],
        why: "INV-STOP: a lost wake-up, and the request runs to its end",
    },
    Mutant {
        name: "scope: drain does not hear the last guard",
        file: "crates/kernel/src/tree.rs",
        before: "Kind::Guard => left.all() == 0,",
        after: "Kind::Guard => left.all() == 0 && left.guards() > 0,",
        caught_by: &[model(
            "of_scope::drain_is_woken_by_the_last_guard_wherever_it_sits",
        )],
        why: "R-D9: every stop takes the whole grace time",
    },
    Mutant {
        name: "scope: a task that is being started outlives close",
        file: "crates/kernel/src/tree.rs",
        before: r"        if ended {
            abort.abort();
        }",
        after: "        let _ = ended;",
        caught_by: &[promise(
            "scope_end::close_also_ends_a_task_that_is_being_started_just_now",
        )],
        why: "R-P36: no task outlives its scope",
    },
    Mutant {
        name: "scope: a refused task keeps its place",
        file: "crates/kernel/src/tree.rs",
        before: r"                house.tasks.fetch_sub(1, Ordering::AcqRel);
                return Err",
        after: "                return Err",
        caught_by: &[promise(
            "scope::r_d11_the_limit_of_the_tree_refuses_with_a_typed_error",
        )],
        why: "R-D11: after enough refusals nothing may start",
    },
    Mutant {
        name: "merge: one that has more is not asked again",
        file: "crates/kernel/src/merge.rs",
        before: r"                self.nudges.queue(from);
                return Some(Merged::Item",
        after: "                return Some(Merged::Item",
        caught_by: &[
            promise("merge::r_m9_every_item_of_every_input_comes_once_and_in_its_order"),
            model("of_merge::r_m9_r_g45_all_items_of_all_inputs_and_then_the_end"),
        ],
        why: "R-M9: what was ready is never read",
    },
    Mutant {
        name: "gather: a panic of one counts as good",
        file: "crates/kernel/src/pieces.rs",
        before: "let good = matches!(piece.exit, PieceExit::Good(_));",
        after: "let good = !matches!(piece.exit, PieceExit::Failed(_));",
        caught_by: &[promise(
            "gather::r_g26_no_good_one_at_all_is_an_error_that_names_each",
        )],
        why: "R-D12: a quorum of two answers and one defect",
    },
    Mutant {
        name: "gather: losers are not told why",
        file: "crates/kernel/src/gather.rs",
        before: r"        group.cancel(match stop {
            Stop::Deadline => Why::Deadline,
            _ => Why::Closed,
        });
",
        after: "",
        caught_by: &[promise(
            "gather_end::promise_2_losers_are_told_why_before_they_are_dropped",
        )],
        why: "a loser that cannot tell a lost race from a deadline",
    },
    Mutant {
        name: "pulse: a stage begins before its sign of life",
        file: "crates/kernel/src/stalls.rs",
        before: r"        (place.stage, place.max) = (stage, max);
        // Under the lock",
        after: r"        (place.stage, place.max) = (stage, max);
        drop(place);
        // Under the lock",
        caught_by: &[model(
            "of_pulse::promise_2_a_look_between_any_two_steps_raises_no_false_alarm",
        )],
        why: "a false alarm, and the next one is not believed",
    },
    Mutant {
        name: "reuse: the next owner sees the last one's bytes",
        file: "crates/kernel/src/reuse.rs",
        before: "item.value.reset();",
        after: "item.value.bytes();",
        caught_by: &[promise(
            "reuse::r_g21_the_next_owner_sees_nothing_of_the_last",
        )],
        why: "R-G21: one tenant's prompt in another's request",
    },
    Mutant {
        name: "once: the runner clones before it tells the others",
        file: "crates/kernel/src/once.rs",
        before: r"        self.land(result);
        // The clone is not our code: it comes when all the others are told.
        self.flight
            .landed
            .get()
            .map_or(Poll::Pending, |result| Poll::Ready(result.clone()))",
        after: r"        self.land(result.clone());
        Poll::Ready(result)",
        caught_by: &[promise(
            "once::promise_4_r_d12_a_value_whose_clone_panics_strands_nobody",
        )],
        why: "R-D12: a panic of one caller's clone, and all who share the flight wait for ever",
    },
    Mutant {
        name: "gather: a panic in one drop meets the next",
        file: "crates/kernel/src/pieces.rs",
        before: r"        let gone = self.0.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(gone)));",
        after: r"        let gone = self.0.take();
        AssertUnwindSafe(|| drop(gone))();",
        caught_by: &[promise(
            "gather_end::r_d12_a_dropped_gathering_survives_the_drops_of_its_pieces",
        )],
        why: "R-D12: two panics at once end the process and every request in it",
    },
];
