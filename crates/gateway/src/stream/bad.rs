//! The one event of a stream that may be left out, since it is no JSON (failures
//! row 16).
//!
//! Promises: 1. an event that may have had content is never left out; 2. the next
//! one must be good, and there is no second one; 3. where it stood in front of a
//! bare end mark, nobody takes that for the end: it may have been what told it.

use memchr::memmem;

/// What an event with content has in its data, in one dialect or another: it may be
/// cut anywhere, also within the word that tells.
const TELLING: [&[u8]; 5] = [b"delta", b"\"text\"", b"\"content", b"\"parts\"", b"_call"];

/// What its name has: deltas, and what begins or ends a block, with all that is told
/// there of a call.
const NAMES: [&[u8]; 4] = [b"delta", b"Delta", b"block", b"Block"];

/// See the module's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Bad {
    /// There was none.
    #[default]
    None,
    /// It was just left out; the next one must be good.
    Open,
    /// It was left out, and the next one was good.
    Forgiven,
}

impl Bad {
    /// Whether this event, which cannot be read, may be left out.
    pub(super) fn leave_out(&mut self, name: &[u8], data: &[u8]) -> bool {
        let has = |text: &[u8], word: &&[u8]| memmem::find(text, word).is_some();
        let tells =
            TELLING.iter().any(|word| has(data, word)) || NAMES.iter().any(|word| has(name, word));
        let may = *self == Self::None && !tells;
        if may {
            *self = Self::Open;
        }
        may
    }

    /// An event was good.
    pub(super) fn forgive(&mut self) {
        if self.is_open() {
            *self = Self::Forgiven;
        }
    }

    /// Whether the last event was left out.
    pub(super) fn is_open(self) -> bool {
        self == Self::Open
    }
}

#[cfg(test)]
mod tests {
    use super::Bad;

    #[test]
    fn promises_1_and_2_one_without_content_and_no_second() {
        for (name, data) in [
            ("", "{\"choices\":[{\"index\":0,\"delta\":{\"con"),
            ("", "{\"message\":{\"content\":\"a"),
            ("", "{\"candidates\":[{\"content\":{\"parts\":"),
            ("content_block_delta", "{"),
            ("contentBlockStart", "{"),
            ("", "{\"type\":\"response.output_text.delta\","),
            ("", "{\"type\":\"response.function_call_ar"),
        ] {
            assert!(
                !Bad::None.leave_out(name.as_bytes(), data.as_bytes()),
                "{name} {data}"
            );
        }
        let mut bad = Bad::None;
        assert!(bad.leave_out(b"ping", b"{oops") && bad.is_open());
        assert!(
            !bad.leave_out(b"ping", b"{oops"),
            "the next one must be good"
        );
        bad.forgive();
        assert_eq!(bad, Bad::Forgiven);
        assert!(!bad.leave_out(b"", b"{\"choices\":["), "there is no second");
    }
}
