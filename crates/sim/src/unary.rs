//! Answers in one JSON document: the sound ones, and each flaw in them.
//!
//! Promise: the announced length is exact, also where the flaw is that fewer bytes come. A long
//! text is never held whole: it is written while it is read.

use bytes::{BufMut, Bytes, BytesMut};
use tidegate_kernel::Instant;

use crate::name::Flaw;
use crate::said::{Content, Dialect, Said, Usage};
use crate::script::Script;
use crate::speech::{Speech, quote, tide};
use crate::stream::{DRIP, ERROR, PAUSE};
use crate::tally::Call;
use crate::voice::CREATED;

/// Up to this many bytes, the endless text is rendered into the document at once.
const SMALL: u64 = 64 * 1024;

/// A text answer as a document.
pub(crate) struct Document<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) number: u64,
    /// Escaped.
    pub(crate) name: &'a str,
    pub(crate) usage: Usage,
    pub(crate) said: &'a Said,
}

/// Rendered bytes, each followed by so many bytes of the endless text.
struct Rendered {
    parts: Vec<(Bytes, u64)>,
    open: BytesMut,
    small: u64,
}

impl Document<'_> {
    /// The whole document in one piece.
    pub(crate) fn whole(&self) -> Bytes {
        self.render(u64::MAX).open.freeze()
    }

    /// The document as an answer.
    pub(crate) fn sound(&self, call: Call) -> Script {
        let Rendered { parts, open, .. } = self.render(SMALL);
        let mut script = Script::new(call);
        let long: u64 = parts
            .iter()
            .map(|(part, text)| part.len() as u64 + text)
            .sum();
        script.promise(long + open.len() as u64);
        for (part, text) in parts {
            script.send(part);
            script.text(text);
        }
        script.send(open.freeze());
        script
    }

    fn render(&self, small: u64) -> Rendered {
        let (prefix, number, name) = (self.dialect.prefix(), self.number, self.name);
        let object = match self.dialect {
            Dialect::Chat => "chat.completion",
            Dialect::Completion => "text_completion",
        };
        let head = format!(
            r#"{{"id":"{prefix}{number}","object":"{object}","created":{CREATED},"model":"{name}","choices":["#
        );
        let mut out = Rendered {
            parts: Vec::new(),
            open: BytesMut::with_capacity(head.len() + 512),
            small,
        };
        out.put(&head);
        for choice in 0..self.said.choices {
            if choice > 0 {
                out.put(",");
            }
            out.put(&format!(r#"{{"index":{choice},"#));
            self.message(choice, &mut out);
            let why = self.said.finish.as_str();
            out.put(&format!(r#","logprobs":null,"finish_reason":"{why}"}}"#));
        }
        let usage = self.usage.json();
        out.put(&format!(
            r#"],"usage":{usage},"system_fingerprint":"fp_sim"}}"#
        ));
        out
    }

    fn message(&self, choice: u32, out: &mut Rendered) {
        const MESSAGE: &str = r#""message":{"role":"assistant","content":"#;
        match (self.dialect, &self.said.content) {
            (Dialect::Completion, Content::Text(speech) | Content::Refusal(speech)) => {
                out.put(r#""text":"#);
                out.speech(speech);
            }
            // A completion has no tools; nobody asks it to call one.
            (Dialect::Completion, Content::Calls { .. }) => out.put(r#""text":"""#),
            (Dialect::Chat, Content::Text(speech)) => {
                out.put(MESSAGE);
                out.speech(speech);
                out.put(r#","refusal":null}"#);
            }
            (Dialect::Chat, Content::Refusal(speech)) => {
                out.put(MESSAGE);
                out.put(r#"null,"refusal":"#);
                out.speech(speech);
                out.put("}");
            }
            (Dialect::Chat, calls @ Content::Calls { .. }) => {
                let calls = calls.calls_json(self.number, choice);
                out.put(MESSAGE);
                out.put(&format!(r#"null,"refusal":null,"tool_calls":{calls}}}"#));
            }
        }
    }
}

impl Rendered {
    fn put(&mut self, text: &str) {
        self.open.put_slice(text.as_bytes());
    }

    fn speech(&mut self, speech: &Speech) {
        match speech {
            Speech::Text { text, .. } => quote(&mut self.open, text),
            Speech::Tide { len, .. } if *len <= self.small => {
                self.open.put_u8(b'"');
                tide(&mut self.open, 0, usize::try_from(*len).unwrap_or(0));
                self.open.put_u8(b'"');
            }
            Speech::Tide { len, .. } => {
                self.open.put_u8(b'"');
                self.parts.push((self.open.split().freeze(), *len));
                self.open.put_u8(b'"');
            }
        }
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
pub(crate) fn flawed(call: Call, mut document: Bytes, due: Instant, flaw: Flaw) -> Script {
    let mut script = Script::new(call);
    script.promise(document.len() as u64);
    match flaw {
        Flaw::Stall => {
            script.send(document.split_to(document.len() / 2));
            script.silence();
        }
        Flaw::Cut | Flaw::Reset => {
            script.send(document.split_to(document.len() / 2));
            script.until(due + PAUSE);
            script.cut(flaw == Flaw::Reset);
        }
        Flaw::CutMidEvent => {
            let torn = document.iter().position(|byte| !byte.is_ascii());
            script.send(document.split_to(torn.map_or(document.len() / 2, |at| at + 1)));
            script.until(due + PAUSE);
            script.cut(false);
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
        Flaw::SlowDrip => script.drip(document, due + DRIP, DRIP),
    }
    script
}
