//! Wakers are foreign code: whatever one does when it is woken, replaced or
//! dropped, no noun holds its lock meanwhile. Each waker in here looks into the
//! noun that has it; in a debug build a lock that is taken twice is a panic.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tidegate_kernel::order::Resource;
use tidegate_kernel::{
    Ask, Clock, Deadline, Halt, Lane, LockSettings, Once, Order, Overflow, Queue, QueueSettings,
    RelaySettings, Relays, Scope, Since, Tag, Why, Workers, WorkersSettings,
};

use crate::pool::pool;

const MS: Duration = Duration::from_millis(1);

/// A waker that looks around when it is woken and when it is dropped.
struct Prying<F: Fn()>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for Prying<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

impl<F: Fn()> Drop for Prying<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Polls it from three tasks in turn; whoever keeps a waker keeps the last one.
fn pester<F: Future>(
    mut future: Pin<&mut F>,
    look: impl Fn() + Clone + Send + Sync + 'static,
) -> Poll<F::Output> {
    for _ in 0..3 {
        let waker = Waker::from(Arc::new(Prying(look.clone())));
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_ready() {
            return polled;
        }
    }
    Poll::Pending
}

fn soon() -> Deadline {
    Deadline::after(Clock, 100 * MS)
}

#[tokio::test(start_paused = true)]
async fn a_waker_may_look_into_its_pool() {
    let pool = pool(1, 10, Overflow::Block);
    let look = {
        let pool = pool.clone();
        move || assert!(pool.stats().holds())
    };
    let permit = pool.acquire(Ask::new(soon())).await.expect("idle");
    for ends in 0..3 {
        let mut waits = Box::pin(pool.acquire(Ask::new(soon())));
        assert!(pester(waits.as_mut(), look.clone()).is_pending());
        match ends {
            0 => drop(waits),
            1 => {
                tokio::time::advance(200 * MS).await;
                assert!(pester(waits.as_mut(), look.clone()).is_ready());
            }
            _ => {
                pool.close();
                assert!(pester(waits.as_mut(), look.clone()).is_ready());
            }
        }
    }
    drop(permit);
}

#[tokio::test(start_paused = true)]
async fn a_waker_may_look_into_its_queue() {
    let queue = Queue::new(QueueSettings {
        items: 1,
        bytes: 10,
        overflow: Overflow::Block,
    });
    let look = {
        let queue = queue.clone();
        move || assert!(queue.stats().holds())
    };
    let mut take = Box::pin(queue.take());
    assert!(pester(take.as_mut(), look.clone()).is_pending());
    assert!(queue.submit(1, Tag::default(), soon()).is_ready());
    drop(take);
    for ends in 0..3 {
        let mut submit = Box::pin(queue.submit(2, Tag::default(), soon()));
        assert!(pester(submit.as_mut(), look.clone()).is_pending());
        match ends {
            0 => drop(submit),
            1 => {
                tokio::time::advance(200 * MS).await;
                assert!(pester(submit.as_mut(), look.clone()).is_ready());
            }
            _ => {
                queue.close();
                assert!(pester(submit.as_mut(), look.clone()).is_ready());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_waker_may_look_into_its_lane_and_the_graph() {
    let (order, settings) = (
        Order::new(),
        LockSettings {
            places: 10,
            max_wait: 1000 * MS,
        },
    );
    let lane = Lane::new("reentry", settings, Clock);
    let look = {
        let (lane, order) = (lane.clone(), order.clone());
        move || {
            assert!(lane.stats().holds());
            let _ = order.recurring();
        }
    };
    let held = lane.lock(1, soon()).await.expect("free");
    let waits = |lane: &Lane<i32>| Box::pin(lane.lock(1, order.owner("one").until(soon())));
    // One leaves, one comes too late, one gets in, one is refused.
    let mut leaves = waits(&lane);
    assert!(pester(leaves.as_mut(), look.clone()).is_pending());
    drop(leaves);
    let mut late = waits(&lane);
    assert!(pester(late.as_mut(), look.clone()).is_pending());
    tokio::time::advance(200 * MS).await;
    assert!(pester(late.as_mut(), look.clone()).is_ready());
    let (mut next, mut last) = (waits(&lane), waits(&lane));
    assert!(pester(next.as_mut(), look.clone()).is_pending());
    assert!(pester(last.as_mut(), look.clone()).is_pending());
    drop(held);
    assert!(pester(next.as_mut(), look.clone()).is_ready());
    lane.close();
    assert!(pester(last.as_mut(), look).is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_waker_of_a_victim_may_look_into_lane_and_graph() {
    let (order, settings) = (
        Order::new(),
        LockSettings {
            places: 10,
            max_wait: 1000 * MS,
        },
    );
    let lane = Lane::new("victims", settings, Clock);
    let look = {
        let (lane, order) = (lane.clone(), order.clone());
        move || {
            assert!(lane.stats().holds());
            let _ = order.recurring();
        }
    };
    let (old, young) = (order.owner("old"), order.owner("young"));
    let one = lane.lock(1, old.until(soon())).await.expect("free");
    let two = lane.lock(2, young.until(soon())).await.expect("free");
    let mut gives_way = Box::pin(lane.lock(1, young.until(soon())));
    assert!(pester(gives_way.as_mut(), look.clone()).is_pending());
    let mut waits = Box::pin(lane.lock(2, old.until(soon())));
    assert!(pester(gives_way.as_mut(), look.clone()).is_ready());
    drop(two);
    assert!(pester(waits.as_mut(), look.clone()).is_ready());
    drop(one);
    let _held = old.hold(Resource::new("thing", "1"));
    let mut blocked = young.wait(Resource::new("thing", "1"));
    for _ in 0..2 {
        let waker = Waker::from(Arc::new(Prying(look.clone())));
        let polled = blocked.poll_victim(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    assert!(blocked.granted().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_waker_may_look_into_its_scope_its_halt_and_its_job() {
    let scope = Scope::root("test", 10);
    let look = {
        let scope = scope.clone();
        move || drop(scope.running())
    };
    let guard = scope.enter().expect("room");
    let mut cancelled = Box::pin(scope.cancelled());
    assert!(pester(cancelled.as_mut(), look.clone()).is_pending());
    let mut drain = Box::pin(scope.drain(soon()));
    assert!(pester(drain.as_mut(), look.clone()).is_pending());
    drop(drain);
    scope.cancel(Why::Operator);
    drop((guard, cancelled));

    let halt = Arc::new(Halt::new());
    let look = {
        let halt = Arc::clone(&halt);
        move || _ = halt.why()
    };
    let mut halted = pin!(std::future::poll_fn(|cx| halt.poll_halted(cx)));
    assert!(pester(halted.as_mut(), look.clone()).is_pending());
    assert!(halt.pull(Why::Caller));
    assert!(pester(halted, look).is_ready());

    let scope = Scope::root("test", 10);
    let workers = Workers::new("workers", WorkersSettings::new(1), &scope);
    let work = std::future::pending::<()>();
    let job = workers.offer(work, Tag::default()).expect("room");
    let mut job = Box::pin(job);
    let look = {
        let workers = workers.clone();
        move || assert!(workers.stats().holds())
    };
    assert!(pester(job.as_mut(), look.clone()).is_pending());
    scope.close().await;
    assert!(pester(job.as_mut(), look).is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_waker_may_look_into_its_flight_and_its_relay() {
    let once = Arc::new(Once::<u32, u32, u32>::new(2));
    let look = {
        let once = Arc::clone(&once);
        move || assert!(once.flying() <= 1)
    };
    let work = || async {
        Clock.sleep(10 * MS).await;
        Ok(7)
    };
    let (mut first, mut second) = (Box::pin(once.run(1, work)), Box::pin(once.run(1, work)));
    assert!(pester(first.as_mut(), look.clone()).is_pending());
    assert!(pester(second.as_mut(), look.clone()).is_pending());
    drop(first);
    tokio::time::advance(20 * MS).await;
    assert_eq!(pester(second.as_mut(), look.clone()), Poll::Ready(Ok(7)));

    let relays = Relays::new(RelaySettings {
        events: 1,
        bytes: 10,
        subscribers: 3,
    });
    let (mut publisher, relay) = relays.open::<u32>();
    let look = {
        let relay = relay.clone();
        move || drop(relay.ended())
    };
    let mut required = relay.subscribe_required(Since::Start).expect("room");
    let mut unneeded = Box::pin(relay.unneeded());
    assert!(pester(unneeded.as_mut(), look.clone()).is_pending());
    {
        let mut next = Box::pin(required.next());
        assert!(pester(next.as_mut(), look.clone()).is_pending());
        assert_eq!(publisher.publish(1, 1), Ok(1));
    }
    let mut waits = Box::pin(publisher.publish_in_step(2, 1, soon()));
    assert!(pester(waits.as_mut(), look.clone()).is_pending());
    assert!(required.next().await.is_some());
    assert!(pester(waits.as_mut(), look.clone()).is_ready());
    drop(required);
    assert!(pester(unneeded.as_mut(), look).is_ready());
}
