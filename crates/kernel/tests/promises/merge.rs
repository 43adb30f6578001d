//! Many streams in one: R-M9, R-G45, INV-NOSILENT.
//! Nothing lost, nobody polled in vain, and the end with the last input.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use proptest::prelude::*;
use tidegate_kernel::{
    Clock, Deadline, End, Exit, Merge, MergeFull, Merged, RelaySettings, Relayed, Relays, Scope,
    Since,
};

const MS: Duration = Duration::from_millis(1);

/// Gives these items; before each it is pending so many times.
struct Script<T> {
    items: VecDeque<(u8, T)>,
    polls: Arc<AtomicU32>,
}

impl<T> Script<T> {
    fn new(items: impl IntoIterator<Item = (u8, T)>) -> Self {
        Self {
            items: items.into_iter().collect(),
            polls: Arc::default(),
        }
    }
}

impl<T: Unpin> Stream for Script<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.polls.fetch_add(1, Ordering::SeqCst);
        match self.items.front_mut() {
            Some((pending, _)) if *pending > 0 => {
                *pending -= 1;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            _ => Poll::Ready(self.items.pop_front().map(|(_, item)| item)),
        }
    }
}

/// What came of each input, and how many have ended.
async fn collect<T>(mut merge: Merge<'_, T>, inputs: usize) -> (Vec<Vec<T>>, usize) {
    let mut all: Vec<Vec<T>> = (0..inputs).map(|_| Vec::new()).collect();
    let mut ended = 0;
    while let Some(news) = merge.next().await {
        match news {
            Merged::Item { from, item } => all[from].push(item),
            Merged::Ended { exit, .. } => ended += usize::from(exit.is_done()),
        }
    }
    assert_eq!(merge.inputs(), 0);
    (all, ended)
}

proptest! {
    #[test]
    fn r_m9_every_item_of_every_input_comes_once_and_in_its_order(
        inputs in prop::collection::vec(prop::collection::vec((0_u8..4, any::<u16>()), 0..20), 0..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut merge = Merge::new(inputs.len());
        for input in &inputs {
            merge.add(Script::new(input.iter().copied())).expect("room");
        }
        let (all, ended) = runtime.block_on(collect(merge, inputs.len()));
        let expected: Vec<Vec<u16>> = inputs
            .iter()
            .map(|input| input.iter().map(|(_, item)| *item).collect())
            .collect();
        prop_assert_eq!((all, ended), (expected, inputs.len()));
    }
}

#[tokio::test]
async fn promise_3_each_input_has_its_turn() {
    let mut merge = Merge::new(3);
    for _ in 0..3 {
        merge
            .add(Script::new((0..50).map(|n| (0, n))))
            .expect("room");
    }
    for n in 0..50 {
        let mut round = [0, 0, 0];
        for _ in 0..3 {
            let Some(Merged::Item { from, item }) = merge.next().await else {
                panic!("each has fifty");
            };
            assert_eq!(item, n);
            round[from] += 1;
        }
        assert_eq!(round, [1, 1, 1]);
    }
}

#[tokio::test(start_paused = true)]
async fn r_m9_idle_costs_no_poll_and_the_end_comes_with_the_last_input() {
    let scope = Scope::root("test", 10);
    let relays = Relays::new(RelaySettings {
        events: 100,
        bytes: 100,
        subscribers: 1,
    });
    let mut merge = Merge::new(3);
    let (polls, count) = (Arc::new(AtomicU32::new(0)), 3_u32);
    for n in 0..count {
        let (mut publisher, relay) = relays.open();
        let subscriber = relay.subscribe(Since::Start).expect("room");
        let polls = Arc::clone(&polls);
        merge.add(Counted(subscriber, polls)).expect("room");
        let produce = async move {
            for k in 0..5 {
                Clock.sleep((n * 10 + 100) * MS).await;
                publisher.publish(k, 1).expect("open");
            }
            publisher.end(End::Finished);
        };
        scope.spawn("producer", produce).expect("room");
    }
    let start = Clock.now();
    let mut told = [0; 3];
    while let Some(news) = merge.next().await {
        match news {
            Merged::Item { from, .. } => told[from] += 1,
            Merged::Ended { from, exit } => {
                assert!(exit.is_done());
                assert_eq!(told[from], 6, "five events and the end, all before");
            }
        }
    }
    assert_eq!(Clock.now() - start, 5 * 120 * MS);
    // Six items and the end of each, and one look before each pause.
    let polls = polls.load(Ordering::SeqCst);
    assert!(polls <= count * (7 + 6), "{polls} polls: it spins");
    assert!(merge.next().await.is_none());
}

/// Counts the polls of what it holds.
struct Counted<S>(S, Arc<AtomicU32>);

impl<S: Stream + Unpin> Stream for Counted<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Pin::new(&mut self.0).poll_next(cx)
    }
}

#[tokio::test]
async fn promise_4_one_that_fails_or_panics_ends_alone_and_the_bound_is_typed() {
    struct Breaks;
    impl Stream for Breaks {
        type Item = Result<u32, &'static str>;

        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            panic!("an input breaks")
        }
    }
    let mut merge = Merge::new(3);
    let good = merge
        .add(Script::new([(1, Ok(1)), (1, Ok(2))]))
        .expect("room");
    let fails = merge.add(Script::new([(0, Err("no"))])).expect("room");
    let breaks = merge.add(Breaks).expect("room");
    assert_eq!(merge.add(Breaks), Err(MergeFull { limit: 3 }));
    let mut last = Some(Script::new([(0, Ok(9))]));
    let (mut items, mut ends) = (Vec::new(), Vec::new());
    while let Some(news) = merge.next().await {
        match news {
            Merged::Item { from, item } => items.push((from, item)),
            Merged::Ended { from, exit } => {
                ends.push((from, exit));
                // A place is free again, also while the others run.
                if let Some(last) = last.take() {
                    assert_eq!(merge.add(last), Ok(from));
                }
            }
        }
    }
    assert_eq!(ends.len(), 4);
    let again = items.extract_if(.., |(_, item)| *item == Ok(9)).count();
    items.sort_unstable();
    let expected = [(good, Ok(1)), (good, Ok(2)), (fails, Err("no"))];
    assert_eq!((items.as_slice(), again), (&expected[..], 1));
    let broken = ends
        .iter()
        .find(|(from, exit)| *from == breaks && !exit.is_done());
    let message = broken.map(|(_, exit)| exit);
    assert!(matches!(message, Some(Exit::Panicked(what)) if what == "an input breaks"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_g45_the_collector_sees_every_result_of_producers_on_threads() {
    let scope = Scope::root("test", 10);
    let relays = Relays::new(RelaySettings {
        events: 4,
        bytes: 100,
        subscribers: 1,
    });
    let mut merge = Merge::new(8);
    let far = Deadline::after(Clock, Duration::from_secs(20));
    for n in 0..8_u64 {
        let (mut publisher, relay) = relays.open();
        merge
            .add(relay.subscribe_required(Since::Start).expect("room"))
            .expect("room");
        let produce = async move {
            for k in 0..500 {
                let sent = publisher.publish_in_step(n * 1000 + k, 1, far).await;
                assert_eq!(sent, Ok(k + 1));
            }
            publisher.end(End::Finished);
        };
        scope.spawn("producer", produce).expect("room");
    }
    let (all, ended) = far.bound(collect(merge, 8)).await.expect("no hang");
    assert_eq!(ended, 8);
    for (n, told) in (0..).zip(all) {
        assert_eq!(told.len(), 501);
        for (k, told) in (0..500_u64).zip(&told) {
            let event = Arc::new(n * 1000 + k);
            let number = k + 1;
            assert_eq!(*told, Relayed::Event { number, event });
        }
        assert!(matches!(told[500], Relayed::End { number: 501, .. }));
    }
}

/// Also of a merge that is dropped: two panics at once would end the process.
#[test]
fn promise_4_a_dropped_merge_survives_the_drops_of_its_inputs() {
    struct Bad(Arc<AtomicU32>);
    impl Stream for Bad {
        type Item = u32;

        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u32>> {
            Poll::Pending
        }
    }
    impl Drop for Bad {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            // One is enough to show it.
            assert!(self.0.load(Ordering::SeqCst) > 1, "in a drop");
        }
    }
    let dropped = Arc::new(AtomicU32::new(0));
    let mut merge = Merge::new(2);
    for _ in 0..2 {
        merge.add(Bad(Arc::clone(&dropped))).expect("room");
    }
    let left = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(merge)));
    assert!(left.is_ok(), "the panic of an input is its own");
    assert_eq!(dropped.load(Ordering::SeqCst), 2);
}
