//! R-S15, R-D3: when a reload looks. Files that a refused configuration names are
//! waited for, a signal reads nothing that is only half written, and providers
//! that are added are looked at as those of the start are.

#![expect(clippy::unwrap_used, reason = "a test panics with the reason")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tidegate_testkit::wait::until_async;
use tidegate_testkit::{
    Certificate, Gate, Provider, Script, Settings, Start, Upstream, pause, until,
};

const LIST: &str = r#"{"object":"list","data":[{"id":"a"},{"id":"b"}]}"#;

fn file(gate: &Gate) -> PathBuf {
    gate.folder().path().join("tidegate.toml")
}

fn rename_over(path: &Path, text: &str) {
    let fresh = path.with_extension("new");
    fs::write(&fresh, text).unwrap();
    fs::rename(&fresh, path).unwrap();
}

async fn until_page(gate: &Gate, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    until_async(what, || async {
        let page = gate.get("/admin/v1/config").await.json();
        is(&page).then_some(page)
    })
    .await
}

/// The keys of what is wrong now.
fn wrong(page: &Value) -> Vec<&str> {
    let problems = page["last_reload"]["problems"].as_array();
    let keys = problems
        .into_iter()
        .flatten()
        .map(|one| one["key"].as_str());
    keys.flatten().collect()
}

async fn refusals(gate: &Gate) -> f64 {
    let labels = [("result", "refused")];
    gate.metric("tidegate_config_reloads_total", &labels).await
}

#[tokio::test]
async fn a_file_that_was_missing_is_taken_when_it_comes() {
    let gate = Start::with_text("checks = \"off\"\n").start().await;
    let late = gate.folder().path().join("late");
    let name = |name: &str| late.join(name).display().to_string();
    let provider = Provider::new("up", "https://127.0.0.1:9/v1");
    let provider = provider.line(&format!("ca_file = \"{}\"", name("ca.pem")));
    let tls = format!(
        "[tls]\ncert = \"{}\"\nkey = \"{}\"",
        name("cert.pem"),
        name("key.pem")
    );
    rename_over(
        &file(&gate),
        &Settings::with(provider).tables(&tls).to_toml(),
    );
    let all = ["tls.cert", "tls.key", "providers.up.ca_file"];
    let has = |page: &Value, keys: &[&str]| {
        let wrong = wrong(page);
        wrong.len() == keys.len() && keys.iter().all(|key| wrong.contains(key))
    };
    until_page(&gate, "all are missed", |page| has(page, &all)).await;
    // Nobody touches the configuration any more.
    let shown = Certificate::good();
    fs::create_dir(&late).unwrap();
    fs::write(late.join("ca.pem"), shown.authority_pem()).unwrap();
    until_page(&gate, "two are missed", |page| has(page, &all[..2])).await;
    fs::write(late.join("key.pem"), shown.key_pem()).unwrap();
    until_page(&gate, "one is missed", |page| has(page, &all[..1])).await;
    fs::write(late.join("cert.pem"), shown.chain_pem()).unwrap();
    let page = until_page(&gate, "it is taken", |page| page["generation"] == 2).await;
    assert_eq!(page["last_reload"]["ok"], true, "{page}");
    assert_eq!(page["needs_restart"], serde_json::json!(["tls"]));
}

#[tokio::test]
async fn a_signal_in_the_middle_of_writing_reads_no_half() {
    let gate = Start::with_text("checks = \"off\"\n").start().await;
    // The first look is over when this is taken.
    gate.hang_up();
    until_page(&gate, "the signal", |page| page["generation"] == 2).await;
    let mut open = fs::File::create(file(&gate)).unwrap();
    open.write_all(b"checks = \"off\"\nshutdown_timeout = \"")
        .unwrap();
    gate.hang_up();
    pause(Duration::from_millis(300)).await;
    open.write_all(b"7s\"\n").unwrap();
    drop(open);
    let page = until_page(&gate, "the whole", |page| page["generation"] == 3).await;
    assert_eq!(page["last_reload"]["ok"], true, "{page}");
    assert_eq!(refusals(&gate).await, 0.0, "{}", gate.stderr());
}

#[tokio::test]
async fn r_d3_a_provider_that_a_reload_adds_is_looked_at() {
    for (checks, looks) in [("warn", 1), ("off", 0)] {
        let upstream = Upstream::start().await;
        upstream.always(Script::json(200, LIST));
        let with = |more: Option<Provider>| {
            let first = Provider::new("first", &upstream.base_url());
            let all = more.into_iter().fold(Settings::with(first), Settings::and);
            all.top(&format!("checks = \"{checks}\"")).to_toml()
        };
        let start = Start::with_text(&with(None)).arg("--log").arg("info");
        let gate = start.start().await;
        if looks > 0 {
            until("the look of the start", || {
                (upstream.count() == 1).then_some(())
            })
            .await;
        }
        let added = Provider::new("second", &upstream.base_url());
        rename_over(&file(&gate), &with(Some(added)));
        until_page(&gate, "the second", |page| page["generation"] == 2).await;
        if looks > 0 {
            until("the look at the second", || {
                let log = gate.stderr();
                let mut told = log
                    .lines()
                    .filter(|line| line.contains("provider is there"));
                told.any(|line| line.contains("second")).then_some(())
            })
            .await;
        }
        // And the one that was there is not looked at again.
        assert_eq!(upstream.count(), 2 * looks, "{checks}");
    }
}
