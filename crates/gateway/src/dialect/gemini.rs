//! Google's Gemini API: the model stands in the path, and whether its answer is
//! a stream. Its streams have no end mark.

use std::borrow::Cow;

use http::header::{HeaderMap, HeaderName};
use serde_json::Value;
use tidegate_wire::chat::{self, Decode, Lacks, Malformed};
use tidegate_wire::embed::{Embed, Embedded};
use tidegate_wire::gemini as wire;

use super::{Said, Speaks, Ways};
use crate::endpoint::Endpoint;

pub(super) struct Gemini;

impl Speaks for Gemini {
    fn credential(&self) -> (HeaderName, &'static str) {
        (HeaderName::from_static("x-goog-api-key"), "")
    }

    fn path(&self, _endpoint: Endpoint, model: &str, stream: bool) -> Cow<'static, str> {
        Cow::Owned(wire::path(model, stream))
    }

    fn models(&self) -> Option<&'static str> {
        Some("/models?pageSize=1000")
    }

    fn listed(&self, list: &Value) -> Option<usize> {
        list.get("models")?.as_array().map(Vec::len)
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
        Some((wire::embed_path(embed), wire::write_embed(embed, lacks)))
    }

    fn embedded(&self, body: &[u8], asked: &Embed) -> Result<Embedded, Malformed> {
        wire::read_embedded(body, asked)
    }

    fn error(&self, status: u16, _headers: &HeaderMap, body: &[u8]) -> Option<Said> {
        let error = wire::read_error(status, body);
        Some(Said {
            // A key that is none is a bad argument to it.
            status: match error.code.as_deref() {
                Some("API_KEY_INVALID" | "API_KEY_EXPIRED") => Some(401),
                _ => None,
            },
            error,
        })
    }
}
