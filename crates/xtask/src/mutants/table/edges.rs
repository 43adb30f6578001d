//! Mutants of the edges: TLS with callers, uploads, the simulated model, the
//! command line. What they cost is what somebody outside believes.

use super::{Mutant, command, served, simulated};

pub(super) const ALL: &[Mutant] = &[
    Mutant {
        name: "tls: an expired certificate takes the place of a good one",
        file: "crates/server/src/listen/tls.rs",
        before: "&& self.valid().fault(now).is_none()",
        after: "&& self.valid().fault(now).is_some()",
        caught_by: &[served(
            "listen::tests::over_tls::another_certificate_holds_from_the_next_handshake_on",
        )],
        why: "a renewal that went wrong ends every connection",
    },
    Mutant {
        name: "tls: the one before is shown for ever",
        file: "crates/server/src/listen/tls.rs",
        before: "let before = std::mem::replace(&mut *shown, next.0);",
        after: "let before = next.0;",
        caught_by: &[served(
            "listen::tests::over_tls::another_certificate_holds_from_the_next_handshake_on",
        )],
        why: "a certificate that was renewed in time expires all the same",
    },
    Mutant {
        name: "tls: who speaks plain HTTP is told nothing",
        file: "crates/server/src/listen/tls.rs",
        before: "link.tell(&refusal::signed(&refusal::TLS_REQUIRED, id));",
        after: "let _ = refusal::signed(&refusal::TLS_REQUIRED, id);",
        caught_by: &[served("listen::tests::over_tls::plain_http_is_told_so")],
        why: "a slip of one letter in a URL costs an afternoon",
    },
    Mutant {
        name: "tls: a handshake holds the drain",
        file: "crates/server/src/listen/tls.rs",
        before: r"                || Pin::new(&mut signals.drain).poll(cx).is_ready();
",
        after: r"                || false;
",
        caught_by: &[served(
            "listen::tests::over_tls::promise_8_a_handshake_does_not_hold_the_drain",
        )],
        why: "R-D9: a stop waits for somebody who says nothing",
    },
    Mutant {
        name: "tls: a handshake may take for ever",
        file: "crates/server/src/listen/tls.rs",
        before: "Deadline::after(house.clock, house.settings.handshake_timeout);",
        after: "Deadline::after(house.clock, std::time::Duration::MAX);",
        caught_by: &[served(
            "listen::tests::over_tls::promise_4_a_handshake_has_its_own_time",
        )],
        why: "every wait has a deadline: places are held by who says nothing",
    },
    Mutant {
        name: "uploads: only one piece is held against the limit",
        file: "crates/server/src/http/upload.rs",
        before: "self.taken += bytes;",
        after: "self.taken = bytes;",
        caught_by: &[served(
            "http::upload::tests::the_limit_holds_whatever_was_announced",
        )],
        why: "an upload without a length has no bound",
    },
    Mutant {
        name: "uploads: whoever trickles has all the time",
        file: "crates/server/src/http/upload.rs",
        before: "GRACE + Duration::from_secs(self.taken / rate)",
        after: "GRACE + self.pause * u32::from(rate > 0)",
        caught_by: &[served(
            "http::upload::tests::a_caller_who_trickles_or_pauses_is_told_so",
        )],
        why: "a byte a minute holds a permit of the provider",
    },
    Mutant {
        name: "uploads: who leaves has framed wrong",
        file: "crates/server/src/http/upload.rs",
        before: "Some(Err(error)) if is_end(&error) =>",
        after: "Some(Err(error)) if !is_end(&error) =>",
        caught_by: &[served(
            "http::upload::tests::who_left_is_told_from_who_frames_wrong",
        )],
        why: "row 29: whoever closes his laptop is counted as an error",
    },
    Mutant {
        name: "sim: who left is counted as served",
        file: "crates/sim/src/tally.rs",
        before: r"        model.aborted += 1;
",
        after: r"        model.completed += 1;
",
        caught_by: &[
            simulated("tests::counts::a_script_dropped_at_each_point_is_counted_once"),
            simulated("tests::counts::a_silent_call_is_aborted_and_says_how_long_it_lived"),
        ],
        why: "a test of an application believes that its cancel did nothing",
    },
    Mutant {
        name: "sim: a call is settled with its first step",
        file: "crates/sim/src/script.rs",
        before: r"        if self.steps.is_empty()
            && let Some(call)",
        after: "        if let Some(call)",
        caught_by: &[simulated(
            "tests::counts::a_script_dropped_at_each_point_is_counted_once",
        )],
        why: "seen = completed + aborted + open, and each of them a lie",
    },
    Mutant {
        name: "sim: a key in a header of its own is shown",
        file: "crates/sim/src/record.rs",
        before: r#"        || name.as_str().ends_with("api-key");"#,
        after: "        || name.as_str().is_empty();",
        caught_by: &[simulated(
            "record::tests::credentials_are_veiled_and_the_rest_is_exact",
        )],
        why: "a real key of somebody who tries things stands on a page",
    },
    Mutant {
        name: "sim: bodies are kept without a bound",
        file: "crates/sim/src/record.rs",
        before: "(self.bytes > MAX_BYTES && self.requests.len() > 1)",
        after: "(self.bytes > usize::MAX / 2 && self.requests.len() > 1)",
        caught_by: &[simulated(
            "record::tests::the_newest_are_kept_within_both_bounds",
        )],
        why: "256 uploads of a load test, all in memory",
    },
    Mutant {
        name: "ask: an error in the middle is no failure",
        file: "crates/tidegate/src/ask/answer.rs",
        before: r"            return Err(fault);
",
        after: r"            let _ = fault;
",
        caught_by: &[command(
            "ask::answer::tests::an_error_in_the_middle_is_a_failure_and_keeps_what_came",
        )],
        why: "INV-TRUNC: half an answer with exit code 0 goes into a script",
    },
    Mutant {
        name: "ask: a model can command the terminal",
        file: "crates/tidegate/src/say.rs",
        before: r"let keeps = |c: char| !c.is_control() || matches!(c, '\n' | '\t');",
        after: r"let keeps = |c: char| !c.is_control() || matches!(c, '\n' | '\t' | '\u{1b}');",
        caught_by: &[command(
            "say::tests::texts_of_others_cannot_command_a_terminal",
        )],
        why: "what a model says changes what its reader believes to see",
    },
    Mutant {
        name: "cancel: an id leads to another path",
        file: "crates/tidegate/src/cancel.rs",
        before: "let is_dots = id.bytes().all(|byte| byte == b'.');",
        after: "let is_dots = id.is_empty();",
        caught_by: &[command("cancel::tests::an_id_cannot_be_another_path")],
        why: "a slip asks for something else to be deleted",
    },
    Mutant {
        name: "command line: a full disk looks like a reader who left",
        file: "crates/tidegate/src/fault.rs",
        before: "std::io::ErrorKind::BrokenPipe => Self::NobodyReads,",
        after: "std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::StorageFull => Self::NobodyReads,",
        caught_by: &[command(
            "fault::tests::a_reader_who_left_is_no_failure_and_a_full_disk_is",
        )],
        why: "half a result in a file, and exit code 0",
    },
];
