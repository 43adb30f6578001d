//! The official SDKs before a gate that makes attempts of its own: one
//! layer retries, not two (controls A.5).
//!
//! Their own retries are on, as they are by default. What counts is how
//! many calls the gate received and how many attempts the upstream saw.

use std::time::Duration;

use tidegate_e2e::sdk::Sdk;
use tidegate_e2e::sdk::scenes::chapter;
use tidegate_e2e::tries::{failing, good, ledger, limited};
use tidegate_testkit::openai::{content_chunk, role_chunk};
use tidegate_testkit::{Provider, Script};
use tidegate_types::Code;

#[tokio::test]
async fn sdk_a_repaired_500_is_one_call() {
    for sdk in Sdk::BOTH {
        let scripts = [failing(500, "x"), good()];
        let Some(scene) = chapter(sdk, "stumbles", &scripts, |same| same).await else {
            continue;
        };
        ledger(&scene, &[("completed", "completed", 1)]).await;
        assert_eq!(scene.upstream.count(), 2);
    }
}

#[tokio::test]
async fn sdk_no_amplification_when_everything_fails() {
    for sdk in Sdk::BOTH {
        let Some(scene) = chapter(sdk, "fails", &[failing(500, "x")], |same| same).await else {
            continue;
        };
        // Two layers that retry would have made six.
        ledger(&scene, &[("failed", Code::UpstreamError.as_str(), 1)]).await;
        assert_eq!(scene.upstream.count(), 2);
    }
}

#[tokio::test]
async fn sdk_a_limit_of_a_second_is_waited_out_by_the_gate() {
    for sdk in Sdk::BOTH {
        let scripts = [limited("1"), good()];
        let Some(scene) = chapter(sdk, "limited", &scripts, |same| same).await else {
            continue;
        };
        ledger(&scene, &[("completed", "completed", 1)]).await;
        assert_eq!(scene.upstream.count(), 2);
    }
}

#[tokio::test]
async fn sdk_a_stream_that_breaks_before_its_content_is_repaired_unseen() {
    for sdk in Sdk::BOTH {
        let scripts = [
            Script::sse().event(&role_chunk()).rst(),
            Script::stream_of(&["ti", "de"]),
        ];
        let Some(scene) = chapter(sdk, "breaks-early", &scripts, |same| same).await else {
            continue;
        };
        ledger(&scene, &[("completed", "completed", 1)]).await;
        assert_eq!(scene.upstream.count(), 2);
    }
}

#[tokio::test]
async fn sdk_a_stream_that_breaks_after_content_raises_and_is_not_repeated() {
    for sdk in Sdk::BOTH {
        let begun = Script::sse()
            .event(&role_chunk())
            .event(&content_chunk("ti"));
        // The content is out before the break: else it could be repaired.
        let scripts = [begun.wait(Duration::from_millis(500)).rst()];
        let Some(scene) = chapter(sdk, "breaks-late", &scripts, |same| same).await else {
            continue;
        };
        let code = Code::UpstreamDisconnected.as_str();
        ledger(&scene, &[("failed", code, 1)]).await;
        assert_eq!(scene.upstream.count(), 1);
    }
}

#[tokio::test]
async fn sdk_comes_back_when_the_breaker_lets_it() {
    for sdk in Sdk::BOTH {
        let breaker = r#"breaker = { failures = 2, open = "1500ms", open_max = "2s" }"#;
        let once = |provider: Provider| provider.retry("attempts = 1").line(breaker);
        let scripts = [failing(500, "x"), failing(500, "x"), good()];
        let Some(scene) = chapter(sdk, "out", &scripts, once).await else {
            continue;
        };
        let metrics = scene.gate.until_quiet().await;
        let label = [("label", Code::UpstreamUnavailable.as_str())];
        let refused = metrics.sum("tidegate_requests_total", &label);
        assert!((2.0..=3.0).contains(&refused), "{refused} were refused");
        assert_eq!(scene.upstream.count(), 3, "two failed, the third is served");
    }
}
