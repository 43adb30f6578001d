//! Mutants of routes and of the cache: who is asked when another fails, and who is
//! given what others asked for.

use super::{Mutant, piece, request, wire};

pub(super) const ALL: &[Mutant] = &[
    Mutant {
        name: "routes: what the caller did wrong is asked elsewhere",
        file: "crates/gateway/src/fallback.rs",
        before: "            Code::UpstreamRejected => match failure.meaning()? {\n                Meaning::TooLong",
        after: "            Code::UpstreamRejected => match failure.meaning().unwrap_or(Meaning::TooLong) {\n                Meaning::TooLong",
        caught_by: &[request(
            "routes::row_5_a_refused_request_is_not_asked_of_another_target",
        )],
        why: "row 5: each wrong request is paid at every target",
    },
    Mutant {
        name: "routes: a smaller model is asked for what is too long",
        file: "crates/gateway/src/legs.rs",
        before: "Reason::Context => more.course.wants_larger(),",
        after: "Reason::Context => {}",
        caught_by: &[request(
            "routes::row_5_what_is_too_long_is_asked_of_a_larger_model_only",
        )],
        why: "a call that cannot fit is sent, and paid, again",
    },
    Mutant {
        name: "routes: fallbacks are free",
        file: "crates/gateway/src/legs.rs",
        before: "if cost > 0 && !provider.budgets",
        after: "if cost > 9 && !provider.budgets",
        caught_by: &[request(
            "routes::fallbacks_are_paid_from_the_budget_of_retries",
        )],
        why: "INV-BUDGET: an outage of one provider doubles the load of another",
    },
    Mutant {
        name: "routes: a target that rests is waited for though another is free",
        file: "crates/gateway/src/attempts.rs",
        before: "true => Duration::ZERO,\n            false => self.asked.provider.retry.max_wait,",
        after: "true => self.asked.provider.retry.max_wait,\n            false => self.asked.provider.retry.max_wait,",
        caught_by: &[request(
            "routes::row_1_a_limited_target_is_left_at_once_and_passed_over_while_it_rests",
        )],
        why: "row 1: a 429 where another provider would have answered",
    },
    Mutant {
        name: "routes: whoever waits, waits beyond his time",
        file: "crates/gateway/src/legs.rs",
        before: "let waits = more.course.policy.wait_out && wait < left;",
        after: "let waits = more.course.policy.wait_out && (wait < left || wait > left);",
        caught_by: &[request(
            "routes::nobody_waits_for_longer_than_his_request_may_take",
        )],
        why: "INV-DEADLINE: a caller is kept for an answer that cannot come",
    },
    Mutant {
        name: "routes: slowness is a failure of the target",
        file: "crates/gateway/src/attempt.rs",
        before: "        Code::UpstreamSlow,\n        \"The provider gave",
        after: "        Code::UpstreamTimeout,\n        \"The provider gave",
        caught_by: &[request(
            "routes::rows_8_and_9_a_slow_target_is_left_and_is_not_blamed",
        )],
        why: "a target that is merely slower than its route likes is shut out for all",
    },
    Mutant {
        name: "routes: a session has another target each time",
        file: "crates/gateway/src/route/step.rs",
        before: "let drawn = even(mix(wish.session ^ one.salt));",
        after: "let drawn = even(mix(wish.session ^ one.salt ^ self.dice.roll()));",
        caught_by: &[request(
            "routes_order::sticky_asks_the_same_one_for_the_same_session",
        )],
        why: "each turn of a conversation misses its provider's prompt cache",
    },
    Mutant {
        name: "routes: our own field goes to the upstream",
        file: "crates/wire/src/peek.rs",
        before: "        self.cuts.push(last..scan.at());",
        after: "        self.cuts.push(scan.at()..scan.at());",
        caught_by: &[wire(
            "peek::tests::they_are_read_and_cut_wherever_they_stand",
        )],
        why: "a strict upstream refuses every call that names fallbacks",
    },
    Mutant {
        name: "cache: one tenant is given what another asked",
        file: "crates/gateway/src/cache/question.rs",
        before: "    part(&call.tenant.to_le_bytes());\n",
        after: "",
        caught_by: &[
            piece("cache::question::tests::r_g10_each_part_that_is_changed_makes_another_question"),
            request("cache::inv_tenant_another_tenant_finds_nothing"),
        ],
        why: "INV-TENANT: one customer reads another's answers",
    },
    Mutant {
        name: "cache: a tenant's number is given on with what was kept for it",
        file: "crates/gateway/src/setup.rs",
        before: "            era: settings.era,\n",
        after: "            era: 0,\n",
        caught_by: &[request(
            "cache::inv_tenant_a_number_that_is_another_tenants_finds_nothing",
        )],
        why: "INV-TENANT: a new customer reads the answers of the one whose key was taken away",
    },
    Mutant {
        name: "cache: who leaves with the last bytes was gone",
        file: "crates/gateway/src/stream/follow.rs",
        before: "            Poll::Ready(Next::Finished) => return self.ends(piece, manner),\n            Poll::Ready(next)",
        after: "            Poll::Ready(next)",
        caught_by: &[request(
            "cache::who_leaves_with_the_last_bytes_has_got_everything",
        )],
        why: "hyper 2: an SDK that closes behind `[DONE]` is counted as cancelled",
    },
    Mutant {
        name: "cache: headers do not count",
        file: "crates/gateway/src/cache/question.rs",
        before: "        part(value.as_bytes());\n",
        after: "",
        caught_by: &[piece(
            "cache::question::tests::r_g10_each_part_that_is_changed_makes_another_question",
        )],
        why: "R-G10: an answer of one version of an API for a caller of another",
    },
    Mutant {
        name: "cache: numbers are rounded in the question",
        file: "crates/wire/src/json/canon.rs",
        before: "self.text.extend_from_slice(scan.span()?.as_bytes());",
        after: "let number: f64 = scan.span()?.parse().unwrap_or(0.0);\n                self.text.extend_from_slice(number.to_string().as_bytes());",
        caught_by: &[wire(
            "json::canon::tests::promise_1_what_says_the_same_has_one_form_and_nothing_else_has",
        )],
        why: "R-G10: two seeds are one question",
    },
    Mutant {
        name: "cache: a stream that was cut is kept",
        file: "crates/gateway/src/cached.rs",
        before: "if let (None, Some(pieces)) = (broke, pieces) {",
        after: "if let (_, Some(pieces)) = (broke, pieces) {",
        caught_by: &[request(
            "cache::r_g35_nothing_is_kept_that_is_not_whole_and_good",
        )],
        why: "INV-TRUNC: an error is repeated for as long as an answer is good",
    },
    Mutant {
        name: "cache: a tool that acts elsewhere is not seen",
        file: "crates/gateway/src/cache/question.rs",
        before: "tools.any(|tool| !callers(tool))",
        after: "tools.all(|tool| !callers(tool)) && false",
        caught_by: &[piece(
            "cache::question::tests::what_does_more_than_answer_is_no_question",
        )],
        why: "what a call was to do is not done the second time",
    },
];
