//! An answer whose upstream does not name its model, as Amazon's does not.
//!
//! 1. Its caller is told the name by which the model was asked.
//! 2. A name that the upstream tells stays as it is.

use std::sync::Arc;

use tidegate_types::Code;
use tidegate_wire::chat::{Answer, Encode, Event, Failed};

/// A caller's writer, which is told the model's name.
pub(super) struct Named {
    pub(super) model: Arc<str>,
    pub(super) writer: Box<dyn Encode>,
}

impl Encode for Named {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match *event {
            Event::Start {
                id,
                model: "",
                created,
                tokens,
            } => {
                let model = &self.model;
                let start = Event::Start {
                    id,
                    model,
                    created,
                    tokens,
                };
                self.writer.event(&start, out);
            }
            _ => self.writer.event(event, out),
        }
    }

    fn fail(&mut self, failed: &Failed<'_>, out: &mut Vec<u8>) {
        self.writer.fail(failed, out);
    }

    fn broken(&self) -> Option<Code> {
        self.writer.broken()
    }

    fn next_number(&self) -> u64 {
        self.writer.next_number()
    }

    fn held(&self) -> usize {
        self.writer.held()
    }
}

/// A whole answer of `model`.
pub(super) fn named(mut answer: Answer, model: &str) -> Answer {
    if answer.model.is_empty() {
        model.clone_into(&mut answer.model);
    }
    answer
}
