//! Every noun tells its numbers, under the published names.
//! A name that is not in `names`, or that is told twice, fails here.

use std::collections::BTreeMap;
use std::time::Duration;

use tidegate_kernel::{
    Ask, Cause, Class, Clock, Deadline, Ledger, LimitSettings, Observe, Overflow, Pool,
    PoolSettings, Pressure, Readings, Scope, Visitor, names, observe::Labels,
};

#[derive(Default)]
pub(crate) struct Page(pub(crate) BTreeMap<String, f64>);

impl Page {
    fn add(&mut self, name: &str, labels: &Labels<'_>, value: f64) {
        assert!(
            names::ALL.iter().any(|metric| metric.name == name),
            "{name} is not published"
        );
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
    fn counter(&mut self, name: &'static str, _: &'static str, labels: &Labels<'_>, value: u64) {
        assert!(name.ends_with("_total"), "{name} is a counter");
        self.add(name, labels, value as f64);
    }

    fn gauge(&mut self, name: &'static str, _: &'static str, labels: &Labels<'_>, value: f64) {
        assert!(!name.ends_with("_total"), "{name} is a gauge");
        self.add(name, labels, value);
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
    ledger.observe(&mut page);
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
    scope.observe(&mut page);
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
