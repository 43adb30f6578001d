//! A whole answer told as a stream: every promise of `chat/replay.rs` under its number.
//!
//! What each dialect writes of it and reads again is the answer, but for what the
//! dialect has no place for. Of Responses, which is only written, the last response
//! is the one that a call without a stream gets.

#![expect(clippy::unwrap_used, reason = "a test panics with the reason")]

use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;
use tidegate_wire::chat::{
    Answer, Choice, Decode, Encode, Event, Malformed, Media, Part, Stop, Tokens, ToolCall, Where,
    replay,
};
use tidegate_wire::sse::{Framer, Kind};
use tidegate_wire::{anthropic, openai, responses};

/// Puts the events of a stream together again.
#[derive(Default)]
struct Gathered {
    answer: Answer,
    starts: usize,
    ends: usize,
}

impl Gathered {
    fn choice(&mut self, number: u32) -> &mut Choice {
        let number = number as usize;
        let choices = &mut self.answer.choices;
        if choices.len() <= number {
            choices.resize_with(number + 1, Choice::default);
        }
        assert!(choices[number].stop.is_none(), "nothing behind the stop");
        &mut choices[number]
    }

    fn hear(&mut self, event: &Event<'_>) {
        assert_eq!(self.ends, 0, "nothing behind the end");
        assert!(self.starts == 1 || matches!(event, Event::Start { .. }));
        match *event {
            Event::Start {
                id, model, created, ..
            } => {
                self.starts += 1;
                (self.answer.id, self.answer.model) = (id.to_owned(), model.to_owned());
                self.answer.created = created;
            }
            Event::Text { choice, text } => match self.choice(choice).parts.last_mut() {
                Some(Part::Text { text: before, .. }) => before.push_str(text),
                _ => self.choice(choice).parts.push(plain(text)),
            },
            Event::Refusal { choice, text } => match self.choice(choice).parts.last_mut() {
                Some(Part::Refusal(before)) => before.push_str(text),
                _ => self.choice(choice).parts.push(Part::Refusal(text.into())),
            },
            Event::Thinking { choice, text } => match self.choice(choice).parts.last_mut() {
                Some(Part::Thinking {
                    text: before,
                    signature: None,
                }) => before.push_str(text),
                _ => self.choice(choice).parts.push(thought(text, None)),
            },
            Event::Signature { choice, signature } => match self.choice(choice).parts.last_mut() {
                Some(Part::Thinking {
                    signature: free @ None,
                    ..
                }) => *free = Some(signature.to_owned()),
                _ => self.choice(choice).parts.push(thought("", Some(signature))),
            },
            Event::Redacted { choice, data } => {
                self.choice(choice).parts.push(Part::Redacted(data.into()));
            }
            Event::Call {
                choice, id, name, ..
            } => self.choice(choice).parts.push(call(id, name, "")),
            Event::Arguments { choice, call, text } => {
                let calls = self.choice(choice).parts.iter_mut();
                let mut calls = calls.filter_map(|part| match part {
                    Part::Call(call) => Some(call),
                    _ => None,
                });
                calls.nth(call as usize).unwrap().arguments.push_str(text);
            }
            Event::Logprobs { choice, logprobs } => {
                self.choice(choice).logprobs = Some(logprobs.to_owned());
            }
            Event::Stop { choice, ref stop } => self.choice(choice).stop = Some(stop.clone()),
            Event::Tokens(tokens) => self.answer.tokens = Some(tokens),
            Event::Ping => {}
            Event::End => self.ends += 1,
        }
    }
}

fn plain(text: &str) -> Part {
    Part::Text {
        text: text.to_owned(),
        cache: None,
    }
}

fn thought(text: &str, signature: Option<&str>) -> Part {
    Part::Thinking {
        text: text.to_owned(),
        signature: signature.map(ToOwned::to_owned),
    }
}

fn call(id: &str, name: &str, arguments: &str) -> Part {
    Part::Call(ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    })
}

/// The stream that `writer` makes of an answer.
fn written(answer: &Answer, mut writer: impl Encode) -> Vec<u8> {
    let mut out = Vec::new();
    replay(answer, &mut |event| writer.event(&event, &mut out)).unwrap();
    assert_eq!(writer.broken(), None);
    out
}

/// What `reader` hears of a stream, which has one start and one end.
fn heard(stream: &[u8], mut reader: impl Decode) -> Answer {
    let mut framer = Framer::new(1 << 20);
    let mut gathered = Gathered::default();
    framer.push(stream);
    while let Some(event) = framer.next() {
        let event = event.unwrap();
        if event.kind() == Kind::Data {
            let sink = &mut |event: Event<'_>| gathered.hear(&event);
            reader.frame(event.name(), &event.data(), sink).unwrap();
        }
    }
    assert!(reader.finish(&mut |event| gathered.hear(&event)));
    assert_eq!((gathered.starts, gathered.ends), (1, 1));
    gathered.answer
}

/// The last response of a stream.
fn last_response(stream: &[u8]) -> Value {
    let mut framer = Framer::new(1 << 20);
    let mut last = Value::Null;
    framer.push(stream);
    while let Some(event) = framer.next() {
        last = serde_json::from_slice(&event.unwrap().data()).unwrap();
    }
    last["response"].take()
}

/// A part that an answer can have.
fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        ".{1,8}".prop_map(|text| plain(&text)),
        ".{1,8}".prop_map(|text| thought(&text, None)),
        ("[a-z]{0,4}", "[a-z]{1,4}").prop_map(|(text, proof)| thought(&text, Some(&proof))),
        ".{1,8}".prop_map(Part::Redacted),
        ".{1,8}".prop_map(Part::Refusal),
        (
            "[a-z]{1,4}",
            prop::collection::btree_map("[a-z]{1,2}", ".{0,5}", 1..3)
        )
            .prop_map(|(name, given)| {
                // As nobody would write it, so that a change would show.
                let given = serde_json::to_string_pretty(&given).unwrap();
                call("", &name, &given)
            }),
    ]
}

fn stop() -> impl Strategy<Value = Stop> {
    prop_oneof![
        Just(Stop::End),
        Just(Stop::Length),
        Just(Stop::Calls),
        Just(Stop::Sequence(Some("END".to_owned()))),
        Just(Stop::Pause),
    ]
}

fn tokens() -> impl Strategy<Value = Tokens> {
    (0_u64..1000, 0_u64..1000, 0_u64..1000, 0_u64..1000).prop_map(
        |(fresh, cached, written, out)| Tokens {
            input: fresh + cached + written,
            output: out,
            cached: Some(cached),
            cache_written: Some(written),
            reasoning: Some(out / 2),
        },
    )
}

/// Answers whose parts are `kept`; calls have ids, parts of one kind that could run
/// together do not stand side by side.
fn answer(kept: fn(&Part) -> bool) -> impl Strategy<Value = Answer> {
    (prop::collection::vec(part(), 0..8), stop(), tokens()).prop_map(move |(all, stop, tokens)| {
        let mut parts: Vec<Part> = Vec::new();
        for (number, mut part) in all.into_iter().filter(kept).enumerate() {
            let runs = parts.last().is_some_and(|last| {
                let same = std::mem::discriminant(last) == std::mem::discriminant(&part);
                same && !matches!(part, Part::Call(_))
            });
            if let Part::Call(call) = &mut part {
                call.id = format!("call_{number}");
            }
            if !runs {
                parts.push(part);
            }
        }
        Answer {
            id: "id_1".to_owned(),
            model: "m-1".to_owned(),
            created: Some(1_790_000_000),
            choices: vec![Choice {
                parts,
                stop: Some(stop),
                logprobs: None,
            }],
            tokens: Some(tokens),
        }
    })
}

proptest! {
    #[test]
    fn promise_1_anthropics_stream_tells_the_answer(
        mut told in answer(|part| !matches!(part, Part::Refusal(_))),
    ) {
        told.created = None;
        let stream = written(&told, anthropic::Writer::new("ours"));
        let again = heard(&stream, anthropic::Reader::default());
        prop_assert_eq!(format!("{again:?}"), format!("{told:?}"));
    }

    #[test]
    fn promise_1_openais_stream_tells_the_answer(
        one in answer(openai_has),
        two in answer(openai_has),
    ) {
        let mut told = one;
        told.choices.extend(two.choices);
        for choice in &mut told.choices {
            let form = r#"{"content": [{"token": "a", "logprob": -1.0}]}"#;
            choice.logprobs = Some(RawValue::from_string(form.to_owned()).unwrap());
            // The form tells no more of a stop than that it was one.
            choice.stop = choice.stop.take().map(|stop| match stop {
                Stop::Sequence(_) | Stop::Pause => Stop::Length,
                other => other,
            });
        }
        let asked = openai::chat::Asked {
            usage: true,
            ..openai::chat::Asked::default()
        };
        let stream = written(&told, openai::chat::Writer::new(&asked));
        let again = heard(&stream, openai::chat::Reader::default());
        prop_assert_eq!(format!("{again:?}"), format!("{told:?}"));
    }

    #[test]
    fn promise_1_the_stream_of_responses_ends_with_the_answer(told in answer(|_| true)) {
        let asked = responses::Asked::read(br#"{"model":"m","input":"Hi"}"#, 7, 1_790_000_000);
        let whole: Value = serde_json::from_slice(&responses::write_answer(&told, &asked)).unwrap();
        let stream = written(&told, responses::Writer::new(asked, 1 << 20));
        prop_assert_eq!(last_response(&stream), whole);
    }
}

/// It has no place for proofs, and tells refusals by their own stop.
fn openai_has(part: &Part) -> bool {
    !matches!(
        part,
        Part::Redacted(_)
            | Part::Refusal(_)
            | Part::Thinking {
                signature: Some(_),
                ..
            }
    )
}

#[test]
fn promise_1_a_choice_without_a_reason_has_the_one_that_its_parts_tell() {
    for (parts, stop) in [
        (vec![], Stop::End),
        (vec![plain("a")], Stop::End),
        (vec![plain("a"), call("c", "f", "")], Stop::Calls),
        (vec![Part::Refusal("No.".to_owned())], Stop::Refusal),
    ] {
        let choices = vec![Choice {
            parts,
            ..Choice::default()
        }];
        let answer = Answer {
            choices,
            ..Answer::default()
        };
        let mut gathered = Gathered::default();
        replay(&answer, &mut |event| gathered.hear(&event)).unwrap();
        assert_eq!(gathered.ends, 1);
        assert_eq!(gathered.answer.choices[0].stop, Some(stop));
    }
}

#[test]
fn promise_2_a_picture_is_a_failure_before_anything_is_told() {
    let picture = Part::Image {
        place: Where::Data(Media {
            kind: "image/png".to_owned(),
            data: "iVBORw0KGgo=".to_owned(),
        }),
        detail: None,
        cache: None,
    };
    let answer = Answer {
        choices: vec![Choice {
            parts: vec![plain("Look:"), picture],
            ..Choice::default()
        }],
        ..Answer::default()
    };
    let told = replay(&answer, &mut |event| panic!("{event:?}"));
    let Err(Malformed::Error(body)) = told else {
        panic!("{told:?}");
    };
    assert!(body.message.contains("without `stream`"));
}
