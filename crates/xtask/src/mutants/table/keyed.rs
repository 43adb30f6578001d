//! Mutants of what is locked by key: lane, share, wait-for graph.
//! What they cost is order, or a wait without an end.

use super::{Mutant, model, promise, unit};

pub(super) const ALL: &[Mutant] = &[
    Mutant {
        name: "lane: who gets in is not woken",
        file: "crates/kernel/src/lock/lines.rs",
        before: "after.wake(waker);",
        after: "after.let_go(waker);",
        caught_by: &[
            promise("lane::r_s3_one_key_runs_in_order_and_r_p15_other_keys_never_wait"),
            model("of_lane::inv_mutex_whoever_stays_gets_in_alone_whoever_leaves_disturbs_nobody"),
        ],
        why: "R-P16: a lost wake-up; the line stands still until its deadlines",
    },
    Mutant {
        name: "lane: a grant that meets its leaver is lost",
        file: "crates/kernel/src/lock/lines.rs",
        before: "Answer::Granted(holding) => self.exit(place.line, holding, now, after),",
        after: "Answer::Granted(holding) => drop(holding),",
        caught_by: &[
            promise("lane::a_grant_that_comes_too_late_or_to_a_leaver_goes_on_to_the_next"),
            model("of_lane::inv_mutex_whoever_stays_gets_in_alone_whoever_leaves_disturbs_nobody"),
        ],
        why: "R-P40: the key is held by nobody, for ever",
    },
    Mutant {
        name: "lane: one who left stays in the line",
        file: "crates/kernel/src/lock/lines.rs",
        before: r"                self.unqueue(place.line, place.ticket);
                self.look(place.line, now(), after);",
        after: r"                self.look(place.line, now(), after);",
        caught_by: &[
            model("of_lane::inv_mutex_whoever_stays_gets_in_alone_whoever_leaves_disturbs_nobody"),
            promise("share::promise_3_the_caller_of_the_first_read_goes_and_the_batch_goes_on"),
        ],
        why: "seed 1: a cancelled entry that everybody behind it waits for",
    },
    Mutant {
        name: "lane: a line that nobody uses stays",
        file: "crates/kernel/src/lock/line.rs",
        before: "self.held == 0 && self.queue.is_empty()",
        after: "self.held == 0 && self.queue.is_empty() && self.next == u64::MAX",
        caught_by: &[
            promise("lane::r_p38_a_hundred_callers_over_ten_keys_use_exactly_ten_lanes"),
            promise("share::r_p14_r_p15_each_plan_has_its_own_queue_while_it_is_used"),
        ],
        why: "R-P14: memory that grows with every key there ever was",
    },
    Mutant {
        name: "lane: several keys are taken as they come",
        file: "crates/kernel/src/lane.rs",
        before: r"        keys.sort_unstable();
",
        after: "",
        caught_by: &[
            promise("lane::r_d17_several_keys_come_sorted_once_each_and_all_or_none"),
            model("of_lane::r_g40_several_keys_in_any_order_and_twice_never_deadlock"),
        ],
        why: "R-G40: two callers with the same keys in two orders",
    },
    Mutant {
        name: "lane: the time in the line has no end",
        file: "crates/kernel/src/lock/lines.rs",
        before: r"        if self.due <= now {
            return Some(Some(self.too_late(now)));
        }
",
        after: "",
        caught_by: &[promise(
            "lane::r_g41_a_wait_ends_at_its_deadline_or_at_the_upper_bound",
        )],
        why: "R-G41: every wait has a deadline",
    },
    Mutant {
        name: "share: a batch takes all reads of its branch",
        file: "crates/kernel/src/lock/line.rs",
        before: r"        self.queue.front()
",
        after: r"        let fits = |queued: &&Queued<M>| self.held > 0 && self.fits(&queued.mode);
        self.queue.iter().find(fits).or(self.queue.front())
",
        caught_by: &[
            promise("share::r_p23_inv_ord_a_read_behind_a_write_waits_for_it"),
            promise("share_random::inv_ord_share_does_what_a_plain_list_would"),
        ],
        why: "INV-ORD, the defect of seed 1: a read overtakes an earlier write",
    },
    Mutant {
        name: "share: a newcomer joins past a waiting write",
        file: "crates/kernel/src/lock/line.rs",
        before: "self.queue.is_empty() && self.fits(mode)",
        after: "self.fits(mode)",
        caught_by: &[
            promise("share::inv_starve_a_write_waits_for_one_batch_under_readers_without_end"),
            promise("share_random::inv_ord_share_does_what_a_plain_list_would"),
        ],
        why: "INV-STARVE: under steady reads a write never comes",
    },
    Mutant {
        name: "share: two branches are read together",
        file: "crates/kernel/src/share.rs",
        before: "one == other && !one.is_root()",
        after: "!one.is_root() && !other.is_root()",
        caught_by: &[
            promise("share::r_p20_reads_of_two_branches_never_share_a_batch"),
            model("of_share::r_p17_to_20_whoever_is_inside_together_may_be"),
        ],
        why: "R-P20: one working tree, two branches",
    },
    Mutant {
        name: "share: reads of the root run together",
        file: "crates/kernel/src/share.rs",
        before: "one == other && !one.is_root()",
        after: "one == other",
        caught_by: &[promise(
            "share::r_p19_a_read_of_the_root_runs_alone_in_front_and_behind",
        )],
        why: "R-P19",
    },
    Mutant {
        name: "share: the first reader to leave lets a write in",
        file: "crates/kernel/src/lock/line.rs",
        before: r"        self.held -= 1;
        if self.held == 0 {
            self.inside = None;
        }",
        after: r"        self.held -= 1;
        self.inside = None;",
        caught_by: &[
            promise("share::r_p18_r_p26_adjacent_reads_of_a_branch_run_together"),
            model("of_share::r_p17_to_20_whoever_is_inside_together_may_be"),
        ],
        why: "INV-MUTEX: a write among readers",
    },
    Mutant {
        name: "share: nobody looks when a write leaves the line",
        file: "crates/kernel/src/lock/lines.rs",
        before: "self.look(place.line, now(), after);",
        after: "let _ = now();",
        caught_by: &[
            promise("share_random::inv_ord_share_does_what_a_plain_list_would"),
            model("of_share::promise_3_reads_come_together_when_the_write_between_them_leaves"),
        ],
        why: "the reads behind it wait for nothing",
    },
    Mutant {
        name: "order: the oldest gives way",
        file: "crates/kernel/src/order/graph.rs",
        before: "let youngest = *cycle.iter().max_by_key(age)?;",
        after: "let youngest = *cycle.iter().min_by_key(age)?;",
        caught_by: &[
            promise("order::r_d17_the_youngest_gives_way_also_when_it_waits_already_and_is_named"),
            model("of_order::r_d17_two_owners_in_opposite_orders_end_with_one_victim_the_youngest"),
        ],
        why: "R-D17: who tries again is a victim again",
    },
    Mutant {
        name: "order: what came after a wait is not known as held",
        file: "crates/kernel/src/order/mod.rs",
        before: r"                graph.hold(self.owner.birth, &self.resource);
            }
            ended",
        after: r"            }
            ended",
        caught_by: &[model(
            "of_order::inv_nodead_who_tries_again_with_its_owner_gets_through",
        )],
        why: "INV-NODEAD: a circle that is not seen",
    },
    Mutant {
        name: "order: only the first circle is opened",
        file: "crates/kernel/src/order/graph.rs",
        before: "        while let Some(cycle) = self.cycle(owner, resource) {",
        after: "        if let Some(cycle) = self.cycle(owner, resource) {",
        caught_by: &[promise(
            "order::promise_1_one_wait_that_closes_two_circles_opens_both",
        )],
        why: "INV-NODEAD: the second one stands until its deadline",
    },
    Mutant {
        name: "order: one permit of two is taken for all",
        file: "crates/kernel/src/order/graph.rs",
        before: "Some(places) => stuck_ones.count() < places.max(1),",
        after: "Some(_) => stuck_ones.count() == 0,",
        caught_by: &[
            promise("order::promise_2_one_permit_of_two_that_can_come_back_makes_no_circle"),
            unit(
                "order::graph::tests::inv_nodead_a_wait_has_victims_if_and_only_if_it_would_last_for_ever",
            ),
        ],
        why: "a false victim: work is refused that could go on",
    },
];
