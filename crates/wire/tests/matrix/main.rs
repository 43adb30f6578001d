//! Every caller's dialect with every upstream's: one conversation, one answer, one stream.
//!
//! 1. What the caller asks for is what the upstream hears, or it is named as lacking.
//! 2. What the upstream says is what the caller hears, whole or streamed.
//! 3. A stream that was cut never looks whole, wherever it was cut.
//! 4. Any cut of the upstream's bytes gives the caller the same.
//! 5. What the upstream says of its failure the caller hears, and no end behind it.
//!
//! Each dialect's file has a small client or upstream of its own, which reads bytes
//! as its API describes them; nothing in it is shared with the code under test.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics with the reason"
)]

mod anthropic;
mod bedrock;
mod cases;
mod framed;
mod gemini;
mod ollama;
mod openai;
mod responses;
mod talk;

use serde_json::{Value, json};
use tidegate_types::Code;
use tidegate_wire::chat::{Event, Failed, Lacks, Malformed};

use talk::{ARGUMENTS, Asked, Caller, OVERLOADED, Told, Upstream, told};

fn callers() -> Vec<Caller> {
    vec![openai::caller(), anthropic::caller(), responses::caller()]
}

fn upstreams() -> Vec<Upstream> {
    vec![
        openai::upstream(),
        openai::azure(),
        openai::compatible(),
        anthropic::upstream(),
        gemini::upstream(),
        bedrock::upstream(),
        ollama::upstream(),
    ]
}

fn pairs() -> Vec<(Caller, Upstream)> {
    let upstreams = |_| upstreams();
    let pairs = callers().into_iter().map(|caller| (caller, upstreams(())));
    pairs
        .flat_map(|(caller, upstreams)| upstreams.into_iter().map(move |one| (caller, one)))
        .collect()
}

#[test]
fn promise_1_the_upstream_hears_what_the_caller_asks_for() {
    for (caller, upstream) in pairs() {
        let pair = format!("{} to {}", caller.name, upstream.name);
        let request = (caller.read)(caller.request.as_bytes());
        let mut lacks = Lacks::default();
        let body = (upstream.write)(&request, &mut lacks);
        assert_eq!(lacks.fields(), upstream.lacks, "{pair}");
        let text = String::from_utf8(body).unwrap();
        let body: Value = serde_json::from_str(&text).unwrap();
        let mut expected = talk::asked();
        caller
            .leaves_out
            .iter()
            .for_each(|name| drop(expected.remove(name)));
        upstream
            .leaves_out
            .iter()
            .for_each(|name| drop(expected.remove(name)));
        let mut heard = (upstream.hear)(&body);
        heard.retain(|name, _| expected.contains_key(name));
        assert_eq!(heard, expected, "{pair}");
        // The arguments of a call, byte for byte, as an object or as text.
        let quoted = Value::from(ARGUMENTS).to_string();
        assert!(
            text.contains(ARGUMENTS) || text.contains(&quoted),
            "{pair}: {text}"
        );
    }
}

#[test]
fn promise_2_the_caller_hears_a_whole_answer() {
    for (caller, upstream) in pairs() {
        let pair = format!("{} from {}", caller.name, upstream.name);
        let answer = (upstream.read_answer)(upstream.answer.as_bytes()).unwrap();
        let heard = (caller.hear)(&(caller.write_answer)(&answer));
        assert_eq!(heard, told(&upstream), "{pair}");
    }
}

#[test]
fn promise_2_the_caller_hears_a_stream() {
    for (caller, upstream) in pairs() {
        let pair = format!("{} from {}", caller.name, upstream.name);
        let frames = (upstream.frames)();
        let (heard, whole) = stream(&caller, &upstream, &frames);
        let heard = heard.unwrap_or_else(|| panic!("{pair} has no end"));
        assert!(whole, "{pair}");
        assert_eq!(heard, told(&upstream), "{pair}");
    }
}

#[test]
fn promise_3_a_cut_stream_never_looks_whole() {
    for (caller, upstream) in pairs() {
        let pair = format!("{} from {}", caller.name, upstream.name);
        let frames = (upstream.frames)();
        for cut in 0..frames.len() {
            let (heard, whole) = stream(&caller, &upstream, &frames[..cut]);
            assert_eq!(heard.is_some(), whole, "{pair}, cut before frame {cut}");
            if let Some(heard) = heard {
                let mut full = told(&upstream);
                // All that may be missing behind the last word is what it cost.
                full.tokens = heard.tokens;
                assert_eq!(heard, full, "{pair}, cut before frame {cut}");
            }
        }
        assert!(!stream(&caller, &upstream, &frames[..2]).1, "{pair}");
    }
}

/// What the caller hears of a stream of `frames`, if it is told the end; and whether the
/// reader took it for whole.
fn stream(
    caller: &Caller,
    upstream: &Upstream,
    frames: &[talk::Frame],
) -> (Option<talk::Told>, bool) {
    let (mut reader, mut writer) = ((upstream.reader)(), (caller.writer)());
    let mut out = Vec::new();
    let mut sink = |event: Event<'_>| writer.event(&event, &mut out);
    for (name, data) in frames {
        let read = reader.frame(name.as_bytes(), data, &mut sink);
        assert!(read.is_ok(), "{}: {read:?}", upstream.name);
    }
    let whole = reader.finish(&mut sink);
    ((caller.hear_stream)(&talk::events([&out[..]])), whole)
}

#[test]
fn promise_1_the_upstream_hears_each_case() {
    for (caller, upstream) in pairs() {
        for case in cases::cases() {
            for stream in [false, true] {
                let name = format!("{} to {}, {}", caller.name, upstream.name, case.name);
                let body = (caller.ask)(&case, stream).to_string();
                let request = (caller.read)(body.as_bytes());
                assert_eq!(request.stream, stream, "{name}");
                let mut lacks = Lacks::default();
                let body = (upstream.write)(&request, &mut lacks);
                assert_eq!(lacks.fields(), &[] as &[&str], "{name}");
                let tools = cases::tools(&case);
                let mut expected = Asked::from([
                    ("said", json!(case.said)),
                    ("tools", json!(tools)),
                    ("format", json!(case.format.then(cases::schema))),
                    ("stream", json!(stream)),
                ]);
                let left_out = upstream.leaves_out.iter();
                left_out.for_each(|name| drop(expected.remove(name)));
                let mut heard = (upstream.hear)(&serde_json::from_slice(&body).unwrap());
                heard.retain(|name, _| expected.contains_key(name));
                assert_eq!(heard, expected, "{name}");
            }
        }
    }
}

#[test]
fn promise_2_the_caller_hears_each_case() {
    for (caller, upstream) in pairs() {
        for case in cases::cases() {
            let name = format!("{} from {}, {}", caller.name, upstream.name, case.name);
            let said = &case.answer;
            let calls = said.calls.iter();
            let expected = Told {
                text: said.text.to_owned(),
                calls: calls
                    .map(|(name, with)| ((*name).to_owned(), (*with).to_owned()))
                    .collect(),
                stop: said.stop().to_owned(),
                tokens: Some((80, None, 40)),
                ..Told::default()
            };
            let answer = talk::with_arguments(&(upstream.say)(said), said);
            let answer = (upstream.read_answer)(answer.as_bytes()).unwrap();
            let heard = (caller.hear)(&(caller.write_answer)(&answer));
            assert_eq!(heard, expected, "{name}");
            let (heard, whole) = stream(&caller, &upstream, &(upstream.flow)(said));
            assert!(whole, "{name}, streamed");
            assert_eq!(heard, Some(expected), "{name}, streamed");
        }
    }
}

#[test]
fn promise_4_any_cut_of_the_bytes_gives_the_same() {
    for (caller, upstream) in pairs() {
        for case in cases::cases() {
            let name = format!("{} from {}, {}", caller.name, upstream.name, case.name);
            let frames = (upstream.flow)(&case.answer);
            let bytes = upstream.framing.bytes(&frames);
            let whole = stream(&caller, &upstream, &frames);
            for size in [1, 2, 3, 7, 61, bytes.len()] {
                let found = upstream.framing.frames(&bytes, size);
                assert_eq!(found, frames, "{name}, in pieces of {size}");
                assert_eq!(stream(&caller, &upstream, &found), whole, "{name}");
            }
        }
    }
}

#[test]
fn promise_5_the_caller_hears_a_failure_in_its_own_form() {
    for (caller, upstream) in pairs() {
        let name = format!("{} from {}", caller.name, upstream.name);
        let body = upstream.error.to_string();
        let said = (upstream.read_error)(body.as_bytes());
        let heard = (caller.hear_error)(&(caller.write_error)(&said.message));
        assert_eq!(heard, OVERLOADED, "{name}");
        // Some answer with 200 and an error in it.
        let read = (upstream.read_answer)(body.as_bytes());
        if upstream.name != "bedrock" {
            assert!(matches!(read, Err(Malformed::Error(_))), "{name}: {read:?}");
        }
    }
}

#[test]
fn promise_5_a_failure_in_a_stream_ends_it() {
    for (caller, upstream) in pairs() {
        let frames = (upstream.flow)(&cases::cases()[0].answer);
        for before in 0..frames.len() - 2 {
            let name = format!("{} from {}, {before}", caller.name, upstream.name);
            let (mut reader, mut writer) = ((upstream.reader)(), (caller.writer)());
            let mut out = Vec::new();
            let (kind, data) = &upstream.error_frame;
            let failing = talk::named(kind, data);
            let mut told = Ok(());
            for (kind, data) in frames[..before].iter().chain([&failing]) {
                told = reader.frame(kind.as_bytes(), data, &mut |event: Event<'_>| {
                    writer.event(&event, &mut out);
                });
            }
            let Err(Malformed::Error(said)) = told else {
                panic!("{name}: {told:?}");
            };
            let failed = Failed::new(Code::UpstreamOverloaded, &said.message);
            writer.fail(&failed, &mut out);
            let length = out.len();
            let whole = reader.finish(&mut |event| writer.event(&event, &mut out));
            assert_eq!((out.len(), whole), (length, false), "{name}: it went on");
            let events = talk::events([&out[..]]);
            assert_eq!((caller.hear_failure)(&events), OVERLOADED, "{name}");
            assert!(events.iter().all(|(_, data)| data != b"[DONE]"), "{name}");
        }
    }
}
