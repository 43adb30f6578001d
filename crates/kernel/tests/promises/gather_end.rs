//! Nobody is left, whatever happens; lists in parallel: R-P36, R-G39, R-G43,
//! R-G44, R-D12.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use tidegate_kernel::gather::Stop;
use tidegate_kernel::{Clock, Deadline, Gather, Gatherings, Observe, PieceExit, Scope, Why};

use crate::samples::Page;

const MS: Duration = Duration::from_millis(1);

fn far() -> Deadline {
    Deadline::after(Clock, 10_000 * MS)
}

/// Counts how many of its kind are alive.
struct Alive(Arc<AtomicU32>);

impl Alive {
    fn new(count: &Arc<AtomicU32>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A piece that starts a task of its own, and ends in one of five ways.
async fn piece(scope: Scope, n: u32, alive: Arc<AtomicU32>) -> Result<u32, u32> {
    let _held = Alive::new(&alive);
    let held = Alive::new(&alive);
    let task = async move {
        let _held = held;
        pending::<()>().await;
    };
    scope.spawn("helper", task).expect("room");
    Clock.sleep(n * MS).await;
    match n % 5 {
        0 => Ok(n),
        1 => Err(n),
        2 => panic!("piece {n}"),
        3 => {
            let _ = scope.run(far(), pending::<()>()).await;
            Err(n)
        }
        _ => pending().await,
    }
}

#[tokio::test(start_paused = true)]
async fn r_p36_r_g43_whatever_fails_neither_piece_nor_task_is_left() {
    let scope = Scope::root("test", 1000);
    let alive = Arc::new(AtomicU32::new(0));
    for from in 0..40 {
        let mut gather = Gather::new(&scope, "ask");
        for n in from..from + 8 {
            let alive = Arc::clone(&alive);
            gather.add(n.to_string(), move |scope| piece(scope, n % 11, alive));
        }
        let soon = Deadline::after(Clock, 30 * MS);
        match from % 4 {
            0 => drop(gather.first(soon).await),
            1 => drop(gather.all(soon).await),
            2 => drop(gather.all_good(soon).await),
            _ => drop(gather.quorum(2, soon).await),
        }
        let left = (alive.load(Ordering::SeqCst), scope.live());
        assert_eq!(left, (0, 0), "round {from}");
    }
}

#[tokio::test(start_paused = true)]
async fn r_g43_a_gathering_that_is_dropped_leaves_nobody() {
    let scope = Scope::root("test", 1000);
    let alive = Arc::new(AtomicU32::new(0));
    let mut gather = Gather::new(&scope, "ask");
    for n in 0..8 {
        let alive = Arc::clone(&alive);
        gather.add(n.to_string(), move |scope| piece(scope, n, alive));
    }
    let caller = Deadline::after(Clock, 4 * MS);
    assert!(caller.bound(gather.all(far())).await.is_err());
    // The tasks were aborted; they end without being waited for.
    assert_eq!(scope.drain(Deadline::after(Clock, MS)).await, []);
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn promise_2_losers_are_told_why_before_they_are_dropped() {
    struct Asks(Scope, Arc<std::sync::Mutex<Vec<Option<Why>>>>);
    impl Drop for Asks {
        fn drop(&mut self) {
            self.1.lock().expect("whole").push(self.0.why());
        }
    }
    let root = Scope::root("test", 10);
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    for (after, cancel) in [(0, None), (9, None), (9, Some(Why::Operator))] {
        let scope = root.child("request");
        let mut gather = Gather::<(), ()>::new(&scope, "ask");
        let asks = Arc::clone(&told);
        gather.add("loser", |scope| async move {
            let _asks = Asks(scope, asks);
            pending().await
        });
        gather.add("other", |_| async move {
            Clock.sleep(after * MS).await;
            if let Some(why) = cancel {
                scope.cancel(why);
                pending::<()>().await;
            }
            Ok(())
        });
        let soon = Deadline::after(Clock, 5 * MS);
        let by = if cancel.is_some() { far() } else { soon };
        drop(gather.first(by).await);
    }
    let told = told.lock().expect("whole");
    let expected = [Why::Closed, Why::Deadline, Why::Operator].map(Some);
    assert_eq!(*told, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_2_work_that_cannot_be_aborted_is_named_and_not_waited_for() {
    let root = Scope::root("test", 10);
    let release = Arc::new(AtomicBool::new(false));
    let held = Arc::clone(&release);
    let begun = Arc::new(AtomicBool::new(false));
    let all = Gatherings::default();
    let mut gather = Gather::<u32, ()>::new(&root, "read").counted(&all);
    gather.add("file", move |scope| async move {
        let begins = Arc::clone(&begun);
        let work = move || {
            begins.store(true, Ordering::SeqCst);
            while !held.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
        };
        let task = scope.spawn_blocking("read", work).expect("room");
        // What has not begun at the deadline can be aborted: on a busy machine
        // its thread may be that late. No deadline is seen before this poll ends.
        while !begun.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        let _ = task.await;
        Ok(1)
    });
    let patience = Deadline::after(Clock, Duration::from_secs(5));
    let soon = Deadline::after(Clock, 10 * MS);
    let gathered = patience.bound(gather.all(soon)).await.expect("no hang");
    assert_eq!(gathered.stop, Stop::Deadline);
    let left: Vec<_> = gathered.left.iter().map(|it| (it.scope, it.name)).collect();
    assert_eq!(left, [("read", "read")]);
    assert_eq!(root.tasks(), 1, "it is still owned");
    let mut page = Page::default();
    all.observe(&[], &mut page);
    assert_eq!(page.0["tidegate_gather_left_total{}"], 1.0);
    release.store(true, Ordering::SeqCst);
    assert_eq!(root.drain(patience).await, []);
}

#[tokio::test(start_paused = true)]
async fn r_g44_a_list_runs_at_most_so_many_at_once_and_as_many_as_may() {
    let scope = Scope::root("test", 10);
    let (busy, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = async |_: Scope, n: u32| {
        most.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        Clock.sleep(10 * MS).await;
        busy.fetch_sub(1, Ordering::SeqCst);
        if n == 17 { Err(n) } else { Ok(n * 2) }
    };
    let eight = || Gather::new(&scope, "items").at_once(8);
    let start = Clock.now();
    let gathered = eight().each(0..100, far(), &work).await;
    // 13 rounds of 8, the last one not full.
    assert_eq!(Clock.now() - start, 130 * MS);
    assert_eq!(most.load(Ordering::SeqCst), 8);
    assert_eq!(
        (gathered.stop, gathered.is_partial()),
        (Stop::Reached, false)
    );
    assert_eq!(gathered.pieces[17].exit, PieceExit::Failed(17));
    let good: Vec<u32> = gathered.good().map(|(_, n)| *n).collect();
    let expected: Vec<u32> = (0..100).filter(|n| *n != 17).map(|n| n * 2).collect();
    assert_eq!(good, expected);

    // R-G39, R-G44: the time is over in the fourth round.
    busy.store(0, Ordering::SeqCst);
    let soon = Deadline::after(Clock, 35 * MS);
    let gathered = eight().each(0..100, soon, &work).await;
    assert_eq!(
        (gathered.stop, gathered.is_partial()),
        (Stop::Deadline, true)
    );
    assert_eq!(gathered.good().count() + gathered.errors().count(), 24);
    assert_eq!(gathered.pieces[24].exit, PieceExit::Unfinished);
    assert_eq!(busy.load(Ordering::SeqCst), 8, "they were stopped at work");
}

#[tokio::test(start_paused = true)]
async fn r_d12_a_panic_also_in_a_drop_fails_that_piece_only() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("in a drop");
        }
    }
    let scope = Scope::root("test", 10);
    let mut gather = Gather::<u32, u32>::new(&scope, "ask");
    gather.add("made", |_| -> std::future::Ready<_> { panic!("made") });
    gather.add("polled", |_| async {
        tokio::task::yield_now().await;
        panic!("polled")
    });
    gather.add("dropped", |_| async {
        let _bad = Bad;
        pending().await
    });
    gather.add("good", |_| async {
        Clock.sleep(MS).await;
        Ok(1)
    });
    let soon = Deadline::after(Clock, 10 * MS);
    let gathered = gather.all(soon).await;
    let exits: Vec<_> = gathered
        .pieces
        .into_iter()
        .map(|piece| piece.exit)
        .collect();
    let panicked = |message: &str| PieceExit::Panicked(message.to_owned());
    let (made, polled) = (panicked("made"), panicked("polled"));
    let expected = [made, polled, PieceExit::Unfinished, PieceExit::Good(1)];
    assert_eq!(exits, expected);
}

#[tokio::test(start_paused = true)]
async fn a_piece_that_wakes_itself_for_ever_does_not_keep_the_others_or_the_task() {
    let scope = Scope::root("test", 10);
    let mut gather = Gather::<u32, ()>::new(&scope, "ask");
    gather.add("busy", |_| async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    let other = scope.spawn("other", async { 7 }).expect("room");
    gather.add("good", |_| async { Ok(other.await.done().unwrap_or(0)) });
    let first = gather.first(far()).await.expect("one is good");
    assert_eq!(first.value, 7);
}

/// Also of a gathering that is dropped: two panics at once would end the process.
#[tokio::test(start_paused = true)]
async fn r_d12_a_dropped_gathering_survives_the_drops_of_its_pieces() {
    struct Bad(Arc<AtomicU32>);
    impl Drop for Bad {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            // One is enough to show it.
            assert!(self.0.load(Ordering::SeqCst) > 1, "in a drop");
        }
    }
    let (scope, dropped) = (Scope::root("test", 10), Arc::new(AtomicU32::new(0)));
    let mut gather = Gather::<u32, u32>::new(&scope, "ask");
    for name in ["one", "two"] {
        let bad = Bad(Arc::clone(&dropped));
        gather.add(name, |_| async move {
            let _bad = bad;
            pending().await
        });
    }
    let mut all = Box::pin(gather.all(far()));
    let pending = std::future::poll_fn(|cx| std::task::Poll::Ready(all.as_mut().poll(cx)));
    assert!(pending.await.is_pending());
    let left = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(all)));
    assert!(left.is_ok(), "the panic of a piece is its own");
    assert_eq!(dropped.load(Ordering::SeqCst), 2);
}
