//! The kit against itself: what it records and what it does is what it says.
//!
//! A test that leans on a kit that lies proves nothing.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Certificate, Upstream};
use crate::client::{Ended, RawClient};
use crate::port::{Unanswered, refused};
use crate::script::{Script, Signal};
use crate::wait::{Stopwatch, beside};

#[tokio::test]
async fn records_a_request_exactly_and_answers_twice_on_one_connection() {
    let upstream = Upstream::start().await;
    upstream.on_model("m-2", Script::json(201, "{}"));
    upstream.by(|seen| (seen.text() == "[]").then(|| Script::json(202, "{}")));
    upstream.always(Script::stream_of(&["a", "b"]));
    let mut client = RawClient::connect(upstream.address()).await;
    client
        .post_with("/v1/x", &[("X-Odd", "  y ")], "{ \"model\" : \"m-1\" }")
        .await;
    let reply = client.reply().await;
    assert_eq!((reply.status(), reply.content().as_str()), (200, "ab"));
    assert!(reply.events().last().expect("events").is_done());
    client.post("/v1/y", r#"{"model":"m-2"}"#).await;
    assert_eq!(client.reply().await.status(), 201);
    client.post("/v1/z", "[]").await;
    assert_eq!(client.reply().await.status(), 202);

    let [first, second, _] = &upstream.requests()[..] else {
        panic!("three requests")
    };
    assert_eq!(first.text(), "{ \"model\" : \"m-1\" }");
    assert!(
        first
            .head()
            .starts_with(b"POST /v1/x HTTP/1.1\r\nhost: localhost\r\n")
    );
    assert_eq!(first.header("x-odd").as_deref(), Some("y"));
    assert_eq!((first.connection(), second.connection()), (1, 1));
    assert_eq!((upstream.accepted(), upstream.open()), (1, 1));
}

#[tokio::test]
async fn notices_that_the_peer_left_while_a_script_waits() {
    let upstream = Upstream::start().await;
    upstream.next(Script::silent());
    let mut client = RawClient::connect(upstream.address()).await;
    client.post("/", "{}").await;
    let seen = upstream.request(0).await;
    assert!(!seen.is_closed());
    let left = Stopwatch::start();
    client.reset();
    assert!(seen.closed_after(left).await < Duration::from_secs(2));
    crate::until("the connection's task ends", || {
        (upstream.open() == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_reset_a_cut_and_a_signal_look_like_themselves() {
    let upstream = Upstream::start().await;
    let signal = Signal::new();
    upstream.next(Script::sse().event("1").until(&signal).event("2").rst());
    upstream.next(Script::sse().event("1").fin());
    upstream.next(Script::declared(200, &[], 9).bytes("half").fin());

    let mut client = RawClient::connect(upstream.address()).await;
    client.post("/", "{}").await;
    let head = client.head().await;
    assert_eq!(client.event().await.data().as_deref(), Some("1"));
    signal.fire();
    let rest = client.rest(head).await;
    assert_eq!(rest.text(), "data: 1\n\ndata: 2\n\n");
    assert!(
        matches!(rest.ended(), Ended::Cut(why) if why.contains("reset")),
        "{rest:?}"
    );

    for text in ["data: 1\n\n", "half"] {
        let mut client = RawClient::connect(upstream.address()).await;
        client.post("/", "{}").await;
        let reply = client.reply().await;
        assert_eq!(reply.text(), text);
        assert!(matches!(reply.ended(), Ended::Cut(why) if why.contains("end of file")));
    }
}

#[tokio::test]
async fn addresses_that_do_not_answer() {
    assert!(TcpStream::connect(refused()).await.is_err());
    let unanswered = Unanswered::new().await;
    let connect = beside(TcpStream::connect(unanswered.address()));
    crate::until("a connect stands", || {
        (unanswered.knocking() > 0).then_some(())
    })
    .await;
    assert!(!connect.is_over());
}

#[tokio::test]
async fn only_the_good_certificate_is_accepted() {
    for (certificate, accepted) in [
        (Certificate::good(), true),
        (Certificate::wrong_name(), false),
        (Certificate::expired(), false),
    ] {
        let upstream = Upstream::start_tls(&certificate).await;
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_slice(certificate.authority_pem().as_bytes());
        roots
            .add(authority.expect("a certificate"))
            .expect("an authority");
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(ring)
            .with_safe_default_protocol_versions()
            .expect("default versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(upstream.address())
            .await
            .expect("a connection");
        let name = ServerName::try_from("127.0.0.1").expect("a name");
        let connected = TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await;
        assert_eq!(connected.is_ok(), accepted, "{connected:?}");
        if !accepted {
            let broken = || (upstream.broken_handshakes() == 1).then_some(());
            crate::until("the upstream counts the broken handshake", broken).await;
        }
    }
}
