//! Publish x subscribe x leave x end: no number lost or doubled, no wake-up
//! lost (that would be a deadlock), the producer's two waits included.

use std::time::Duration;

use shuttle::future::{block_on, spawn};
use shuttle::rand::Rng;
use shuttle::thread;

use crate::check;
use crate::clock::{Clock, Deadline};
use crate::relay::{End, Publisher, Relay, RelaySettings, Relays, Unneeded, Unpublished};
use crate::scope::Why;
use crate::subscriber::{Relayed, Since, Subscriber};

fn open(events: usize) -> (Publisher<u64>, Relay<u64>) {
    Relays::new(RelaySettings {
        events,
        bytes: 100,
        subscribers: 10,
    })
    .open()
}

fn far() -> Deadline {
    Deadline::after(Clock, Duration::from_secs(1000))
}

/// Reads to the end, or so many; gives the next number, and how it ended.
async fn read(mut subscriber: Subscriber<u64>, most: usize) -> (u64, Option<End>) {
    let mut next = None;
    for _ in 0..most {
        let (number, count) = match subscriber.next().await {
            Some(Relayed::Event { number, event }) => {
                assert_eq!(number, *event, "another's event");
                (number, 1)
            }
            Some(Relayed::Gap { first, missed }) => (first, missed),
            Some(Relayed::End { number, end }) => {
                assert!(next.is_none_or(|next| next == number), "a hole at the end");
                assert!(subscriber.next().await.is_none(), "something after the end");
                return (number, Some(end));
            }
            None => unreachable!("an end without a word"),
        };
        assert!(next.is_none_or(|next| next == number), "a hole untold");
        next = Some(number + count);
    }
    (next.unwrap_or(0), None)
}

#[test]
fn inv_nosilent_publish_subscribe_leave_and_end_in_any_order() {
    check(|| {
        let (mut publisher, relay) = open(2);
        let early = relay.subscribe(Since::Start).expect("room");
        let stays = spawn(read(early, usize::MAX));
        let joining = relay.clone();
        let joins = spawn(async move {
            let since = match shuttle::rand::thread_rng().gen_range(0..3) {
                0 => Since::Start,
                1 => Since::Now,
                _ => Since::After(joining.last()),
            };
            read(joining.subscribe(since).expect("room"), usize::MAX).await
        });
        let leaves = relay.subscribe(Since::Now).expect("room");
        let leaves = spawn(read(leaves, 2));
        let stopping = relay.clone();
        let stop = thread::spawn(move || stopping.end(End::Aborted(Why::Operator)));
        let mut sent = 0;
        for n in 1..=3 {
            match publisher.publish(n, 1) {
                Ok(number) => {
                    assert_eq!(number, n);
                    sent = n;
                }
                Err(why) => assert_eq!(why, Unpublished::Ended(End::Aborted(Why::Operator))),
            }
        }
        let finished = publisher.end(End::Finished);
        let stopped = stop.join().expect("the stop failed");
        assert!(finished != stopped, "exactly one is the first end");
        let end = relay.ended().expect("it has ended");
        assert_eq!(finished, end == End::Finished);
        for reader in [stays, joins] {
            let told = block_on(reader).expect("a reader failed");
            assert_eq!(told, (sent + 1, Some(end.clone())));
        }
        block_on(leaves).expect("the leaver failed");
        assert_eq!(relay.subscribers(), 0);
    });
}

#[test]
fn r_g18_the_required_one_reads_or_leaves_while_the_producer_waits() {
    check(|| {
        let (mut publisher, relay) = open(1);
        let required = relay.subscribe_required(Since::Start).expect("room");
        let most = shuttle::rand::thread_rng().gen_range(0..4);
        let reader = spawn(read(required, most));
        block_on(async {
            for n in 1..=4 {
                // Time stands still: a wait that is not woken is a deadlock.
                let sent = publisher.publish_in_step(n, 1, far()).await;
                assert_eq!(sent, Ok(n));
            }
        });
        publisher.end(End::Finished);
        let (next, _) = block_on(reader).expect("the reader failed");
        assert!(next <= 5);
    });
}

#[test]
fn r_g19_the_producer_that_waits_for_the_required_one_hears_the_end() {
    check(|| {
        let (mut publisher, relay) = open(1);
        // It stays, and does not read.
        let _required = relay.subscribe_required(Since::Start).expect("room");
        let ending = relay.clone();
        let end = thread::spawn(move || ending.end(End::Aborted(Why::Caller)));
        let refused = Unpublished::Ended(End::Aborted(Why::Caller));
        let sent = block_on(async {
            let first = publisher.publish_in_step(1, 1, far()).await;
            (first, publisher.publish_in_step(2, 1, far()).await)
        });
        assert_eq!(sent.1, Err(refused.clone()));
        assert!(sent.0 == Ok(1) || sent.0 == Err(refused));
        assert!(end.join().expect("the end failed"));
    });
}

#[test]
fn r_g17_the_producer_hears_that_the_last_one_left_or_that_it_ended() {
    check(|| {
        let (publisher, relay) = open(1);
        let leaves = shuttle::rand::thread_rng().gen_bool(0.5);
        let last = relay.subscribe(Since::Start).expect("room");
        let watching = relay.clone();
        let watch = spawn(async move { watching.unneeded().await });
        let joining = relay.clone();
        let join = thread::spawn(move || drop(joining.subscribe(Since::Now)));
        if leaves {
            drop(last);
            let why = block_on(watch).expect("the watch failed");
            assert_eq!(why, Unneeded::Deserted);
        } else {
            assert!(publisher.end(End::Finished));
            let why = block_on(watch).expect("the watch failed");
            assert_eq!(why, Unneeded::Ended(End::Finished));
        }
        join.join().expect("the joiner failed");
    });
}
