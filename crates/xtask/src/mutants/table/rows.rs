//! Mutants of the rows of failures that hold for every dialect, and of what callers
//! of one are told.

use super::{Mutant, piece, request, served, wire};

pub(super) const ALL: &[Mutant] = &[
    Mutant {
        name: "rows: a frame that said something is left out",
        file: "crates/gateway/src/stream/bad.rs",
        before: "let may = *self == Self::None && !tells;",
        after: "let may = *self == Self::None && (!tells || !data.is_empty());",
        caught_by: &[piece(
            "stream::bad::tests::promises_1_and_2_one_without_content_and_no_second",
        )],
        why: "row 16: words are missing, and nobody is told",
    },
    Mutant {
        name: "rows: the body's end behind a stray frame is an end",
        file: "crates/gateway/src/stream/interpreter.rs",
        before: "        if bad.is_open() {\n            return Err(protocol());\n        }\n",
        after: "        let _ = bad;\n",
        caught_by: &[piece(
            "stream::flow::tests::row_16_no_end_is_believed_behind_a_stray_frame_unless_one_was_told",
        )],
        why: "INV-TRUNC: what was left out may have been half of the answer",
    },
    Mutant {
        name: "rows: a bare end mark behind a stray frame is an end",
        file: "crates/gateway/src/stream/interpreter.rs",
        before: "heard.ended && !stopped && is_bare(data)",
        after: "heard.ended && stopped && is_bare(data)",
        caught_by: &[piece(
            "stream::flow::tests::row_16_no_end_is_believed_behind_a_stray_frame_unless_one_was_told",
        )],
        why: "INV-TRUNC: the reason for the end was in what was left out",
    },
    Mutant {
        name: "rows: what was taken back has counted",
        file: "crates/gateway/src/stream/flow.rs",
        before: "        drop(self.reading.drain());\n        Some(ended_failure",
        after: "        drop(self.rest());\n        Some(ended_failure",
        caught_by: &[piece(
            "stream::flow::tests::a_failure_behind_an_end_that_was_taken_back_goes_on_counting",
        )],
        why: "a caller of Responses takes the gap for events that were lost",
    },
    Mutant {
        name: "rows: an error in a stream does not say when to come back",
        file: "crates/gateway/src/upstream/classify.rs",
        before: "    failure.retry_after = after.or_else(|| pause(code));\n",
        after: "    let _ = after;\n    failure.retry_after = pause(code);\n",
        caught_by: &[request("upstreams::geminis_errors_are_the_callers")],
        why: "row 1: the same key is asked before its time",
    },
    Mutant {
        name: "rows: a response that goes on elsewhere is told as whole",
        file: "crates/wire/src/responses/stream/whole.rs",
        before: "        Some(_) => return None,\n    };\n    let items",
        after: "        Some(_) => \"response.completed\",\n    };\n    let items",
        caught_by: &[
            wire("responses::tests::whole::what_is_no_whole_response_becomes_no_stream"),
            request("responses::row_17_a_whole_response_becomes_a_stream"),
        ],
        why: "INV-TRUNC: an answer that is still being written looks whole",
    },
    Mutant {
        name: "rows: citations are left out of a stream",
        file: "crates/wire/src/anthropic/stream/whole.rs",
        before: "for citation in citations.unwrap_or_default() {",
        after: "for citation in citations.unwrap_or_default().into_iter().skip(9) {",
        caught_by: &[
            wire(
                "anthropic::tests::whole::promises_1_and_2_nothing_is_lost_and_the_order_is_legal",
            ),
            request("messages::row_17_a_whole_message_becomes_a_stream"),
        ],
        why: "row 17: what both dialects have is lost without a word",
    },
    Mutant {
        name: "rows: an answer is made that nobody can fetch",
        file: "crates/wire/src/responses/peek.rs",
        before: "                if flag(scan, name)? {",
        after: "                if flag(scan, name)? && name.is_empty() {",
        caught_by: &[request(
            "responses::an_answer_that_nobody_could_fetch_is_refused",
        )],
        why: "it is paid for, and lost",
    },
    Mutant {
        name: "rows: of several features the first is asked for",
        file: "crates/server/src/http/ask.rs",
        before: "(LISTS.contains(name) || !said",
        after: "(LISTS.contains(&PRIORITY) || !said",
        caught_by: &[served(
            "http::ask::tests::each_header_of_a_list_counts_and_the_first_of_any_other",
        )],
        why: "an SDK that names each in a header of its own gets one of them",
    },
    Mutant {
        name: "rows: a path is named without what its caller wrote",
        file: "crates/server/src/http/entrance.rs",
        before: "`{method} {prefix}{path}`",
        after: "`{method} {path}`",
        caught_by: &[served(
            "http::entrance::tests::every_refusal_is_in_its_callers_dialect",
        )],
        why: "whoever looks for it in his program does not find it",
    },
];
