//! What differs from one provider's API to another's: the one list of them.
//!
//! A line for each dialect in each of these tables: where a call goes, by which
//! header a key is shown, what else its API wants to be told. What is said in a
//! body is `wire`'s; when to ask again is nobody's here.

use http::header::{self, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tidegate_wire::openai::Endpoint;

/// The dialect that a provider speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's, and that of all who are compatible with it. Its base URL ends
    /// where the SDK's does, in `/v1`.
    #[default]
    OpenAi,
    /// OpenAI's at Azure: other paths (`upstream/paths.rs`), and a header of its
    /// own for the key. Its base URL ends before `/openai`.
    Azure,
    /// Anthropic's Messages. Its base URL has no `/v1`, as its SDK's.
    Anthropic,
}

/// The version of the Messages API that is spoken; Anthropic has no newer one.
const ANTHROPIC_VERSION: (HeaderName, HeaderValue) = (
    HeaderName::from_static("anthropic-version"),
    HeaderValue::from_static("2023-06-01"),
);

impl Dialect {
    /// The header that shows `key`, marked as a secret.
    ///
    /// # Errors
    /// If the key cannot stand in a header; the text does not hold it.
    pub(crate) fn credential(
        self,
        key: &SecretString,
    ) -> Result<(HeaderName, HeaderValue), String> {
        let (name, text) = match self {
            Self::OpenAi => (
                header::AUTHORIZATION,
                SecretString::from(format!("Bearer {}", key.expose_secret())),
            ),
            Self::Azure => (HeaderName::from_static("api-key"), key.clone()),
            Self::Anthropic => (HeaderName::from_static("x-api-key"), key.clone()),
        };
        let mut value = HeaderValue::from_str(text.expose_secret())
            .map_err(|_| "the key holds a character that no header can hold".to_owned())?;
        value.set_sensitive(true);
        Ok((name, value))
    }

    /// What each request tells beside its key.
    pub(crate) fn headers(self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let version = (self == Self::Anthropic).then_some(ANTHROPIC_VERSION);
        version.into_iter()
    }

    /// Where a call goes, behind the base URL.
    pub(crate) fn path(self, endpoint: Endpoint) -> &'static str {
        match self {
            Self::OpenAi | Self::Azure => endpoint.path(),
            // Nothing else is asked of it.
            Self::Anthropic => "/v1/messages",
        }
    }

    /// Where the models are listed, behind the base URL.
    pub(crate) fn models(self) -> &'static str {
        match self {
            Self::OpenAi | Self::Azure => "/models",
            Self::Anthropic => "/v1/models",
        }
    }
}
