//! OpenAI's API, and that of all who are compatible with it: of those only some
//! speak Responses, too.

use std::borrow::Cow;

use http::header::{self, HeaderMap, HeaderName};
use tidegate_wire::chat::{self, Decode, Lacks, Malformed};
use tidegate_wire::openai::chat as wire;

use super::{Said, Speaks, Ways};
use crate::endpoint::Endpoint;

pub(super) struct OpenAi;

impl Speaks for OpenAi {
    fn credential(&self) -> (HeaderName, &'static str) {
        (header::AUTHORIZATION, "Bearer ")
    }

    fn natively(&self, endpoint: Endpoint, ways: &Ways) -> bool {
        match endpoint {
            Endpoint::Chat | Endpoint::Completions | Endpoint::Embeddings => true,
            Endpoint::Responses => ways.responses,
            Endpoint::Messages | Endpoint::CountTokens => false,
        }
    }

    fn is_openai(&self) -> bool {
        true
    }

    fn path(&self, endpoint: Endpoint, _model: &str, _stream: bool) -> Cow<'static, str> {
        Cow::Borrowed(endpoint.path())
    }

    fn models(&self) -> Option<&'static str> {
        Some("/models")
    }

    fn write(&self, request: &chat::Request, ways: &Ways, lacks: &mut Lacks) -> Vec<u8> {
        let theirs = match ways.responses {
            true => wire::Ways::OPENAI,
            false => wire::Ways::COMPATIBLE,
        };
        let usage = ways.ask_usage;
        wire::write_request(request, wire::Ways { usage, ..theirs }, lacks)
    }

    fn answer(&self, body: &[u8]) -> Result<chat::Answer, Malformed> {
        wire::read_answer(body)
    }

    fn reader(&self) -> Box<dyn Decode> {
        Box::<wire::Reader>::default()
    }

    fn error(&self, _status: u16, _headers: &HeaderMap, body: &[u8]) -> Option<Said> {
        Said::plain(body)
    }
}
