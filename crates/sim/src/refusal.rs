//! Answers that are an error, in the OpenAI form.
//!
//! The codes of our own refusals are those of the one table in `types`; the `fault-…` statuses
//! speak as OpenAI and Anthropic do. This file decides nothing: it only knows how to say no.

use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use tidegate_types::Code;

use crate::name::{EXAMPLES, Refused};

/// One error answer.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// Headers beyond those of every answer.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    error: Error,
}

#[derive(Debug, Serialize)]
struct Error {
    message: String,
    r#type: &'static str,
    param: Option<&'static str>,
    code: Option<&'static str>,
}

#[derive(Serialize)]
struct Form<'a> {
    error: &'a Error,
}

impl Refusal {
    fn new(status: u16, error: Error) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self {
            status,
            headers: &[],
            error,
        }
    }

    /// One of the codes of the table.
    pub(crate) fn coded(code: Code, message: String) -> Self {
        let error = Error {
            message,
            r#type: code.kind(),
            param: None,
            code: Some(code.as_str()),
        };
        Self::new(code.status(), error)
    }

    /// A field is wrong.
    pub(crate) fn value(param: &'static str, message: String) -> Self {
        let mut refusal = Self::coded(Code::InvalidValue, message);
        refusal.error.param = Some(param);
        refusal
    }

    /// A field is not there.
    pub(crate) fn missing(param: &'static str) -> Self {
        Self::value(param, format!("The field `{param}` is missing or empty."))
    }

    /// Nobody has this model.
    pub(crate) fn model(name: &str) -> Self {
        let shown: String = name.chars().take(128).collect();
        let known = EXAMPLES.join(", ");
        let message = format!("The model `{shown}` does not exist; there are for example {known}.");
        Self::coded(Code::ModelNotFound, message)
    }

    /// No rule takes this call, and its model is none of ours.
    pub(crate) fn unforeseen(name: &str) -> Self {
        let shown: String = name.chars().take(128).collect();
        let message = format!(
            "No rule of the script answers this call, and `{shown}` is no name of the simulated \
             model: add a rule without conditions for such calls."
        );
        Self::coded(Code::ModelNotFound, message)
    }

    /// Nothing is at this path.
    pub(crate) fn path(path: &str) -> Self {
        let shown: String = path.chars().take(128).collect();
        Self::coded(Code::NotFound, format!("There is nothing at `{shown}`."))
    }

    /// Something is at this path, for another method.
    pub(crate) fn method(allow: &'static [(&'static str, &'static str); 1]) -> Self {
        let message = format!("Only {} is answered here.", allow[0].1);
        Self {
            headers: allow,
            ..Self::coded(Code::MethodNotAllowed, message)
        }
    }

    /// The body as it goes out.
    pub(crate) fn body(&self) -> Bytes {
        // Strings only: they always have a JSON form.
        serde_json::to_vec(&Form { error: &self.error })
            .unwrap_or_default()
            .into()
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let error = |message: &str, kind, code| Error {
            message: message.to_owned(),
            r#type: kind,
            param: None,
            code,
        };
        match refused {
            Refused::RateLimited => {
                let code = Some("rate_limit_exceeded");
                let error = error("Rate limit reached: try again in 1s.", "requests", code);
                Self {
                    headers: &RATE_LIMIT,
                    ..Self::new(429, error)
                }
            }
            Refused::Failing => {
                let message = "The server had an error while processing your request.";
                Self::new(500, error(message, "server_error", None))
            }
            Refused::Overloaded => {
                let code = Some("overloaded");
                Self::new(
                    529,
                    error("The model is overloaded.", "overloaded_error", code),
                )
            }
        }
    }
}

/// What a rate limit says about itself.
const RATE_LIMIT: [(&str, &str); 7] = [
    ("retry-after", "1"),
    ("x-ratelimit-limit-requests", "60"),
    ("x-ratelimit-remaining-requests", "0"),
    ("x-ratelimit-reset-requests", "1s"),
    ("x-ratelimit-limit-tokens", "60000"),
    ("x-ratelimit-remaining-tokens", "60000"),
    ("x-ratelimit-reset-tokens", "0s"),
];
