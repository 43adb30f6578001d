//! Workers over a queue of jobs: how many (R-G28, R-M7), one exit for each job
//! (R-G30, R-P10, R-P11), room (R-G29), the end (R-G31), idleness (R-D11).

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tidegate_kernel::{
    Clock, Deadline, Exit, Job, Scope, SpawnRefused, Tag, Unsubmitted, Workers, WorkersSettings,
};

const MS: Duration = Duration::from_millis(1);

fn crew(n: usize) -> (Workers, Scope) {
    let scope = Scope::root("test", 100);
    let workers = Workers::new("workers", WorkersSettings::new(n), &scope);
    (workers, scope)
}

fn soon() -> Deadline {
    Deadline::after(Clock, 1000 * MS)
}

/// Work of ten milliseconds that knows how much of it runs at once.
#[derive(Clone, Default)]
struct Site(Arc<(AtomicUsize, AtomicUsize)>);

impl Site {
    fn work(&self, n: usize) -> impl Future<Output = usize> + Send + use<> {
        let site = self.clone();
        async move {
            let (now, most) = &*site.0;
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            Clock.sleep(10 * MS).await;
            now.fetch_sub(1, Ordering::SeqCst);
            n
        }
    }

    fn most(&self) -> usize {
        self.0.1.swap(0, Ordering::SeqCst)
    }
}

async fn submit<T: Send + 'static>(
    workers: &Workers,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<Job<T>, Unsubmitted> {
    workers.submit(work, Tag::default(), soon()).await
}

#[tokio::test(start_paused = true)]
async fn r_g28_at_most_n_run_and_n_when_there_is_work_and_each_has_its_exit() {
    let ((workers, scope), site) = (crew(4), Site::default());
    let (start, mut jobs) = (Clock.now(), Vec::new());
    for n in 0..20 {
        jobs.push(submit(&workers, site.work(n)).await.expect("room"));
    }
    // R-G29: eight wait, four run, and the others came in one by one.
    assert_eq!((Clock.now() - start).as_millis(), 20);
    for (n, job) in jobs.into_iter().enumerate() {
        assert_eq!(job.await.done(), Some(n));
    }
    assert_eq!((Clock.now() - start).as_millis(), 50, "five rounds");
    assert_eq!(site.most(), 4);
    let stats = workers.stats();
    assert_eq!((stats.active, stats.busy, stats.idle), (4, 0, 4));
    assert_eq!((stats.done, stats.open, scope.tasks()), (20, 0, 4));
    assert!(stats.holds());
}

#[tokio::test(start_paused = true)]
async fn r_g29_submit_waits_is_cancellable_and_reports_full_or_closed() {
    let (workers, _scope) = crew(1);
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(
            submit(&workers, pending::<()>())
                .await
                .expect("one runs, two wait"),
        );
        tokio::task::yield_now().await;
    }
    assert!(matches!(
        workers.offer(async {}, Tag::default()),
        Err(Unsubmitted::Full)
    ));
    let start = Clock.now();
    let late = workers.submit(async {}, Tag::default(), Deadline::after(Clock, 30 * MS));
    assert!(matches!(late.await, Err(Unsubmitted::Full)));
    assert_eq!(Clock.now() - start, 30 * MS);
    let gives_up = Deadline::after(Clock, 5 * MS).bound(submit(&workers, async {}));
    assert!(gives_up.await.is_err());
    let left = workers.stop(Deadline::after(Clock, MS)).await;
    assert_eq!(left.len(), 1, "it is named");
    assert!(matches!(
        submit(&workers, async {}).await,
        Err(Unsubmitted::Stopped)
    ));
    let stats = workers.stats();
    assert_eq!((stats.refused, stats.cancelled, stats.open), (3, 1, 3));
    assert!(stats.holds());
    // The last handle ends all, and every owner hears of it.
    drop(workers);
    for job in jobs {
        assert!(matches!(job.await, Exit::Cancelled));
    }
}

#[tokio::test(start_paused = true)]
async fn r_g30_a_panic_is_the_exit_of_its_job_only_and_is_reported() {
    let (workers, scope) = crew(1);
    let seen = Arc::new(AtomicUsize::new(0));
    let sees = Arc::clone(&seen);
    scope.on_panic(move |report| {
        assert_eq!((report.name, report.scope), ("workers", "workers"));
        assert_eq!(report.message, "said aloud");
        sees.store(report.id as usize, Ordering::SeqCst);
    });
    let bad = submit(&workers, async { panic!("said aloud") })
        .await
        .expect("room");
    let good = submit(&workers, async { 7 }).await.expect("room");
    let id = bad.id();
    let exit: Exit<()> = bad.await;
    assert!(matches!(exit, Exit::Panicked(message) if message == "said aloud"));
    assert_eq!(good.await.done(), Some(7));
    assert_eq!(seen.load(Ordering::SeqCst) as u64, id);
    let stats = workers.stats();
    assert_eq!((stats.panicked, stats.done, stats.active), (1, 1, 1));
    assert!(stats.holds());
}

struct Explodes;

impl Drop for Explodes {
    fn drop(&mut self) {
        panic!("in a drop");
    }
}

#[tokio::test(start_paused = true)]
async fn r_g30_also_a_panic_in_a_drop_leaves_the_worker_and_one_exit() {
    let (workers, _scope) = crew(1);
    let bomb = Explodes;
    let job = submit(&workers, async move {
        let _bomb = bomb;
    })
    .await
    .expect("room");
    assert!(matches!(job.await, Exit::Panicked(_)));
    let next = submit(&workers, async { 7 }).await.expect("room");
    assert_eq!(next.await.done(), Some(7));
    assert!(workers.stats().holds() && workers.stats().active == 1);
}

#[tokio::test(start_paused = true)]
async fn r_g31_stop_finishes_what_is_queued_although_nobody_reads_results() {
    let ((workers, scope), site) = (crew(2), Site::default());
    let start = Clock.now();
    for n in 0..6 {
        // R-P10: the handle is dropped at once.
        drop(submit(&workers, site.work(n)).await.expect("room"));
    }
    assert_eq!(workers.stop(soon()).await, []);
    assert_eq!((Clock.now() - start).as_millis(), 30);
    let stats = workers.stats();
    assert_eq!(
        (stats.done, stats.active, stats.queue.queued, scope.tasks()),
        (6, 0, 0, 0)
    );
    assert!(matches!(
        submit(&workers, site.work(9)).await,
        Err(Unsubmitted::Stopped)
    ));
    assert!(workers.stats().holds());
}

#[tokio::test(start_paused = true)]
async fn r_m7_the_number_can_be_changed_while_they_work() {
    let ((workers, _scope), site) = (crew(2), Site::default());
    let mut settings = WorkersSettings::new(2);
    settings.queue.items = 100;
    workers.apply(settings);
    let jobs: Vec<_> = (0..40)
        .map(|n| {
            workers
                .offer(site.work(n), Tag::default())
                .expect("room for all")
        })
        .collect();
    let start = Clock.now();
    Clock.sleep(5 * MS).await;
    assert_eq!(site.most(), 2);
    settings.workers = 8;
    workers.apply(settings);
    Clock.sleep(15 * MS).await;
    assert_eq!((site.most(), workers.stats().busy), (8, 8));
    settings.workers = 1;
    workers.apply(settings);
    assert_eq!(workers.stats().active, 8, "nobody is revoked");
    Clock.sleep(20 * MS).await;
    site.most();
    Clock.sleep(50 * MS).await;
    assert_eq!((site.most(), workers.stats().active), (1, 1));
    settings.workers = 100;
    workers.apply(settings);
    for (n, job) in jobs.into_iter().enumerate() {
        assert_eq!(job.await.done(), Some(n));
    }
    assert!(Clock.now() - start < 200 * MS);
    // Idle ones that are too many go at once.
    settings.workers = 3;
    workers.apply(settings);
    tokio::task::yield_now().await;
    assert_eq!(workers.stats().active, 3);
    assert!(workers.stats().holds());
}

#[tokio::test(start_paused = true)]
async fn r_d11_idle_workers_end_and_come_back_on_demand() {
    let ((workers, scope), site) = (crew(3), Site::default());
    for n in 0..3 {
        drop(submit(&workers, site.work(n)).await.expect("room"));
    }
    Clock.sleep(100 * MS).await;
    assert_eq!((workers.stats().idle, scope.tasks()), (3, 3));
    Clock.sleep(61_000 * MS).await;
    assert_eq!((workers.stats().active, scope.tasks()), (0, 0));
    let job = submit(&workers, site.work(7)).await.expect("room");
    assert_eq!(job.await.done(), Some(7));
    assert_eq!(workers.stats().active, 1, "only as many as are needed");
}

#[tokio::test(start_paused = true)]
async fn r_d11_without_any_worker_a_job_is_refused_and_with_one_it_is_not() {
    let scope = Scope::root("test", 1);
    let workers = Workers::new("workers", WorkersSettings::new(4), &scope);
    let other = scope.spawn("other", pending::<()>()).expect("room");
    let refused = submit(&workers, async {}).await.err();
    let no = Unsubmitted::NoWorker(SpawnRefused::TooMany { limit: 1 });
    assert_eq!(refused, Some(no));
    other.abort();
    drop(other.await);
    let first = submit(&workers, async { 1 }).await.expect("a worker");
    let second = submit(&workers, async { 2 }).await.expect("the same");
    assert_eq!(
        (first.await.done(), second.await.done()),
        (Some(1), Some(2))
    );
    let stats = workers.stats();
    assert_eq!((stats.refused, stats.done, stats.active), (1, 2, 1));
    assert!(stats.holds());
}

#[tokio::test(start_paused = true)]
async fn r_p11_every_owner_wakes_when_the_scope_ends_by_cancel_or_by_force() {
    for force in [false, true] {
        let (workers, scope) = crew(2);
        let mut jobs = Vec::new();
        for _ in 0..6 {
            jobs.push(submit(&workers, pending::<()>()).await.expect("room"));
            tokio::task::yield_now().await;
        }
        assert_eq!(workers.stats().queue.queued, 4);
        if force {
            scope.close().await;
        } else {
            scope.cancel(tidegate_kernel::Why::Operator);
        }
        for job in jobs {
            assert!(matches!(job.await, Exit::Cancelled));
        }
        assert!(matches!(
            submit(&workers, async {}).await,
            Err(Unsubmitted::Stopped | Unsubmitted::NoWorker(_))
        ));
        let stats = workers.stats();
        assert_eq!((stats.cancelled, stats.open, stats.active), (6, 0, 0));
        assert!(stats.holds());
    }
}

/// The loop of R-P16: an operation that comes while a worker goes idle is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_p16_a_job_that_meets_a_worker_on_its_way_out_is_done() {
    let scope = Scope::root("test", 100);
    let mut settings = WorkersSettings::new(2);
    settings.idle = Duration::ZERO;
    let workers = Workers::new("workers", settings, &scope);
    for n in 0..20_000 {
        let job = submit(&workers, async move { n }).await.expect("room");
        let bound = Deadline::after(Clock, Duration::from_secs(10));
        let exit = bound.bound(job).await.expect("nobody is left behind");
        assert_eq!(exit.done(), Some(n));
    }
    assert!(workers.stats().holds());
}

/// A panic in the drop of one queued job is not another's (R-D12).
#[tokio::test(start_paused = true)]
async fn r_p11_a_drop_that_panics_hides_no_end_from_the_owners_of_the_others() {
    let (workers, scope) = crew(1);
    let mut jobs = vec![submit(&workers, pending::<()>()).await.expect("room")];
    tokio::task::yield_now().await;
    for bomb in [Some(Explodes), None] {
        let work = async move {
            let _bomb = bomb;
            pending::<()>().await;
        };
        jobs.push(submit(&workers, work).await.expect("room"));
    }
    scope.close().await;
    for job in jobs {
        let exit = soon().bound(job).await.expect("it has an end");
        assert!(!exit.is_done());
    }
    let stats = workers.stats();
    assert_eq!((stats.open, stats.active), (0, 0));
    assert!(stats.holds());
}

/// Notes that it is gone.
struct Gone(Arc<AtomicUsize>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Sees(Arc<AtomicUsize>, AtomicUsize);

impl std::task::Wake for Sees {
    fn wake(self: Arc<Self>) {
        self.1
            .store(self.0.load(Ordering::SeqCst) + 1, Ordering::SeqCst);
    }
}

/// Also of a job that never began: what it held is gone before its end is told.
#[tokio::test(start_paused = true)]
async fn r_d13_an_owner_hears_of_the_end_when_all_that_the_work_held_is_gone() {
    let (workers, scope) = crew(1);
    let first = submit(&workers, pending::<()>()).await.expect("room");
    tokio::task::yield_now().await;
    let gone = Arc::new(AtomicUsize::new(0));
    let held = Gone(Arc::clone(&gone));
    let work = async move { drop(held) };
    let mut job = submit(&workers, work).await.expect("room");
    let sees = Arc::new(Sees(gone, AtomicUsize::new(0)));
    let waker = std::task::Waker::from(Arc::clone(&sees));
    let mut cx = std::task::Context::from_waker(&waker);
    assert!(std::pin::Pin::new(&mut job).poll(&mut cx).is_pending());
    scope.close().await;
    assert_eq!(sees.1.load(Ordering::SeqCst), 2, "one was gone at the wake");
    assert!(matches!(first.await, Exit::Cancelled));
}

#[tokio::test(start_paused = true)]
async fn r_g31_after_a_stop_no_worker_comes_for_who_is_refused() {
    let (workers, scope) = crew(2);
    assert_eq!(
        submit(&workers, async { 1 })
            .await
            .expect("room")
            .await
            .done(),
        Some(1)
    );
    assert_eq!(workers.stop(soon()).await, []);
    let before = scope.census().spawned;
    assert_eq!(
        submit(&workers, async {}).await.err(),
        Some(Unsubmitted::Stopped)
    );
    let offered = workers.offer(async {}, Tag::default());
    assert_eq!(offered.err(), Some(Unsubmitted::Stopped));
    assert_eq!((scope.census().spawned, scope.tasks()), (before, 0));
    assert!(workers.stats().holds());
}
