//! A certificate that is renewed under a running process: callers see the new
//! one, nobody is lost, and what cannot be shown never takes its place.

#![expect(
    clippy::expect_used,
    reason = "a step that cannot be set up is a failed test"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tidegate_testkit::client::Ended;
use tidegate_testkit::gate::Folder;
use tidegate_testkit::openai::chat;
use tidegate_testkit::{Certificate, Gate, RawClient, Start, beside, figure};

const CHAT: &str = "/v1/chat/completions";

/// A gate whose pair is swapped as a cluster does it: by a link to a folder.
struct Scene {
    first: Certificate,
    folder: Folder,
    gate: Gate,
}

impl Scene {
    async fn new() -> Self {
        let (first, folder) = (Certificate::good(), Folder::new());
        swap(&folder, 0, &first.chain_pem(), &first.key_pem());
        let live = folder.path().join("live");
        let live = live.display();
        let text = format!(
            "checks = \"off\"\n[tls]\ncert = \"{live}/cert.pem\"\nkey = \"{live}/key.pem\"\n"
        );
        let start = Start::with_text(&text).tls(first.client(&[]));
        let gate = start.start().await;
        Self {
            first,
            folder,
            gate,
        }
    }

    fn swap(&self, number: u32, shown: &Certificate) {
        swap(&self.folder, number, &shown.chain_pem(), &shown.key_pem());
    }

    async fn shown(&self) -> Vec<u8> {
        self.gate.connect().await.certificate()
    }

    async fn is_shown(&self, certificate: &Certificate) {
        let shown = || async { (self.shown().await == certificate.leaf_der()).then_some(()) };
        tidegate_testkit::wait::until_async("the certificate is shown", shown).await;
    }

    async fn reloads(&self, result: &str) -> f64 {
        let labels = [("result", result)];
        self.gate
            .metric("tidegate_config_reloads_total", &labels)
            .await
    }

    async fn refused(&self, count: f64) -> Value {
        let labels = [("result", "refused")];
        let metric = "tidegate_config_reloads_total";
        self.gate.until_metric(metric, &labels, count).await;
        self.gate.get("/admin/v1/config").await.json()
    }
}

/// Both files at one stroke.
fn swap(folder: &Folder, number: u32, cert: &str, key: &str) {
    let at = folder.path().join(number.to_string());
    fs::create_dir_all(&at).expect("a folder");
    fs::write(at.join("cert.pem"), cert).expect("a file");
    fs::write(at.join("key.pem"), key).expect("a file");
    let next = folder.path().join("next");
    symlink(number.to_string(), &next).expect("a link");
    fs::rename(next, folder.path().join("live")).expect("a link");
}

#[tokio::test]
async fn a_renewed_pair_is_shown_and_running_connections_go_on() {
    let scene = Scene::new().await;
    let mut old = scene.gate.connect().await;
    let renewed = scene.first.renewed();
    scene.swap(1, &renewed);
    scene.is_shown(&renewed).await;
    assert_eq!(old.certificate(), scene.first.leaf_der());
    old.post(CHAT, &chat("sim/echo", false)).await;
    assert_eq!(old.reply().await.status(), 200);
}

#[tokio::test]
async fn what_cannot_be_shown_changes_nothing_and_is_told() {
    let scene = Scene::new().await;
    let other = scene.first.renewed();
    let cases = [
        (
            scene.first.chain_pem(),
            other.key_pem(),
            "tls.key",
            "does not belong",
        ),
        (
            "half".to_owned(),
            other.key_pem(),
            "tls.cert",
            "holds no certificate",
        ),
        {
            let lapsed = scene.first.lapsed();
            (
                lapsed.chain_pem(),
                lapsed.key_pem(),
                "tls.cert",
                "has expired",
            )
        },
    ];
    let mut count = 0.0;
    for (number, (cert, key, wrong, words)) in (1..).zip(cases) {
        swap(&scene.folder, number, &cert, &key);
        count += 1.0;
        let page = scene.refused(count).await;
        let last = &page["last_reload"];
        assert_eq!(last["ok"], false, "{page}");
        let problem = &last["problems"][0];
        assert_eq!(problem["key"], wrong, "{page}");
        let what = problem["what"].as_str().expect("a text");
        assert!(what.contains(words), "{what}");
        assert_eq!(scene.shown().await, scene.first.leaf_der());
    }
    scene.swap(9, &other);
    scene.is_shown(&other).await;
}

/// Two hundred pairs, some of them wrong, while callers come and go.
#[tokio::test]
async fn two_hundred_reloads_lose_nobody() {
    let scene = Scene::new().await;
    let pairs: Vec<_> = (0..6).map(|_| scene.first.renewed()).collect();
    let (ends, address) = (Arc::new(AtomicBool::new(false)), scene.gate.address());
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (ends, client) = (Arc::clone(&ends), scene.first.client(&[]));
            beside(async move {
                let mut answered = 0_u64;
                while !ends.load(Ordering::Relaxed) {
                    let connected = RawClient::connect_tls(address, Arc::clone(&client)).await;
                    let mut caller = connected.expect("a handshake");
                    for streamed in [false, true, false] {
                        caller.post(CHAT, &chat("sim/echo", streamed)).await;
                        let reply = caller.reply().await;
                        assert_eq!(reply.status(), 200, "{}", reply.text());
                        assert_eq!(*reply.ended(), Ended::Whole);
                        answered += 1;
                    }
                }
                answered
            })
        })
        .collect();
    let (mut good, mut bad) = (0.0, 0.0);
    for number in 1..=200_u32 {
        let pair = &pairs[number as usize % pairs.len()];
        if number % 10 == 0 {
            swap(&scene.folder, number, &pair.chain_pem(), "half a key");
            bad += 1.0;
        } else {
            scene.swap(number, pair);
            good += 1.0;
        }
        scene.gate.hang_up();
        let done = || async {
            let done = scene.reloads("applied").await >= good;
            (done && scene.reloads("refused").await >= bad).then_some(())
        };
        tidegate_testkit::wait::until_async("it is looked at", done).await;
    }
    // The last one was wrong: the one before it is shown.
    let last = &pairs[199 % pairs.len()];
    assert_eq!(scene.shown().await, last.leaf_der());
    ends.store(true, Ordering::Relaxed);
    let mut answered = 0;
    for caller in callers {
        answered += caller.result().await;
    }
    let metrics = scene.gate.until_quiet().await;
    assert_eq!(metrics.conserved(), Ok(answered));
    let completed = metrics.sum("tidegate_requests_total", &[("class", "completed")]);
    assert_eq!(completed, answered as f64, "none lost");
    figure(&format!("200 reloads, {answered} requests beside them"));
}
