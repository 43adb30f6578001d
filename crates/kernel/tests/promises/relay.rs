//! Numbers without a hole, one end, nobody delayed: R-G16, R-G17, R-G19,
//! R-G37, R-S18, R-S28, INV-STREAM, INV-TRUNC.

use std::sync::Arc;
use std::time::Duration;

use tidegate_kernel::{
    Clock, Deadline, End, Publisher, Relay, RelaySettings, Relayed, Relays, Scope, Since,
    Subscriber, Unneeded, Unpublished, Why,
};

const MS: Duration = Duration::from_millis(1);

fn open(events: usize) -> (Publisher<u64>, Relay<u64>) {
    Relays::new(RelaySettings {
        events,
        bytes: 1000,
        subscribers: 2000,
    })
    .open()
}

fn event(number: u64, event: u64) -> Relayed<u64> {
    let event = Arc::new(event);
    Relayed::Event { number, event }
}

/// Everything up to the end, and that nothing follows it.
async fn to_the_end(mut subscriber: Subscriber<u64>) -> Vec<Relayed<u64>> {
    let mut told = Vec::new();
    while let Some(next) = subscriber.next().await {
        told.push(next);
    }
    assert_eq!(subscriber.next().await, None);
    told
}

#[tokio::test]
async fn promise_1_r_g16_in_order_from_the_start_from_now_and_from_a_number() {
    let (mut publisher, relay) = open(10);
    let early = relay.subscribe(Since::Start).expect("room");
    for n in 1..=3 {
        assert_eq!(publisher.publish(n * 100, 1), Ok(n));
    }
    let late = relay.subscribe(Since::Start).expect("room");
    let now = relay.subscribe(Since::Now).expect("room");
    let resumed = relay.subscribe(Since::After(2)).expect("room");
    assert_eq!(publisher.publish(400, 1), Ok(4));
    assert_eq!((relay.last(), relay.subscribers()), (4, 4));
    assert!(publisher.end(End::Finished));
    let last = Relayed::End {
        number: 5,
        end: End::Finished,
    };
    for (subscriber, first) in [(early, 1), (late, 1), (now, 4), (resumed, 3)] {
        let mut expected: Vec<_> = (first..=4).map(|n| event(n, n * 100)).collect();
        expected.push(last.clone());
        assert_eq!(to_the_end(subscriber).await, expected);
    }
    assert_eq!(relay.subscribers(), 0);
}

#[tokio::test]
async fn promise_2_r_s18_the_end_is_one_and_last_also_for_who_comes_after_it() {
    let (mut publisher, relay) = open(10);
    publisher.publish(1, 1).expect("open");
    assert!(relay.end(End::Aborted(Why::Operator)));
    assert!(!relay.end(End::Finished), "the first end stays");
    let end = End::Aborted(Why::Operator);
    // R-G37: after the end a send says so, and is no panic.
    assert_eq!(
        publisher.publish(2, 1),
        Err(Unpublished::Ended(end.clone()))
    );
    assert!(!publisher.end(End::Finished));
    assert_eq!(relay.ended(), Some(end.clone()));
    let last = Relayed::End { number: 2, end };
    for since in [Since::Start, Since::After(0)] {
        let subscriber = relay.subscribe(since).expect("room");
        assert_eq!(
            to_the_end(subscriber).await,
            [event(1, 1), last.clone()],
            "{since:?}"
        );
    }
    // The end itself may have been the last thing seen.
    for since in [Since::Now, Since::After(1), Since::After(2)] {
        let subscriber = relay.subscribe(since).expect("room");
        let told = to_the_end(subscriber).await;
        assert_eq!(told, std::slice::from_ref(&last), "{since:?}");
    }
}

#[tokio::test]
async fn promise_2_inv_trunc_a_producer_that_leaves_or_panics_has_failed() {
    let scope = Scope::root("test", 10);
    for (panics, what) in [
        (false, "the producer left before the end"),
        (true, "the producer panicked"),
    ] {
        let (mut publisher, relay) = open(10);
        let subscriber = relay.subscribe(Since::Start).expect("room");
        let producer = scope.spawn("producer", async move {
            publisher.publish(7, 1).expect("open");
            assert!(!panics, "the producer breaks");
        });
        producer.expect("room").await;
        let end = End::Failed(what.into());
        let last = Relayed::End { number: 2, end };
        assert_eq!(to_the_end(subscriber).await, [event(1, 7), last]);
    }
}

#[tokio::test(start_paused = true)]
async fn regression_a_stop_within_70_ms_of_a_chunk_gives_exactly_one_aborted_last() {
    for stop_after in [0, 10, 69, 70, 71] {
        let scope = Scope::root("turn", 10);
        let (mut publisher, relay) = open(100);
        let subscriber = relay.subscribe(Since::Start).expect("room");
        let producer = scope.spawn("producer", async move {
            for n in 0.. {
                if publisher.publish(n, 1).is_err() {
                    return n;
                }
                Clock.sleep(70 * MS).await;
            }
            0
        });
        Clock.sleep(140 * MS + stop_after * MS).await;
        assert!(relay.end(End::Aborted(Why::Caller)));
        let told = to_the_end(subscriber).await;
        let (last, events) = told.split_last().expect("the end at least");
        let number = events.len() as u64 + 1;
        let end = End::Aborted(Why::Caller);
        assert_eq!(*last, Relayed::End { number, end });
        for (n, told) in (0..).zip(events) {
            assert_eq!(*told, event(n + 1, n));
        }
        // R-G19: the producer stops at its next send.
        let sent = producer.expect("room").await.done();
        assert_eq!(sent, Some(number - 1));
        assert_eq!(scope.live(), 0);
    }
}

#[tokio::test]
async fn promise_3_r_s28_a_slow_subscriber_is_told_its_gap_and_stays() {
    let (mut publisher, relay) = open(4);
    let mut slow = relay.subscribe(Since::Start).expect("room");
    let mut quick = relay.subscribe(Since::Start).expect("room");
    for n in 1..=10 {
        publisher.publish(n, 1).expect("nobody is waited for");
        assert_eq!(quick.next().await, Some(event(n, n)));
    }
    let gap = Relayed::Gap {
        first: 1,
        missed: 6,
    };
    assert_eq!(slow.next().await, Some(gap));
    for n in 7..=10 {
        assert_eq!(slow.next().await, Some(event(n, n)));
    }
    publisher.publish(11, 1).expect("open");
    assert_eq!(slow.next().await, Some(event(11, 11)));
    // A gap in the middle of a replay.
    for n in 12..=17 {
        publisher.publish(n, 1).expect("open");
    }
    drop(publisher);
    let gap = Relayed::Gap {
        first: 12,
        missed: 2,
    };
    let told = to_the_end(slow).await;
    assert_eq!((&told[0], &told[1], told.len()), (&gap, &event(14, 14), 6));
}

#[tokio::test(start_paused = true)]
async fn promise_5_r_g17_the_last_one_to_leave_stops_the_producer() {
    let scope = Scope::root("turn", 10);
    let (mut publisher, relay) = open(10);
    let handle = relay.clone();
    let producer = scope.spawn("producer", async move {
        let produce = async {
            for n in 0.. {
                Clock.sleep(10 * MS).await;
                publisher.publish(n, 1).expect("open");
            }
        };
        tokio::select! {
            why = handle.unneeded() => Some(why),
            () = produce => None,
        }
    });
    // Before the first subscriber nobody has deserted.
    Clock.sleep(35 * MS).await;
    let one = relay.subscribe(Since::Start).expect("room");
    let two = relay.subscribe(Since::Start).expect("room");
    drop(one);
    Clock.sleep(40 * MS).await;
    assert_eq!((scope.live(), relay.last()), (1, 7));
    drop(two);
    let end = producer.expect("room").await.done();
    assert_eq!(end, Some(Some(Unneeded::Deserted)));
    assert_eq!(scope.live(), 0);
    // An end is told in the same way.
    let end = End::Failed("the producer left before the end".into());
    assert_eq!(relay.unneeded().await, Unneeded::Ended(end));
}

#[tokio::test(start_paused = true)]
async fn promise_5_r_g17_who_only_waits_for_it_is_woken() {
    let scope = Scope::root("turn", 10);
    let (_publisher, relay) = open(10);
    let one = relay.subscribe(Since::Start).expect("room");
    let waits = scope.spawn("waits", async move { relay.unneeded().await });
    Clock.sleep(10 * MS).await;
    drop(one);
    let told = Deadline::after(Clock, 10 * MS).bound(waits.expect("room"));
    let told = told.await.expect("woken by the one that left").done();
    assert_eq!(told, Some(Unneeded::Deserted));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_1000_subscribers_connect_and_leave_during_a_stream() {
    let scope = Scope::root("turn", 2000);
    let (mut publisher, relay) = open(64);
    let tasks: Vec<_> = (0..1000_u64)
        .map(|n| {
            let relay = relay.clone();
            let work = async move {
                for _ in 0..n % 50 {
                    tokio::task::yield_now().await;
                }
                let since = [Since::Start, Since::Now, Since::After(relay.last())];
                let since = since[(n % 3) as usize];
                let mut subscriber = relay.subscribe(since).expect("room");
                let (mut next, mut ended) = (None, false);
                let patience = if n % 2 == 0 { n % 97 } else { u64::MAX };
                for _ in 0..patience {
                    let (number, count) = match subscriber.next().await {
                        Some(Relayed::Event { number, event }) => {
                            assert_eq!(number, *event, "another's event");
                            (number, 1)
                        }
                        Some(Relayed::Gap { first, missed }) => (first, missed),
                        Some(Relayed::End { number, end }) => {
                            assert_eq!(end, End::Finished);
                            ended = true;
                            (number, 1)
                        }
                        None => break,
                    };
                    assert!(next.is_none_or(|next| next == number), "a hole untold");
                    next = Some(number + count);
                }
                assert_eq!(ended, patience == u64::MAX || next == Some(2002));
            };
            scope.spawn("subscriber", work).expect("room")
        })
        .collect();
    for n in 1..=2000 {
        assert_eq!(publisher.publish(n, 1), Ok(n));
        tokio::task::yield_now().await;
    }
    publisher.end(End::Finished);
    let patience = Deadline::after(Clock, Duration::from_secs(20));
    assert_eq!(scope.drain(patience).await, []);
    for task in tasks {
        assert!(task.await.is_done());
    }
    assert_eq!(relay.subscribers(), 0);
}

/// Who learns the state in another way passes over what led to it: that is
/// counted as missed, and what comes after it is seen without a hole.
#[tokio::test]
async fn who_skips_goes_on_with_what_is_published_then() {
    let (mut publisher, relay) = open(4);
    let mut subscriber = relay.subscribe(Since::Start).expect("room");
    assert_eq!(subscriber.seen(), 0);
    subscriber.skip();
    assert_eq!(subscriber.seen(), 0, "there was nothing yet");
    for n in 1..=10 {
        publisher.publish(n, 1).expect("open");
    }
    subscriber.skip();
    assert_eq!(subscriber.seen(), 10);
    publisher.publish(11, 1).expect("open");
    assert_eq!(subscriber.next().await, Some(event(11, 11)));
    publisher.publish(12, 1).expect("open");
    publisher.end(End::Finished);
    // The end is never passed over.
    subscriber.skip();
    let told = to_the_end(subscriber).await;
    assert!(
        matches!(told[..], [Relayed::End { number: 13, .. }]),
        "{told:?}"
    );
}
