//! Anthropic's Messages API. Whoever calls in it is passed on as he wrote, with
//! the version and the beta features that he names.

use std::borrow::Cow;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use tidegate_wire::anthropic as wire;
use tidegate_wire::chat::{self, Decode, Lacks, Malformed};

use super::{Header, Said, Speaks, Ways};
use crate::endpoint::Endpoint;

/// The version of the API that is spoken where its caller names none.
static VERSION: [Header; 1] = [(
    HeaderName::from_static("anthropic-version"),
    HeaderValue::from_static("2023-06-01"),
)];

pub(super) struct Anthropic;

impl Speaks for Anthropic {
    fn credential(&self) -> (HeaderName, &'static str) {
        (HeaderName::from_static("x-api-key"), "")
    }

    fn headers(&self) -> &'static [Header] {
        &VERSION
    }

    fn natively(&self, endpoint: Endpoint, _ways: &Ways) -> bool {
        matches!(endpoint, Endpoint::Messages | Endpoint::CountTokens)
    }

    fn path(&self, endpoint: Endpoint, _model: &str, _stream: bool) -> Cow<'static, str> {
        Cow::Borrowed(match endpoint {
            Endpoint::CountTokens => "/v1/messages/count_tokens",
            _ => "/v1/messages",
        })
    }

    fn models(&self) -> Option<&'static str> {
        Some("/v1/models?limit=1000")
    }

    fn write(&self, request: &chat::Request, ways: &Ways, lacks: &mut Lacks) -> Vec<u8> {
        let ways = wire::Ways {
            max_tokens: ways.max_tokens,
            ..wire::Ways::of(&request.model)
        };
        wire::write_request(request, &ways, lacks)
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
