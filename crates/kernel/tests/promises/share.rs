//! Shares: the rules of a plan's queue (R-P14 to R-P23, R-P26, R-P27), each
//! under its number. `share_random` holds them against a reference model.

use std::time::{Duration, Instant};

use tidegate_kernel::{
    Access, Clock, Deadline, LockRefusal, LockSettings, Locking, Scope, Share, ShareGuard,
};

use crate::lane::{MS, far, poll_once, settings};

type Plans = Share<u32, &'static str>;
type Asked = Locking<u32, Access<&'static str>>;

fn plans() -> Plans {
    Share::new("plan", settings(10), Clock)
}

fn read(plans: &Plans, branch: &'static str) -> Asked {
    plans.lock(7, Access::Read(branch), far())
}

fn write(plans: &Plans) -> Asked {
    plans.lock(7, Access::Write, far())
}

async fn inside(asked: Asked) -> ShareGuard<u32, &'static str> {
    assert_eq!(asked.ahead(), 0);
    let mut asked = asked;
    let answer = poll_once(&mut asked).await.expect("it is inside");
    answer.expect("granted")
}

async fn outside(asked: &mut Asked) -> bool {
    poll_once(asked).await.is_none()
}

fn at_rest(plans: &Plans) -> bool {
    let stats = plans.stats();
    stats.holds() && stats.keys == 0 && stats.held == 0 && stats.waiting == 0
}

#[tokio::test(start_paused = true)]
async fn r_p17_r_p27_a_write_runs_alone() {
    let plans = plans();
    for running in [Access::Write, Access::Read("main"), Access::Read("")] {
        let first = inside(plans.lock(7, running, far())).await;
        let mut write = write(&plans);
        assert!(outside(&mut write).await);
        let mut readers = [read(&plans, "main"), read(&plans, "")];
        drop(first);
        let write = inside(write).await;
        assert!(outside(&mut readers[0]).await && outside(&mut readers[1]).await);
        drop(write);
        let [main, root] = readers;
        drop(inside(main).await);
        drop(inside(root).await);
    }
    assert!(at_rest(&plans));
}

#[tokio::test(start_paused = true)]
async fn r_p18_r_p26_adjacent_reads_of_a_branch_run_together() {
    let plans = plans();
    let writing = inside(write(&plans)).await;
    let (one, two, three) = (
        read(&plans, "main"),
        read(&plans, "main"),
        read(&plans, "main"),
    );
    drop(writing);
    let (one, three) = (inside(one).await, inside(three).await);
    assert_eq!(
        plans.stats().held,
        3,
        "the second is inside and was not asked"
    );
    // One who comes behind nobody joins while the batch runs.
    let late = inside(read(&plans, "main")).await;
    drop((one, two, three));
    assert_eq!(plans.stats().held, 1);
    // The batch is over with its last one, not with its first.
    let mut write = write(&plans);
    assert!(outside(&mut write).await);
    drop(late);
    drop(inside(write).await);
    assert!(at_rest(&plans));
}

#[tokio::test(start_paused = true)]
async fn r_p19_a_read_of_the_root_runs_alone_in_front_and_behind() {
    let plans = plans();
    let (root, mut second, mut main) = (read(&plans, ""), read(&plans, ""), read(&plans, "main"));
    let root = inside(root).await;
    assert!(outside(&mut second).await && outside(&mut main).await);
    drop(root);
    let second = inside(second).await;
    assert!(outside(&mut main).await);
    drop(second);
    let main = inside(main).await;
    let mut root = read(&plans, "");
    assert!(outside(&mut root).await);
    drop(main);
    drop(inside(root).await);
    assert!(at_rest(&plans));
}

#[tokio::test(start_paused = true)]
async fn r_p20_reads_of_two_branches_never_share_a_batch() {
    let plans = plans();
    let main = inside(read(&plans, "main")).await;
    let (mut other, mut again) = (read(&plans, "other"), read(&plans, "main"));
    assert!(outside(&mut other).await && outside(&mut again).await);
    drop(main);
    let other = inside(other).await;
    assert!(
        outside(&mut again).await,
        "nobody passes, not even its own kind"
    );
    drop(other);
    drop(inside(again).await);
    assert!(at_rest(&plans));
}

#[tokio::test(start_paused = true)]
async fn r_p23_inv_ord_a_read_behind_a_write_waits_for_it() {
    // The queue that the origin's first design reordered: read, write, read.
    let plans = plans();
    let first = inside(read(&plans, "main")).await;
    let (between, mut second) = (write(&plans), read(&plans, "main"));
    assert!(outside(&mut second).await);
    assert_eq!((between.ahead(), second.ahead()), (0, 1));
    drop(first);
    let between = inside(between).await;
    assert!(outside(&mut second).await);
    drop(between);
    drop(inside(second).await);
    // The same with all three in the queue, where the origin's design took the
    // reads together.
    let running = inside(write(&plans)).await;
    let (first, between) = (read(&plans, "main"), write(&plans));
    let mut second = read(&plans, "main");
    drop(running);
    let first = inside(first).await;
    assert!(outside(&mut second).await, "it would overtake the write");
    drop(first);
    drop(inside(between).await);
    drop(inside(second).await);
    assert!(at_rest(&plans));
}

#[tokio::test(start_paused = true)]
async fn inv_starve_a_write_waits_for_one_batch_under_readers_without_end() {
    let (plans, scope) = (plans(), Scope::root("test", 100));
    for n in 0..5 {
        let (plans, inner) = (plans.clone(), scope.clone());
        let reader = async move {
            Clock.sleep(n * 2 * MS).await;
            loop {
                let job = Clock.sleep(10 * MS);
                let asked = (7, Access::Read("main"));
                let end = plans.run(&inner, asked, far(), job).await;
                if !matches!(end, Ok(exit) if exit.is_done()) {
                    return;
                }
            }
        };
        drop(scope.spawn("reader", reader).expect("room"));
    }
    Clock.sleep(35 * MS).await;
    let start = Clock.now();
    let write = write(&plans).await.expect("not starved");
    assert!(Clock.now() - start <= 10 * MS, "one batch");
    drop(write);
    scope.close().await;
    assert!(at_rest(&plans));
}

#[tokio::test(start_paused = true)]
async fn promise_3_the_caller_of_the_first_read_goes_and_the_batch_goes_on() {
    let plans = plans();
    let writing = inside(write(&plans)).await;
    let (first, second) = (read(&plans, "main"), read(&plans, "main"));
    drop(first);
    assert_eq!(second.ahead(), 0, "out at once");
    drop(writing);
    let second = inside(second).await;
    // A write leaves that stood between two reads: they come together.
    let (between, mut third) = (write(&plans), read(&plans, "main"));
    assert!(outside(&mut third).await);
    drop(between);
    let third = inside(third).await;
    // The same if its time is over instead.
    let due = Deadline::after(Clock, 10 * MS);
    let overdue = plans.lock(7, Access::Write, due);
    let mut fourth = read(&plans, "main");
    assert!(outside(&mut fourth).await);
    assert_eq!(overdue.await.err(), Some(LockRefusal::DeadlinePassed));
    drop((second, third, inside(fourth).await));
    assert!(at_rest(&plans) && plans.stats().cancelled == 2);
}

#[tokio::test(start_paused = true)]
async fn r_p14_r_p15_each_plan_has_its_own_queue_while_it_is_used() {
    let plans = plans();
    let held: Vec<_> = (0..10)
        .map(|plan| plans.lock(plan, Access::Write, far()))
        .collect();
    assert!(
        held.iter().all(Locking::is_ready),
        "plans do not wait for each other"
    );
    let callers: Vec<_> = (0..90)
        .map(|n| plans.lock(n % 10, Access::Read("main"), far()))
        .collect();
    assert_eq!((plans.stats().keys, plans.waiting(&7)), (10, 9));
    let last = plans.lock(7, Access::Write, far());
    assert_eq!(last.ahead(), 9);
    let full = plans.lock(7, Access::Write, far()).await;
    assert_eq!(full.err(), Some(LockRefusal::Full { waiting: 10 }));
    drop((held, callers, last));
    assert!(at_rest(&plans));
}

#[tokio::test(start_paused = true)]
async fn r_p22_close_loses_nobody() {
    let plans = plans();
    let reading = inside(read(&plans, "main")).await;
    let waiting = [write(&plans), read(&plans, "main")];
    plans.close();
    for asked in waiting {
        assert_eq!(asked.await.err(), Some(LockRefusal::Closed));
    }
    assert!(matches!(
        read(&plans, "main").await,
        Err(LockRefusal::Closed)
    ));
    drop(reading);
    assert!(at_rest(&plans) && plans.stats().closed == 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_p16_a_million_adds_and_finishes_strand_nobody() {
    // Four callers that come and go on one plan, so that its queue is made,
    // emptied and dropped all the time. A stranded one would meet its deadline.
    const CALLS: u64 = 250_000;
    let patient = LockSettings {
        places: 10,
        max_wait: Duration::from_secs(5),
    };
    let plans: Share<u32, &'static str> = Share::new("plan", patient, Clock);
    let scope = Scope::root("test", 10);
    let callers: Vec<_> = (0..4_u64)
        .map(|caller| {
            let plans = plans.clone();
            let calls = async move {
                let mut slowest = Duration::ZERO;
                for n in 0..CALLS {
                    let access = match (n + caller) % 3 {
                        0 => Access::Write,
                        _ => Access::Read("main"),
                    };
                    #[expect(clippy::disallowed_methods, reason = "a figure of real time")]
                    let start = Instant::now();
                    let deadline = Deadline::after(Clock, Duration::from_secs(5));
                    drop(plans.lock(7, access, deadline).await.expect("not stranded"));
                    slowest = slowest.max(start.elapsed());
                }
                slowest
            };
            scope.spawn("caller", calls).expect("room")
        })
        .collect();
    for caller in callers {
        let slowest = caller.await.done().expect("it ended");
        assert!(slowest < Duration::from_millis(2500), "{slowest:?}");
    }
    assert!(at_rest(&plans) && plans.stats().granted == 4 * CALLS);
}

/// Counts how often its task is woken.
struct Wakes(std::sync::atomic::AtomicU32);

impl std::task::Wake for Wakes {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn r_p21_an_empty_queue_does_nothing_and_who_waits_is_woken_for_news_only() {
    let plans = plans();
    assert!(at_rest(&plans));
    let writing = inside(write(&plans)).await;
    let wakes = std::sync::Arc::new(Wakes(0.into()));
    let waker = std::task::Waker::from(std::sync::Arc::clone(&wakes));
    let mut asked = Box::pin(read(&plans, "main"));
    let mut poll = || {
        let mut cx = std::task::Context::from_waker(&waker);
        asked.as_mut().poll(&mut cx)
    };
    assert!(poll().is_pending());
    for _ in 0..5 {
        // Neither time nor another plan is news.
        tokio::time::advance(MS).await;
        drop(inside(plans.lock(8, Access::Write, far())).await);
    }
    assert_eq!(wakes.0.load(std::sync::atomic::Ordering::SeqCst), 0);
    drop(writing);
    assert_eq!(wakes.0.load(std::sync::atomic::Ordering::SeqCst), 1);
    assert!(matches!(poll(), std::task::Poll::Ready(Ok(_))));
    assert!(at_rest(&plans), "no batch of nobody");
}
