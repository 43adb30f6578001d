//! Mutants of the dialects: what a caller is told that its upstream did not say,
//! or is not told that it did.

use super::{Mutant, pair, wire};

pub(super) const ALL: &[Mutant] = &[
    Mutant {
        name: "dialects: a cut stream gets its end",
        file: "crates/wire/src/openai/chat/stream/read.rs",
        before: "seen.peek().is_some() && seen.all(|choice| choice.stopped)",
        after: "seen.peek().is_some()",
        caught_by: &[pair("promise_3_a_cut_stream_never_looks_whole")],
        why: "INV-TRUNC: half an answer that looks whole",
    },
    Mutant {
        name: "dialects: a stream goes on behind its failure",
        file: "crates/wire/src/openai/chat/stream/write.rs",
        before: "        if self.over {\n            return;\n        }\n",
        after: "",
        caught_by: &[
            wire("openai::chat::tests::stream::a_failure_is_the_last_event_and_there_is_no_done"),
            wire("openai::chat::tests::stream::nothing_comes_behind_the_end"),
        ],
        why: "INV-ONE: a failure, and then the mark of a good end",
    },
    Mutant {
        name: "dialects: a failed response says that it is complete",
        file: "crates/wire/src/responses/stream.rs",
        before: "                self.state = State::Failed;\n",
        after: "",
        caught_by: &[
            pair("promise_5_a_failure_in_a_stream_ends_it"),
            wire(
                "responses::tests::streams::promise_2_a_failure_is_the_terminal_event_and_shows_what_came",
            ),
        ],
        why: "INV-TRUNC: half an answer that looks whole",
    },
    Mutant {
        name: "dialects: calls of one answer are told over each other",
        file: "crates/wire/src/anthropic/stream/writer.rs",
        before: "            && !whole.done()\n",
        after: "            && whole.done()\n",
        caught_by: &[wire(
            "anthropic::tests::writer::calls_that_an_upstream_mixes_are_told_one_behind_the_other",
        )],
        why: "arguments of one call in another's block",
    },
    Mutant {
        name: "dialects: what came from the cache is counted twice",
        file: "crates/wire/src/anthropic/usage.rs",
        before: "tokens.input.saturating_sub(cached).saturating_sub(written)",
        after: "tokens.input",
        caught_by: &[
            pair("promise_2_the_caller_hears_a_whole_answer"),
            pair("promise_2_the_caller_hears_a_stream"),
        ],
        why: "Anthropic's counts leave out what others count in",
    },
    Mutant {
        name: "dialects: another provider's proof of a thought is passed on",
        file: "crates/wire/src/anthropic/request/turns.rs",
        before: " if !signature.contains(':') =>",
        after: " =>",
        caught_by: &[wire(
            "gemini::tests::growth::a_signature_of_gemini_does_not_go_to_another",
        )],
        why: "a conversation that changed its provider is refused for ever",
    },
    Mutant {
        name: "dialects: what has no place is left out in silence",
        file: "crates/wire/src/anthropic/request/write.rs",
        before: "    for field in &request.others {\n        lacks.add(field);\n    }\n",
        after: "",
        caught_by: &[wire(
            "anthropic::tests::upstream::what_the_api_lacks_is_named_and_left_out",
        )],
        why: "issue 5: refused or told, never silently",
    },
    Mutant {
        name: "dialects: a failure inside a good answer is taken for one",
        file: "crates/wire/src/responses/look.rs",
        before: "Ok(response) if response.failing || response.failed.is_some() => {",
        after: "Ok(response) if response.failed.is_some() => {",
        caught_by: &[wire("responses::tests::look::a_whole_answer_is_seen")],
        why: "row 6: 200 with a failure in it, settled as a success",
    },
];
