//! Ollama's own API, whose streams are lines of JSON. Its face of OpenAI's is a
//! preset of that.

use std::borrow::Cow;

use http::header::{self, HeaderMap, HeaderName};
use serde_json::Value;
use tidegate_wire::chat::{self, Decode, Lacks, Malformed};
use tidegate_wire::embed::{Embed, Embedded};
use tidegate_wire::ollama as wire;

use super::{Framing, Said, Speaks, Ways};
use crate::endpoint::Endpoint;

pub(super) struct Ollama;

impl Speaks for Ollama {
    /// A server of one's own wants none; a proxy before it, or Ollama's cloud, do.
    fn credential(&self) -> (HeaderName, &'static str) {
        (header::AUTHORIZATION, "Bearer ")
    }

    fn path(&self, _endpoint: Endpoint, _model: &str, _stream: bool) -> Cow<'static, str> {
        Cow::Borrowed(wire::path())
    }

    fn models(&self) -> Option<&'static str> {
        Some("/api/tags")
    }

    fn listed(&self, list: &Value) -> Option<usize> {
        list.get("models")?.as_array().map(Vec::len)
    }

    fn framing(&self) -> (Framing, &'static str) {
        (Framing::Lines, "application/x-ndjson")
    }

    fn write(&self, request: &chat::Request, _ways: &Ways, lacks: &mut Lacks) -> Vec<u8> {
        wire::write_request(request, lacks)
    }

    fn answer(&self, body: &[u8]) -> Result<chat::Answer, Malformed> {
        wire::read_answer(body)
    }

    fn reader(&self) -> Box<dyn Decode> {
        Box::<wire::Reader>::default()
    }

    fn write_embed(&self, embed: &Embed, lacks: &mut Lacks) -> Option<(String, Vec<u8>)> {
        let path = wire::embed_path().to_owned();
        Some((path, wire::write_embed(embed, lacks)))
    }

    fn embedded(&self, body: &[u8], asked: &Embed) -> Result<Embedded, Malformed> {
        wire::read_embedded(body, asked)
    }

    fn error(&self, _status: u16, _headers: &HeaderMap, body: &[u8]) -> Option<Said> {
        Some(Said {
            error: wire::read_error(body)?,
            status: None,
        })
    }
}
