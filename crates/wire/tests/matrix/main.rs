//! Every caller's dialect with every upstream's: one conversation, one answer, one stream.
//!
//! 1. What the caller asks for is what the upstream hears, or it is named as lacking.
//! 2. What the upstream says is what the caller hears, whole or streamed.
//! 3. A stream that was cut never looks whole, wherever it was cut.
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
mod gemini;
mod ollama;
mod openai;
mod responses;
mod talk;

use serde_json::Value;
use tidegate_wire::chat::{Event, Lacks};

use talk::{ARGUMENTS, Caller, Upstream, told};

fn callers() -> Vec<Caller> {
    vec![openai::caller(), anthropic::caller(), responses::caller()]
}

fn upstreams() -> Vec<Upstream> {
    vec![
        openai::upstream(),
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
    ((caller.hear_stream)(&talk::events(&out)), whole)
}
