//! OpenAI's API at Azure: other paths (`upstream/paths.rs`), and a header of its
//! own for the key; all else is OpenAI's.

use std::borrow::Cow;

use http::header::{HeaderMap, HeaderName};
use tidegate_wire::chat::{self, Decode, Lacks, Malformed};

use super::openai::OpenAi;
use super::{Said, Speaks, Ways};
use crate::endpoint::Endpoint;

pub(super) struct Azure;

impl Speaks for Azure {
    fn credential(&self) -> (HeaderName, &'static str) {
        (HeaderName::from_static("api-key"), "")
    }

    fn natively(&self, endpoint: Endpoint, ways: &Ways) -> bool {
        OpenAi.natively(endpoint, ways)
    }

    fn is_openai(&self) -> bool {
        true
    }

    fn path(&self, endpoint: Endpoint, model: &str, stream: bool) -> Cow<'static, str> {
        OpenAi.path(endpoint, model, stream)
    }

    fn models(&self) -> Option<&'static str> {
        OpenAi.models()
    }

    fn write(&self, request: &chat::Request, ways: &Ways, lacks: &mut Lacks) -> Vec<u8> {
        // Its models are OpenAI's, whichever of its APIs it is asked by.
        let theirs = Ways {
            responses: true,
            ..*ways
        };
        OpenAi.write(request, &theirs, lacks)
    }

    fn answer(&self, body: &[u8]) -> Result<chat::Answer, Malformed> {
        OpenAi.answer(body)
    }

    fn reader(&self) -> Box<dyn Decode> {
        OpenAi.reader()
    }

    fn error(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Option<Said> {
        OpenAi.error(status, headers, body)
    }
}
