//! The order of neutral events, which encoders rely on and decoders promise:
//! see `chat::Decode`.

use std::collections::BTreeMap;

use tidegate_wire::chat::Event;

/// What was told so far.
#[derive(Default)]
pub(crate) struct Order {
    started: bool,
    ended: bool,
    choices: BTreeMap<u32, Choice>,
}

#[derive(Default)]
struct Choice {
    calls: u32,
    stopped: bool,
}

impl Order {
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    pub(crate) fn hear(&mut self, event: &Event<'_>) {
        assert!(!self.ended, "behind the end: {event:?}");
        match *event {
            Event::Start { .. } => {
                assert!(!self.started, "a second start");
                self.started = true;
            }
            // A sign of life may come before all else.
            Event::Ping => {}
            _ => assert!(self.started, "before the start: {event:?}"),
        }
        match *event {
            Event::Text { choice, .. }
            | Event::Refusal { choice, .. }
            | Event::Thinking { choice, .. }
            | Event::Signature { choice, .. }
            | Event::Redacted { choice, .. }
            | Event::Logprobs { choice, .. } => drop(self.open(choice)),
            Event::Call { choice, call, .. } => {
                let choice = self.open(choice);
                assert_eq!(call, choice.calls, "calls count from 0");
                choice.calls += 1;
            }
            Event::Arguments { choice, call, .. } => {
                assert!(call < self.open(choice).calls, "arguments of no call");
            }
            Event::Stop { choice, .. } => self.open(choice).stopped = true,
            Event::End => {
                let open = self.choices.values().any(|choice| !choice.stopped);
                assert!(!open, "a choice has no stop");
                assert!(!self.choices.is_empty(), "an end of nothing");
                self.ended = true;
            }
            Event::Start { .. } | Event::Tokens(_) | Event::Ping => {}
        }
    }

    /// A choice that goes on.
    fn open(&mut self, choice: u32) -> &mut Choice {
        let choice = self.choices.entry(choice).or_default();
        assert!(!choice.stopped, "behind a stop");
        choice
    }
}
