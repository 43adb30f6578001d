//! Errors as upstreams send them, and ours as they leave; every promise of
//! `error.rs` under its number.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn body(message: &str, kind: &str, code: &str, param: &str) -> Option<ErrorBody> {
    let word = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Some(ErrorBody {
        message: message.to_owned(),
        kind: word(kind),
        code: word(code),
        param: word(param),
        retry_after: None,
    })
}

#[test]
fn promise_2_every_form_is_found() {
    for (text, expected) in [
        (
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"Too much spent.","details":{"error_code":"enforced_spend_limit_reached","more":[1]}},"request_id":"req_1"}"#,
            body(
                "Too much spent.",
                "rate_limit_error",
                "enforced_spend_limit_reached",
                "",
            ),
        ),
        (
            r#"{"error":{"message":"No such model.","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#,
            body(
                "No such model.",
                "invalid_request_error",
                "model_not_found",
                "model",
            ),
        ),
        (
            r#"{"error":{"message":"m","type":null,"param":null,"code":null}}"#,
            body("m", "", "", ""),
        ),
        (
            r#"{"error":"model 'x' not found"}"#,
            body("model 'x' not found", "", "", ""),
        ),
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            body("Overloaded", "overloaded_error", "", ""),
        ),
        (
            r#"[{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED"}}]"#,
            body("Quota", "RESOURCE_EXHAUSTED", "429", ""),
        ),
        (
            r#"{"object":"error","message":"too long","type":"BadRequestError","param":null,"code":400}"#,
            body("too long", "BadRequestError", "400", ""),
        ),
        (r#"{"detail":"Not Found"}"#, body("Not Found", "", "", "")),
        (
            r#"{"message":"Unauthorized"}"#,
            body("Unauthorized", "", "", ""),
        ),
        (
            r#"{"detail":[{"msg":"x"}]}"#,
            body(r#"[{"msg":"x"}]"#, "", "", ""),
        ),
        (r#"{"detail":"d","message":"m"}"#, body("m", "", "", "")),
        (r#"{"message":"m","detail":"d"}"#, body("m", "", "", "")),
        // Nothing but an odd form: better that than silence.
        (
            r#"{"error":{"reason":"odd"}}"#,
            body(r#"{"reason":"odd"}"#, "", "", ""),
        ),
        (r#"{"error":["a"]}"#, body(r#"["a"]"#, "", "", "")),
    ] {
        assert_eq!(parse(text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn what_is_no_error_is_none() {
    for text in [
        "",
        "{}",
        "[]",
        "null",
        "\"text\"",
        "<html>502</html>",
        r#"{"choices":[]}"#,
        r#"{"error":null}"#,
        r#"{"error":""}"#,
        r#"{"error":{}}"#,
        r#"{"message":""}"#,
        r#"{"message":"cut"#,
        r#"{"message":"m"} x"#,
    ] {
        assert_eq!(parse(text.as_bytes()), None, "{text}");
    }
    assert_eq!(parse(b"{\"message\":\"\xff\"}"), None);
}

#[test]
fn the_form_is_the_one_that_sdks_read() {
    assert_eq!(
        render(
            "model_not_found",
            "invalid_request_error",
            "No \"x\".\n",
            Some("model")
        ),
        r#"{"error":{"message":"No \"x\".\n","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#
    );
    assert_eq!(
        render_event("upstream_error", "upstream_error", "Over.", None),
        "data: {\"error\":{\"message\":\"Over.\",\"type\":\"upstream_error\",\"param\":null,\"code\":\"upstream_error\"}}\n\n"
    );
}

proptest! {
    #[test]
    fn promise_1_what_is_rendered_parses(
        code in any::<String>(), kind in any::<String>(), message in any::<String>(),
        param in any::<Option<String>>(),
    ) {
        let form = json!({"error": {"message": message, "type": kind, "param": param, "code": code}});
        let rendered = render(&code, &kind, &message, param.as_deref());
        prop_assert_eq!(serde_json::from_slice::<Value>(&rendered)?, form);

        let event = render_event(&code, &kind, &message, param.as_deref());
        let line = event.strip_prefix(b"data: ").and_then(|rest| rest.strip_suffix(b"\n\n"));
        prop_assert_eq!(line, Some(&rendered[..]));
        prop_assert!(!rendered.contains(&b'\n') && !rendered.contains(&b'\r'));
    }

    #[test]
    fn what_we_render_we_read(message in ".+", kind in "[a-z_]{1,20}", param in "[a-z]{1,9}") {
        let rendered = render("c", &kind, &message, Some(&param));
        prop_assert_eq!(parse(&rendered), body(&message, &kind, "c", &param));
    }

    #[test]
    fn any_bytes_are_parsed_or_not(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let json = serde_json::from_slice::<Value>(&bytes).is_ok();
        prop_assert!(json || parse(&bytes).is_none());
    }
}
