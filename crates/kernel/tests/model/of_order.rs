//! INV-NODEAD: owners that wait in a circle, over lanes, shares and permits.
//! Time stands still: only a victim can open a circle, a missed one is a deadlock.

use std::time::Duration;

use shuttle::future::{block_on, spawn, yield_now};
use shuttle::rand::Rng;
use shuttle::thread;

use crate::check;
use crate::clock::{Clock, Deadline};
use crate::lane::Lane;
use crate::lock::{LockRefusal, LockSettings};
use crate::order::{NotHeld, Order, Owner, Resource};
use crate::share::{Access, Share};
use crate::sync::Arc;

const MS: Duration = Duration::from_millis(1);

fn settings() -> LockSettings {
    LockSettings {
        places: 10,
        max_wait: 1000 * MS,
    }
}

fn lane() -> Lane<usize> {
    Lane::new("session", settings(), Clock)
}

fn far() -> Deadline {
    Deadline::after(Clock, 1000 * MS)
}

/// Takes two keys one after the other; how it ended.
async fn both(lane: Lane<usize>, owner: Owner, keys: [usize; 2]) -> Result<(), LockRefusal> {
    let _first = lane.lock(keys[0], owner.until(far())).await?;
    yield_now().await;
    let _second = lane.lock(keys[1], owner.until(far())).await?;
    Ok(())
}

fn cycles(order: &Order) -> u64 {
    order.recurring().iter().map(|pair| pair.times).sum()
}

/// `n` owners, each holds its key and wants that of the next.
fn circle(n: usize) {
    let (order, lane) = (Order::new(), lane());
    let owners: Vec<_> = (0..n).map(|_| order.owner("tell")).collect();
    let mut held: Vec<_> = owners
        .iter()
        .enumerate()
        .map(|(key, owner)| block_on(lane.lock(key, owner.until(far()))).expect("free"))
        .collect();
    let waits: Vec<_> = owners
        .iter()
        .enumerate()
        .rev()
        .map(|(key, owner)| {
            let (lane, owner, mine) = (lane.clone(), owner.clone(), held.pop());
            spawn(async move {
                let next = lane.lock((key + 1) % n, owner.until(far())).await;
                drop(mine);
                next.map(drop)
            })
        })
        .collect();
    let ends: Vec<_> = waits
        .into_iter()
        .map(|wait| block_on(wait).expect("a task failed"))
        .collect();
    // The last that was born, whichever wait closed the circle.
    let Err(LockRefusal::Deadlock(victim)) = &ends[0] else {
        panic!("{ends:?}");
    };
    assert_eq!(victim.cycle().len(), n, "{victim}");
    assert!(ends[1..].iter().all(Result::is_ok), "{ends:?}");
    assert_eq!(cycles(&order), 1);
    assert!(lane.stats().holds() && lane.stats().keys == 0);
}

#[test]
fn r_d17_two_owners_in_opposite_orders_end_with_one_victim_the_youngest() {
    check(|| circle(2));
}

#[test]
fn r_d17_a_circle_of_three_ends_with_one_victim_the_youngest() {
    check(|| circle(3));
}

#[test]
fn inv_nodead_opposite_orders_have_at_most_one_victim_and_everybody_ends() {
    check(|| {
        let (order, lane) = (Order::new(), lane());
        let tasks =
            [[0, 1], [1, 0]].map(|keys| spawn(both(lane.clone(), order.owner("tell"), keys)));
        let ends = tasks.map(|task| block_on(task).expect("a task failed"));
        let victims = ends.iter().filter(|end| end.is_err()).count() as u64;
        assert_eq!(victims, cycles(&order));
        assert!(victims <= 1 && ends[0].is_ok(), "{ends:?}");
        assert_eq!(lane.stats().victims, victims);
        assert!(lane.stats().holds() && lane.stats().keys == 0);
    });
}

#[test]
fn inv_nodead_who_tries_again_with_its_owner_gets_through() {
    check(|| {
        let (order, lane) = (Order::new(), lane());
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let (lane, owner) = (lane.clone(), order.owner("tell"));
                let mut dice = shuttle::rand::thread_rng();
                let keys = [dice.gen_range(0..3), dice.gen_range(0..3)];
                spawn(async move {
                    if keys[0] == keys[1] {
                        // The same object twice: its own victim, at once.
                        let end = both(lane, owner, keys).await;
                        assert!(matches!(end, Err(LockRefusal::Deadlock(_))), "{end:?}");
                        return;
                    }
                    while let Err(why) = both(lane.clone(), owner.clone(), keys).await {
                        assert!(matches!(why, LockRefusal::Deadlock(_)), "{why:?}");
                        yield_now().await;
                    }
                })
            })
            .collect();
        for task in tasks {
            block_on(task).expect("a task failed");
        }
        assert!(lane.stats().holds() && lane.stats().keys == 0);
    });
}

#[test]
fn r_d17_a_circle_over_a_share_a_lane_and_something_from_outside() {
    check(|| {
        let (order, lane) = (Order::new(), lane());
        let plans: Share<u32, &'static str> = Share::new("plan", settings(), Clock);
        let outside = Arc::new(Lane::new("outside", settings(), Clock));
        let lease = || Resource::new("lease", "7");
        let [one, two, three] = [order.owner("tell"), order.owner("read"), order.owner("job")];

        let read = block_on(plans.lock(7, Access::Read("main"), one.until(far()))).expect("free");
        let turn = block_on(lane.lock(1, two.until(far()))).expect("free");
        let leased = block_on(three.acquire(lease(), outside.lock((), far()))).expect("free");

        let (sessions, lock) = (lane.clone(), Arc::clone(&outside));
        let first = spawn(async move {
            let end = sessions.lock(1, one.until(far())).await.map(drop);
            drop(read);
            end
        });
        let second = spawn(async move {
            let end = two.acquire(lease(), lock.lock((), far())).await.map(drop);
            drop(turn);
            end
        });
        let writers = plans.clone();
        let third = spawn(async move {
            let end = writers.lock(7, Access::Write, three.until(far())).await;
            drop(leased);
            end.map(drop)
        });
        block_on(first).expect("a task failed").expect("goes on");
        let second: Result<_, NotHeld<_>> = block_on(second).expect("a task failed");
        second.expect("goes on");
        let third = block_on(third).expect("a task failed");
        assert!(matches!(third, Err(LockRefusal::Deadlock(_))), "{third:?}");
        assert_eq!((plans.stats().keys, lane.stats().keys), (0, 0));
    });
}

#[test]
fn promise_2_a_wait_that_is_granted_while_others_look_is_no_victim() {
    check(|| {
        // The reader waits behind a write that leaves, and then holds the plan
        // together with the one that waits for the reader's turn: no circle.
        let (order, lane) = (Order::new(), lane());
        let plans: Share<u32, &'static str> = Share::new("plan", settings(), Clock);
        let [old, young] = [order.owner("tell"), order.owner("read")];
        let read = block_on(plans.lock(7, Access::Read("main"), old.until(far()))).expect("free");
        let turn = block_on(lane.lock(1, young.until(far()))).expect("free");
        let write = plans.lock(7, Access::Write, far());
        let second = plans.lock(7, Access::Read("main"), young.until(far()));
        let reader = spawn(async move {
            let read = second.await.map(drop);
            drop(turn);
            read
        });
        let leave = thread::spawn(move || drop(write));
        leave.join().expect("the leaver failed");
        // The reader is inside by now, but need not know it.
        drop(block_on(lane.lock(1, old.until(far()))).expect("in turn"));
        block_on(reader)
            .expect("the reader failed")
            .expect("together");
        drop(read);
        assert_eq!(cycles(&order), 0);
    });
}
