//! Mutants of the reload: what goes on from one configuration to the next.
//! What they cost is a request that is lost, a bound that is passed, or a change
//! that nobody notices.

use super::{Mutant, request, served};

pub(super) const ALL: &[Mutant] = &[
    Mutant {
        name: "reload: permits are not resized in place",
        file: "crates/gateway/src/draft.rs",
        before: "            old.pool.apply(settings);\n",
        after: "",
        caught_by: &[
            request("reload::contract_12_a_queued_call_has_the_new_permits_at_once"),
            request("reload::contract_12_fewer_permits_take_nobody_s"),
        ],
        why: "hyper 12: a pool has the size of the start for ever",
    },
    Mutant {
        name: "reload: a provider that comes back has fresh permits",
        file: "crates/gateway/src/setup.rs",
        before: "None => house.roster.named(name),",
        after: "None => house.roster.named(\"\"),",
        caught_by: &[request(
            "reload::contract_12_a_removed_provider_serves_those_who_wait_for_it",
        )],
        why: "INV-LIM: an upstream gets twice as many as it may",
    },
    Mutant {
        name: "reload: the end does not reach earlier configurations",
        file: "crates/gateway/src/house.rs",
        before: "self.roster.all().iter().for_each(|one| one.close());",
        after: "",
        caught_by: &[request(
            "reload::the_end_and_the_level_reach_calls_of_an_earlier_configuration",
        )],
        why: "R-D9: who waits in a queue is not told, and holds the drain",
    },
    Mutant {
        name: "reload: connections of another address are kept",
        file: "crates/gateway/src/draft.rs",
        before: "if http.is(&address, &roots) =>",
        after: "if http.is(&address, &roots) || roots.is_empty() =>",
        caught_by: &[
            request("reload::connections_go_on_while_the_address_stays"),
            request("reload::what_was_learned_goes_on_while_it_is_the_same_upstream"),
        ],
        why: "R-S15: a key goes to an upstream that is not its own",
    },
    Mutant {
        name: "reload: retry budgets begin anew",
        file: "crates/gateway/src/budgets.rs",
        before: "known.map(|one| one.reshaped(settings)).collect();",
        after: "known.map(|_| RetryBudget::new(settings, clock)).collect();",
        caught_by: &[request("reload::a_reload_earns_no_retries")],
        why: "INV-BUDGET: whoever touches the file doubles an outage",
    },
    Mutant {
        name: "reload: a file is read while it is written",
        file: "crates/server/src/reload/knocks.rs",
        before: r"true => OPEN,
                false => SETTLED,",
        after: r"true => SETTLED,
                false => SETTLED,",
        caught_by: &[served(
            "reload::knocks::tests::a_file_that_is_written_is_waited_for_but_not_for_ever",
        )],
        why: "R-S15: half a file is refused, or worse, taken",
    },
    Mutant {
        name: "reload: a link on the way is not watched",
        file: "crates/server/src/reload/watch.rs",
        before: r"                entries.insert(at.clone());
",
        after: "",
        caught_by: &[served(
            "reload::watch::tests::promise_1_every_link_on_the_way_is_an_entry",
        )],
        why: "clusters swap a link, and the change is never heard of",
    },
    Mutant {
        name: "reload: to read a file is news of it",
        file: "crates/server/src/reload/watch.rs",
        before: "EventKind::Access(_) => None,",
        after: "EventKind::Access(_) => Some(false),",
        caught_by: &[served("reload::watch::tests::promise_2_reading_is_no_news")],
        why: "each look makes the next one: a process that never rests",
    },
    Mutant {
        name: "reload: what needs a restart is half followed",
        file: "crates/server/src/config/restart.rs",
        before: r"                now.$($field).+.clone_from(&started.$($field).+);
",
        after: "",
        caught_by: &[served(
            "config::restart::tests::what_needs_a_restart_is_named_and_stays",
        )],
        why: "hyper 12: the page says an address on which nobody listens",
    },
    Mutant {
        name: "reload: what changed before it was watched is missed",
        file: "crates/server/src/reload/follower.rs",
        before: r"            state.knock_if_stale(knocks);
            return Looked::default();",
        after: "            return Looked::default();",
        caught_by: &[served(
            "reload::tests::what_changed_before_it_was_watched_is_found",
        )],
        why: "contracts hyper 12: a process runs for ever with what is no more",
    },
    Mutant {
        name: "reload: a signal overtakes who writes",
        file: "crates/server/src/reload/knocks.rs",
        before: "            if now - quiet >= needed || now - began >= longest {",
        after: "            if now - quiet >= needed || longest == OPEN {",
        caught_by: &[served(
            "reload::knocks::tests::who_asks_while_a_file_is_written_gets_it_whole_and_soon",
        )],
        why: "R-S15: an editor's signal reads half of what he writes",
    },
];
