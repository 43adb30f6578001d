//! Golden transcripts: an upstream of any dialect that says no by its status,
//! and what the callers of each dialect are told.
//!
//! Rows 1 to 6, 17, 25, 28 and 34 of the failure matrix, for 3 callers before 6
//! upstreams; `failures_status.rs` and `failures_before.rs` have them at length
//! for OpenAI.

use tidegate_e2e::pairs::{Pair, Pairs};
use tidegate_e2e::voices::Caller;
use tidegate_testkit::native::Dialect;
use tidegate_testkit::{Script, Upstream};
use tidegate_types::Code;

/// Every pair, whole and streamed, is told this failure.
async fn all_are_told(
    pairs: &Pairs,
    script: impl Fn(Dialect, &str) -> Option<Script> + Clone + Send + Sync + 'static,
    code: Code,
) {
    for stream in [false, true] {
        let told = |(caller, _): Pair| caller.refused(code);
        let outcome = ("failed", code.as_str());
        pairs.are_told(stream, script.clone(), told, outcome).await;
    }
}

#[tokio::test]
async fn row_01_a_rate_limit_passes_with_its_retry_after() {
    let limited = |dialect: Dialect, _: &str| {
        let after = [("retry-after", "7")];
        Some(dialect.failure_with(429, "slow down", &after))
    };
    for caller in Caller::ALL {
        for stream in [false, true] {
            let told = |(caller, _): Pair| caller.refused(Code::UpstreamRateLimited);
            let outcome = ("failed", Code::UpstreamRateLimited.as_str());
            let pairs = Pairs::of(caller).await;
            for (pair, reply) in pairs.are_told(stream, limited, told, outcome).await {
                assert_eq!(reply.header("retry-after"), Some("7"), "{pair:?}");
            }
        }
    }
}

/// Every pair, whole and streamed, is told that nothing is left to be spent, and that
/// asking again is of no use. Each has a gate of its own: its key rests from then on.
async fn all_are_broke(
    script: impl Fn(Dialect, &str) -> Option<Script> + Copy + Send + Sync + 'static,
) {
    for caller in Caller::ALL {
        for stream in [false, true] {
            let told = |(caller, _): Pair| caller.refused(Code::InsufficientQuota);
            let outcome = ("failed", Code::InsufficientQuota.as_str());
            let pairs = Pairs::of(caller).await;
            for (pair, reply) in pairs.are_told(stream, script, told, outcome).await {
                let advice = reply.header("x-should-retry");
                assert_eq!(advice, Some("false"), "{pair:?}");
            }
        }
    }
}

#[tokio::test]
async fn row_02_a_used_up_quota_is_not_to_be_retried() {
    all_are_broke(|dialect, _| {
        let body = match dialect {
            Dialect::OpenAi | Dialect::Azure => {
                r#"{"error":{"message":"no credit left","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#
            }
            Dialect::Anthropic => {
                r#"{"type":"error","error":{"type":"rate_limit_error","message":"over the limit of the month","details":{"error_code":"enforced_spend_limit_reached"}}}"#
            }
            Dialect::Gemini => {
                r#"{"error":{"code":429,"message":"Your prepayment credits are depleted.","status":"RESOURCE_EXHAUSTED"}}"#
            }
            Dialect::Ollama => r#"{"error":"you (tide) have reached your weekly usage limit"}"#,
            // Amazon sends its bill later.
            Dialect::Bedrock => return None,
        };
        Some(Script::json(429, body))
    })
    .await;
}

/// As proxies and several providers tell it, whatever they speak.
#[tokio::test]
async fn row_02_payment_required_is_a_used_up_quota() {
    all_are_broke(|dialect, _| Some(dialect.failure(402, "top up your account"))).await;
}

/// The account goes on with its other models.
#[tokio::test]
async fn row_02_a_quota_of_one_model_is_a_limit_of_its_rate() {
    let daily = |dialect: Dialect, _: &str| {
        let body = match dialect {
            Dialect::Gemini => {
                r#"{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"7.2s"}]}}"#
            }
            Dialect::Bedrock => {
                r#"{"message":"Too many tokens per day, please wait before trying again."}"#
            }
            _ => return None,
        };
        let named = [("x-amzn-errortype", "ThrottlingException")];
        Some(Script::whole(429, &named, body.as_bytes()))
    };
    for caller in Caller::ALL {
        let pairs = Pairs::of(caller).await;
        let told = |(caller, _): Pair| caller.refused(Code::UpstreamRateLimited);
        let outcome = ("failed", Code::UpstreamRateLimited.as_str());
        for (pair, reply) in pairs.are_told(false, daily, told, outcome).await {
            // The one says when to come back, with the time until now taken off.
            let after = reply.header("retry-after").unwrap_or_default();
            let told = after.parse::<u64>().is_ok_and(|after| after > 5);
            assert_eq!(told, pair.1 == Dialect::Gemini, "{pair:?}: {after}");
        }
    }
}

#[tokio::test]
async fn row_03_an_overloaded_upstream_is_told_as_such() {
    let pairs = Pairs::start().await;
    for status in [503, 529] {
        let busy = move |dialect: Dialect, _: &str| Some(dialect.failure(status, "too busy"));
        all_are_told(&pairs, busy, Code::UpstreamOverloaded).await;
    }
}

#[tokio::test]
async fn row_04_a_server_error_is_a_bad_gateway() {
    for status in [500, 502, 504] {
        let pairs = Pairs::start().await;
        let fails = move |dialect: Dialect, _: &str| Some(dialect.failure(status, "it broke"));
        all_are_told(&pairs, fails, Code::UpstreamError).await;
    }
}

#[tokio::test]
async fn row_05_a_refused_request_keeps_its_status_and_its_redacted_message() {
    let pairs = Pairs::start().await;
    let message = "the model takes 8192 tokens; your key sk-live-0123456789abcdef0123 is fine";
    for status in [400, 404, 413, 422] {
        let refuses = move |dialect: Dialect, _: &str| {
            // Two have no such status.
            let none = status == 422 && matches!(dialect, Dialect::Gemini | Dialect::Bedrock);
            (!none).then(|| dialect.failure(status, message))
        };
        for stream in [false, true] {
            let outcome = ("failed", "upstream_rejected");
            let before = pairs.gate.until_quiet().await;
            let before = before.sum("tidegate_requests_total", &[("class", "failed")]);
            let mut asked = 0.0;
            for (pair, reply) in pairs.ask(stream, refuses).await {
                let text = reply.text();
                assert_eq!(reply.status(), status, "{pair:?}: {text}");
                assert!(text.contains("8192 tokens"), "{pair:?}: {text}");
                assert!(!text.contains("0123456789abcdef"), "{pair:?}: {text}");
                let lines = pair.0.transcript(&reply);
                assert!(lines[1].starts_with("error "), "{pair:?}: {lines:?}");
                asked += 1.0;
            }
            let metrics = pairs.gate.until_quiet().await;
            let labels = [("class", outcome.0), ("label", outcome.1)];
            let all = metrics.sum("tidegate_requests_total", &[("class", "failed")]);
            assert_eq!(all - before, asked);
            assert_eq!(metrics.sum("tidegate_requests_total", &labels), all);
        }
    }
}

#[tokio::test]
async fn row_06_a_refused_key_of_ours_is_never_the_callers() {
    for caller in Caller::ALL {
        for status in [401, 403] {
            let pairs = Pairs::of(caller).await;
            let refuses = move |dialect: Dialect, _: &str| {
                Some(dialect.failure(status, "bad key sk-native-key"))
            };
            let told = |(caller, _): Pair| caller.refused(Code::UpstreamAuth);
            let outcome = ("failed", Code::UpstreamAuth.as_str());
            for (pair, reply) in pairs.are_told(false, refuses, told, outcome).await {
                let text = reply.text();
                assert!(!text.contains("sk-native-key"), "{pair:?}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn row_17_a_web_page_where_an_answer_was_asked() {
    let pairs = Pairs::start().await;
    let page = |_: Dialect, _: &str| {
        let kind = [("content-type", "text/html")];
        Some(Script::whole(200, &kind, b"<html>hello</html>"))
    };
    all_are_told(&pairs, page, Code::UpstreamProtocol).await;
}

#[tokio::test]
async fn row_17_a_whole_answer_where_a_stream_was_asked_becomes_one() {
    let pairs = Pairs::start().await;
    let whole =
        |dialect: Dialect, target: &str| Some(Script::json(200, &dialect.says(target, "a b")));
    let told = |(caller, _): Pair| {
        let mut lines = caller.whole();
        lines.splice(2..4, ["text a b".to_owned()]);
        lines
    };
    let outcome = ("completed", "completed");
    pairs.are_told(true, whole, told, outcome).await;
}

/// What is no answer is none under a good status either.
#[tokio::test]
async fn row_17_an_error_under_a_good_status_is_told_by_its_class() {
    let pairs = Pairs::start().await;
    let fails = |dialect: Dialect, _: &str| {
        let failure = match dialect {
            // It tells a failure by its status and a header alone.
            Dialect::Bedrock => return None,
            _ => dialect.failing_body(500, "it broke"),
        };
        Some(Script::json(200, &failure))
    };
    all_are_told(&pairs, fails, Code::UpstreamError).await;
}

#[tokio::test]
async fn row_25_a_redirect_is_never_followed() {
    let pairs = Pairs::start().await;
    let elsewhere = Upstream::start().await;
    let location = elsewhere.base_url();
    let redirects =
        move |_: Dialect, _: &str| Some(Script::whole(307, &[("location", &location)], b""));
    all_are_told(&pairs, redirects, Code::UpstreamRedirect).await;
    assert_eq!(elsewhere.accepted(), 0, "the key would have leaked");
}

#[tokio::test]
async fn row_28_identity_is_asked_and_a_compressed_answer_refused() {
    let pairs = Pairs::start().await;
    let compressed = |dialect: Dialect, _: &str| {
        let headers = [
            ("content-type", dialect.stream_type()),
            ("content-encoding", "gzip"),
        ];
        Some(Script::whole(200, &headers, b"\x1f\x8b\x08\x00\x00"))
    };
    all_are_told(&pairs, compressed, Code::UpstreamProtocol).await;
    for upstream in &pairs.upstreams {
        let asked = upstream.request(0).await.header("accept-encoding");
        assert!(asked.is_none_or(|value| value == "identity"));
    }
}

#[tokio::test]
async fn row_34_absurd_retry_after_values_are_made_sane() {
    let values = [
        ("1000000000", "300"),
        ("-5", "1"),
        ("soon", "1"),
        ("0", "0"),
        ("NaN", "1"),
        ("Sun, 06 Nov 1994 08:49:27 GMT", "0"),
    ];
    for (caller, (given, told)) in Caller::ALL.into_iter().cycle().zip(values) {
        let pairs = Pairs::of(caller).await;
        let limited = move |dialect: Dialect, _: &str| {
            Some(dialect.failure_with(429, "slow down", &[("retry-after", given)]))
        };
        for (pair, reply) in pairs.ask(false, limited).await {
            assert_eq!(reply.status(), 429, "{pair:?}: {}", reply.text());
            let after = reply.header("retry-after");
            assert_eq!(after, Some(told), "{pair:?} for {given}");
        }
    }
}
