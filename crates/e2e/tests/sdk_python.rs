//! The official Python SDK against the real binary.
//!
//! Each program of `python/` is one caller who knows nothing but a base URL.
//! The interpreter with the pinned SDK comes from `cargo xtask test` in
//! `TIDEGATE_E2E_PYTHON`; without it these tests are skipped, told loudly, and
//! fail on a build server.

use std::path::{Path, PathBuf};
use std::process::Command;

use tidegate_e2e::Scene;
use tidegate_testkit::gate::{Start, command_output};
use tidegate_testkit::openai::error;
use tidegate_testkit::{Provider, Script, Settings, Upstream, figure};

/// The interpreter, or `None` where there may be none.
fn interpreter() -> Option<PathBuf> {
    let given = std::env::var_os("TIDEGATE_E2E_PYTHON").filter(|path| !path.is_empty());
    if given.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "no Python with the SDK: TIDEGATE_E2E_PYTHON is not set on a build server"
        );
        figure("SKIPPED, no Python with the SDK: run this by `cargo xtask test`");
    }
    given.map(PathBuf::from)
}

/// Runs a program to its end, and tells what it wrote when it fails.
async fn run(python: &Path, program: &str, args: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let mut command = Command::new(python);
    command
        .arg(folder.join(program))
        .args(args)
        .env_remove("OPENAI_API_KEY");
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let (status, told) = command_output(command).await;
    assert!(status.success(), "{program}: {status}\n{told}");
}

/// A program against a gate that has only the simulated provider.
async fn beside_the_simulated_provider(program: &str) {
    let Some(python) = interpreter() else { return };
    let gate = Start::bare().start().await;
    run(&python, program, &[&gate.url()]).await;
    let metrics = gate.until_quiet().await;
    assert!(
        matches!(metrics.conserved(), Ok(1..)),
        "{:?}",
        metrics.conserved()
    );
}

#[tokio::test]
async fn sdk_sync_calls_streams_usage_embeddings_and_models() {
    beside_the_simulated_provider("calls.py").await;
}

#[tokio::test]
async fn sdk_async_calls_and_two_hundred_at_once() {
    beside_the_simulated_provider("async_calls.py").await;
}

#[tokio::test]
async fn sdk_errors_are_its_own_exception_classes() {
    beside_the_simulated_provider("errors.py").await;
}

#[tokio::test]
async fn sdk_timeouts() {
    beside_the_simulated_provider("timeouts.py").await;
}

#[tokio::test]
async fn sdk_cancellation_by_closing_the_stream() {
    beside_the_simulated_provider("cancel.py").await;
}

#[tokio::test]
async fn sdk_keys() {
    let Some(python) = interpreter() else { return };
    let key = "tg-0123456789abcdef";
    let upstream = Upstream::start().await;
    let settings = Settings::with(Provider::new("mock", &upstream.base_url()).models("[\"m-1\"]"))
        .tables(&format!("[auth]\nkeys = [\"{key}\"]"));
    let gate = Start::with(&settings).start().await;
    run(&python, "keys.py", &[&gate.url(), key]).await;
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn sdk_retries_only_what_is_worth_it() {
    let Some(python) = interpreter() else { return };
    let scene = Scene::start().await;
    let limited = error("requests", "rate_limit_exceeded", "slow down");
    let headers = [("content-type", "application/json"), ("retry-after", "0")];
    scene
        .upstream
        .on_model("limited", Script::whole(429, &headers, limited.as_bytes()));
    let broke = error("insufficient_quota", "insufficient_quota", "no credit left");
    scene.upstream.on_model("broke", Script::json(429, &broke));
    run(&python, "retries.py", &[&scene.gate.url()]).await;
    let asked = |model: &str| {
        let requests = scene.upstream.requests();
        requests
            .iter()
            .filter(|request| request.text().contains(model))
            .count()
    };
    assert_eq!((asked("limited"), asked("broke")), (3, 1));
}
