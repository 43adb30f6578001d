//! TLS with callers, through the binary: what they are shown, what is refused,
//! and that everything that holds over plain HTTP holds over it.

use std::process::Command;

use tidegate_e2e::sdk::Sdk;
use tidegate_testkit::gate::{Folder, command_output};
use tidegate_testkit::openai::{chat, completion, content_chunk, finish_chunk};
use tidegate_testkit::{
    Certificate, Gate, Provider, RawClient, Script, Settings, Signal, Start, Upstream,
};

const CHAT: &str = "/v1/chat/completions";

/// `[tls]` with this certificate in `folder`.
fn tls(folder: &Folder, certificate: &Certificate, more: &str) -> String {
    let cert = folder.file("cert.pem", &certificate.chain_pem());
    let key = folder.file("key.pem", &certificate.key_pem());
    let (cert, key) = (cert.display(), key.display());
    format!("[tls]\ncert = \"{cert}\"\nkey = \"{key}\"\n{more}")
}

struct Scene {
    certificate: Certificate,
    upstream: Upstream,
    gate: Gate,
    _folder: Folder,
}

async fn scene(more: &str) -> Scene {
    let (certificate, folder) = (Certificate::good(), Folder::new());
    let upstream = Upstream::start().await;
    let settings = Settings::with(Provider::new("mock", &upstream.base_url())).tables(&tls(
        &folder,
        &certificate,
        more,
    ));
    let start = Start::with(&settings).tls(certificate.client(&[]));
    Scene {
        gate: start.start().await,
        certificate,
        upstream,
        _folder: folder,
    }
}

#[tokio::test]
async fn calls_and_streams_go_over_tls_and_the_banner_says_so() {
    let scene = scene("").await;
    let address = scene.gate.address();
    let banner = scene.gate.stdout();
    let first = banner.lines().next().unwrap();
    assert!(
        first.ends_with(&format!("listening on https://{address}")),
        "{banner}"
    );
    assert!(
        banner.contains(&format!("curl https://{address}/v1/")),
        "{banner}"
    );

    scene
        .upstream
        .always(Script::json(200, &completion("over tls")));
    let mut caller = scene.gate.connect().await;
    assert_eq!(caller.certificate(), scene.certificate.leaf_der());
    for _ in 0..3 {
        caller.post(CHAT, &chat("m-1", false)).await;
        let reply = caller.reply().await;
        assert_eq!(
            (reply.status(), reply.text()),
            (200, completion("over tls"))
        );
    }
    scene
        .upstream
        .always(Script::stream_of(&["piece ", "by piece"]));
    caller.post(CHAT, &chat("m-1", true)).await;
    assert_eq!(caller.reply().await.content(), "piece by piece");
    let metrics = scene.gate.until_quiet().await;
    assert_eq!(metrics.conserved(), Ok(4));
    assert!(metrics.sum("tidegate_tls_handshakes_total", &[("result", "done")]) >= 2.0);
    assert!(metrics.sum("tidegate_tls_certificate_end_seconds", &[]) > 1.7e9);
}

#[tokio::test]
async fn who_leaves_over_tls_frees_the_upstream() {
    let scene = scene("").await;
    for way in ["close", "reset", "half close", "end of tls"] {
        scene
            .upstream
            .always(Script::sse().event(&content_chunk("a")).stall());
        let mut caller = scene.gate.connect().await;
        caller.post(CHAT, &chat("m-1", true)).await;
        caller.head().await;
        caller.event().await;
        let mut kept = None;
        match way {
            "close" => drop(caller),
            "reset" => caller.reset(),
            "half close" => {
                caller.half_close().await;
                kept = Some(caller);
            }
            _ => {
                caller.say_end().await;
                kept = Some(caller);
            }
        }
        scene.gate.until_quiet().await;
        drop(kept);
    }
    let labels = [("class", "cancelled")];
    let cancelled = scene.gate.metric("tidegate_requests_total", &labels).await;
    assert_eq!(cancelled, 4.0);
}

#[tokio::test]
async fn a_drain_over_tls_finishes_what_runs() {
    let mut scene = scene("").await;
    let go = Signal::new();
    let script = Script::sse().event(&content_chunk("a")).until(&go);
    let script = script
        .event(&content_chunk("b"))
        .event(&finish_chunk())
        .done();
    scene.upstream.always(script);
    let mut idle = scene.gate.connect().await;
    idle.get("/livez").await;
    assert_eq!(idle.reply().await.status(), 200);
    let begun = RawClient::connect(scene.gate.address()).await;
    let mut caller = scene.gate.connect().await;
    caller.post(CHAT, &chat("m-1", true)).await;
    let head = caller.head().await;
    caller.event().await;
    scene.gate.terminate();
    // Ended in order: with TLS's own word, or this read would fail.
    assert!(idle.to_end().await.is_empty());
    drop(begun);
    go.fire();
    assert_eq!(caller.rest(head).await.content(), "ab");
    assert!(scene.gate.exit().await.success());
}

#[tokio::test]
async fn slow_handshakes_take_places_only_for_their_time() {
    let scene = scene("handshake_timeout = \"700ms\"").await;
    scene.upstream.always(Script::json(200, &completion("x")));
    let mut slow = Vec::new();
    for number in 0..60 {
        let mut caller = RawClient::connect(scene.gate.address()).await;
        if number % 2 == 0 {
            caller.send([22, 3, 1]).await;
        }
        slow.push(caller);
    }
    let reply = scene.gate.post(CHAT, &chat("m-1", false)).await;
    assert_eq!(reply.status(), 200, "others are served meanwhile");
    let labels = [("result", "timeout")];
    let metric = "tidegate_tls_handshakes_total";
    scene.gate.until_metric(metric, &labels, 60.0).await;
    for mut caller in slow {
        assert!(caller.to_end().await.is_empty());
    }
    let open = scene.gate.metric("tidegate_connections_open", &[]).await;
    assert_eq!(open, 1.0, "the one that asks");
}

#[tokio::test]
async fn sdk_over_tls() {
    if !Sdk::Python.is_here() {
        return;
    }
    let (certificate, folder) = (Certificate::good(), Folder::new());
    let settings = tls(&folder, &certificate, "");
    let authority = folder.file("authority.pem", certificate.authority_pem());
    let start = Start::with_text(&format!("checks = \"off\"\n{settings}"));
    let gate = start.tls(certificate.client(&[])).start().await;
    let authority = authority.display().to_string();
    Sdk::Python
        .run("over_tls", &[&gate.url(), &authority])
        .await;
    let metrics = gate.until_quiet().await;
    assert_eq!(metrics.conserved(), Ok(3));
    let labels = [("class", "cancelled")];
    assert_eq!(metrics.sum("tidegate_requests_total", &labels), 1.0);
    let refused = [("result", "refused")];
    assert_eq!(metrics.sum("tidegate_tls_handshakes_total", &refused), 1.0);
}

/// Another implementation than ours on the other side.
#[tokio::test]
async fn openssl_agrees_on_1_2_and_1_3_and_nothing_older() {
    if Command::new("openssl").arg("version").output().is_err() {
        return tidegate_testkit::figure("SKIPPED, no openssl on this machine");
    }
    let scene = scene("").await;
    let folder = Folder::new();
    let authority = folder.file("authority.pem", scene.certificate.authority_pem());
    let address = scene.gate.address().to_string();
    for (version, good) in [("-tls1_3", true), ("-tls1_2", true), ("-tls1_1", false)] {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", &address, version]);
        command.args(["-alpn", "h2,http/1.1", "-verify_return_error", "-CAfile"]);
        // What is too old for us is too old for its own default, too.
        command
            .arg(&authority)
            .args(["-cipher", "DEFAULT@SECLEVEL=0"]);
        let (status, told) = command_output(command).await;
        assert_eq!(status.success(), good, "{version}: {told}");
        let agreed = told.contains("ALPN protocol: http/1.1");
        assert_eq!(agreed, good, "{version}: {told}");
    }
}

#[tokio::test]
async fn a_pair_that_does_not_fit_is_told_before_anything_is_opened() {
    let (good, other, folder) = (Certificate::good(), Certificate::good(), Folder::new());
    let settings = tls(&folder, &good, "");
    folder.file("key.pem", &other.key_pem());
    let (status, _, told) = Start::with_text(&settings).run().await;
    assert_eq!(status.code(), Some(2), "{told}");
    assert!(
        told.contains("`tls.key` does not belong to the certificate"),
        "{told}"
    );
    assert!(!told.contains("PRIVATE"), "{told}");
}

#[tokio::test]
async fn operators_on_loopback_need_no_certificate() {
    let (certificate, folder) = (Certificate::good(), Folder::new());
    let key = "tg-0123456789abcdef";
    let tables = tls(&folder, &certificate, "");
    let text = format!(
        "checks = \"off\"\nadmin_listen = \"127.0.0.1:0\"\n[auth]\nkeys = [\"{key}\"]\n{tables}"
    );
    let file = folder.file("tidegate.toml", &text).display().to_string();
    let start = Start::command(&["serve", "--listen", "0.0.0.0:0", "--config", &file]);
    let gate = start.tls(certificate.client(&[])).listen().await;
    let banner = gate.stdout();
    assert!(banner.contains("listening on https://0.0.0.0:"), "{banner}");
    let (_, admin) = banner.split_once("operators  http://").expect("a line");
    let admin = admin.split_whitespace().next().unwrap().parse().unwrap();
    let mut operator = RawClient::connect(admin).await;
    operator
        .send(format!(
            "GET /metrics HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\r\n"
        ))
        .await;
    assert_eq!(operator.reply().await.status(), 200);
}
