//! Promise 8: the end of the listener. Idle connections close at once, busy ones
//! finish, and what is left ends with its scope or by an abort.

use tidegate_kernel::Why;

use super::*;

#[tokio::test]
async fn promise_8_idle_ones_close_at_once() {
    let rig = Rig::new(settings()).await;
    let mut idle = rig.call(OK).await;
    idle.read_to("fine").await;
    let mut silent = rig.call("").await;
    let mut half = rig.call("GET /ok HTTP/1.1\r\nho").await;
    let mut second_half = rig.call(OK).await;
    second_half.read_to("fine").await;
    second_half.send("GET /ok HTT").await;
    until("all are here", || rig.stats.open() == 4).await;
    Clock.sleep(ms(50)).await;

    let start = Clock.now();
    rig.accept.cancel(Why::Shutdown);
    rig.all_closed().await;
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
    assert!(
        TcpStream::connect(rig.at).await.is_err(),
        "the listener is closed"
    );
    assert_eq!(idle.read_to_end().await, "");
    assert_eq!(silent.read_to_end().await, "");
    for caller in [&mut half, &mut second_half] {
        let answer = caller.read_to_end().await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.contains(r#""code":"shutting_down""#), "{answer}");
    }
}

#[tokio::test]
async fn promise_8_busy_ones_finish() {
    let rig = Rig::new(settings()).await;
    let mut waiting = rig.in_flight(HANG).await;
    let mut streaming = rig.in_flight(STREAM).await;
    let begun = streaming.read_to("one ").await;
    let mut uploading = rig
        .in_flight("POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 6\r\n\r\nabc")
        .await;

    rig.accept.cancel(Why::Shutdown);
    Clock.sleep(ms(100)).await;
    assert_eq!(rig.stats.open(), 3);
    uploading.send("def").await;
    let answer = uploading.read_to_end().await;
    assert!(
        answer.contains("connection: close\r\n") && answer.ends_with("abcdef"),
        "{answer}"
    );

    rig.gate.add_permits(2);
    let answer = waiting.read_to_end().await;
    assert!(
        answer.contains("connection: close\r\n") && answer.ends_with("released"),
        "{answer}"
    );
    let rest = streaming.read_to_end().await;
    assert!(
        !begun.contains("connection: close") && rest.ends_with("two\r\n0\r\n\r\n"),
        "{rest}"
    );
    rig.all_closed().await;
}

#[tokio::test]
async fn promise_8_what_is_left_ends_with_its_scope() {
    let rig = Rig::new(settings()).await;
    let mut waiting = rig.in_flight(HANG).await;
    let mut streaming = rig.in_flight(STREAM).await;
    let _stalled = rig.in_flight(FLOOD).await;
    let old = "GET /stream HTTP/1.0\r\n\r\n";
    let mut cut_by_close = rig.in_flight(old).await;
    cut_by_close.read_to("one ").await;
    rig.accept.cancel(Why::Shutdown);
    Clock.sleep(ms(100)).await;
    assert_eq!(rig.stats.open(), 4);

    let start = Clock.now();
    rig.connections.cancel(Why::Deadline);
    rig.all_closed().await;
    assert!(start.elapsed() < PROMPT, "{:?}", start.elapsed());
    assert_eq!(waiting.read_to_end().await, "");
    assert!(
        !streaming.read_to_end().await.contains("0\r\n\r\n"),
        "it does not look whole"
    );
    let (_, end) = cut_by_close.drain().await;
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn promise_8_who_lingers_does_not_hold_the_drain() {
    let rig = Rig::new(settings()).await;
    let mut caller = rig
        .call("POST /early HTTP/1.1\r\nhost: t\r\ncontent-length: 9\r\n\r\nabc")
        .await;
    assert!(caller.read_to_end().await.ends_with("too large"));
    assert_eq!(
        rig.stats.open(),
        1,
        "it waits for what the caller still sends"
    );
    let start = Clock.now();
    rig.accept.cancel(Why::Shutdown);
    rig.all_closed().await;
    assert!(start.elapsed() < ms(900), "{:?}", start.elapsed());
}

#[tokio::test]
async fn promise_8_an_abort_cuts_as_plainly() {
    let rig = Rig::new(settings()).await;
    let mut old = rig.in_flight("GET /stream HTTP/1.0\r\n\r\n").await;
    let mut stalled = rig.in_flight(FLOOD).await;
    old.read_to("one ").await;
    Clock.sleep(ms(100)).await;
    rig.connections.close().await;
    rig.all_closed().await;
    for caller in [&mut old, &mut stalled] {
        let (_, end) = caller.drain().await;
        assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
}
