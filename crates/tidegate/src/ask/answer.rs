//! The answer: what its events say, and what of it was shown.
//!
//! Promise: it is whole only when the server said so; a stream that just stops,
//! or holds an error, is a failure, whatever came before.

use serde_json::Value;

use crate::client::Refusal;
use crate::fault::Fault;
use crate::say::one_line;

/// More text than this is not kept for `--json`, in bytes.
const MOST: usize = 64 << 20;

/// What is known of the answer so far.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Keep the text instead of showing it.
    keeps: bool,
    pub(super) content: String,
    pub(super) model: Option<String>,
    pub(super) finish: Option<String>,
    pub(super) usage: Option<Value>,
    pub(super) error: Option<Refusal>,
    /// Events with text.
    pub(super) pieces: u64,
    /// Whether the last character shown was something else than a line end.
    open_line: bool,
}

/// Whether more is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Took {
    More,
    End,
}

/// The stream ended without its end mark.
pub(super) fn unfinished() -> Fault {
    Fault::running("the answer was cut off: it is not whole").help("ask again")
}

pub(super) fn unreadable(what: &str) -> Fault {
    Fault::running(format!("the answer holds {what}: it is not whole"))
        .help("ask again; if it stays so, the provider is broken")
}

impl Answer {
    pub(super) fn new(keeps: bool) -> Self {
        Self {
            keeps,
            ..Self::default()
        }
    }

    /// Takes one event's data; its text goes behind `text`.
    pub(super) fn take(&mut self, data: &[u8], text: &mut String) -> Result<Took, Fault> {
        if data.is_empty() {
            return Ok(Took::More);
        }
        if data == b"[DONE]" {
            return Ok(Took::End);
        }
        let json: Value =
            serde_json::from_slice(data).map_err(|_| unreadable("an event that is no JSON"))?;
        self.take_json(&json, "delta", text)?;
        Ok(Took::More)
    }

    /// Takes what the server said instead of an answer.
    pub(super) fn refused(&mut self, body: &[u8]) {
        self.error = serde_json::from_slice(body)
            .ok()
            .and_then(|json| Refusal::read(&json));
    }

    /// Takes an answer that was not streamed.
    pub(super) fn take_whole(&mut self, json: &Value, text: &mut String) -> Result<(), Fault> {
        self.take_json(json, "message", text)
    }

    fn take_json(&mut self, json: &Value, part: &str, text: &mut String) -> Result<(), Fault> {
        if let Some(error) = Refusal::read(json) {
            let fault = error.fault();
            self.error = Some(error);
            return Err(fault);
        }
        let word = |value: &Value| value.as_str().map(one_line);
        if self.model.is_none() {
            self.model = word(&json["model"]);
        }
        if json["usage"].is_object() {
            self.usage = Some(json["usage"].clone());
        }
        let choice = &json["choices"][0];
        if let Some(finish) = word(&choice["finish_reason"]) {
            self.finish = Some(finish);
        }
        let before = text.len();
        for name in ["content", "refusal"] {
            text.push_str(choice[part][name].as_str().unwrap_or_default());
        }
        self.pieces += u64::from(text.len() > before);
        if self.keeps && self.content.len() + text.len() > MOST {
            return Err(unreadable("more text than can be kept"));
        }
        Ok(())
    }

    /// Whether this text is to be shown now.
    pub(super) fn print(&mut self, text: &str) -> bool {
        if self.keeps {
            self.content.push_str(text);
            return false;
        }
        self.open_line = !text.ends_with('\n');
        true
    }

    /// Whether what was shown does not end its line.
    pub(super) fn wants_line_end(&self) -> bool {
        self.open_line
    }

    /// Why a whole answer is less than the model had to say.
    pub(super) fn cut_short(&self) -> Option<&'static str> {
        match self.finish.as_deref()? {
            "length" => Some("the answer ends at the limit of tokens (finish_reason length)"),
            "content_filter" => {
                Some("the provider's filter ended the answer (finish_reason content_filter)")
            }
            "tool_calls" | "function_call" => {
                Some("the model wants to call a tool, which `ask` does not do")
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(delta: &str, finish: &str) -> String {
        format!(r#"{{"model":"m-1","choices":[{{"delta":{delta},"finish_reason":{finish}}}]}}"#)
    }

    #[test]
    fn text_comes_out_of_deltas_until_the_end_mark() {
        let mut answer = Answer::new(false);
        let mut text = String::new();
        for data in [
            chunk(r#"{"role":"assistant","content":""}"#, "null"),
            chunk(r##"{"content":"# one\n"}"##, "null"),
            chunk(r#"{"content":"two"}"#, "null"),
            chunk("{}", r#""length""#),
            r#"{"choices":[],"usage":{"completion_tokens":2}}"#.to_owned(),
        ] {
            assert_eq!(answer.take(data.as_bytes(), &mut text), Ok(Took::More));
        }
        assert_eq!(answer.take(b"[DONE]", &mut text), Ok(Took::End));
        assert_eq!((&*text, answer.pieces), ("# one\ntwo", 2));
        assert!(answer.print(&text) && answer.wants_line_end());
        assert_eq!(answer.model.as_deref(), Some("m-1"));
        assert_eq!(answer.usage.as_ref().unwrap()["completion_tokens"], 2);
        assert!(answer.cut_short().is_some_and(|why| why.contains("limit")));
    }

    #[test]
    fn an_error_in_the_middle_is_a_failure_and_keeps_what_came() {
        let mut answer = Answer::new(true);
        let mut text = String::new();
        let chunk = chunk(r#"{"content":"half"}"#, "null");
        assert!(answer.take(chunk.as_bytes(), &mut text).is_ok());
        assert!(!answer.print(&text));
        let error = br#"{"error":{"message":"gone","code":"upstream_broken"}}"#;
        let fault = answer.take(error, &mut text).unwrap_err();
        assert_eq!(fault.what(), Some("gone (upstream_broken)"));
        assert_eq!((&*answer.content, &*text), ("half", "half"));
        let fault = answer.take(b"{\"choices\":", &mut text).unwrap_err();
        assert!(fault.what().is_some_and(|what| what.contains("no JSON")));
    }
}
