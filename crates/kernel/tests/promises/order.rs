//! Circles of waits end with a named, retryable victim (R-D17, R-G40), over
//! lanes, shares, permits and whatever another crate notes (a lease).

use std::future::poll_fn;
use std::time::Duration;

use tidegate_kernel::order::{NotHeld, Resource};
use tidegate_kernel::{
    Access, Alone, Clock, Deadline, Lane, LockRefusal, Locking, Observe, Order, Overflow, Owner,
    Refusal, Share,
};

use crate::lane::{MS, far, poll_once, settings};
use crate::pool::{ask, pool};
use crate::samples::Page;

type Sessions = Lane<&'static str>;

fn sessions() -> Sessions {
    Lane::new("session", settings(10), Clock)
}

fn page(order: &Order) -> Page {
    let mut page = Page::default();
    order.observe(&[], &mut page);
    page
}

/// A wait that goes on.
macro_rules! waits {
    ($wait:expr) => {
        assert!(poll_once(&mut $wait).await.is_none())
    };
}

#[tokio::test(start_paused = true)]
async fn r_d17_the_youngest_gives_way_also_when_it_waits_already_and_is_named() {
    let (order, sessions) = (Order::new(), sessions());
    let (old, young) = (order.owner("tell"), order.owner("job"));
    let a = sessions.lock("a", old.until(far())).await.expect("free");
    let b = sessions.lock("b", young.until(far())).await.expect("free");
    // The young one waits first; the wait of the old one closes the circle.
    let mut parked = sessions.lock("a", young.until(far()));
    waits!(parked);
    let start = Clock.now();
    let mut goes_on = sessions.lock("b", old.until(far()));
    waits!(goes_on);
    let Err(LockRefusal::Deadlock(victim)) = parked.await else {
        panic!("the young one gives way");
    };
    assert_eq!(Clock.now(), start, "at once, not at its deadline");
    assert_eq!(
        victim.to_string(),
        "gave way in a deadlock: tell #1 waits for session \"b\", held by \
         job #2 waits for session \"a\", held by tell #1"
    );
    // Letting go lets the other one go on; then the same owner tries again.
    drop(b);
    let b = goes_on.await.expect("its turn");
    let mut again = sessions.lock("a", young.until(far()));
    waits!(again);
    drop((a, b));
    drop(again.await.expect("its turn"));
    let stats = sessions.stats();
    assert!(stats.holds() && stats.keys == 0 && stats.victims == 1);
    let page = page(&order).0;
    assert_eq!(page["tidegate_order_deadlocks_total{}"], 1.0);
    assert_eq!(
        (
            page["tidegate_order_holds{}"],
            page["tidegate_order_waits{}"]
        ),
        (0.0, 0.0)
    );
}

#[tokio::test(start_paused = true)]
async fn who_has_to_give_way_does_so_also_when_a_grant_comes_first() {
    let (order, sessions) = (Order::new(), sessions());
    let (old, young) = (order.owner("tell"), order.owner("job"));
    let a = sessions.lock("a", old.until(far())).await.expect("free");
    let b = sessions.lock("b", young.until(far())).await.expect("free");
    let lease = || Resource::new("lease", "plan 7");
    let leased = old.hold(lease());
    let parked = sessions.lock("a", young.until(far()));
    let noted = young.wait(lease());
    let mut behind = sessions.lock("a", far());
    let goes_on = sessions.lock("b", old.until(far()));
    // Two circles, both open: the young one was told, and does not know it yet.
    drop((a, leased));
    waits_not(&mut behind).await;
    assert!(noted.granted().is_err());
    assert!(matches!(parked.await, Err(LockRefusal::Deadlock(_))));
    drop(b);
    drop(goes_on.await.expect("its turn"));
    assert!(sessions.stats().holds() && sessions.stats().keys == 0);
    assert_eq!(page(&order).0["tidegate_order_holds{}"], 0.0);
}

/// It gets in now.
async fn waits_not(behind: &mut Locking<&'static str, Alone>) {
    let answer = poll_once(behind).await.expect("nobody stands before it");
    drop(answer.expect("granted"));
}

#[tokio::test(start_paused = true)]
async fn r_g40_the_same_key_twice_gives_way_at_once() {
    let (order, sessions) = (Order::new(), sessions());
    let owner = order.owner("tell");
    let held = sessions.lock("a", owner.until(far())).await.expect("free");
    let again = sessions.lock("a", owner.until(far())).await;
    assert!(matches!(again, Err(LockRefusal::Deadlock(why)) if why.cycle().len() == 1));
    drop(held);
    assert!(sessions.stats().holds() && sessions.stats().keys == 0);
}

#[tokio::test(start_paused = true)]
async fn promise_1_one_wait_that_closes_two_circles_opens_both() {
    // Two readers hold the plan and wait for what the writer holds.
    let (order, sessions) = (Order::new(), sessions());
    let plans: Share<u32, &str> = Share::new("plan", settings(10), Clock);
    let [writer, one, two] = ["write", "one", "two"].map(|name| order.owner(name));
    let turn = sessions.lock("a", writer.until(far())).await.expect("free");
    let read = |owner: &Owner| plans.lock(7, Access::Read("main"), owner.until(far()));
    let (first, second) = (
        read(&one).await.expect("free"),
        read(&two).await.expect("free"),
    );
    let mut first_waits = sessions.lock("a", one.until(far()));
    let mut second_waits = sessions.lock("a", two.until(far()));
    waits!(first_waits);
    waits!(second_waits);
    let mut write = plans.lock(7, Access::Write, writer.until(far()));
    waits!(write);
    for wait in [first_waits, second_waits] {
        assert!(matches!(wait.await, Err(LockRefusal::Deadlock(_))));
    }
    drop((first, second));
    drop(write.await.expect("the oldest goes on"));
    drop(turn);
    assert_eq!(page(&order).0["tidegate_order_deadlocks_total{}"], 2.0);
}

#[tokio::test(start_paused = true)]
async fn promise_2_one_permit_of_two_that_can_come_back_makes_no_circle() {
    let (order, sessions) = (Order::new(), sessions());
    let pool = pool(2, 10, Overflow::Error);
    let permits = || Resource::any_of(2, "permit", "sim");
    let [one, two, three] = ["one", "two", "three"].map(|name| order.owner(name));
    let a = one.acquire(permits(), ask(&pool, 1)).await.expect("idle");
    let b = two.acquire(permits(), ask(&pool, 1)).await.expect("idle");
    let turn = sessions.lock("a", three.until(far())).await.expect("free");
    // The first waits for the third, who waits for a permit: the second's will do.
    let mut first = sessions.lock("a", one.until(far()));
    waits!(first);
    let mut third = Box::pin(three.acquire(permits(), ask(&pool, 1)));
    waits!(third);
    waits!(first);
    // Now the second waits too, and no permit can come back.
    let second = sessions.lock("a", two.until(far()));
    let refused = third.await.map(drop);
    assert!(matches!(refused, Err(NotHeld::Deadlock(_))), "{refused:?}");
    drop(turn);
    drop(first.await.expect("its turn"));
    drop(second.await.expect("its turn"));
    drop((a, b));
    let stats = pool.stats();
    assert!(stats.holds() && stats.idle == 2 && stats.cancelled == 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_resource_itself_refuses_is_handed_on_and_not_held() {
    let (order, pool) = (Order::new(), pool(1, 0, Overflow::Error));
    let owner = order.owner("tell");
    let permits = || Resource::any_of(1, "permit", "sim");
    let permit = owner.acquire(permits(), ask(&pool, 1)).await.expect("idle");
    assert_eq!(permit.waited(), Duration::ZERO, "it is what it holds");
    let full = owner.acquire(permits(), ask(&pool, 1)).await.map(drop);
    assert!(matches!(full, Err(NotHeld::Refused(Refusal::Full { .. }))));
    assert_eq!(page(&order).0["tidegate_order_holds{}"], 1.0);
    drop(permit);
    assert_eq!(pool.stats().idle, 1);
    assert_eq!(page(&order).0["tidegate_order_holds{}"], 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_lease_of_another_crate_joins_by_a_note_of_its_hold_and_its_wait() {
    let (order, sessions) = (Order::new(), sessions());
    let (old, young) = (order.owner("tell"), order.owner("job"));
    let lease = || Resource::new("lease", "plan 7");
    let holding = young.hold(lease());
    let turn = sessions.lock("a", old.until(far())).await.expect("free");
    let mut blocked = old.wait(lease());
    let gave_way = sessions.lock("a", young.until(far())).await;
    assert!(matches!(gave_way, Err(LockRefusal::Deadlock(_))));
    drop(holding);
    let mut granted = |cx: &mut std::task::Context<'_>| {
        assert!(blocked.poll_victim(cx).is_pending());
        std::task::Poll::Ready(())
    };
    poll_fn(&mut granted).await;
    let holding = blocked.granted().expect("it is the older one");
    let mut behind = young.wait(lease());
    let mut turn_too = sessions.lock("a", young.until(far()));
    waits!(turn_too);
    assert!(
        poll_once(&mut poll_fn(|cx| behind.poll_victim(cx)))
            .await
            .is_none()
    );
    drop((behind, turn_too, turn, holding));
    assert_eq!(page(&order).0["tidegate_order_waits{}"], 0.0);
}

#[tokio::test(start_paused = true)]
async fn who_brings_no_owner_is_not_seen_and_its_deadline_ends_the_wait() {
    let sessions = sessions();
    let soon = || Deadline::after(Clock, 20 * MS);
    let _a = sessions.lock("a", far()).await.expect("free");
    let _b = sessions.lock("b", far()).await.expect("free");
    let (one, two) = (sessions.lock("a", soon()), sessions.lock("b", soon()));
    for wait in [one, two] {
        assert_eq!(wait.await.err(), Some(LockRefusal::DeadlinePassed));
    }
}

#[tokio::test(start_paused = true)]
async fn promise_3_recurring_pairs_are_counted_by_kind_the_most_frequent_first() {
    let (order, sessions) = (Order::new(), sessions());
    let plans: Share<u32, &str> = Share::new("plan", settings(10), Clock);
    let (old, young) = (order.owner("tell"), order.owner("job"));
    let turn = sessions.lock("a", old.until(far())).await.expect("free");
    let plan = plans.lock(7, Access::Write, young.until(far())).await;
    for _ in 0..3 {
        let wait = plans.lock(7, Access::Write, old.until(far()));
        let gave_way = sessions.lock("a", young.until(far())).await;
        assert!(matches!(gave_way, Err(LockRefusal::Deadlock(_))));
        drop(wait);
    }
    let again = sessions.lock("a", old.until(far())).await;
    assert!(matches!(again, Err(LockRefusal::Deadlock(_))));
    drop((turn, plan));
    let pairs = order.recurring();
    let counted: Vec<_> = pairs.iter().map(|pair| (pair.kinds, pair.times)).collect();
    let expected = [(("plan", "session"), 3), (("session", "session"), 1)];
    assert_eq!(counted, expected);
    assert_eq!(pairs[0].last.cycle().len(), 2);
    let name = "tidegate_order_deadlock_pairs_total{first=plan,second=session}";
    assert_eq!(page(&order).0[name], 3.0);
}

#[tokio::test]
async fn lane_and_share_tell_their_numbers_under_published_names() {
    let sessions: Sessions = Lane::new("session", settings(0), Clock);
    let _turn = sessions.lock("a", far()).await.expect("free");
    assert!(sessions.lock("a", far()).await.is_err());
    let plans: Share<u32, &str> = Share::new("plan", settings(2), Clock);
    let _plan = plans.lock(7, Access::Write, far()).await.expect("free");
    let _next = plans.lock(7, Access::Write, far());
    let mut page = Page::default();
    sessions.observe(&[("node", "one")], &mut page);
    plans.observe(&[("node", "one")], &mut page);
    let full = "tidegate_lock_refused_total{node=one,lock=session,reason=queue_full}";
    assert_eq!(page.0[full], 1.0);
    assert_eq!(page.0["tidegate_lock_held{node=one,lock=session}"], 1.0);
    assert_eq!(page.0["tidegate_lock_waiting{node=one,lock=plan}"], 1.0);
    assert_eq!(page.0["tidegate_lock_keys{node=one,lock=plan}"], 1.0);
}
