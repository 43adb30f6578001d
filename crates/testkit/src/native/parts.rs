//! The parts of answers, for scripts that break them: each dialect's own head,
//! frames, pings and failures, as bytes.
//!
//! A target is the path that was asked, since one upstream has several calls.

use serde_json::json;

use super::mind::{Answer, Stop};
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
        let (status, body) = match self {
            Self::OpenAi | Self::Azure => (status, chat::failure(status, message)),
            Self::Anthropic => (status, anthropic::failure(status, message).to_string()),
            Self::Gemini => {
                let body = gemini::failure(status, message);
                let told = body["error"]["code"].as_u64().map(u16::try_from);
                (
                    told.and_then(Result::ok).unwrap_or(status),
                    body.to_string(),
                )
            }
            Self::Bedrock => {
                headers.push(("x-amzn-errortype", bedrock::failure_name(status)));
                let status = match status {
                    401 => 403,
                    529 => 503,
                    status => status,
                };
                (status, json!({ "message": message }).to_string())
            }
            Self::Ollama => (status, json!({ "error": message }).to_string()),
        };
        Script::whole(status, &headers, body.as_bytes())
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
