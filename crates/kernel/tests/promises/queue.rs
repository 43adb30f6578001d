//! A queue of things: three results of an offer and of a look (R-G38), waiting
//! for room and for things (R-G20, R-G36), drops that are told (R-M4), control
//! that is never dropped, and an end that loses nothing (R-G31, R-G37).

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use proptest::prelude::*;
use tidegate_kernel::{
    Clock, Deadline, Offered, Overflow, Priority, Queue, QueueSettings, Scope, Submit, Tag, Taken,
};

const MS: Duration = Duration::from_millis(1);

fn settings(items: usize, overflow: Overflow) -> QueueSettings {
    QueueSettings {
        items,
        bytes: 1000,
        overflow,
    }
}

fn queue(items: usize, overflow: Overflow) -> Queue<u32> {
    Queue::new(settings(items, overflow))
}

fn soon() -> Deadline {
    Deadline::after(Clock, 100 * MS)
}

fn bytes(bytes: u64) -> Tag {
    Tag {
        bytes,
        ..Tag::default()
    }
}

fn of(priority: Priority) -> Tag {
    Tag {
        priority,
        ..Tag::default()
    }
}

async fn poll_once(submit: &mut Submit<u32>) -> Poll<Offered<u32>> {
    std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *submit).poll(cx))).await
}

#[test]
fn r_g38_an_offer_and_a_look_have_three_results_each_and_drops_are_counted() {
    let queue = queue(2, Overflow::Error);
    assert_eq!(queue.try_take(), Taken::Empty);
    assert_eq!(queue.offer(1, Tag::default()), Offered::Submitted);
    assert_eq!(queue.offer(2, Tag::default()), Offered::Submitted);
    assert_eq!(queue.offer(3, Tag::default()), Offered::Full(3));
    assert_eq!(queue.try_take(), Taken::Item(1));
    queue.close();
    assert_eq!(queue.offer(4, Tag::default()), Offered::Closed(4));
    assert_eq!(
        queue.try_take(),
        Taken::Item(2),
        "what was in is still taken"
    );
    assert_eq!(queue.try_take(), Taken::Closed);
    let stats = queue.stats();
    assert_eq!(
        (stats.offered, stats.delivered, stats.full, stats.closed),
        (4, 2, 1, 1)
    );
    assert!(stats.holds());
}

#[tokio::test(start_paused = true)]
async fn r_g20_a_full_queue_holds_its_producer_back_until_there_is_room() {
    let queue = queue(2, Overflow::Block);
    let start = Clock.now();
    // R-G36: nobody waits before it is full.
    for n in 0..2 {
        assert!(queue.submit(n, Tag::default(), soon()).is_ready());
    }
    let mut third = queue.submit(3, Tag::default(), soon());
    assert!(poll_once(&mut third).await.is_pending());
    assert_eq!((queue.stats().queued, queue.stats().door), (2, 1));
    // A small one does not overtake the one before the door.
    assert_eq!(queue.offer(9, Tag::default()), Offered::Full(9));
    assert_eq!(queue.take().await, Some(0));
    assert_eq!(third.await, Offered::Submitted);
    assert_eq!(Clock.now(), start);
    // In time nobody takes: it comes back.
    assert_eq!(
        queue.submit(4, Tag::default(), soon()).await,
        Offered::Full(4)
    );
    assert_eq!(Clock.now() - start, 100 * MS);
    let stats = queue.stats();
    assert_eq!((stats.full, stats.timed_out, stats.queued), (1, 1, 2));
    assert!(stats.holds());
}

#[tokio::test(start_paused = true)]
async fn promise_2_who_leaves_before_it_is_in_takes_its_thing_along_and_lets_others_in() {
    let queue = queue(1, Overflow::Block);
    let _ = queue.offer(1, bytes(400));
    let mut large = queue.submit(2, bytes(900), soon());
    assert!(poll_once(&mut large).await.is_pending());
    queue.apply(settings(2, Overflow::Block));
    let mut small = queue.submit(3, bytes(100), soon());
    assert!(poll_once(&mut small).await.is_pending(), "behind the large");
    drop(large);
    assert_eq!(small.await, Offered::Submitted);
    assert_eq!((queue.take().await, queue.take().await), (Some(1), Some(3)));
    // Let in, and not yet told: it is in, whoever leaves.
    queue.apply(settings(1, Overflow::Block));
    let _ = queue.offer(4, Tag::default());
    let let_in = queue.submit(5, Tag::default(), soon());
    assert_eq!(queue.take().await, Some(4));
    drop(let_in);
    assert_eq!(queue.take().await, Some(5));
    assert!(queue.stats().holds() && queue.stats().cancelled == 1);
}

#[tokio::test(start_paused = true)]
async fn inv_lim_items_and_bytes_bound_the_queue_and_its_door() {
    let queue = queue(3, Overflow::Block);
    let mut all: Vec<_> = (0..20)
        .map(|n| queue.submit(n, bytes(300), soon()))
        .collect();
    let stats = queue.stats();
    assert_eq!((stats.queued, stats.bytes), (3, 900));
    assert_eq!((stats.door, stats.door_bytes, stats.full), (3, 900, 14));
    all.drain(..3);
    drop(all);
    let whole = queue.submit(99, bytes(1001), soon());
    assert_eq!(whole.await, Offered::Full(99), "it would never fit");
    let stats = queue.stats();
    assert_eq!((stats.queued, stats.door, stats.cancelled), (3, 0, 3));
    assert!(stats.holds());
}

#[test]
fn r_d5_drop_gives_the_newcomer_up_and_drop_oldest_the_oldest_of_the_lowest() {
    let fussy = queue(1, Overflow::Drop);
    let _ = fussy.offer(1, Tag::default());
    assert_eq!(fussy.offer(2, Tag::default()), Offered::Full(2));
    assert_eq!((fussy.stats().dropped, fussy.stats().full), (1, 0));

    let queue = queue(3, Overflow::DropOldest);
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    queue.on_drop(move |item, tag| hears.lock().unwrap().push((item, tag.priority)));
    for (n, priority) in [Priority::Interactive, Priority::Batch, Priority::Batch]
        .into_iter()
        .enumerate()
    {
        let _ = queue.offer(n as u32, of(priority));
    }
    for n in 3..6 {
        assert_eq!(
            queue.offer(n, of(Priority::Interactive)),
            Offered::Submitted
        );
    }
    // Nobody less urgent is left: a batch newcomer is the one to go.
    assert_eq!(queue.offer(6, of(Priority::Batch)), Offered::Full(6));
    let told = told.lock().unwrap();
    let (batch, interactive) = (Priority::Batch, Priority::Interactive);
    assert_eq!(*told, [(1, batch), (2, batch), (0, interactive)]);
    let stats = queue.stats();
    assert_eq!((stats.dropped, stats.queued), (4, 3));
    assert!(stats.holds());
}

#[tokio::test(start_paused = true)]
async fn promise_3_control_has_room_of_its_own_and_comes_first() {
    for overflow in [Overflow::Error, Overflow::Block, Overflow::DropOldest] {
        let queue = queue(1, overflow);
        let _ = queue.offer(0, of(Priority::Batch));
        let mut n = 0;
        while queue.offer(100 + n, of(Priority::Control)) == Offered::Submitted {
            n += 1;
        }
        assert_eq!(n, 64, "a room with an end, which is said: {overflow:?}");
        let no = queue.submit(7, of(Priority::Control), soon());
        assert!(no.is_ready(), "it does not wait");
        assert_eq!(no.await, Offered::Full(7));
        assert_eq!(queue.take().await, Some(100));
        let stats = queue.stats();
        assert_eq!((stats.dropped, stats.queued_by), (0, [63, 0, 1]));
        assert!(stats.holds());
    }
}

/// R-G37: what is offered to a closed one has a result of its own.
#[tokio::test(start_paused = true)]
async fn r_g31_a_close_gives_the_door_back_and_takers_the_rest() {
    let (queue, scope) = (queue(2, Overflow::Block), Scope::root("test", 10));
    for n in 0..2 {
        let _ = queue.offer(n, Tag::default());
    }
    let mut at_door = queue.submit(2, Tag::default(), soon());
    assert!(poll_once(&mut at_door).await.is_pending());
    queue.close();
    assert_eq!(at_door.await, Offered::Closed(2));
    assert_eq!((queue.take().await, queue.take().await), (Some(0), Some(1)));
    assert_eq!((queue.take().await, queue.is_closed()), (None, true));
    let stats = queue.stats();
    assert!(stats.holds() && stats.closed == 1);
    // R-P11: who waits for things wakes at the end as well.
    let waits = Queue::<u32>::new(settings(1, Overflow::Error));
    let takes = waits.clone();
    let taker = scope
        .spawn("takes", async move { takes.take().await })
        .unwrap();
    tokio::task::yield_now().await;
    assert_eq!(waits.stats().takers, 1);
    waits.close();
    assert_eq!(taker.await.done(), Some(None));
}

#[tokio::test]
async fn promise_2_a_taker_that_was_woken_and_leaves_wakes_another() {
    let (queue, scope) = (queue(10, Overflow::Error), Scope::root("test", 10));
    let mut first = queue.take();
    let poll = std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut first).poll(cx))).await;
    assert!(poll.is_pending());
    let takes = queue.clone();
    let second = scope
        .spawn("second", async move { takes.take().await })
        .unwrap();
    tokio::task::yield_now().await;
    let _ = queue.offer(1, Tag::default());
    drop(first);
    let bound = Deadline::after(Clock, Duration::from_secs(10));
    let second = bound.bound(second).await.expect("the wake went on");
    assert_eq!(second.done(), Some(Some(1)));
    assert_eq!(queue.stats().takers, 0);
}

#[derive(Clone, Debug)]
enum Step {
    Offer(Tag),
    Submit(Tag),
    Leave(prop::sample::Index),
    Take,
    Apply(QueueSettings),
    Close,
}

fn tags() -> impl Strategy<Value = Tag> {
    let priority = prop::sample::select(&Priority::ALL[..]);
    (priority, 0..3_u64, 0..2_u64, 0..9_u64, 0..60_u64).prop_map(
        |(priority, tenant, session, cost, bytes)| Tag {
            priority,
            tenant,
            session,
            cost,
            bytes,
        },
    )
}

fn shapes() -> impl Strategy<Value = QueueSettings> {
    let overflow = prop::sample::select(vec![
        Overflow::Error,
        Overflow::Block,
        Overflow::Drop,
        Overflow::DropOldest,
    ]);
    (0..5_usize, 0..200_u64, overflow).prop_map(|(items, bytes, overflow)| QueueSettings {
        items,
        bytes,
        overflow,
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(
        prop_oneof![
            5 => tags().prop_map(Step::Offer),
            5 => tags().prop_map(Step::Submit),
            2 => any::<prop::sample::Index>().prop_map(Step::Leave),
            6 => Just(Step::Take),
            1 => shapes().prop_map(Step::Apply),
            1 => Just(Step::Close),
        ],
        1..120,
    )
}

proptest! {
    /// INV-NOSILENT: whatever happens, each thing ends in one way and one only.
    #[test]
    fn inv_nosilent_each_thing_comes_out_once_or_back_once(
        shape in shapes(), steps in steps(),
    ) {
        let queue: Queue<u32> = Queue::new(shape);
        let dropped = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&dropped);
        queue.on_drop(move |item, _| hears.lock().unwrap().push(item));
        let (mut bound, mut ends) = (shape, Vec::new());
        let mut waits: Vec<(u32, Submit<u32>)> = Vec::new();
        let far = Deadline::after(Clock, Duration::from_secs(1000));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let total = steps.len() as u32;
        for (id, step) in (0..).zip(steps) {
            match step {
                Step::Offer(tag) => match queue.offer(id, tag) {
                    Offered::Full(back) | Offered::Closed(back) => ends.push(back),
                    Offered::Submitted => {}
                },
                Step::Submit(tag) => {
                    let submit = queue.submit(id, tag, far);
                    if submit.is_ready() {
                        waits.push((id, submit));
                    } else {
                        waits.insert(0, (id, submit));
                    }
                }
                Step::Leave(_) if waits.is_empty() => {}
                Step::Leave(which) => drop(waits.swap_remove(which.index(waits.len())).1),
                Step::Take => match queue.try_take() {
                    Taken::Item(item) => ends.push(item),
                    Taken::Empty | Taken::Closed => {}
                },
                Step::Apply(shape) => {
                    bound = QueueSettings { items: bound.items.max(shape.items),
                        bytes: bound.bytes.max(shape.bytes), ..shape };
                    queue.apply(shape);
                }
                Step::Close => queue.close(),
            }
            // A submit that knows its answer is asked without a timer.
            for (_, submit) in waits.extract_if(.., |(_, submit)| submit.is_ready()) {
                let mut submit = submit;
                match Pin::new(&mut submit).poll(&mut cx) {
                    Poll::Ready(Offered::Full(back) | Offered::Closed(back)) => ends.push(back),
                    Poll::Ready(Offered::Submitted) => {}
                    Poll::Pending => prop_assert!(false, "it was ready"),
                }
            }
            let stats = queue.stats();
            prop_assert!(stats.holds(), "{:?}", stats);
            let [control, others @ ..] = stats.queued_by;
            prop_assert!(others.iter().sum::<u64>() <= bound.items as u64 && control <= 64);
        }
        queue.close();
        while let Taken::Item(item) = queue.try_take() {
            ends.push(item);
        }
        ends.append(&mut dropped.lock().unwrap());
        let n = ends.len();
        ends.sort_unstable();
        ends.dedup();
        prop_assert_eq!(n, ends.len(), "one came out twice");
        prop_assert!(ends.iter().all(|id| *id < total));
        drop(waits);
        let stats = queue.stats();
        prop_assert!(stats.holds() && stats.queued == 0 && stats.door == 0);
        let heard = stats.delivered + stats.full + stats.dropped;
        prop_assert!(heard <= n as u64, "{:?}", stats);
    }
}

/// INV-LIM: numbers that nobody can mean bound it like all others.
#[tokio::test(start_paused = true)]
async fn inv_lim_sizes_beyond_all_sums_are_refused_and_not_added_up() {
    let queue = Queue::new(QueueSettings {
        items: 10,
        bytes: u64::MAX,
        overflow: Overflow::Block,
    });
    let huge = |priority| Tag {
        priority,
        bytes: u64::MAX,
        cost: u64::MAX,
        ..Tag::default()
    };
    let interactive = huge(Priority::Interactive);
    assert_eq!(queue.offer(1, interactive), Offered::Submitted);
    assert_eq!(queue.offer(2, interactive), Offered::Full(2));
    let door = queue.submit(3, interactive, Deadline::after(Clock, 10 * MS));
    assert!(!door.is_ready(), "the door has as many again");
    let beyond = queue.submit(4, interactive, Deadline::after(Clock, 10 * MS));
    assert_eq!(beyond.await, Offered::Full(4));
    let small = Tag {
        bytes: 1,
        ..huge(Priority::Control)
    };
    assert_eq!(queue.offer(5, small), Offered::Submitted);
    let stats = queue.stats();
    assert_eq!((stats.bytes, stats.door_bytes), (u64::MAX, u64::MAX));
    assert!(stats.holds());
    drop(door);
    assert_eq!(queue.take().await, Some(5));
    assert_eq!(queue.take().await, Some(1));
    assert_eq!((queue.stats().bytes, queue.stats().door_bytes), (0, 0));
}
