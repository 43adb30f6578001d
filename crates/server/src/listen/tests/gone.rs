//! Promise 2: a caller who has gone is noticed, in each way of leaving, at each
//! stage, and whatever lies unread behind its request.

use super::*;

/// What the caller sends behind its request.
#[derive(Clone, Copy, Debug)]
enum Behind {
    Nothing,
    /// It is in hyper's buffer, so hyper looks no more.
    Pipelined,
    /// It also fills what hyper does not read from the kernel any more.
    Unread,
}

#[derive(Clone, Copy, Debug)]
enum Leave {
    Close,
    HalfClose,
    Reset,
}

const BEHIND: [Behind; 3] = [Behind::Nothing, Behind::Pipelined, Behind::Unread];
const LEAVE: [Leave; 3] = [Leave::Close, Leave::HalfClose, Leave::Reset];

async fn leaves_unnoticed(rig: &Rig, request: &str, behind: Behind, leave: Leave) -> Duration {
    let mut caller = rig.call(request).await;
    until("the handler runs", || rig.notes.alive() == 1).await;
    match behind {
        Behind::Nothing => {}
        Behind::Pipelined => caller.send(OK).await,
        Behind::Unread => caller.send(vec![b'x'; 64 * 1024]).await,
    }
    // It is seen in a later poll than the request.
    Clock.sleep(ms(20)).await;
    assert_eq!(rig.notes.alive(), 1, "it has not left yet: {behind:?}");
    let mut _kept = None;
    match leave {
        Leave::Close => drop(caller),
        Leave::Reset => caller.reset(),
        Leave::HalfClose => {
            caller.half_close();
            _kept = Some(caller);
        }
    }
    let took = until("the handler is dropped", || rig.notes.alive() == 0).await;
    until("the connection has ended", || rig.stats.open() == 0).await;
    took
}

async fn every_way(request: &str) {
    let rig = Rig::new(settings()).await;
    for behind in BEHIND {
        for leave in LEAVE {
            let took = leaves_unnoticed(&rig, request, behind, leave).await;
            assert!(took < PROMPT, "{request:?} {behind:?} {leave:?}: {took:?}");
        }
    }
    rig.all_closed().await;
}

#[tokio::test]
async fn promise_2_while_the_handler_waits() {
    every_way(HANG).await;
}

#[tokio::test]
async fn promise_2_while_the_body_waits() {
    every_way(STREAM).await;
}

#[tokio::test]
async fn promise_2_pipelined_in_one_piece() {
    every_way(&format!("{HANG}{OK}")).await;
}

#[tokio::test]
async fn promise_2_while_the_request_body_is_not_read() {
    every_way("POST /hang HTTP/1.1\r\nhost: t\r\ncontent-length: 900000\r\n\r\nbegun").await;
}

#[tokio::test]
async fn promise_2_while_the_answer_is_not_read() {
    let rig = Rig::new(settings()).await;
    for leave in LEAVE {
        let caller = rig.in_flight(FLOOD).await;
        let mut given = 0;
        until("the kernel takes no more", || {
            std::mem::replace(&mut given, rig.notes.given.load(SeqCst)) == given && given > 0
        })
        .await;
        match leave {
            Leave::Close => drop(caller),
            Leave::Reset => caller.reset(),
            Leave::HalfClose => {
                caller.half_close();
                until("noticed", || rig.notes.alive() == 0).await;
            }
        }
        let took = until("the body is dropped", || rig.notes.alive() == 0).await;
        assert!(took < PROMPT, "{leave:?}: {took:?}");
    }
    rig.all_closed().await;
}

#[tokio::test]
async fn promise_2_who_is_there_is_left_alone() {
    let rig = Rig::new(settings()).await;
    for behind in [Behind::Nothing, Behind::Pipelined] {
        let mut caller = rig.in_flight(HANG).await;
        if let Behind::Pipelined = behind {
            caller.send(OK).await;
        }
        Clock.sleep(ms(350)).await;
        assert_eq!(rig.notes.alive(), 1, "{behind:?}");
        rig.gate.add_permits(1);
        let last = if let Behind::Pipelined = behind {
            "fine"
        } else {
            "released"
        };
        let answers = caller.read_to(last).await;
        assert!(
            answers.contains("released") && answers.ends_with(last),
            "{answers}"
        );
        caller.send(OK).await;
        assert!(
            caller.read_to("fine").await.ends_with("fine"),
            "kept alive: {behind:?}"
        );
    }
}
