//! R-D3: the look at each provider. `warn` tells it by name once requests are
//! served, `require` makes it a condition of starting, `off` asks nobody.

use tidegate_testkit::{Provider, Script, Settings, Start, Upstream, port, until};

const LIST: &str = r#"{"object":"list","data":[{"id":"a"},{"id":"b"}]}"#;

fn settings(checks: &str, base_url: &str) -> Settings {
    Settings::with(Provider::new("mock", base_url)).top(&format!("checks = \"{checks}\""))
}

fn nobody() -> String {
    format!("http://{}/v1", port::refused())
}

#[tokio::test]
async fn r_d3_a_provider_is_looked_at_and_told_by_name() {
    for checks in ["warn", "require"] {
        let upstream = Upstream::start().await;
        upstream.always(Script::json(200, LIST));
        let start = Start::with(&settings(checks, &upstream.base_url()));
        let gate = start.arg("--log").arg("info").start().await;
        until("the look in the log", || {
            let log = gate.stderr();
            (log.contains("provider is there") && log.contains("\"models\":2")).then_some(())
        })
        .await;
        assert!(gate.stderr().contains("mock"), "{checks}");
        let asked = upstream.request(0).await;
        assert!(asked.head().starts_with(b"GET /v1/models HTTP/1.1"));
    }
}

#[tokio::test]
async fn r_d3_warn_serves_beside_a_provider_that_is_not_there() {
    let gate = Start::with(&settings("warn", &nobody())).start().await;
    assert_eq!(gate.get("/readyz").await.status(), 200);
    until("the warning", || {
        let log = gate.stderr();
        let told = log.contains("provider failed its look") && log.contains("upstream_unreachable");
        told.then_some(())
    })
    .await;
}

#[tokio::test]
async fn r_d3_require_does_not_start_beside_it_and_says_why() {
    let (status, stdout, stderr) = Start::with(&settings("require", &nobody())).run().await;
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(!stdout.contains("listening"), "{stdout}");
    assert!(
        stderr.contains("provider `mock`") && stderr.contains("require"),
        "{stderr}"
    );
}

#[tokio::test]
async fn r_d3_off_asks_nobody() {
    let upstream = Upstream::start().await;
    upstream.always(Script::json(200, LIST));
    let mut gate = Start::with(&settings("off", &upstream.base_url()))
        .start()
        .await;
    assert_eq!(gate.get("/readyz").await.status(), 200);
    gate.terminate();
    assert!(gate.exit().await.success());
    assert_eq!(upstream.count(), 0);
}
