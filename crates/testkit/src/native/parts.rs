//! The parts of answers, for scripts that break them: each dialect's own head,
//! frames, pings and failures, as bytes.
//!
//! A target is the path that was asked, since one upstream has several calls.

use serde_json::json;

use super::mind::{self, Answer, Stop};
use super::{Call, Dialect, Frames, anthropic, bedrock, chat, gemini};
use crate::script::Script;

impl Dialect {
    /// The head of a stream, and nothing yet.
    pub fn stream_head(self) -> Script {
        Script::chunked(200, &[("content-type", self.stream_type())])
    }

    /// The media type of a stream.
    pub fn stream_type(self) -> &'static str {
        match self {
            Self::OpenAi | Self::Azure | Self::Anthropic => "text/event-stream; charset=utf-8",
            Self::Gemini => "text/event-stream",
            Self::Bedrock => "application/vnd.amazon.eventstream",
            Self::Ollama => "application/x-ndjson",
        }
    }

    /// A stream that says `text`, a frame a word.
    pub fn flow(self, target: &str, text: &str) -> Frames {
        self.frames(self.call(target), &says(text), true)
    }

    /// The same as a whole answer.
    pub fn says(self, target: &str, text: &str) -> String {
        self.whole(self.call(target), &says(text))
    }

    /// The frame of a failure, for which the service would have had this status.
    pub fn failing_frame(self, target: &str, status: u16) -> Vec<u8> {
        self.break_frame(self.call(target), &says(""), status)
    }

    /// A sign of life without content, where it has one.
    pub fn ping(self) -> Option<Vec<u8>> {
        match self {
            Self::OpenAi | Self::Azure | Self::Gemini => Some(b": keep-alive\n\n".to_vec()),
            Self::Anthropic => Some(b"event: ping\ndata: {\"type\": \"ping\"}\n\n".to_vec()),
            Self::Bedrock | Self::Ollama => None,
        }
    }

    /// A stream of a call whose arguments were cut by the bound on tokens; none where
    /// calls come whole.
    pub fn cut_call(self, target: &str) -> Option<Frames> {
        let call = mind::Call {
            id: "call_1".to_owned(),
            name: "level".to_owned(),
            arguments: r#"{"a": [1,"#.to_owned(),
        };
        let answer = Answer {
            calls: vec![call],
            stop: Stop::Length,
            ..says("")
        };
        let whole = matches!(self, Self::Gemini | Self::Ollama);
        (!whole).then(|| self.frames(self.call(target), &answer, true))
    }

    /// A frame whose data is no JSON, and in which nothing was said.
    pub fn stray_frame(self) -> Vec<u8> {
        match self {
            Self::Anthropic => b"event: ping\ndata: {oops\n\n".to_vec(),
            Self::Bedrock => bedrock::framed("event", (":event-type", "metadata"), b"{oops"),
            _ => self.odd_frame(),
        }
    }

    /// A frame that says something, and whose JSON is cut.
    pub fn cut_frame(self, target: &str) -> Vec<u8> {
        let mut frame = self.flow(target, "c").begun.pop().unwrap_or_default();
        let end = match self {
            Self::Bedrock => return self.odd_frame(),
            Self::Ollama => 1,
            Self::Gemini => 4,
            Self::OpenAi | Self::Azure | Self::Anthropic => 2,
        };
        // Two braces at the least close what says it.
        frame.drain(frame.len() - end - 2..frame.len() - end);
        frame
    }

    /// A frame whose payload was changed, with the length and the checksums that it has
    /// now, where it has any.
    #[must_use]
    pub fn sealed(self, frame: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Bedrock => bedrock::sealed(frame),
            _ => frame,
        }
    }

    /// A frame whose data is no JSON.
    pub fn odd_frame(self) -> Vec<u8> {
        match self {
            Self::OpenAi | Self::Azure | Self::Gemini => b"data: {oops\n\n".to_vec(),
            Self::Anthropic => b"event: content_block_delta\ndata: {oops\n\n".to_vec(),
            Self::Bedrock => super::bedrock::odd_frame(),
            Self::Ollama => b"{oops\n".to_vec(),
        }
    }

    /// A failure with a status, in the service's own form.
    pub fn failure(self, status: u16, message: &str) -> Script {
        self.failure_with(status, message, &[])
    }

    /// The same with more headers.
    pub fn failure_with(self, status: u16, message: &str, more: &[(&str, &str)]) -> Script {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(more);
        if self == Self::Bedrock {
            headers.push(("x-amzn-errortype", bedrock::failure_name(status)));
        }
        let told = match (self, status) {
            (Self::Bedrock, 401) => 403,
            (Self::Bedrock, 529) => 503,
            (Self::Gemini, 422) => 400,
            (Self::Gemini, 529) => 503,
            _ => status,
        };
        let body = self.failing_body(status, message);
        Script::whole(told, &headers, body.as_bytes())
    }

    /// The body of the same.
    pub fn failing_body(self, status: u16, message: &str) -> String {
        match self {
            Self::OpenAi | Self::Azure => chat::failure(status, message),
            Self::Anthropic => anthropic::failure(status, message).to_string(),
            Self::Gemini => gemini::failure(status, message).to_string(),
            Self::Bedrock => json!({ "message": message }).to_string(),
            Self::Ollama => json!({ "error": message }).to_string(),
        }
    }

    fn call(self, target: &str) -> Call {
        self.place(target).map_or(Call::Chat, |(call, ..)| call)
    }
}

fn says(text: &str) -> Answer {
    Answer {
        model: "m-1".to_owned(),
        thought: None,
        text: text.to_owned(),
        calls: Vec::new(),
        stop: Stop::End,
        input: 5,
        output: 2,
        breaks: None,
    }
}
