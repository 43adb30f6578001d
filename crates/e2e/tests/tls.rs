//! TLS to upstreams: what is accepted, and how a refusal is told.
//!
//! A certificate that is not accepted is `upstream_tls` with the reason in
//! plain words; the request, and with it the key, is never sent.

use tidegate_e2e::transcript;
use tidegate_testkit::gate::Folder;
use tidegate_testkit::openai::{chat, completion};
use tidegate_testkit::{Certificate, Gate, Provider, Reply, Script, Settings, Upstream};

const CHAT: &str = "/v1/chat/completions";

/// A gate that trusts `trusted`, in front of an upstream with `shown`.
async fn asked(
    shown: &Certificate,
    trusted: Option<&Certificate>,
    host: &str,
) -> (Upstream, Gate, Reply) {
    let upstream = Upstream::start_tls(shown).await;
    upstream.always(Script::json(200, &completion("x")));
    let folder = Folder::new();
    let mut provider = Provider::new("mock", &upstream.base_url_as(host));
    if let Some(trusted) = trusted {
        let file = folder.file("authority.pem", trusted.authority_pem());
        provider = provider.line(&format!("ca_file = \"{}\"", file.display()));
    }
    let gate = Gate::start(&Settings::with(provider)).await;
    let reply = gate.post(CHAT, &chat("m-1", false)).await;
    (upstream, gate, reply)
}

async fn is_refused(shown: Certificate, trusted: Option<&Certificate>, words: &[&str]) {
    let trusted = trusted.unwrap_or(&shown);
    let (upstream, gate, reply) = asked(&shown, Some(trusted), "127.0.0.1").await;
    let lines = ["502 application/json", "error upstream_tls upstream_error"];
    assert_eq!(transcript(&reply), lines, "{}", reply.text());
    let message = reply.error().message.to_lowercase();
    assert!(
        words.iter().any(|word| message.contains(word)),
        "not plain: {message}"
    );
    assert_eq!(upstream.count(), 0, "the key was sent to somebody else");
    let labels = [("class", "failed"), ("label", "upstream_tls")];
    gate.until_metric("tidegate_requests_total", &labels, 1.0)
        .await;
    assert_eq!(
        reply.header("x-should-retry"),
        Some("false"),
        "a certificate does not heal"
    );
}

#[tokio::test]
async fn a_ca_file_makes_its_certificates_good() {
    let certificate = Certificate::good();
    for host in ["127.0.0.1", "localhost"] {
        let (upstream, gate, reply) = asked(&certificate, Some(&certificate), host).await;
        assert_eq!((reply.status(), reply.text()), (200, completion("x")));
        let expected = format!("{host}:{}", upstream.address().port());
        assert_eq!(upstream.request(0).await.header("host"), Some(expected));

        upstream.always(Script::stream_of(&["over ", "tls"]));
        let reply = gate.post(CHAT, &chat("m-1", true)).await;
        assert_eq!(reply.content(), "over tls");
        gate.until_quiet().await;
        assert_eq!(upstream.accepted(), 1, "the connection is kept");
    }
}

#[tokio::test]
async fn an_unknown_authority_is_told_plainly() {
    let words = ["unknown issuer", "unknownissuer", "trust", "authority"];
    is_refused(Certificate::good(), Some(&Certificate::good()), &words).await;
}

#[tokio::test]
async fn without_a_ca_file_a_private_authority_is_unknown() {
    let (upstream, _gate, reply) = asked(&Certificate::good(), None, "127.0.0.1").await;
    let lines = ["502 application/json", "error upstream_tls upstream_error"];
    assert_eq!(transcript(&reply), lines, "{}", reply.text());
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn a_wrong_name_is_told_plainly() {
    is_refused(Certificate::wrong_name(), None, &["name", "127.0.0.1"]).await;
}

#[tokio::test]
async fn an_expired_certificate_is_told_plainly() {
    is_refused(Certificate::expired(), None, &["expired"]).await;
}

#[tokio::test]
async fn plain_http_behind_https_is_told_plainly() {
    let upstream = Upstream::start().await;
    let base_url = upstream.base_url().replace("http://", "https://");
    let gate = Gate::start(&Settings::with(Provider::new("mock", &base_url))).await;
    let reply = gate.post(CHAT, &chat("m-1", false)).await;
    // The scripted upstream waits for a head that never comes: the gate's
    // connect timer ends it, or the handshake fails first.
    assert!([502, 504].contains(&reply.status()), "{}", reply.text());
    let code = reply.error().code;
    assert!(code.starts_with("upstream_"), "{code}");
    assert_eq!(upstream.count(), 0);
}

/// Contracts hyper 12: an authority that is renewed in its file is trusted from
/// then on, without another word in the configuration.
#[tokio::test]
async fn a_renewed_ca_file_is_followed() {
    let (old, new) = (Certificate::good(), Certificate::good());
    let upstream = Upstream::start_tls(&new).await;
    upstream.always(Script::json(200, &completion("x")));
    let folder = Folder::new();
    let file = folder.file("authority.pem", old.authority_pem());
    let provider = Provider::new("mock", &upstream.base_url());
    let provider = provider.line(&format!("ca_file = \"{}\"", file.display()));
    let gate = Gate::start(&Settings::with(provider)).await;
    let reply = gate.post(CHAT, &chat("m-1", false)).await;
    assert_eq!(reply.error().code, "upstream_tls");
    let reloads = |result| [("result", result)];
    folder.file("authority.pem", new.authority_pem());
    gate.until_metric("tidegate_config_reloads_total", &reloads("applied"), 1.0)
        .await;
    let reply = gate.post(CHAT, &chat("m-1", false)).await;
    assert_eq!(reply.status(), 200, "{}", reply.text());
    // One that cannot be read is refused, and the last one stays.
    folder.file("authority.pem", "no certificate");
    gate.until_metric("tidegate_config_reloads_total", &reloads("refused"), 1.0)
        .await;
    let reply = gate.post(CHAT, &chat("m-1", false)).await;
    assert_eq!(reply.status(), 200, "{}", reply.text());
    assert_eq!(upstream.accepted(), 2, "the good connection is kept");
}
