//! Mutants of the requests: attempts, keys, budgets, streams.
//! What they cost is what a caller sees or pays.

use super::{Mutant, piece, request, unit};

pub(super) const ALL: &[Mutant] = &[
    Mutant {
        name: "gateway: another attempt after the first content",
        file: "crates/gateway/src/stream/flow.rs",
        before: r"    pub(crate) fn has_content(&self) -> bool {
        self.commits()",
        after: r"    pub(crate) fn has_content(&self) -> bool {
        self.commits() && self.received == 0",
        caught_by: &[request(
            "attempts::a_stream_that_breaks_after_its_content_is_not_asked_for_again",
        )],
        why: "A.5: the caller reads the same words twice",
    },
    Mutant {
        name: "gateway: a limited key does not rest",
        file: "crates/gateway/src/stake.rs",
        before: "self.target.rest(after, now);",
        after: "let _ = after;",
        caught_by: &[
            request("attempts::row_1_a_limited_key_rests_and_another_is_asked_at_once"),
            request("attempts::row_1_all_keys_limited_for_long_is_told_with_the_first_ones_time"),
        ],
        why: "row 1: the same key is asked before its time",
    },
    Mutant {
        name: "gateway: the permit is held while it pauses",
        file: "crates/gateway/src/attempts.rs",
        before: r"                ticket.end_attempt(&failure);
",
        after: "",
        caught_by: &[request(
            "outage::inv_permit_a_halt_while_it_pauses_gives_everything_back",
        )],
        why: "INV-ISO: those who wait for a retry block those who could go",
    },
    Mutant {
        name: "gateway: the budget is not asked",
        file: "crates/gateway/src/attempts.rs",
        before: "if wait >= remaining || !self.withdraw(cost) {",
        after: "if wait >= remaining || cost == 0 {",
        caught_by: &[
            request("attempts::inv_budget_a_spent_budget_allows_no_further_attempt_but_to_others"),
            request("outage::inv_budget_the_budget_alone_bounds_what_retries_add"),
        ],
        why: "INV-BUDGET: an outage is doubled",
    },
    Mutant {
        name: "gateway: the SDK may go on where we gave up",
        file: "crates/gateway/src/attempts.rs",
        before: r"        failure.gave_up |= provider.retry.attempts > 1 && failure.code.fault() == Fault::Provider;
",
        after: r"        let _ = (provider, Fault::Provider);
",
        caught_by: &[request(
            "attempts::row_4_a_server_error_is_tried_once_more_and_then_told",
        )],
        why: "A.5: three attempts of the SDK times two of ours",
    },
    Mutant {
        name: "gateway: one tenant's retries are paid by another",
        file: "crates/gateway/src/budgets.rs",
        before: "self.0.get(index.min(self.0.len() - 1))",
        after: "self.0.get(index.min(0))",
        caught_by: &[request(
            "attempts::inv_budget_a_spent_budget_allows_no_further_attempt_but_to_others",
        )],
        why: "A.5: a budget for each tenant and provider",
    },
    Mutant {
        name: "gateway: a request's own mistake counts against its target",
        file: "crates/gateway/src/consequence.rs",
        before: "Code::UpstreamRejected => (Verdict::Neutral, None, KeyIs::Good, Again::Never),",
        after: "Code::UpstreamRejected => (Verdict::Failed, None, KeyIs::Good, Again::Never),",
        caught_by: &[
            request("attempts::row_5_a_refusal_of_the_request_itself_is_told_at_once"),
            piece("consequence::tests::callers_mistakes_and_our_own_never_count_against_a_target"),
        ],
        why: "A.3: five bad requests of one caller, and nobody is served",
    },
    Mutant {
        name: "gateway: the process is not asked for a retry",
        file: "crates/gateway/src/budgets.rs",
        before: "own.try_withdraw(cost) && all.try_withdraw(cost)",
        after: "own.try_withdraw(cost) && all.stats().balance < u64::MAX",
        caught_by: &[request(
            "attempts::inv_budget_the_process_has_a_budget_over_all_tenants",
        )],
        why: "A.5: many tenants with a small budget each are one large storm",
    },
    Mutant {
        name: "gateway: a stream without its end has finished",
        file: "crates/gateway/src/stream/flow.rs",
        before: r"        match self.reading.end(&self.settings.secrets) {
            Ok(()) => Filled::Finished,
            Err(failure) => Filled::Failed(failure),
        }",
        after: r"        drop(self.reading.end(&self.settings.secrets));
        Filled::Finished",
        caught_by: &[request(
            "attempts::a_stream_that_breaks_after_its_content_is_not_asked_for_again",
        )],
        why: "INV-TRUNC: half an answer that looks whole",
    },
    Mutant {
        name: "gateway: comments keep a silent stream alive",
        file: "crates/gateway/src/stream/flow.rs",
        before: "Seen::Comment => self.comment = true,",
        after: "Seen::Comment => (self.comment, self.last_event) = (true, now),",
        caught_by: &[piece(
            "stream::flow::tests::r_p7_comments_do_not_put_the_idle_time_off",
        )],
        why: "R-P7: an upstream that only sends pings holds its permit for ever",
    },
    Mutant {
        name: "gateway: a pause has no bound on who waits",
        file: "crates/gateway/src/attempts.rs",
        before: "let fits = |taken: usize| (taken < places).then_some(taken + 1);",
        after: "let fits = |taken: usize| (places > 0).then_some(taken + 1);",
        caught_by: &[request("outage::only_so_many_wait_for_their_next_attempt")],
        why: "every wait is bounded: an outage must not become a second queue",
    },
    Mutant {
        name: "gateway: what changes something is done again",
        file: "crates/gateway/src/asked.rs",
        before: "!self.load.is_spent() && (errand.kind.repeats() || !begun)",
        after: "!self.load.is_spent() && (errand.kind.repeats() || !begun || begun)",
        caught_by: &[request(
            "errands::what_may_have_been_done_is_not_done_again",
        )],
        why: "two batches are billed where one was asked for",
    },
    Mutant {
        name: "gateway: what went up is thought to be there still",
        file: "crates/gateway/src/asked.rs",
        before: "!self.load.is_spent() && (errand.kind.repeats() || !begun)",
        after: "errand.kind.repeats() || !begun",
        caught_by: &[request("errands::what_went_up_does_not_go_up_again")],
        why: "half a file, or none, is kept under the name of a whole one",
    },
    Mutant {
        name: "gateway: a download that was cut ends as if it were whole",
        file: "crates/gateway/src/stream/reply.rs",
        before: "None => Polled::Cut,",
        after: "None => Polled::Data(Bytes::new()),",
        caught_by: &[request(
            "errands::inv_trunc_a_download_that_is_cut_is_no_end",
        )],
        why: "INV-TRUNC: half a file looks like a file",
    },
    Mutant {
        name: "gateway: a caller who leaves within an upload is a failure",
        file: "crates/gateway/src/upstream/upload.rs",
        before: "halt.pull(Why::Caller);",
        after: "let _ = (halt, Why::Caller);",
        caught_by: &[request(
            "errands::who_leaves_within_his_upload_is_cancelled_and_blames_nobody",
        )],
        why: "row 29: whoever closes his laptop is counted as an error",
    },
    Mutant {
        name: "halt: who comes too late is told that it ends",
        file: "crates/kernel/src/halt.rs",
        before: "if state.why.is_some() || state.closed {",
        after: "if state.why.is_some() {",
        caught_by: &[
            unit("halt::tests::promise_4_who_comes_second_is_told"),
            request("ends::a_whole_answer_is_not_cancelled_and_says_so"),
            request("ends::a_stream_behind_done_is_not_cancelled_and_says_so"),
        ],
        why: "INV-ONE: an operator is told `cancelled`, and the ledger says `completed`",
    },
    Mutant {
        name: "gateway: the end mark goes out before the error",
        file: "crates/gateway/src/stream/flow.rs",
        before: r"        drop(self.reading.drain());
",
        after: "",
        caught_by: &[request(
            "ends::a_stream_that_is_cancelled_before_its_end_goes_out_has_no_done",
        )],
        why: "INV-TRUNC: an answer that was cancelled looks whole",
    },
];
