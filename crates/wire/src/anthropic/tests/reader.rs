//! An upstream's stream: the promises of the reader, and what strange servers
//! do.

use proptest::prelude::*;

use super::super::{Reader, Writer, read_answer};
use super::{Gathered, events_of, gather};
use crate::chat::{Decode, Encode, Event, Malformed, Part, Stop};

const STREAM: &[u8] = include_bytes!("stream.sse");
const ANSWER: &[u8] = include_bytes!("answer.json");

/// A stream of events with these data.
fn stream(data: &[&str]) -> Vec<u8> {
    data.iter()
        .flat_map(|data| format!("data: {data}\n\n").into_bytes())
        .collect()
}

const START: &str = r#"{"type":"message_start","message":{"id":"m","model":"c","usage":{"input_tokens":3,"output_tokens":1}}}"#;
const TEXT: &str =
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#;
const BLOCK: &str =
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#;
const STOP: &str = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":5}}"#;
const END: &str = r#"{"type":"message_stop"}"#;

#[test]
fn a_full_stream_says_what_the_whole_answer_says() {
    let (whole, gathered) = gather(STREAM);
    assert!(whole.expect("a good stream"));
    let answer = read_answer(ANSWER).expect("an answer");
    assert_eq!(format!("{:?}", gathered.answer), format!("{answer:?}"));
    assert_eq!((gathered.starts, gathered.ends), (1, 1));
}

#[test]
fn events_are_told_at_once_and_in_order() {
    let mut reader = Reader::default();
    let mut told = Vec::new();
    for data in [START, BLOCK, TEXT, STOP, END] {
        let before = told.len();
        let sink = &mut |event: Event<'_>| told.push(format!("{event:?}"));
        reader
            .frame(b"", data.as_bytes(), sink)
            .expect("a good frame");
        let news = told.len() - before;
        assert_eq!(
            news,
            if data == BLOCK {
                0
            } else if data == STOP {
                2
            } else {
                1
            },
            "{data}"
        );
    }
    let kinds: Vec<_> = told.iter().map(|event| &event[..3]).collect();
    assert_eq!(kinds, ["Sta", "Tex", "Sto", "Tok", "End"]);
    assert!(told[3].contains("input: 3, output: 5"), "{}", told[3]);
    assert!(reader.finish(&mut |event| panic!("{event:?} behind the end")));
}

#[test]
fn the_end_is_told_once_whatever_is_missing() {
    let cases: [(&[&str], bool, usize); 6] = [
        (&[START, TEXT], false, 0),
        (&[START, TEXT, STOP], true, 1),
        (&[START, TEXT, STOP, END], true, 1),
        (&[START, TEXT, END], true, 1),
        (&[START, TEXT, STOP, END, END, TEXT, START], true, 1),
        (&[], false, 0),
    ];
    for (data, complete, ends) in cases {
        let (whole, gathered) = gather(&stream(data));
        assert_eq!(whole.expect("a good stream"), complete, "{data:?}");
        assert_eq!(gathered.ends, ends, "{data:?}");
    }
}

#[test]
fn what_breaks_the_order_ends_the_stream() {
    let call = r#"{"type":"content_block_delta","index":7,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#;
    for data in [
        &[TEXT] as &[&str],
        &[END],
        &[START, START],
        &[START, STOP, TEXT],
        &[START, call],
        &[START, "{\"type\":"],
        &[START, "7"],
    ] {
        let (whole, gathered) = gather(&stream(data));
        assert!(matches!(whole, Err(Malformed::Frame)), "{data:?}");
        assert_eq!(gathered.ends, 0);
    }
}

#[test]
fn an_error_is_told_with_its_kind() {
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let named =
        b"event: error\ndata: {\"message\":\"Overloaded\",\"type\":\"overloaded_error\"}\n\n";
    for bytes in [
        stream(&[error]),
        stream(&[START, TEXT, error]),
        named.to_vec(),
    ] {
        let Err(Malformed::Error(body)) = gather(&bytes).0 else {
            panic!("no error");
        };
        assert_eq!(body.message, "Overloaded");
        assert_eq!(body.kind.as_deref(), Some("overloaded_error"));
    }
}

#[test]
fn strange_servers_are_understood() {
    let whole_input = r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"a","name":"f","input":{"x": 1}}}"#;
    let news = r#"{"type":"compaction","index":9,"delta":{"text":"?"}}"#;
    let (whole, gathered) = gather(&stream(&[
        r#"{"type":"ping"}"#,
        START,
        news,
        TEXT,
        whole_input,
        "[DONE]",
        STOP,
        END,
    ]));
    assert!(whole.expect("a good stream"));
    let [Part::Text { text, .. }, Part::Call(call)] = &gathered.answer.choices[0].parts[..] else {
        panic!("{:?}", gathered.answer);
    };
    assert_eq!(
        (text.as_str(), call.arguments.as_str()),
        ("Hi", "{\"x\": 1}")
    );
}

#[test]
fn what_is_kept_is_bounded() {
    let block = |index: usize, kind: &str| {
        format!(
            r#"{{"type":"content_block_start","index":{index},"content_block":{{"type":"{kind}","id":"i","name":"f"}}}}"#
        )
    };
    let close = |index: usize| format!(r#"{{"type":"content_block_stop","index":{index}}}"#);
    let run = |mut frames: Vec<String>| {
        let mut reader = Reader::default();
        reader
            .frame(b"", START.as_bytes(), &mut |_| {})
            .expect("a start");
        frames
            .drain(..)
            .position(|frame| reader.frame(b"", frame.as_bytes(), &mut |_| {}).is_err())
    };
    assert_eq!(
        run((0..200).map(|index| block(index, "text")).collect()),
        Some(128)
    );
    let calls = |most: usize| {
        let pair = |index| [block(index, "tool_use"), close(index)];
        (0..most).flat_map(pair).collect()
    };
    assert_eq!(run(calls(128)), None);
    assert_eq!(run(calls(200)), Some(256));
}

#[test]
fn refusals_and_sequences_are_told() {
    for (reason, sequence, stop) in [
        ("refusal", "null", Stop::Refusal),
        (
            "stop_sequence",
            "\"EN\\u0044\"",
            Stop::Sequence(Some("END".to_owned())),
        ),
        ("model_context_window_exceeded", "null", Stop::Length),
    ] {
        let delta = format!(
            r#"{{"type":"message_delta","delta":{{"stop_reason":"{reason}","stop_sequence":{sequence}}}}}"#
        );
        let (whole, gathered) = gather(&stream(&[START, &delta, END]));
        assert!(whole.expect("a good stream"));
        assert_eq!(gathered.answer.choices[0].stop, Some(stop));
    }
}

proptest! {
    /// Any cut of the bytes gives the same events.
    #[test]
    fn any_split_gives_the_same_events(mut cuts in prop::collection::vec(0..STREAM.len(), 0..12)) {
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts {
            pieces.push(&STREAM[from..cut]);
            from = cut;
        }
        pieces.push(&STREAM[from..]);
        let all = |pieces: Vec<&[u8]>| {
            let mut told = Vec::new();
            let mut reader = Reader::default();
            let whole = events_of(&mut reader, pieces, &mut |event| told.push(format!("{event:?}")));
            (whole.expect("a good stream"), told)
        };
        prop_assert_eq!(all(pieces), all(vec![STREAM]));
    }

    /// No frame makes a reader, or a writer behind it, panic; and whatever
    /// comes, there is one start and at most one end.
    #[test]
    fn nothing_makes_it_panic(frames in prop::collection::vec(frame(), 0..40)) {
        let mut gathered = Gathered::default();
        let mut reader = Reader::default();
        let mut writer = Writer::new("id");
        let mut out = Vec::new();
        for frame in frames {
            let sink = &mut |event: Event<'_>| {
                writer.event(&event, &mut out);
                gathered.take(event);
            };
            if reader.frame(b"", &frame, sink).is_err() {
                break;
            }
        }
        let whole = reader.finish(&mut |event| gathered.take(event));
        prop_assert_eq!(whole, gathered.ends == 1);
    }
}

/// A frame of this dialect, or nearly, or not at all.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let lines: Vec<&'static [u8]> = STREAM
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.strip_prefix(b"data: "))
        .collect();
    let cut = (
        prop::sample::select(lines.clone()),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(line, at)| line[..at.index(line.len())].to_vec());
    prop_oneof![
        8 => prop::sample::select(lines).prop_map(<[u8]>::to_vec),
        1 => cut,
        1 => prop::collection::vec(any::<u8>(), 0..64),
    ]
}
