//! The same promises over TLS, and those that TLS adds: handshakes have their
//! time and their numbers, and a certificate changes under running connections.

use std::sync::LazyLock;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, HandshakeKind};
use tidegate_kernel::Why;
use tidegate_testkit::Certificate;
use tidegate_testkit::gate::Folder;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::tls::Handshake;
use super::*;
use crate::certificate::Pair;

#[expect(clippy::duplicate_mod, reason = "the same promises, over TLS")]
#[path = "drain.rs"]
mod drain;
#[expect(clippy::duplicate_mod, reason = "the same promises, over TLS")]
#[path = "gone.rs"]
mod gone;
#[expect(clippy::duplicate_mod, reason = "the same promises, over TLS")]
#[path = "panics.rs"]
mod panics;
#[expect(clippy::duplicate_mod, reason = "the same promises, over TLS")]
#[path = "timers.rs"]
mod timers;

/// What all rigs show at first.
static SHOWN: LazyLock<Certificate> = LazyLock::new(Certificate::good);

struct Secure;

impl Over for Secure {
    fn tls() -> Option<Arc<Tls>> {
        Some(Tls::new(pair(&SHOWN)).unwrap())
    }

    async fn speak(tcp: TcpStream) -> Caller {
        let agreed = agree(tcp, SHOWN.client(&[])).await;
        Caller(Stream::Secure(Box::new(agreed.unwrap())))
    }
}

type Rig = RigOver<Secure>;

fn pair(certificate: &Certificate) -> Pair {
    let folder = Folder::new();
    let cert = folder.file("cert.pem", &certificate.chain_pem());
    let key = folder.file("key.pem", &certificate.key_pem());
    Pair::load(&cert, &key).unwrap()
}

async fn agree(tcp: TcpStream, client: Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connected = TlsConnector::from(client).connect(name, tcp);
    in_time("a handshake", connected).await
}

impl Rig {
    fn handshakes(&self, ended: Handshake) -> u64 {
        self.stats.handshakes.get(ended)
    }

    async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.at).await.unwrap()
    }
}

/// All that comes until the end, whatever end it is.
async fn rest_of(mut tcp: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = in_time("the end", tcp.read_to_end(&mut all)).await;
    all
}

#[tokio::test]
async fn both_versions_and_only_http_1_1() {
    let rig = Rig::new(settings()).await;
    for version in rustls::ALL_VERSIONS {
        let stream = agree(rig.tcp().await, SHOWN.client(&[version])).await;
        let stream = stream.unwrap();
        let session = stream.get_ref().1;
        assert_eq!(session.protocol_version(), Some(version.version));
        assert_eq!(session.alpn_protocol(), Some(&b"http/1.1"[..]));
        let mut caller = Caller(Stream::Secure(Box::new(stream)));
        caller.send(OK).await;
        assert!(caller.read_to("fine").await.ends_with("fine"));
    }
    let mut other = ClientConfig::clone(&SHOWN.client(&[]));
    other.alpn_protocols = vec![b"h2".to_vec()];
    assert!(agree(rig.tcp().await, Arc::new(other)).await.is_err());
    let mut silent = ClientConfig::clone(&SHOWN.client(&[]));
    silent.alpn_protocols.clear();
    assert!(agree(rig.tcp().await, Arc::new(silent)).await.is_ok());
    // A caller is ready before we have noted it.
    until("all are counted", || {
        (
            rig.handshakes(Handshake::NoMatch),
            rig.handshakes(Handshake::Done),
        ) == (1, 3)
    })
    .await;
}

#[tokio::test]
async fn promise_2_the_end_of_tls_is_the_end() {
    let rig = Rig::new(settings()).await;
    for request in [HANG, STREAM] {
        let mut caller = rig.in_flight(request).await;
        caller.0.say_end().await.unwrap();
        let took = until("the handler is dropped", || rig.notes.alive() == 0).await;
        assert!(took < PROMPT, "{took:?}");
    }
    rig.all_closed().await;
}

#[tokio::test]
async fn promise_4_a_handshake_has_its_own_time() {
    let mut quick = settings();
    quick.handshake_timeout = ms(300);
    let rig = Rig::new(quick).await;
    let hello = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
    for drip in [&hello[..0], &hello[..1], &hello[..]] {
        let mut tcp = rig.tcp().await;
        let start = Clock.now();
        for byte in drip {
            tcp.write_all(&[*byte]).await.unwrap();
            Clock.sleep(ms(10)).await;
        }
        assert!(rest_of(tcp).await.is_empty());
        let took = start.elapsed();
        assert!(ms(290) <= took && took < PATIENCE, "{took:?}");
    }
    assert_eq!(rig.handshakes(Handshake::TimedOut), 3);
    assert_eq!(rig.stats.header_timeouts(), 0);
    rig.all_closed().await;
}

#[tokio::test]
async fn plain_http_is_told_so() {
    let rig = Rig::new(settings()).await;
    let mut tcp = rig.tcp().await;
    tcp.write_all(OK.as_bytes()).await.unwrap();
    let answer = String::from_utf8(rest_of(tcp).await).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{answer}"
    );
    assert!(answer.contains(r#""code":"tls_required""#), "{answer}");
    assert_eq!(rig.handshakes(Handshake::PlainHttp), 1);
    rig.all_closed().await;
}

#[tokio::test]
async fn promise_9_a_failed_handshake_has_its_reason() {
    let rig = Rig::new(settings()).await;
    let mut tcp = rig.tcp().await;
    tcp.write_all(&[0; 64]).await.unwrap();
    let alert = rest_of(tcp).await;
    assert_eq!(alert.first(), Some(&21), "an alert: {alert:?}");
    assert_eq!(rig.handshakes(Handshake::Malformed), 1);

    drop(rig.tcp().await);
    until("it has closed", || rig.handshakes(Handshake::Closed) == 1).await;

    let stranger = Certificate::good();
    let refused = agree(rig.tcp().await, stranger.client(&[])).await;
    assert!(refused.is_err(), "nobody it trusts");
    until("it refused", || rig.handshakes(Handshake::Refused) == 1).await;
    rig.all_closed().await;
}

#[tokio::test]
async fn promise_6_who_has_no_place_gets_no_handshake() {
    let mut one = settings();
    one.connections = 1;
    let rig = Rig::new(one).await;
    // Counted before its handshake.
    let first = rig.tcp().await;
    until("it has its place", || rig.stats.open() == 1).await;
    assert!(agree(rig.tcp().await, SHOWN.client(&[])).await.is_err());
    assert_eq!(rig.stats.refused_limit(), 1);
    drop(first);
    rig.all_closed().await;
}

#[tokio::test]
async fn promise_8_a_handshake_does_not_hold_the_drain() {
    let rig = Rig::new(settings()).await;
    let begun = rig.tcp().await;
    until("it has its place", || rig.stats.open() == 1).await;
    let start = Clock.now();
    rig.accept.cancel(Why::Shutdown);
    rig.all_closed().await;
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
    assert_eq!(rig.handshakes(Handshake::Stopped), 1);
    assert!(rest_of(begun).await.is_empty());
}

fn shown(caller: &Caller) -> Vec<u8> {
    caller.0.certificate().unwrap()
}

#[tokio::test]
async fn another_certificate_holds_from_the_next_handshake_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (root, stats) = (Scope::root("test", 100), Arc::<ListenStats>::default());
    let tls = Tls::new(pair(&SHOWN)).unwrap();
    let inlet = Inlet {
        listener,
        tls: Some(Arc::clone(&tls)),
        ids: Arc::new(RequestIds::new(7)),
    };
    let (accept, connections) = (root.child("accept"), root.child("connections"));
    let handler = |_: Peer, _: Request<Incoming>| async {
        let life = Life::new(&Arc::default());
        Ok(Response::new(Script {
            steps: vec![give("fine")].into(),
            length: Some(4),
            wait: None,
            life,
            halts: false,
        }))
    };
    let run = run(
        inlet,
        Terms::new(settings()),
        Clock,
        accept,
        connections,
        stats,
        handler,
    );
    root.spawn("listen", run).unwrap();
    let client = SHOWN.client(&[]);
    let call = || async {
        let tcp = TcpStream::connect(at).await.unwrap();
        let agreed = agree(tcp, Arc::clone(&client)).await.unwrap();
        let mut caller = Caller(Stream::Secure(Box::new(agreed)));
        caller.send(OK).await;
        assert!(caller.read_to("fine").await.ends_with("fine"));
        caller
    };
    let resumed = |caller: &Caller| match &caller.0 {
        Stream::Secure(tls) => tls.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed),
        Stream::Plain(_) => false,
    };
    let mut old = call().await;
    assert_eq!(shown(&old), SHOWN.leaf_der());
    assert!(resumed(&call().await), "a ticket saves a handshake");

    let renewed = SHOWN.renewed();
    let show = |one: &Certificate| {
        let next = tls.prepare_pair(pair(one), Clock);
        next.map(|next| tls.show(next))
    };
    assert_eq!(show(&renewed), Ok(true));
    assert_eq!(show(&renewed), Ok(false), "the same again");
    let new = call().await;
    assert!(!resumed(&new), "no ticket of the one before is taken");
    assert_eq!(shown(&new), renewed.leaf_der());
    old.send(OK).await;
    assert!(old.read_to("fine").await.ends_with("fine"), "it goes on");

    let refused = show(&SHOWN.lapsed()).unwrap_err();
    assert!(refused.what.contains("has expired"), "{refused}");
    assert_eq!(shown(&call().await), renewed.leaf_der());
    root.close().await;
}
