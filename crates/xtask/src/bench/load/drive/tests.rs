//! The generator against small servers with known habits, over real sockets.
//! Times are only held against lower bounds, which no busy machine can break.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::bench::load::request;

const MS: Duration = Duration::from_millis(1);
const UNARY: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
    content-length: 24\r\n\r\n{\"finish_reason\":\"stop\"}";
const EXPECT_UNARY: Expect = Expect {
    events: 0,
    bytes: 24,
};
const EXPECT_STREAM: Expect = Expect {
    events: 2,
    bytes: 20,
};

/// Answers call after call on each connection with what `answer` says for the
/// call's number on it, until an empty answer: then it closes.
fn serve(answer: impl Fn(usize) -> String + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = answer.clone();
            std::thread::spawn(move || converse(stream.unwrap(), answer));
        }
    });
    at
}

fn converse(stream: TcpStream, answer: impl Fn(usize) -> String) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut writer = stream;
    for number in 0.. {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().ok()?;
            }
            if line == "\r\n" {
                break;
            }
        }
        reader.read_exact(&mut vec![0; length]).ok()?;
        let text = answer(number);
        if text.is_empty() {
            return None;
        }
        for piece in text.split('|') {
            writer.write_all(piece.as_bytes()).ok()?;
            clock::pause(MS);
        }
    }
    None
}

fn drive(at: SocketAddr, connections: usize, pace: Pace, expect: Expect, stop: Stop) -> Tally {
    let request = request::chat(at, "m", expect.events > 0, 300_000);
    let load = Load {
        at,
        request: &request,
        expect,
        connections,
        pace,
    };
    Driver::connect(load).unwrap().run(stop).unwrap()
}

fn count(count: u64) -> Stop {
    Stop {
        after: MS * 20_000,
        count,
        grace: MS * 10_000,
    }
}

const CLOSED: Pace = Pace::Closed {
    ramp: Duration::ZERO,
};

#[test]
fn a_closed_loop_counts_every_right_answer_once() {
    let tally = drive(serve(|_| UNARY.into()), 3, CLOSED, EXPECT_UNARY, count(50));
    assert_eq!((tally.latencies.len(), tally.in_time), (50, 50));
    assert!(
        tally.faults.is_empty() && tally.first_events.is_empty(),
        "{:?}",
        tally.faults
    );
    assert_eq!(tally.body_bytes, 50 * 24);
}

#[test]
fn a_stream_has_a_first_event_before_its_end() {
    let stream = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
        transfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n||||e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";
    let tally = drive(
        serve(|_| stream.into()),
        2,
        CLOSED,
        EXPECT_STREAM,
        count(10),
    );
    assert_eq!(tally.first_events.len(), 10, "{:?}", tally.faults);
    // A generator that was not let run sees both at once: not ten times.
    let pairs = || tally.first_events.iter().zip(&tally.latencies);
    assert!(pairs().all(|(first, last)| last >= first));
    let apart = pairs().any(|(first, last)| *last >= first + 3_000_000);
    assert!(apart, "{:?}", pairs().collect::<Vec<_>>());
}

#[test]
fn wrong_answers_are_faults_and_never_latencies() {
    let answers = |number: usize| match number % 3 {
        0 => UNARY.into(),
        1 => UNARY.replace("200 OK", "503 No"),
        _ => UNARY.replace("finish_reason", "finish-reason"),
    };
    let tally = drive(serve(answers), 1, CLOSED, EXPECT_UNARY, count(30));
    assert_eq!(tally.latencies.len(), 10);
    assert_eq!(
        tally.faults,
        BTreeMap::from([(Fault::Status(503), 10), (Fault::Body, 10)])
    );
}

#[test]
fn a_cut_is_a_fault_and_the_next_call_has_a_new_connection() {
    let cut = |number| {
        if number == 1 {
            String::new()
        } else {
            UNARY.into()
        }
    };
    let tally = drive(serve(cut), 1, CLOSED, EXPECT_UNARY, count(10));
    assert_eq!(tally.latencies.len(), 5);
    assert_eq!(tally.faults, BTreeMap::from([(Fault::Cut, 5)]));
}

#[test]
fn a_polite_close_is_no_fault() {
    let close = |_| UNARY.replace("content-type", "connection: close\r\ncontent-type");
    let tally = drive(serve(close), 2, CLOSED, EXPECT_UNARY, count(10));
    assert_eq!((tally.latencies.len(), tally.faults.len()), (10, 0));
}

#[test]
fn silence_ends_with_the_grace_and_is_counted() {
    let silent = |_| "HTTP/1.1 200 OK\r\n".into();
    let stop = Stop {
        after: MS * 50,
        count: 100,
        grace: MS * 100,
    };
    let tally = drive(serve(silent), 2, CLOSED, EXPECT_UNARY, stop);
    assert_eq!(tally.faults, BTreeMap::from([(Fault::Late, 2)]));
    let open = Pace::Open { every: MS };
    let tally = drive(serve(silent), 2, open, EXPECT_UNARY, stop);
    assert_eq!(
        tally.faults,
        BTreeMap::from([(Fault::Late, 2), (Fault::NeverStarted, 48)])
    );
}

#[test]
fn an_open_loop_counts_the_wait_for_a_stalled_server() {
    // 20 calls are meant to begin within 20 ms, the server takes 10 ms for each of
    // them: the last has waited for all before it. A closed loop would say 10 ms.
    let slow = |_| {
        clock::pause(MS * 10);
        UNARY.into()
    };
    let stop = Stop {
        after: MS * 20,
        count: 100,
        grace: MS * 20_000,
    };
    let tally = drive(serve(slow), 1, Pace::Open { every: MS }, EXPECT_UNARY, stop);
    assert_eq!((tally.latencies.len(), tally.faults.len()), (20, 0));
    let last = Duration::from_nanos(tally.latencies[19]);
    assert!(last >= MS * 180, "{last:?}");
    assert!(tally.in_time <= 2, "{}", tally.in_time);
}

#[test]
fn a_watcher_sees_the_streams_that_flow() {
    let stream = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
        transfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n"
        .to_owned()
        + &"|".repeat(400)
        + "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";
    let at = serve(move |_| stream.clone());
    let request = request::chat(at, "m", true, 10);
    let load = Load {
        at,
        request: &request,
        expect: EXPECT_STREAM,
        connections: 5,
        pace: CLOSED,
    };
    let mut most = 0;
    let mut watch = |view: View| {
        most = most.max(view.flowing);
        Ok(())
    };
    let tally = Driver::connect(load)
        .unwrap()
        .run_watched(count(5), &mut watch)
        .unwrap();
    assert_eq!((tally.latencies.len(), most), (5, 5), "{:?}", tally.faults);
}

#[test]
fn a_server_that_is_gone_is_an_error_not_a_wait() {
    let at = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let load = Load {
        at,
        request: b"",
        expect: EXPECT_UNARY,
        connections: 1,
        pace: CLOSED,
    };
    assert!(Driver::connect(load).is_err());
}

#[test]
fn an_answer_before_the_request_is_whole_costs_the_connection() {
    // The server answers without reading: the rest of the request is still to be
    // written when the answer is whole, and must not stand before the next call.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.read_exact(&mut [0; 10]).unwrap();
            stream
                .write_all(UNARY.replace("200 OK", "413 No").as_bytes())
                .unwrap();
            kept.push(stream);
        }
    });
    let request = request::chat(at, "m", false, 32 << 20);
    let load = Load {
        at,
        request: &request,
        expect: EXPECT_UNARY,
        connections: 1,
        pace: CLOSED,
    };
    let tally = Driver::connect(load).unwrap().run(count(3)).unwrap();
    assert_eq!(tally.faults, BTreeMap::from([(Fault::Status(413), 3)]));
}
