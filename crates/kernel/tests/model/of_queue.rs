//! A queue under every order of offer, take, leave, resize and close: nothing
//! is lost or doubled, and nobody sleeps on (a lost wake-up is a deadlock).

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use shuttle::future::{block_on, spawn};
use shuttle::rand::Rng;
use shuttle::thread;

use crate::check;
use crate::clock::{Clock, Deadline, advance};
use crate::overflow::Overflow;
use crate::queue::{Offered, Queue, QueueSettings, Taken};
use crate::sync::{Arc, Mutex};
use crate::tag::Tag;

const MS: Duration = Duration::from_millis(1);

fn settings(items: usize) -> QueueSettings {
    QueueSettings {
        items,
        bytes: 100,
        overflow: Overflow::Block,
    }
}

fn far() -> Deadline {
    Deadline::after(Clock, 1000 * MS)
}

fn coin() -> bool {
    shuttle::rand::thread_rng().gen_bool(0.5)
}

/// All of `sent` ended in one way, and the numbers say so.
fn at_rest(queue: &Queue<usize>, mut ends: Vec<usize>, sent: usize) {
    while let Taken::Item(item) = queue.try_take() {
        ends.push(item);
    }
    ends.sort_unstable();
    assert_eq!(ends, (0..sent).collect::<Vec<_>>());
    let stats = queue.stats();
    assert!(stats.holds(), "{stats:?}");
    assert_eq!((stats.queued, stats.door, stats.takers), (0, 0, 0));
}

/// What came out, and news of it.
#[derive(Default)]
struct Ends(shuttle::sync::Mutex<Vec<usize>>, shuttle::sync::Condvar);

impl Ends {
    fn push(&self, item: usize) {
        self.0.lock().expect("nobody panics under it").push(item);
        self.1.notify_all();
    }

    /// Waits until so many are out: who slept on would hold us here for ever.
    fn wait_for(&self, all: usize) -> Vec<usize> {
        let mut ends = self.0.lock().expect("nobody panics under it");
        while ends.len() < all {
            ends = self.1.wait(ends).expect("nobody panics under it");
        }
        std::mem::take(&mut ends)
    }
}

#[test]
fn what_is_submitted_reaches_takers_although_takers_leave() {
    check(|| {
        // Two in, one before the door: there is room for all.
        let queue = Queue::new(settings(2));
        let ends = Arc::new(Ends::default());
        let takers: Vec<_> = (0..3)
            .map(|n| {
                let (queue, ends) = (queue.clone(), Arc::clone(&ends));
                spawn(async move {
                    if n == 0 {
                        // It waits, is perhaps woken, and goes without a look.
                        let mut take = queue.take();
                        let taken = poll_fn(|cx| Poll::Ready(Pin::new(&mut take).poll(cx))).await;
                        shuttle::future::yield_now().await;
                        if let Poll::Ready(Some(item)) = taken {
                            ends.push(item);
                        }
                        return;
                    }
                    while let Some(item) = queue.take().await {
                        ends.push(item);
                    }
                })
            })
            .collect();
        let senders: Vec<_> = (0..3)
            .map(|n| {
                let queue = queue.clone();
                spawn(async move { queue.submit(n, Tag::default(), far()).await })
            })
            .collect();
        for sender in senders {
            // Time stands still and nobody closes: all get in.
            let offered = block_on(sender).expect("a sender failed");
            assert_eq!(offered, Offered::Submitted);
        }
        // Before the close, which wakes everybody.
        let ends = ends.wait_for(3);
        queue.close();
        for taker in takers {
            block_on(taker).expect("a taker failed");
        }
        at_rest(&queue, ends, 3);
    });
}

#[test]
fn nothing_is_lost_between_cancel_deadline_close_and_resize() {
    check(|| {
        let queue = Queue::new(settings(1));
        let ends = Arc::new(Mutex::new(Vec::new()));
        let stays: Vec<bool> = (0..4).map(|_| coin()).collect();
        let senders: Vec<_> = (0..4)
            .map(|n| {
                let (queue, ends, leaves) = (queue.clone(), Arc::clone(&ends), !stays[n]);
                spawn(async move {
                    let tag = Tag {
                        bytes: 40,
                        ..Tag::default()
                    };
                    let mut submit = queue.submit(n, tag, Deadline::after(Clock, 30 * MS));
                    if leaves {
                        let polled =
                            poll_fn(|cx| Poll::Ready(Pin::new(&mut submit).poll(cx))).await;
                        shuttle::future::yield_now().await;
                        if let Poll::Ready(Offered::Full(back) | Offered::Closed(back)) = polled {
                            ends.lock().push(back);
                        }
                    } else if let Offered::Full(back) | Offered::Closed(back) = submit.await {
                        ends.lock().push(back);
                    }
                })
            })
            .collect();
        let resized = queue.clone();
        let resize = thread::spawn(move || {
            resized.apply(settings(3));
            resized.apply(settings(0));
            resized.apply(settings(1));
        });
        let (taking, taken) = (queue.clone(), Arc::clone(&ends));
        let taker = spawn(async move {
            while let Some(item) = taking.take().await {
                taken.lock().push(item);
            }
        });
        let time = thread::spawn(|| (0..3).for_each(|_| advance(20 * MS)));
        let closing = queue.clone();
        let close = thread::spawn(move || closing.close());
        for thread in [resize, time, close] {
            thread.join().expect("a thread failed");
        }
        for sender in senders {
            block_on(sender).expect("a sender failed");
        }
        block_on(taker).expect("the taker failed");
        let stats = queue.stats();
        assert!(stats.holds(), "{stats:?}");
        assert_eq!((stats.queued, stats.door, stats.offered), (0, 0, 4));
        // Those that left may have taken theirs along; nothing came out twice.
        let mut ends = std::mem::take(&mut *ends.lock());
        ends.sort_unstable();
        let n = ends.len();
        ends.dedup();
        assert_eq!(ends.len(), n, "one came out twice");
        let stayed = stays.iter().enumerate().filter(|(_, stays)| **stays);
        for (id, _) in stayed {
            assert!(ends.contains(&id), "{id} was lost: {stats:?}");
        }
    });
}
