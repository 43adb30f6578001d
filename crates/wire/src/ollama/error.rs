//! Errors: a text, in a body as in a line of a stream, and nothing that tells
//! one from another.

use crate::openai::ErrorBody;
use crate::openai::error::parse;

/// The error in a whole body, if there is one; other forms are read as OpenAI's
/// are, since proxies answer too.
pub fn read_error(body: &[u8]) -> Option<ErrorBody> {
    parse(body).map(known)
}

/// An error of this text.
pub(super) fn in_stream(message: String) -> ErrorBody {
    known(ErrorBody {
        message,
        ..ErrorBody::default()
    })
}

/// With OpenAI's word for an account that has used what it may: that of Ollama's
/// own service has limits of a session and of a week, for all of its models.
fn known(mut error: ErrorBody) -> ErrorBody {
    if error.code.is_none() && error.message.contains("usage limit") {
        error.code = Some("insufficient_quota".to_owned());
    }
    error
}
