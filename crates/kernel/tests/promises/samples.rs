//! Every noun tells its numbers, under the published names.
//! One that is told twice, or without its labels, fails here.

use std::collections::BTreeMap;
use std::time::Duration;

use tidegate_kernel::{
    Ask, Breaker, BreakerSettings, BudgetSettings, Cause, Class, Clock, Counter, Deadline, Gauge,
    Labels, Ledger, LimitSettings, Metric, Observe, Offered, Overflow, Pool, PoolSettings,
    Pressure, PulseSettings, Queue, QueueSettings, Readings, RetryBudget, Reuse, ReuseSettings,
    Scope, Tag, Verdict, Visitor, Watchdog, Workers, WorkersSettings,
};

#[derive(Default)]
pub(crate) struct Page(pub(crate) BTreeMap<String, f64>);

impl Page {
    fn add(&mut self, metric: Metric, labels: &Labels<'_>, value: f64) {
        let name = metric.name;
        assert!(metric.has_its_own(labels), "{metric:?} with {labels:?}");
        let labels: Vec<_> = labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let before = self
            .0
            .insert(format!("{name}{{{}}}", labels.join(",")), value);
        assert!(before.is_none(), "{name} told twice");
    }
}

impl Visitor for Page {
    fn counter(&mut self, metric: Counter, labels: &Labels<'_>, value: u64) {
        self.add(metric.0, labels, value as f64);
    }

    fn gauge(&mut self, metric: Gauge, labels: &Labels<'_>, value: f64) {
        self.add(metric.0, labels, value);
    }
}

#[tokio::test]
async fn pool_ledger_and_scope_tell_their_numbers_under_published_names() {
    let mut page = Page::default();
    let settings = PoolSettings {
        size: 2,
        limit: LimitSettings::fixed(2),
        queue: 0,
        queue_bytes: 0,
        overflow: Overflow::Error,
        max_wait: Duration::from_secs(1),
    };
    let pool = Pool::new(settings, Clock);
    let ask = || pool.acquire(Ask::new(Deadline::after(Clock, Duration::from_secs(1))));
    let (_one, _two, full) = (ask().await, ask().await, ask().await);
    assert!(full.is_err());
    pool.observe(&[("provider", "mock")], &mut page);
    assert_eq!(page.0["tidegate_pool_permits_busy{provider=mock}"], 2.0);
    assert_eq!(page.0["tidegate_pool_offered_total{provider=mock}"], 3.0);
    assert_eq!(
        page.0["tidegate_pool_refused_total{provider=mock,reason=queue_full}"],
        1.0
    );

    let ledger = Ledger::new();
    ledger.open(()).settle(Class::Failed, "upstream_timeout");
    let _open = ledger.open(());
    ledger.observe(&[], &mut page);
    assert_eq!(page.0["tidegate_requests_received_total{}"], 2.0);
    assert_eq!(page.0["tidegate_requests_in_flight{}"], 1.0);
    assert_eq!(
        page.0["tidegate_requests_total{class=failed,label=upstream_timeout}"],
        1.0
    );

    let scope = Scope::root("process", 1);
    let _guard = scope.enter();
    let task = scope
        .spawn("bad", async { panic!("counted") })
        .expect("room");
    assert!(scope.spawn("one more", async {}).is_err());
    drop(task.await);
    scope.observe(&[], &mut page);
    assert_eq!(page.0["tidegate_tasks_live{}"], 0.0);
    assert_eq!(page.0["tidegate_scope_guards{}"], 1.0);
    assert_eq!(page.0["tidegate_tasks_spawned_total{}"], 1.0);
    assert_eq!(page.0["tidegate_tasks_panicked_total{}"], 1.0);
    assert_eq!(page.0["tidegate_tasks_refused_total{}"], 1.0);
}

#[test]
fn the_overload_level_tells_its_numbers_under_published_names() {
    let mut page = Page::default();
    let mut pressure = Pressure::new();
    pressure.sample(Readings::new().with(Cause::Memory, 91.0, 100.0));
    pressure.observe(&[], &mut page);
    assert_eq!(page.0["tidegate_overload_level{}"], 2.0);
    assert_eq!(page.0["tidegate_overload_pressure{cause=memory}"], 0.91);
    assert_eq!(page.0["tidegate_overload_pressure{cause=lag}"], 0.0);
    assert_eq!(page.0["tidegate_overload_changes_total{}"], 1.0);
}

#[tokio::test(start_paused = true)]
async fn breaker_and_budget_tell_their_numbers_under_published_names() {
    let mut page = Page::default();
    let breaker = Breaker::new(BreakerSettings::default(), Clock);
    for _ in 0..5 {
        breaker.try_pass().expect("closed").settle(Verdict::Failed);
    }
    assert!(breaker.try_pass().is_err());
    breaker.observe(&[("target", "mock")], &mut page);
    let breaker = |name: &str| page.0[&format!("tidegate_breaker_{name}}}")];
    assert_eq!(breaker("state{target=mock"), 2.0);
    assert_eq!(breaker("refused_total{target=mock"), 1.0);
    assert_eq!(breaker("verdicts_total{target=mock,verdict=failed"), 5.0);
    assert_eq!(
        breaker("transitions_total{target=mock,to=open,reason=consecutive_failures"),
        1.0
    );

    let settings = BudgetSettings {
        percent: 50,
        per_second: 0,
    };
    let budget = RetryBudget::new(settings, Clock);
    (0..6).for_each(|_| budget.deposit());
    assert!(budget.try_withdraw(2) && !budget.try_withdraw(2));
    budget.observe(&[("provider", "mock")], &mut page);
    let budget = |name: &str| page.0[&format!("tidegate_retry_budget_{name}{{provider=mock}}")];
    assert_eq!(
        (budget("deposits_total"), budget("withdrawn_total")),
        (6.0, 2.0)
    );
    assert_eq!((budget("refused_total"), budget("balance")), (1.0, 1.0));
}

#[tokio::test(start_paused = true)]
async fn reuse_and_pulse_tell_their_numbers_under_published_names() {
    let mut page = Page::default();
    let settings = ReuseSettings {
        items: 1,
        item_bytes: 64,
        warn_below_percent: 85,
        judged: 100,
    };
    let shelf = Reuse::new(settings, Clock, || Vec::with_capacity(64));
    drop([shelf.take(), shelf.take()]);
    let lease = shelf.take();
    shelf.observe(&[("kind", "body")], &mut page);
    let reuse = |name: &str| page.0[&format!("tidegate_reuse_{name}}}")];
    assert_eq!(
        (
            reuse("requests_total{kind=body"),
            reuse("hits_total{kind=body")
        ),
        (3.0, 1.0)
    );
    assert_eq!(reuse("discarded_total{kind=body,reason=too_many"), 1.0);
    assert_eq!(reuse("saved_bytes_total{kind=body"), 64.0);
    assert_eq!(
        (reuse("in_use{kind=body"), reuse("kept{kind=body")),
        (1.0, 0.0)
    );
    drop(lease);

    let dog = Watchdog::new(PulseSettings::default(), Clock);
    let _pulse = dog.watch("turn", 1, "queue", Duration::from_secs(1));
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(dog.look().len(), 1);
    dog.observe(&[], &mut page);
    assert_eq!(page.0["tidegate_pulse_watched{}"], 1.0);
    assert_eq!(page.0["tidegate_pulse_stalled{}"], 1.0);
    assert_eq!(page.0["tidegate_pulse_stalls_total{}"], 1.0);
    assert_eq!(page.0["tidegate_runtime_lag_p99_seconds{}"], 0.0);
}

#[tokio::test]
async fn queue_and_workers_tell_their_numbers_under_published_names() {
    let mut page = Page::default();
    let queue = Queue::new(QueueSettings {
        items: 1,
        bytes: 10,
        overflow: Overflow::Error,
    });
    let tag = Tag {
        bytes: 7,
        ..Tag::default()
    };
    assert_eq!(queue.offer(1, tag), Offered::Submitted);
    assert_eq!(queue.offer(2, tag), Offered::Full(2));
    queue.observe(&[("queue", "events")], &mut page);
    assert_eq!(page.0["tidegate_queue_bytes{queue=events}"], 7.0);
    assert_eq!(
        page.0["tidegate_queue_items{queue=events,priority=interactive}"],
        1.0
    );
    assert_eq!(
        page.0["tidegate_queue_refused_total{queue=events,reason=queue_full}"],
        1.0
    );

    let scope = Scope::root("process", 10);
    let workers = Workers::new("jobs", WorkersSettings::new(2), &scope);
    let job = workers.offer(async {}, Tag::default()).expect("room");
    assert!(job.await.is_done());
    workers.observe(&[("queue", "jobs")], &mut page);
    assert_eq!(page.0["tidegate_workers_limit{queue=jobs}"], 2.0);
    assert_eq!(page.0["tidegate_workers_active{queue=jobs}"], 1.0);
    assert_eq!(
        page.0["tidegate_workers_jobs_total{queue=jobs,exit=done}"],
        1.0
    );
}
