//! Google's errors, alone, in a list, and from a proxy; every promise of
//! `error.rs` under its number.

use std::time::Duration;

use serde_json::json;

use crate::gemini::read_error;

#[test]
fn promise_1_a_quota_says_when_to_come_back() {
    let body = json!({"error": {
        "code": 429,
        "message": "You exceeded your current quota.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{
                "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
                "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
                "quotaDimensions": {"model": "gemini-2.5-pro"}, "quotaValue": "5",
            }]},
            {"@type": "type.googleapis.com/google.rpc.Help", "links": [{"url": "https://ai.google.dev"}]},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.074824224s"},
        ],
    }});
    for body in [body.clone(), json!([body])] {
        let failure = read_error(429, body.to_string().as_bytes());
        assert_eq!(failure.message, "You exceeded your current quota.");
        assert_eq!(failure.kind.as_deref(), Some("RESOURCE_EXHAUSTED"));
        assert_eq!(failure.code.as_deref(), Some("429"));
        assert_eq!(
            failure.retry_after,
            Some(Duration::from_nanos(34_074_824_224))
        );
    }
}

/// An account without credit; a quota of a day is that of one model, and no more
/// than a limit of the rate to the others.
#[test]
fn promise_1_an_account_without_credit_is_told_from_a_limit_of_the_rate() {
    for (message, code) in [
        (
            "Your prepayment credits are depleted.",
            "insufficient_quota",
        ),
        (
            "Your project has exceeded its monthly spending cap.",
            "insufficient_quota",
        ),
        (
            "You exceeded your current quota, please check your plan and billing details.",
            "429",
        ),
    ] {
        let body =
            json!({"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED"}});
        let failure = read_error(429, body.to_string().as_bytes());
        assert_eq!(failure.code.as_deref(), Some(code), "{message}");
    }
}

/// A 400 for a key that is not good, and one for a field that is not.
#[test]
fn promise_1_reasons_and_fields_are_told() {
    let body = json!({"error": {
        "code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT",
        "details": [{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
            "domain": "googleapis.com", "metadata": {"service": "generativelanguage.googleapis.com"},
        }],
    }});
    let failure = read_error(400, body.to_string().as_bytes());
    assert_eq!(failure.code.as_deref(), Some("API_KEY_INVALID"));
    assert_eq!(failure.retry_after, None);
    let body = json!({"error": {
        "code": 400, "message": "Invalid JSON payload.", "status": "INVALID_ARGUMENT",
        "details": [{
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": "generation_config", "description": "Unknown name \"x\""}],
        }],
    }});
    let failure = read_error(400, body.to_string().as_bytes());
    assert_eq!(failure.param.as_deref(), Some("generation_config"));
}

#[test]
fn a_delay_that_is_none_is_not_believed() {
    for (told, expected) in [
        ("0s", Some(0)),
        ("5s", Some(5)),
        ("1e300s", None),
        ("999999999s", Some(86_400)),
        ("-1s", None),
        ("NaNs", None),
        ("soon", None),
    ] {
        let body = json!({"error": {"message": "m", "details": [{"retryDelay": told}]}});
        let failure = read_error(429, body.to_string().as_bytes());
        assert_eq!(
            failure.retry_after,
            expected.map(Duration::from_secs),
            "{told}"
        );
    }
}

#[test]
fn promise_2_other_forms_are_read_too() {
    for (body, message) in [
        (r#"{"error":"model is loading"}"#, "model is loading"),
        (r#"{"message":"no such route"}"#, "no such route"),
        (r#"{"error":{"code":404}}"#, r#"{"code":404}"#),
        ("<html>502 Bad Gateway</html>", ""),
        ("", ""),
    ] {
        let failure = read_error(502, body.as_bytes());
        assert_eq!(failure.message, message, "{body}");
        assert!(failure.code.is_some(), "{body}");
    }
}
