//! Whether the arguments of streamed tool calls came whole (failures row 23).
//!
//! Promises: 1. where the upstream cuts its fragments changes no verdict, nor
//! does the order of indices, an index that several calls share, or an id that
//! changes within a call; 2. of the calls that are open it keeps at most
//! [`CALLS`] pieces and [`BYTES`]: beyond, the check is given up, never the
//! stream; 3. it tells once a stream. It changes nothing of what the caller gets.

use tidegate_wire::openai::{CallFragment, CallPiece, Chunk, call_pieces, whole_arguments};

/// Most calls that are open at a time, in all choices.
const CALLS: usize = 128;

/// Most bytes of their arguments and ids.
const BYTES: usize = 64 << 10;

/// See the module's text.
#[derive(Default)]
pub(crate) struct ToolCalls {
    /// The calls of choices that have not ended, as they came.
    open: Vec<Call>,
    /// Bytes that they hold.
    bytes: usize,
    /// Told, or given up.
    over: bool,
}

/// A call, or what an id of its own makes look like one.
struct Call {
    choice: u64,
    index: Option<u64>,
    id: String,
    arguments: String,
}

/// A choice ended, and the arguments of one of its calls are not whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Incomplete {
    /// Index of the choice.
    pub(crate) choice: u64,
    /// Index of the call; `None` for the old `function_call`.
    pub(crate) call: Option<u64>,
    /// Bytes of arguments that came.
    pub(crate) bytes: usize,
    /// The answer was cut by its length.
    pub(crate) cut: bool,
}

impl ToolCalls {
    /// Whether the event of `chunk` is worth [`take`](Self::take).
    #[inline]
    pub(crate) fn concern(&self, chunk: &Chunk) -> bool {
        !self.over && (chunk.calls || (chunk.finish && !self.open.is_empty()))
    }

    /// Takes in an event's data. Something is told once at the most.
    pub(crate) fn take(&mut self, data: &[u8]) -> Option<Incomplete> {
        let mut told = None;
        call_pieces(data, |piece| match piece {
            _ if self.over => {}
            CallPiece::Fragment(fragment) => self.add(fragment),
            CallPiece::End { choice, cut } => told = self.end(choice, cut),
        });
        told
    }

    fn add(&mut self, fragment: CallFragment<'_>) {
        // From the end: without an id it goes on with what came last.
        let at = self.open.iter().rposition(|call| call.takes(&fragment));
        self.bytes += fragment.id.len() + fragment.arguments.len();
        if self.bytes > BYTES || (at.is_none() && self.open.len() == CALLS) {
            return self.close();
        }
        match at.and_then(|at| self.open.get_mut(at)) {
            Some(call) => {
                call.arguments.push_str(&fragment.arguments);
                if call.id.is_empty() {
                    call.id = fragment.id.into_owned();
                }
            }
            None => self.open.push(Call {
                choice: fragment.choice,
                index: fragment.call,
                id: fragment.id.into_owned(),
                arguments: fragment.arguments.into_owned(),
            }),
        }
    }

    /// Nothing is kept from here on, and nothing told.
    fn close(&mut self) {
        *self = Self {
            over: true,
            ..Self::default()
        };
    }

    /// `choice` ends, `cut` by its length or not.
    fn end(&mut self, choice: u64, cut: bool) -> Option<Incomplete> {
        let told = self.incomplete(choice, cut);
        if told.is_some() {
            self.close();
        } else {
            self.open.retain(|call| call.choice != choice);
            self.bytes = self.open.iter().map(Call::bytes).sum();
        }
        told
    }

    fn incomplete(&self, choice: u64, cut: bool) -> Option<Incomplete> {
        // Each index is joined once, so that the work stays in step with the bytes.
        let mut whole_if_joined = Vec::new();
        for call in self.open.iter().filter(|call| call.choice == choice) {
            if call.is_whole(cut) || whole_if_joined.contains(&call.index) {
                continue;
            }
            if !whole_arguments(&self.joined(call)) {
                return Some(Incomplete {
                    choice,
                    call: call.index,
                    bytes: call.arguments.len(),
                    cut,
                });
            }
            whole_if_joined.push(call.index);
        }
        None
    }

    /// The arguments of all that has the index of `call`: they are one call
    /// whose upstream gives its fragments ids of their own.
    fn joined(&self, call: &Call) -> String {
        let same = |other: &&Call| (other.choice, other.index) == (call.choice, call.index);
        let same = self.open.iter().filter(same);
        same.map(|other| other.arguments.as_str()).collect()
    }
}

impl Call {
    fn takes(&self, fragment: &CallFragment<'_>) -> bool {
        let same_id = self.id.is_empty() || fragment.id.is_empty() || self.id == fragment.id;
        same_id && (self.choice, self.index) == (fragment.choice, fragment.call)
    }

    fn bytes(&self) -> usize {
        self.id.len() + self.arguments.len()
    }

    /// No arguments at all are what a function without parameters gets from
    /// some upstreams, unless the answer was cut.
    fn is_whole(&self, cut: bool) -> bool {
        match self.arguments.trim_ascii().is_empty() {
            true => !cut,
            false => whole_arguments(&self.arguments),
        }
    }
}

#[cfg(test)]
mod tests;
