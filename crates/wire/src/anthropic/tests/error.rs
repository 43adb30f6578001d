//! Errors: every code of ours in this dialect's form, and upstreams' errors in
//! whatever form they come.

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_types::Code;

use super::super::{kind, read_error, status, write_error, write_error_event};
use super::legal::legal;

#[test]
fn each_status_has_its_type() {
    for (code, wanted, name) in [
        (Code::InvalidValue, 400, "invalid_request_error"),
        (Code::InvalidApiKey, 401, "authentication_error"),
        (Code::ForbiddenHost, 403, "permission_error"),
        (Code::ModelNotFound, 404, "not_found_error"),
        (Code::MethodNotAllowed, 405, "invalid_request_error"),
        (Code::RequestTooLarge, 413, "request_too_large"),
        (Code::UnsupportedMediaType, 415, "invalid_request_error"),
        (Code::UpstreamRateLimited, 429, "rate_limit_error"),
        (Code::Internal, 500, "api_error"),
        (Code::UpstreamError, 502, "api_error"),
        (Code::ShuttingDown, 503, "api_error"),
        (Code::UpstreamTimeout, 504, "timeout_error"),
        (Code::QueueFull, 529, "overloaded_error"),
        (Code::UpstreamOverloaded, 529, "overloaded_error"),
    ] {
        assert_eq!(
            (status(code), kind(status(code))),
            (wanted, name),
            "{code:?}"
        );
    }
    assert_eq!((kind(402), kind(409)), ("billing_error", "conflict_error"));
}

/// Whose fault it is, and whether to come again, an SDK reads off the status.
#[test]
fn no_code_changes_sides() {
    for code in Code::ALL {
        assert_eq!(status(*code) / 100, code.status() / 100, "{code:?}");
    }
}

#[test]
fn an_error_has_the_form_of_the_api() {
    let body = write_error(status(Code::Overloaded), "Wait.", Some("req_1"));
    let wanted = json!({
        "type": "error",
        "error": {"type": "overloaded_error", "message": "Wait."},
        "request_id": "req_1",
    });
    assert_eq!(
        serde_json::from_slice::<Value>(&body).expect("JSON"),
        wanted
    );
    let body = write_error(status(Code::NotFound), "Gone.", None);
    assert_eq!(
        body,
        &br#"{"type":"error","error":{"type":"not_found_error","message":"Gone."}}"#[..]
    );
    let start = b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"content\":[]}}\n\n";
    let event = write_error_event(status(Code::StreamTruncated), "Cut\noff.");
    let error = legal(&[start, &event[..]].concat())
        .error
        .expect("an error");
    assert_eq!(error, json!({"type": "api_error", "message": "Cut\noff."}));
}

#[test]
fn an_upstreams_error_is_read_in_any_form() {
    let long = "x".repeat(5000);
    for (status, body, kind, message) in [
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#,
            "overloaded_error",
            "Overloaded",
        ),
        (
            400,
            r#"{"error":{"message":"No."}}"#,
            "invalid_request_error",
            "No.",
        ),
        (
            401,
            r#"{"type":"error","message":"No key."}"#,
            "authentication_error",
            "No key.",
        ),
        (502, "<html>", "api_error", "<html>"),
        (503, "", "api_error", ""),
        (500, &long, "api_error", &long[..1024]),
    ] {
        let found = read_error(status, body.as_bytes());
        assert_eq!(
            (found.kind.as_deref(), found.message.as_str()),
            (Some(kind), message)
        );
    }
}

proptest! {
    /// What is written is read back the same, and no bytes make reading panic.
    #[test]
    fn errors_survive_any_message(message in any::<String>(), bytes in any::<Vec<u8>>()) {
        prop_assume!(!message.is_empty());
        let body = write_error(status(Code::UpstreamError), &message, None);
        let found = read_error(502, &body);
        prop_assert_eq!(found.message, message);
        prop_assert_eq!(found.kind.as_deref(), Some("api_error"));
        read_error(500, &bytes);
    }
}
