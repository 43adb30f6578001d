//! Bounds, the required subscriber, and the count of everything: R-G18, R-G20,
//! R-G36, R-G38, INV-NOSILENT, INV-BOUND.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_core::Stream;
use proptest::prelude::*;
use tidegate_kernel::{
    Clock, Deadline, End, Exit, Observe, RelaySettings, Relayed, Relays, Scope, Since,
    SubscribeRefused, Subscriber, Unpublished,
};

use crate::samples::Page;

const MS: Duration = Duration::from_millis(1);

fn settings(events: usize, bytes: u64, subscribers: usize) -> RelaySettings {
    RelaySettings {
        events,
        bytes,
        subscribers,
    }
}

fn poll<E>(subscriber: &mut Subscriber<E>) -> Poll<Option<Relayed<E>>> {
    Pin::new(subscriber).poll_next(&mut Context::from_waker(Waker::noop()))
}

fn number<E>(told: Option<Relayed<E>>) -> Option<u64> {
    match told {
        Some(Relayed::Event { number, .. }) => Some(number),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn r_g18_r_g20_r_g36_the_required_one_holds_the_producer_only_when_full() {
    let (mut publisher, relay) = Relays::new(settings(20, 1000, 9)).open();
    let mut required = relay.subscribe_required(Since::Start).expect("room");
    let mut watcher = relay.subscribe(Since::Start).expect("room");
    let soon = || Deadline::after(Clock, 1000 * MS);
    let start = Clock.now();
    for n in 1..=20 {
        // R-G36: no wait until the buffer is full.
        assert_eq!(publisher.publish_in_step(n, 1, soon()).await, Ok(n));
    }
    assert_eq!(Clock.now(), start);
    let late = publisher.publish_in_step(0, 1, soon()).await;
    assert_eq!(late, Err(Unpublished::TooSlow));
    assert_eq!(Clock.now() - start, 1000 * MS);
    assert_eq!(relay.last(), 20, "what was refused is not in the stream");

    let scope = Scope::root("test", 1);
    let reading = scope.spawn("reader", async move {
        for n in 1..=40 {
            Clock.sleep(10 * MS).await;
            assert_eq!(number(required.next().await), Some(n));
        }
        required
    });
    for n in 21..=50 {
        assert_eq!(publisher.publish_in_step(n, 1, soon()).await, Ok(n));
    }
    assert_eq!(
        Clock.now() - start,
        1300 * MS,
        "one place for each one read"
    );
    // Who is not required held nobody, and knows what it cost.
    let gap = Relayed::Gap {
        first: 1,
        missed: 30,
    };
    assert_eq!(watcher.next().await, Some(gap));
    let required = reading.expect("room").await.done().expect("read");
    for n in 51..=60 {
        assert_eq!(publisher.publish_in_step(n, 1, soon()).await, Ok(n));
    }
    // It leaves while the producer waits for it: nobody is required then.
    let leaving = scope.spawn("leaver", async move {
        Clock.sleep(7 * MS).await;
        drop(required);
    });
    let start = Clock.now();
    assert_eq!(publisher.publish_in_step(61, 1, soon()).await, Ok(61));
    assert_eq!(Clock.now() - start, 7 * MS);
    assert!(leaving.expect("room").await.is_done());
}

#[tokio::test(start_paused = true)]
async fn r_g18_a_producer_that_waits_hears_the_end_and_may_give_up() {
    let scope = Scope::root("test", 1);
    let (mut publisher, relay) = Relays::new(settings(1, 10, 1)).open();
    let mut required = relay.subscribe_required(Since::Start).expect("room");
    let far = || Deadline::after(Clock, 9999 * MS);
    publisher.publish('a', 4).expect("open");
    // Given up while it waits: nothing is published.
    let given_up = Deadline::after(Clock, 5 * MS);
    let waiting = given_up.bound(publisher.publish_in_step('b', 4, far()));
    assert!(waiting.await.is_err());
    assert_eq!(relay.last(), 1);
    let ending = relay.clone();
    let end = scope.spawn("end", async move {
        Clock.sleep(5 * MS).await;
        ending.end(End::Finished)
    });
    let start = Clock.now();
    let refused = publisher.publish_in_step('c', 4, far()).await;
    assert_eq!(Clock.now() - start, 5 * MS, "at once, not at its deadline");
    assert_eq!(refused, Err(Unpublished::Ended(End::Finished)));
    assert_eq!(end.expect("room").await.done(), Some(true));
    assert_eq!(number(required.next().await), Some(1));
    assert!(matches!(
        required.next().await,
        Some(Relayed::End { number: 2, .. })
    ));
}

#[tokio::test]
async fn promise_4_r_g38_each_no_has_its_own_type_and_changes_nothing() {
    let relays = Relays::new(settings(5, 10, 2));
    let (mut publisher, relay) = relays.open();
    let too_large = Unpublished::TooLarge {
        bytes: 11,
        limit: 10,
    };
    assert_eq!(publisher.publish(1, 11), Err(too_large));
    assert_eq!(publisher.publish(1, 10), Ok(1));
    let unknown = SubscribeRefused::Unknown { last: 1 };
    assert_eq!(relay.subscribe(Since::After(2)).err(), Some(unknown));
    let one = relay.subscribe_required(Since::Now).expect("room");
    let taken = SubscribeRefused::RequiredTaken;
    let second = relay.subscribe_required(Since::Now).err();
    assert_eq!(second, Some(taken));
    let two = relay.subscribe(Since::After(1)).expect("room");
    let full = SubscribeRefused::TooMany { limit: 2 };
    assert_eq!(relay.subscribe(Since::Start).err(), Some(full));
    // Who leaves costs nothing: the places are free again, a thousand times.
    drop((one, two));
    for _ in 0..1000 {
        let mut one = relay.subscribe_required(Since::Start).expect("room");
        assert_eq!(number(one.next().await), Some(1));
        assert!(poll(&mut one).is_pending());
    }
    let mut page = Page::default();
    relays.observe(&[], &mut page);
    let told = |name: &str| page.0[&format!("tidegate_relay_{name}{{}}")];
    assert_eq!(told("subscribers_refused_total"), 3.0);
    assert_eq!(told("events_delivered_total"), 1000.0);
    assert_eq!((told("subscribers"), told("bytes")), (0.0, 10.0));
    assert_eq!(page.0["tidegate_relays_open{}"], 1.0);
    drop((publisher, relay));
    let mut page = Page::default();
    relays.observe(&[], &mut page);
    assert_eq!(page.0["tidegate_relay_bytes{}"], 0.0);
    assert_eq!(page.0["tidegate_relays_open{}"], 0.0);
}

/// A step of a random life.
#[derive(Clone, Debug)]
enum Step {
    Publish(u64),
    Subscribe(u8, u64),
    Read(usize),
    Leave(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6_u64).prop_map(Step::Publish),
        2 => (0..3_u8, 0..40_u64).prop_map(|(kind, n)| Step::Subscribe(kind, n)),
        8 => (0..4_usize).prop_map(Step::Read),
        1 => (0..4_usize).prop_map(Step::Leave),
    ]
}

/// A subscriber beside its model: the number that it must be told next.
struct Pair(Subscriber<u64>, u64);

/// What the model says of `next`, with what is kept beginning at `first`.
fn expected(next: u64, first: u64, last: u64) -> Option<Relayed<u64>> {
    if next < first {
        let missed = first - next;
        return Some(Relayed::Gap {
            first: next,
            missed,
        });
    }
    let event = Arc::new(next * 7);
    (next <= last).then_some(Relayed::Event {
        number: next,
        event,
    })
}

proptest! {
    #[test]
    fn inv_nosilent_every_number_is_delivered_or_missed(
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let relays = Relays::new(settings(4, 10, 3));
        let (mut publisher, relay) = relays.open();
        let mut readers: VecDeque<Pair> = VecDeque::new();
        let (mut kept, mut last) = (VecDeque::new(), 0_u64);
        let (mut delivered, mut missed) = (0_u64, 0_u64);
        for step in steps {
            let first = last + 1 - kept.len() as u64;
            match step {
                Step::Publish(bytes) => {
                    last += 1;
                    prop_assert_eq!(publisher.publish(last * 7, bytes), Ok(last));
                    kept.push_back(bytes);
                    while kept.len() > 4 || kept.iter().sum::<u64>() > 10 {
                        kept.pop_front();
                    }
                }
                Step::Subscribe(kind, n) => {
                    let (since, next) = match kind {
                        0 => (Since::Start, 1),
                        1 => (Since::Now, last + 1),
                        _ => (Since::After(n), n + 1),
                    };
                    let answer = relay.subscribe(since);
                    prop_assert_eq!(answer.is_ok(), next <= last + 1 && readers.len() < 3);
                    readers.extend(answer.map(|subscriber| Pair(subscriber, next)));
                }
                Step::Read(n) => {
                    let Some(Pair(subscriber, next)) = readers.get_mut(n) else { continue };
                    let told = match poll(subscriber) {
                        Poll::Ready(told) => told,
                        Poll::Pending => None,
                    };
                    prop_assert_eq!(&told, &expected(*next, first, last));
                    match told {
                        Some(Relayed::Event { .. }) => (delivered, *next) = (delivered + 1, *next + 1),
                        Some(Relayed::Gap { missed: n, .. }) => (missed, *next) = (missed + n, *next + n),
                        Some(Relayed::End { .. }) | None => {}
                    }
                }
                Step::Leave(n) => drop(readers.remove(n)),
            }
        }
        let mut page = Page::default();
        relays.observe(&[("kind", "turn")], &mut page);
        let told = |name: &str| page.0[&format!("tidegate_relay_{name}{{kind=turn}}")];
        prop_assert_eq!(told("events_published_total"), last as f64);
        prop_assert_eq!(told("events_delivered_total"), delivered as f64);
        prop_assert_eq!(told("events_missed_total"), missed as f64);
        prop_assert_eq!(told("subscribers"), readers.len() as f64);
        prop_assert_eq!(told("bytes"), kept.iter().sum::<u64>() as f64);
    }
}

struct Event {
    explodes: bool,
}

impl Drop for Event {
    fn drop(&mut self) {
        assert!(!self.explodes, "in a drop");
    }
}

/// An event that panics when it is pushed out is the producer's matter (R-D12).
#[tokio::test(start_paused = true)]
async fn promise_2_an_event_whose_drop_panics_keeps_no_subscriber_from_its_end() {
    let (mut publisher, relay) = Relays::new(settings(1, 10, 10)).open();
    let scope = Scope::root("test", 10);
    let mut reader = relay.subscribe(Since::After(0)).expect("room");
    let reads = scope.spawn("reads", async move {
        loop {
            // It drops its part of an event, so that the ring has the last.
            if let Some(Relayed::End { end, .. }) = reader.next().await {
                return end;
            }
        }
    });
    tokio::task::yield_now().await;
    let produces = scope.spawn("produces", async move {
        for explodes in [true, false] {
            let _ = publisher.publish(Event { explodes }, 1);
            tokio::task::yield_now().await;
        }
    });
    let exit = produces.expect("room").await;
    assert!(matches!(exit, Exit::Panicked(_)), "{exit:?}");
    let end = Deadline::after(Clock, 1000 * MS).bound(reads.expect("room"));
    let end = end.await.expect("the reader hears of it");
    assert!(matches!(end.done(), Some(End::Failed(_))));
}
