//! Promises 3 and 4: writes that stand still, heads that do not come, idle time.
//! Each limit is also shown to leave alone whom it does not mean.

use super::*;

fn with(change: impl FnOnce(&mut ListenSettings)) -> ListenSettings {
    let mut settings = settings();
    change(&mut settings);
    settings
}

#[tokio::test]
async fn promise_3_who_does_not_read_is_reset() {
    let rig = Rig::new(with(|to| to.write_stall = ms(300))).await;
    let mut caller = rig.in_flight(FLOOD).await;
    until("the body is dropped", || rig.notes.alive() == 0).await;
    rig.all_closed().await;
    assert_eq!(rig.stats.write_stalls(), 1);
    let (_, end) = caller.drain().await;
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn promise_3_who_reads_slowly_is_kept() {
    let rig = Rig::new(with(|to| to.write_stall = ms(500))).await;
    let mut caller = rig.in_flight(FLOOD).await;
    let mut some = vec![0; 512 * 1024];
    for _ in 0..15 {
        Clock.sleep(ms(100)).await;
        caller.0.read_exact(&mut some).await.unwrap();
    }
    assert_eq!((rig.notes.alive(), rig.stats.write_stalls()), (1, 0));
}

#[tokio::test]
async fn r_d2_r_g20_what_waits_for_a_slow_reader_is_bounded() {
    for (buffer, least, most) in [(128, 32, 160), (256, 128, 320), (1024, 700, 1100)] {
        let rig = Rig::new(with(|to| to.stream_buffer = buffer * 1024)).await;
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        let mut caller = rig.speak(socket.connect(rig.at).await.unwrap()).await;
        caller.send(FLOOD).await;
        Clock.sleep(ms(500)).await;
        let given = rig.notes.given.load(SeqCst) / 1024;
        println!("a buffer of {buffer} KiB: {given} KiB wait");
        assert!((least..=most).contains(&given), "{buffer} KiB: {given} KiB");
    }
}

/// Its body is gone by then: hyper has the last words, and the socket is full.
#[tokio::test]
async fn what_was_ended_from_outside_ends_also_while_its_last_words_wait() {
    for halted in [true, false] {
        // As much as this of an answer waits in hyper, too.
        let change = |to: &mut ListenSettings| {
            (to.stream_buffer, to.max_header_bytes) = (128 * 1024, 1024 * 1024);
        };
        let rig = Rig::new(with(change)).await;
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        let mut caller = rig.speak(socket.connect(rig.at).await.unwrap()).await;
        caller.send(HALTED).await;
        let given = || rig.notes.given.load(SeqCst) == 15 * 16 * 1024;
        until("the pieces are given", given).await;
        rig.notes.halted.store(halted, SeqCst);
        rig.gate.add_permits(1);
        until("the body is dropped", || rig.notes.alive() == 0).await;
        Clock.sleep(PROMPT).await;
        let open = if halted { 0 } else { 1 };
        assert_eq!(rig.stats.open(), open, "halted: {halted}");
    }
}

#[tokio::test]
async fn promise_4_a_slow_head_gets_408() {
    let rig = Rig::new(with(|to| to.header_timeout = ms(300))).await;
    for before in ["", OK] {
        let mut caller = rig.call(before).await;
        if !before.is_empty() {
            caller.read_to("fine").await;
        }
        let start = Clock.now();
        let drip = async {
            for byte in OK.bytes().cycle().take(20) {
                caller.0.write_all(&[byte]).await.unwrap();
                Clock.sleep(ms(50)).await;
                if rig.stats.open() == 0 {
                    break;
                }
            }
        };
        in_time("the drip", drip).await;
        let took = start.elapsed();
        assert!(
            ms(290) <= took && took < ms(900),
            "no byte extends it: {took:?}"
        );
        let answer = caller.read_to("}}").await;
        assert!(
            answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
            "{answer}"
        );
        assert!(answer.contains("connection: close\r\n"), "{answer}");
        assert!(answer.contains(r#""code":"request_timeout""#), "{answer}");
    }
    assert_eq!(rig.stats.header_timeouts(), 2);
    rig.all_closed().await;
}

#[tokio::test]
async fn promise_4_who_says_nothing_hears_nothing() {
    let rig = Rig::new(with(|to| to.header_timeout = ms(200))).await;
    let start = Clock.now();
    assert_eq!(rig.call("").await.read_to_end().await, "");
    assert!(start.elapsed() >= ms(190));
    assert_eq!(rig.stats.header_timeouts(), 1);
    rig.all_closed().await;
}

#[tokio::test]
async fn promise_4_idle_connections_end_after_their_own_time() {
    let rig = Rig::new(with(|to| {
        to.header_timeout = ms(100);
        to.keep_alive = ms(500);
    }))
    .await;
    let mut caller = rig.call(OK).await;
    caller.read_to("fine").await;
    Clock.sleep(ms(250)).await;
    caller.send(OK).await;
    assert!(
        caller.read_to("fine").await.ends_with("fine"),
        "idle is not a slow head"
    );
    let start = Clock.now();
    assert_eq!(caller.read_to_end().await, "");
    assert!(
        start.elapsed() >= ms(490),
        "each answer begins it anew: {:?}",
        start.elapsed()
    );
    assert_eq!(rig.stats.header_timeouts(), 0);
    rig.all_closed().await;
}

#[tokio::test]
async fn promise_4_answers_say_how_long_a_connection_may_rest() {
    for (keep_alive, said) in [(75_000, "75"), (2_999, "2"), (500, "0")] {
        let rig = Rig::new(with(|to| to.keep_alive = ms(keep_alive))).await;
        let answer = rig.call(OK).await.read_to("fine").await;
        let said = format!("\r\nkeep-alive: timeout={said}\r\n");
        assert!(answer.contains(&said), "{answer}");
    }
    let encoded = "POST /ok HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    let rig = Rig::new(settings()).await;
    let answer = rig.call(encoded).await.read_to_end().await;
    assert!(
        answer.contains("connection: close") && !answer.contains("keep-alive"),
        "{answer}"
    );
}

#[tokio::test]
async fn promise_4_a_request_in_flight_has_no_limit_here() {
    let rig = Rig::new(with(|to| {
        to.header_timeout = ms(100);
        to.keep_alive = ms(100);
        to.write_stall = ms(100);
    }))
    .await;
    let mut caller = rig.in_flight(STREAM).await;
    Clock.sleep(ms(400)).await;
    rig.gate.add_permits(1);
    assert!(
        caller
            .read_to("0\r\n\r\n")
            .await
            .ends_with("two\r\n0\r\n\r\n")
    );
}
