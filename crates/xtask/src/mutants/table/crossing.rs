//! Mutants of the gateway between two dialects: what commits an answer, what ends
//! it, what is counted, and what goes to whom.

use super::{Mutant, piece, request, served, wire};

pub(super) const ALL: &[Mutant] = &[
    Mutant {
        name: "crossing: a failure behind the end",
        file: "crates/gateway/src/stream/flow.rs",
        before: "        if self.done_at.is_some() {\n            return None;\n        }\n        let held",
        after: "        let held",
        caught_by: &[piece(
            "stream::flow::tests::want_of_room_behind_the_end_is_no_second_end",
        )],
        why: "INV-ONE: a good end, and then a failure",
    },
    Mutant {
        name: "crossing: an end that is taken back leaves none",
        file: "crates/gateway/src/stream/interpreter.rs",
        before: "if unsaid && std::mem::take(&mut self.heard.over) {",
        after: "if unsaid && self.heard.content && !self.heard.over {",
        caught_by: &[piece(
            "stream::flow::tests::an_end_that_an_operator_takes_back_is_told_as_a_failure",
        )],
        why: "INV-TRUNC: a stream that just stops, while its operator was told that he ended it",
    },
    Mutant {
        name: "crossing: what its caller is not told commits an answer",
        file: "crates/gateway/src/stream/interpreter.rs",
        before: "self.content |= told,",
        after: "self.content = true,",
        caught_by: &[request(
            "between::what_its_caller_is_not_told_commits_nothing",
        )],
        why: "commit point: 200 and nothing, where another attempt would have answered",
    },
    Mutant {
        name: "crossing: a sign of life begins the answer",
        file: "crates/wire/src/anthropic/stream/writer.rs",
        before: "            (Event::Ping, Stage::Before) => return,\n",
        after: "",
        caught_by: &[request(
            "between::a_sign_of_life_before_the_start_does_not_begin_the_answer",
        )],
        why: "before Azure every message is of a model without a name",
    },
    Mutant {
        name: "crossing: what was left out is not told",
        file: "crates/gateway/src/attempt/answer.rs",
        before: "            headers.insert(DROPPED, dropped.clone());\n",
        after: "            let _ = (DROPPED, dropped);\n",
        caught_by: &[
            request("messages::before_openai_it_is_translated_both_ways"),
            request("between::what_was_dropped_is_told_in_a_header_that_has_an_end"),
        ],
        why: "issue 5: refused or told, never silently",
    },
    Mutant {
        name: "crossing: a mere hint is refused",
        file: "crates/gateway/src/translate.rs",
        before: "refuses && !is_hint(field)",
        after: "refuses && (!is_hint(field) || !field.is_empty())",
        caught_by: &[request(
            "messages::before_openai_it_is_translated_both_ways",
        )],
        why: "no SDK of Anthropic's that caches works before another provider",
    },
    Mutant {
        name: "crossing: a caller's version is not passed on",
        file: "crates/gateway/src/upstream/http.rs",
        before: "        headers.extend(forwarded);\n",
        after: "        drop(forwarded);\n",
        caught_by: &[
            request("messages::where_both_sides_speak_it_the_bytes_pass"),
            request("between::betas_of_two_headers_are_both_told"),
        ],
        why: "an answer in a version that its caller does not read",
    },
    Mutant {
        name: "crossing: another dialect's headers are passed on",
        file: "crates/gateway/src/legs.rs",
        before: "(Subject::Model(translation.endpoint()), HeaderMap::new())",
        after: "(Subject::Model(translation.endpoint()), forwarded)",
        caught_by: &[request(
            "between::features_of_one_dialect_are_not_told_to_another",
        )],
        why: "what a caller says to one vendor is told to another",
    },
    Mutant {
        name: "crossing: counting tokens costs tokens",
        file: "crates/gateway/src/attempt/answer.rs",
        before: "read_count(&body).map(|_| (body, None))",
        after: "read_count(&body).map(|_| (body, Some(estimate(0))))",
        caught_by: &[request(
            "messages::tokens_are_counted_where_the_provider_counts_them",
        )],
        why: "a budget is spent by asking what a call would cost",
    },
    Mutant {
        name: "crossing: a native stream's missing end is taken for whole",
        file: "crates/gateway/src/stream/judge.rs",
        before: "let whole = self.finished && self.begun == self.ended;",
        after: "let whole = self.finished || self.begun > self.ended;",
        caught_by: &[request(
            "messages::rows_14_15_a_stream_without_its_end_mark",
        )],
        why: "INV-TRUNC: half an answer that looks whole",
    },
    Mutant {
        name: "crossing: a signature is of another body",
        file: "crates/gateway/src/upstream/http.rs",
        before: "account.sign(credential, &mut head, signed)?;",
        after: "account.sign(credential, &mut head, &signed[..signed.len() / 2])?;",
        caught_by: &[request(
            "between::each_call_to_bedrock_has_a_signature_of_its_own",
        )],
        why: "Amazon refuses every call",
    },
    Mutant {
        name: "crossing: what an upstream repeats of an account is shown",
        file: "crates/gateway/src/keys.rs",
        before: "[Some(keys.secret_key.clone()), token].into_iter().flatten()",
        after: "[None::<SecretString>, token.filter(|_| false)].into_iter().flatten()",
        caught_by: &[request(
            "between::inv_secret_an_account_that_its_upstream_repeats_is_hidden",
        )],
        why: "INV-SECRET: an account in an error text",
    },
    Mutant {
        name: "crossing: usage is asked for where it may not be",
        file: "crates/gateway/src/dialect/openai.rs",
        before: "let usage = ways.ask_usage;",
        after: "let usage = ways.ask_usage || theirs.usage;",
        caught_by: &[request(
            "between::usage_is_asked_for_where_the_provider_takes_it",
        )],
        why: "contracts 12: a provider that does not know `stream_options` refuses every stream",
    },
    Mutant {
        name: "crossing: a whole answer told as a stream is guessed at",
        file: "crates/gateway/src/translate.rs",
        before: "(self.encoder(true), Vec::new())",
        after: "(self.encoder(false), Vec::new())",
        caught_by: &[request(
            "between::row_17_a_whole_answer_told_as_a_stream_costs_what_its_upstream_said",
        )],
        why: "the numbers that a bill is checked with are estimates, and say that they are not",
    },
    Mutant {
        name: "crossing: Google's refusals in a stream are failures",
        file: "crates/gateway/src/upstream/classify.rs",
        before: "\"requests\"\n                | \"RESOURCE_EXHAUSTED\"",
        after: "\"requests\"",
        caught_by: &[request(
            "between::geminis_errors_in_a_stream_keep_their_class",
        )],
        why: "row 1: a limited key is asked again at once, and its breaker opens",
    },
    Mutant {
        name: "crossing: what Anthropic says of its room is not heard",
        file: "crates/gateway/src/upstream/allowance.rs",
        before: "HeaderName::from_static(\"anthropic-ratelimit-requests-remaining\")",
        after: "HeaderName::from_static(\"anthropic-ratelimit-remaining-requests\")",
        caught_by: &[piece(
            "upstream::allowance::tests::both_dialects_say_how_many_more",
        )],
        why: "an adaptive limit runs into each limit of its provider",
    },
    Mutant {
        name: "crossing: an older Claude is told to think as it sees fit",
        file: "crates/wire/src/claude.rs",
        before: "(major, minor) >= (4, 6)",
        after: "(major, minor) >= (3, 0)",
        caught_by: &[
            wire("claude::tests::a_version_tells_how_a_model_thinks"),
            request("between::older_models_of_anthropic_are_told_a_budget"),
        ],
        why: "every call that asks for an effort is refused",
    },
    Mutant {
        name: "crossing: a wrong method is told in another dialect",
        file: "crates/server/src/http/entrance.rs",
        before: "let mut response = errors::tell(&failure, manner, Some(id));",
        after: "let _ = (manner, id);\n        let mut response = errors::response(&failure);",
        caught_by: &[served(
            "http::entrance::tests::every_refusal_is_in_its_callers_dialect",
        )],
        why: "issue 5: an SDK of Anthropic's finds no error in it, and no id to ask by",
    },
];
