//! Amazon Bedrock's Converse API. Its requests are signed (`upstream/sign.rs`),
//! unless there is a key that is shown.

use std::borrow::Cow;

use http::header::{self, HeaderMap, HeaderName};
use tidegate_wire::bedrock as wire;
use tidegate_wire::chat::{self, Decode, Lacks, Malformed};

use super::{Framing, Said, Speaks, Ways};
use crate::endpoint::Endpoint;

pub(super) struct Bedrock;

impl Speaks for Bedrock {
    fn credential(&self) -> (HeaderName, &'static str) {
        (header::AUTHORIZATION, "Bearer ")
    }

    fn path(&self, _endpoint: Endpoint, model: &str, stream: bool) -> Cow<'static, str> {
        Cow::Owned(wire::path(model, stream))
    }

    /// Another host lists them.
    fn models(&self) -> Option<&'static str> {
        None
    }

    fn framing(&self) -> (Framing, &'static str) {
        (Framing::Messages, "application/vnd.amazon.eventstream")
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

    fn error(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Option<Said> {
        let name = headers.get("x-amzn-errortype");
        let name = name.and_then(|name| name.to_str().ok());
        let error = wire::read_error(status, name, body);
        Some(Said {
            status: error.kind.as_deref().and_then(meant),
            error,
        })
    }
}

/// What an exception means, where its status says less.
fn meant(kind: &str) -> Option<u16> {
    Some(match kind {
        // About our signature, and not about what was asked for.
        "ExpiredTokenException"
        | "IncompleteSignatureException"
        | "InvalidSignatureException"
        | "MissingAuthenticationTokenException"
        | "UnrecognizedClientException" => 401,
        "ServiceQuotaExceededException" | "TooManyRequestsException" => 429,
        // The model's own failure.
        "ModelErrorException" | "ModelStreamErrorException" => 500,
        _ => return None,
    })
}
