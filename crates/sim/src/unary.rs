//! Answers in one JSON document: the sound ones, and each flaw in them.
//!
//! Promise: the announced length is exact, also where the flaw is that fewer bytes come. A long
//! text is never held whole: it is written while it is read.

use bytes::{BufMut, Bytes, BytesMut};
use tidegate_kernel::Instant;

use crate::name::Flaw;
use crate::script::Script;
use crate::speech::{Speech, quote, tide};
use crate::stream::{DRIP, ERROR, PAUSE};
use crate::tally::Call;
use crate::voice::{CREATED, Dialect, Usage};

/// Up to this many bytes, a text is rendered into the document at once.
const SMALL: u64 = 64 * 1024;

/// A document around a text.
pub(crate) struct Document {
    head: String,
    tail: String,
}

impl Document {
    /// `name` is a parsed name: it needs no escaping.
    pub(crate) fn new(dialect: Dialect, number: u64, name: &str, usage: Usage) -> Self {
        let prefix = dialect.prefix();
        let usage = usage.json();
        let (object, before, after) = match dialect {
            Dialect::Chat => (
                "chat.completion",
                r#""message":{"role":"assistant","content":"#,
                r#","refusal":null}"#,
            ),
            Dialect::Completion => ("text_completion", r#""text":"#, ""),
        };
        Self {
            head: format!(
                r#"{{"id":"{prefix}{number}","object":"{object}","created":{CREATED},"model":"{name}","choices":[{{"index":0,{before}"#
            ),
            tail: format!(
                r#"{after},"logprobs":null,"finish_reason":"stop"}}],"usage":{usage},"system_fingerprint":"fp_sim"}}"#
            ),
        }
    }

    /// The whole document in one piece.
    pub(crate) fn around(&self, speech: &Speech) -> Bytes {
        let mut json = BytesMut::with_capacity(self.head.len() + 128 + self.tail.len());
        json.put_slice(self.head.as_bytes());
        match speech {
            Speech::Tide { chunks, bytes } => {
                json.put_u8(b'"');
                tide(&mut json, 0, *chunks as usize * *bytes as usize);
                json.put_u8(b'"');
            }
            Speech::Echo(text) => quote(&mut json, text),
        }
        json.put_slice(self.tail.as_bytes());
        json.freeze()
    }

    /// The document as an answer.
    pub(crate) fn sound(self, call: Call, speech: &Speech) -> Script {
        let text = match speech {
            Speech::Tide { chunks, bytes } => u64::from(*chunks) * u64::from(*bytes),
            Speech::Echo(_) => 0,
        };
        if text <= SMALL {
            return sound(call, self.around(speech));
        }
        let (head, tail) = (self.head + "\"", format!("\"{}", self.tail));
        let mut script = Script::new(call);
        script.promise(head.len() as u64 + text + tail.len() as u64);
        script.send(head.into());
        script.text(text);
        script.send(tail.into());
        script
    }
}

/// A document that is rendered already.
pub(crate) fn sound(call: Call, document: Bytes) -> Script {
    let mut script = Script::new(call);
    script.promise(document.len() as u64);
    script.send(document);
    script
}

/// A document with a flaw in it or in the way it comes.
pub(crate) fn flawed(call: Call, mut document: Bytes, start: Instant, flaw: Flaw) -> Script {
    let mut script = Script::new(call);
    script.promise(document.len() as u64);
    match flaw {
        Flaw::Stall => {
            script.send(document.split_to(document.len() / 2));
            script.silence();
        }
        Flaw::Cut => {
            script.send(document.split_to(document.len() / 2));
            script.until(start + PAUSE);
            script.cut();
        }
        Flaw::CutMidEvent => {
            let torn = document.iter().position(|byte| !byte.is_ascii());
            script.send(document.split_to(torn.map_or(document.len() / 2, |at| at + 1)));
            script.until(start + PAUSE);
            script.cut();
        }
        Flaw::BadJson => {
            let kept = document.len().saturating_sub(1);
            script.send([&document[..kept], b",}"].concat().into());
            script.promise(kept as u64 + 2);
        }
        Flaw::ErrorEvent => {
            script.send(Bytes::from_static(ERROR.as_bytes()));
            script.promise(ERROR.len() as u64);
        }
        Flaw::SlowDrip => script.drip(document, start + DRIP, DRIP),
    }
    script
}
