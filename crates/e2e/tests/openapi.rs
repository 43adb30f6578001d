//! The description of the routes against the real binary: Schemathesis makes
//! requests from `/openapi.json` and judges the answers by it.
//!
//! Bounded and the same in each run: a few examples a route, made without
//! chance. What is left out of its checks, and why, stands in
//! `python/schemathesis.toml`.

use std::path::Path;
use std::process::Command;

use tidegate_e2e::sdk::Sdk;
use tidegate_testkit::gate::command_output;
use tidegate_testkit::{Gate, Settings, Start};

const KEY: &str = "tg-0123456789abcdef";

async fn exercise(python: &Path, gate: &Gate, more: &[&str]) {
    let mut command = Command::new(python);
    command
        .args(["-m", "schemathesis.cli", "--config-file"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python/schemathesis.toml"))
        .arg("run")
        .arg(format!("http://{}/openapi.json", gate.address()))
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", "8", "--generation-deterministic"])
        .args(["--request-timeout", "30"])
        .args(["--workers", "1", "--no-color"])
        .args(more)
        // It keeps notes where it runs.
        .current_dir(gate.folder().path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONIOENCODING", "utf-8");
    let (status, told) = command_output(command).await;
    assert!(status.success(), "{status}\n{told}");
    assert!(told.contains("generated"), "nothing was asked:\n{told}");
    let metrics = gate.until_quiet().await;
    let calls = metrics.conserved();
    assert!(calls.as_ref().is_ok_and(|calls| *calls > 30), "{calls:?}");
    let defects = metrics.sum("tidegate_requests_total", &[("label", "internal_error")]);
    assert_eq!(defects, 0.0);
}

#[tokio::test]
async fn what_is_described_is_what_is_answered() {
    let Some(python) = Sdk::Python.place() else {
        return;
    };
    let gate = Start::with(&Settings::default()).start().await;
    exercise(&python, &gate, &[]).await;
}

#[tokio::test]
async fn with_keys_the_description_says_so_and_they_are_asked_for() {
    let Some(python) = Sdk::Python.place() else {
        return;
    };
    let settings = Settings::default().tables(&format!("[auth]\nkeys = [\"{KEY}\"]"));
    let gate = Start::with(&settings).start().await.with_key(KEY);
    let key = format!("Authorization: Bearer {KEY}");
    exercise(&python, &gate, &["-H", &key]).await;
}
