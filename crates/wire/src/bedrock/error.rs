//! Failures, as a head tells them and as a stream does.
//!
//! 1. A failure has the same name in both: `ThrottlingException`.
//! 2. One in a stream has, as its code, the status that its head would have had.

use std::borrow::Cow;

use serde::Deserialize;

use crate::openai::ErrorBody;

#[derive(Deserialize, Default)]
struct Told<'a> {
    #[serde(borrow, rename = "__type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "Message", alias = "errorMessage")]
    message: Option<Cow<'a, str>>,
    /// What the model itself said, behind `modelStreamErrorException`.
    #[serde(borrow, rename = "originalMessage")]
    original: Option<Cow<'a, str>>,
}

impl Told<'_> {
    fn message(self) -> String {
        let told = [self.message, self.original].into_iter().flatten();
        let mut told = told.filter(|text| !text.is_empty());
        told.next().unwrap_or_default().into_owned()
    }
}

/// The error of a whole body. `name` is the head's `x-amzn-errortype`.
pub fn read_error(status: u16, name: Option<&str>, body: &[u8]) -> ErrorBody {
    let told: Told<'_> = serde_json::from_slice(body).unwrap_or_default();
    let kind = name.or(told.kind.as_deref()).map(plain);
    let kind = kind.filter(|kind| !kind.is_empty()).or(by_status(status));
    ErrorBody {
        kind: kind.map(str::to_owned),
        message: told.message(),
        ..ErrorBody::default()
    }
}

/// The error of a message of a stream, by its name (`throttlingException`).
pub(super) fn in_stream(name: &str, data: &[u8]) -> ErrorBody {
    let told: Told<'_> = serde_json::from_slice(data).unwrap_or_default();
    let mut kind = plain(name).to_owned();
    if let Some(first) = kind.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    ErrorBody {
        code: status(&kind).map(|status| status.to_string()),
        kind: Some(kind),
        message: told.message(),
        ..ErrorBody::default()
    }
}

/// A name without its namespace (`com.amazon.coral.service#`) and the address
/// that may stand behind it (`:http://internal.amazon.com/...`).
fn plain(name: &str) -> &str {
    let name = name.split(':').next().unwrap_or_default();
    name.rsplit('#').next().unwrap_or_default().trim()
}

/// What a name stands for. The model's own failures are nobody's in the request,
/// so they are 500 and not Amazon's 424.
fn status(kind: &str) -> Option<u16> {
    Some(match kind {
        "ValidationException" => 400,
        "AccessDeniedException" => 403,
        "ResourceNotFoundException" => 404,
        "ModelTimeoutException" => 408,
        "ThrottlingException" | "ServiceQuotaExceededException" | "ModelNotReadyException" => 429,
        "InternalServerException" | "ModelStreamErrorException" | "ModelErrorException" => 500,
        "ServiceUnavailableException" => 503,
        _ => return None,
    })
}

fn by_status(status: u16) -> Option<&'static str> {
    Some(match status {
        400 => "ValidationException",
        403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        500 => "InternalServerException",
        503 => "ServiceUnavailableException",
        _ => return None,
    })
}
