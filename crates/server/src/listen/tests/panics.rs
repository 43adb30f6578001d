//! Promise 7: a panic stays alone. And what a cut answer looks like, which must
//! never be whole.

use std::fs::File;

use tidegate_testkit::gate::Folder;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::*;

#[tokio::test]
async fn promise_7_a_panic_of_a_handler_is_a_500() {
    let folder = Folder::new();
    let log = folder.file("log", "");
    let writer = Arc::new(File::create(&log).unwrap());
    let lines = tracing_subscriber::fmt().with_writer(writer);
    let _until_the_end = lines.with_ansi(false).set_default();
    let rig = Rig::new(settings()).await;
    let mut neighbour = rig.in_flight(STREAM).await;
    for (nth, path) in ["/panic", "/panic-in-call"].into_iter().enumerate() {
        let request = format!("GET {path} HTTP/1.1\r\nhost: t\r\n\r\n");
        let answer = rig.call(&request).await.read_to_end().await;
        assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        assert!(answer.contains(r#""code":"internal_error""#), "{answer}");
        // R-S29: what its caller can ask with stands in the log.
        let (_, id) = answer.split_once("x-tidegate-id: ").expect(&answer);
        let (id, _) = id.split_once("\r\n").unwrap();
        let log = std::fs::read_to_string(&log).unwrap();
        let told = format!("a handler panicked id={id} panic=");
        assert!(log.contains(&told), "{id}: {log}");
        assert!(
            !answer.contains("asked for"),
            "nothing of the inside: {answer}"
        );
        assert_eq!(rig.stats.panics(), nth as u64 + 1);
    }
    assert_eq!(rig.notes.alive(), 1, "what the handler held is dropped");
    rig.gate.add_permits(1);
    assert!(neighbour.read_to("0\r\n\r\n").await.contains("two"));
}

#[tokio::test]
async fn promise_7_a_panic_of_a_body_is_the_close() {
    let rig = Rig::new(settings()).await;
    let mut neighbour = rig.in_flight(STREAM).await;
    let request = "GET /panic-in-body HTTP/1.1\r\nhost: t\r\n\r\n";
    let (said, _) = rig.call(request).await.drain().await;
    assert!(
        !String::from_utf8(said).unwrap().contains("0\r\n\r\n"),
        "it does not look whole"
    );
    until("its connection has ended", || rig.stats.open() == 1).await;
    assert_eq!(rig.stats.panics(), 1);
    let unwound = rig.notes.unwound.load(SeqCst);
    assert_eq!(
        unwound, 1,
        "the body can tell a panic from a caller who left"
    );
    rig.gate.add_permits(1);
    assert!(neighbour.read_to("0\r\n\r\n").await.contains("two"));
}

#[tokio::test]
async fn a_cut_answer_never_looks_whole() {
    let rig = Rig::new(settings()).await;
    let (said, _) = rig
        .call("GET /broken-body HTTP/1.1\r\nhost: t\r\n\r\n")
        .await
        .drain()
        .await;
    assert!(!String::from_utf8(said).unwrap().contains("0\r\n\r\n"));

    // Without chunks the close alone is the end, so it must not be clean.
    let (said, end) = rig
        .call("GET /broken-body HTTP/1.0\r\n\r\n")
        .await
        .drain()
        .await;
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(!String::from_utf8(said).unwrap().contains("chunked"));

    rig.gate.add_permits(1);
    let whole = rig
        .call("GET /stream HTTP/1.0\r\n\r\n")
        .await
        .read_to_end()
        .await;
    assert!(whole.ends_with("one two"), "{whole}");
    rig.all_closed().await;
}
