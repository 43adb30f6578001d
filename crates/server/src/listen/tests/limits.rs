//! Promises 5, 6 and 9: framing, bounds, numbers. The shares of addresses are
//! tested in `places`, since every caller here is loopback.

use std::collections::BTreeMap;
use std::fs::File;
use std::process::Command;

use tidegate_kernel::{Counter, Gauge, Labels, Observe, Visitor};

use super::*;

#[tokio::test]
async fn promise_5_transfer_encoding_closes() {
    let rig = Rig::new(settings()).await;
    let chunked = "transfer-encoding: chunked\r\n";
    for framing in [
        chunked.to_owned(),
        format!("content-length: 3\r\n{chunked}"),
    ] {
        let request =
            format!("POST /echo HTTP/1.1\r\nhost: t\r\n{framing}\r\n3\r\nabc\r\n0\r\n\r\n");
        // What a smuggler would hide behind it is never served.
        let answer = rig
            .call(&format!("{request}{OK}"))
            .await
            .read_to_end()
            .await;
        assert!(
            answer.contains("connection: close\r\n") && answer.ends_with("abc"),
            "{answer}"
        );
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    }
    let plain = "POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 3\r\n\r\nabc";
    let mut caller = rig.call(plain).await;
    for _ in 0..3 {
        let answer = caller.read_to("abc").await;
        assert!(
            !answer.contains("connection"),
            "a plain one stays open: {answer}"
        );
        caller.send(plain).await;
    }
}

#[tokio::test]
async fn promise_6_a_crowd_may_knock_at_once() {
    let rig = Rig::new(settings()).await;
    rig.call(OK).await.read_to("fine").await;
    // Nothing is awaited here, so nobody is let in meanwhile. A lost packet
    // would cost its caller a second.
    let patience = Duration::from_millis(800);
    let callers: Result<Vec<_>, _> = (0..300)
        .map(|_| std::net::TcpStream::connect_timeout(&rig.at, patience))
        .collect();
    assert_eq!(callers.unwrap().len(), 300);
}

#[tokio::test]
async fn promise_5_heads_are_bounded() {
    let mut small = settings();
    small.max_headers = 20;
    let rig = Rig::new(small).await;
    let many = "a: b\r\n".repeat(21);
    // Larger than what hyper reads before it refuses: the answer still arrives.
    let large = format!("a: {}\r\n", "b".repeat(8 * 1024 * 1024));
    for headers in [many, large] {
        let mut caller = rig.call("").await;
        let request = format!("GET /ok HTTP/1.1\r\nhost: t\r\n{headers}\r\n");
        caller.send(request).await;
        let answer = caller.read_to_end().await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    let fits = format!(
        "GET /ok HTTP/1.1\r\nhost: t\r\na: {}\r\n\r\n",
        "b".repeat(60_000)
    );
    assert!(
        rig.call(&fits)
            .await
            .read_to("fine")
            .await
            .ends_with("fine")
    );
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let (said, _) = rig.call(preface).await.drain().await;
    assert_eq!(said, b"", "no HTTP/2 here");
}

#[tokio::test]
async fn an_early_answer_reaches_a_caller_who_still_sends() {
    let rig = Rig::new(settings()).await;
    let length = 8 * 1024 * 1024;
    let mut caller = rig
        .call(&format!(
            "POST /early HTTP/1.1\r\nhost: t\r\ncontent-length: {length}\r\n\r\n"
        ))
        .await;
    // All of it first, as most clients do.
    caller.send(vec![b'x'; length]).await;
    let answer = caller.read_to_end().await;
    assert!(
        answer.starts_with("HTTP/1.1 413 ") && answer.ends_with("too large"),
        "{answer}"
    );
    drop(caller);
    rig.all_closed().await;
}

#[tokio::test]
async fn promise_6_beyond_the_limit_is_503() {
    let mut two = settings();
    two.connections = 2;
    let rig = Rig::new(two).await;
    let held = [rig.in_flight(HANG).await, rig.in_flight(HANG).await];
    let upload = format!(
        "POST /echo HTTP/1.1\r\nhost: t\r\n\r\n{}",
        "b".repeat(8 * 1024 * 1024)
    );
    for request in ["", OK, upload.as_str()] {
        let answer = rig.call(request).await.read_to_end().await;
        assert!(
            answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
            "{answer}"
        );
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
        assert!(answer.contains(r#""code":"overloaded""#), "{answer}");
    }
    assert_eq!(
        (
            rig.stats.refused_limit(),
            rig.stats.open(),
            rig.stats.accepted()
        ),
        (3, 2, 5)
    );
    drop(held);
    until("the places are free", || rig.stats.open() == 0).await;
    assert!(rig.call(OK).await.read_to("fine").await.ends_with("fine"));
}

/// Runs itself again in a process with few file descriptors.
#[tokio::test]
async fn promise_6_failed_accepts_do_not_end_the_loop() {
    const INSIDE: &str = "TIDEGATE_TEST_FEW_DESCRIPTORS";
    if std::env::var_os(INSIDE).is_some() {
        return few_descriptors().await;
    }
    let this = std::env::current_exe().unwrap();
    let script = "ulimit -n 64; exec \"$0\" --exact --nocapture \"$1\"";
    let name = "listen::tests::limits::promise_6_failed_accepts_do_not_end_the_loop";
    let run = Command::new("sh")
        .args(["-c", script])
        .arg(this)
        .arg(name)
        .env(INSIDE, "1")
        .output();
    let run = run.unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

async fn few_descriptors() {
    let rig = Rig::new(settings()).await;
    let mut served = rig.call(OK).await;
    served.read_to("fine").await;
    let mut hoard: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    assert!(hoard.len() < 64, "the limit holds");
    // One descriptor for the caller's end, none for ours.
    hoard.pop();
    let mut waiting = rig.call(OK).await;
    until("accepting fails", || rig.stats.accept_errors() >= 2).await;
    served.send(OK).await;
    assert!(
        served.read_to("fine").await.ends_with("fine"),
        "the open ones are served"
    );
    hoard.clear();
    assert!(
        waiting.read_to("fine").await.ends_with("fine"),
        "and the loop goes on"
    );
    assert!(
        rig.stats.accept_errors() < 100,
        "it rests between its tries"
    );
}

#[derive(Default)]
struct Seen(BTreeMap<String, f64>);

impl Visitor for Seen {
    fn counter(&mut self, metric: Counter, labels: &Labels<'_>, n: u64) {
        let labels: String = labels
            .iter()
            .map(|(_, value)| format!(" {value}"))
            .collect();
        self.0.insert(
            format!("{}{labels}", metric.0.name),
            f64::from(u32::try_from(n).unwrap()),
        );
    }

    fn gauge(&mut self, metric: Gauge, _: &Labels<'_>, n: f64) {
        self.0.insert(metric.0.name.to_owned(), n);
    }
}

#[tokio::test]
async fn promise_9_the_numbers_are_told() {
    let mut one = settings();
    one.connections = 1;
    let rig = Rig::new(one).await;
    let mut kept = rig.call("GET /peer HTTP/1.1\r\nhost: t\r\n\r\n").await;
    let peer = kept.socket().local_addr().unwrap().to_string();
    assert!(
        kept.read_to(&peer).await.ends_with(&peer),
        "each request carries its peer"
    );
    rig.call(OK).await.read_to_end().await;
    let mut seen = Seen::default();
    rig.stats.observe(&[], &mut seen);
    let expected = [
        ("tidegate_connections_accept_errors_total", 0.0),
        ("tidegate_connections_accepted_total", 2.0),
        ("tidegate_connections_header_timeouts_total", 0.0),
        ("tidegate_connections_open", 1.0),
        ("tidegate_connections_panics_total", 0.0),
        ("tidegate_connections_refused_total limit", 1.0),
        ("tidegate_connections_refused_total per_ip", 0.0),
        ("tidegate_connections_write_stalls_total", 0.0),
        ("tidegate_tls_handshakes_total closed", 0.0),
        ("tidegate_tls_handshakes_total done", 0.0),
        ("tidegate_tls_handshakes_total malformed", 0.0),
        ("tidegate_tls_handshakes_total no_match", 0.0),
        ("tidegate_tls_handshakes_total plain_http", 0.0),
        ("tidegate_tls_handshakes_total refused", 0.0),
        ("tidegate_tls_handshakes_total stopped", 0.0),
        ("tidegate_tls_handshakes_total timeout", 0.0),
    ];
    let seen: Vec<_> = seen.0.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    assert_eq!(seen, expected);
}
