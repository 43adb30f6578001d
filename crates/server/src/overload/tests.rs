//! The watch over a machine that is made up, on the paused clock. The numbers
//! are those of the promises in `overload`.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// A holder of 1000 bytes at most, who notes what it was told.
#[derive(Clone, Default)]
struct Holder {
    held: Arc<AtomicU64>,
    told: Arc<Mutex<Vec<Level>>>,
}

impl Pressed for Holder {
    fn bytes(&self) -> (u64, u64) {
        (self.held.load(Ordering::Relaxed), 1000)
    }

    fn obey(&self, level: Level) {
        self.told.lock().push(level);
    }
}

impl Holder {
    fn hold(&self, bytes: u64) {
        self.held.store(bytes, Ordering::Relaxed);
    }

    fn told(&self) -> Vec<Level> {
        std::mem::take(&mut self.told.lock())
    }
}

fn watch(scope: &Scope, files: &[(&str, &str)]) -> (Arc<Overload>, Holder) {
    let holder = Holder::default();
    let gauges = Gauges::of(System::of(files), None);
    let overload = Arc::new(Overload::new(Clock));
    let started = overload.start_on(scope, Clock, gauges, holder.clone());
    started.unwrap();
    (overload, holder)
}

#[tokio::test(start_paused = true)]
async fn promise_1_the_level_follows_within_a_sample_and_is_told_once() {
    let scope = Scope::root("test", 10);
    let (overload, holder) = watch(&scope, &[]);
    Clock.sleep(SAMPLE * 4).await;
    assert_eq!(holder.told(), []);
    holder.hold(960);
    Clock.sleep(SAMPLE * 10).await;
    assert_eq!(holder.told(), [Level::Critical]);
    holder.hold(100);
    Clock.sleep(SAMPLE * 10).await;
    assert_eq!(holder.told(), [Level::Calm]);
    let view = overload.view();
    assert_eq!((view.level, view.changes), (Level::Calm, 2));
    let (_, change) = view.last.unwrap();
    assert_eq!((change.from, change.cause), (Level::Critical, Cause::Bytes));
    scope.close().await;
}

#[tokio::test(start_paused = true)]
async fn at_the_highest_level_one_is_ended_a_second_until_it_falls() {
    let scope = Scope::root("test", 10);
    let (_overload, holder) = watch(&scope, &[]);
    holder.hold(990);
    Clock.sleep(Duration::from_millis(5_100)).await;
    let told = holder.told();
    assert!(told.iter().all(|level| *level == Level::Extreme));
    assert!((4..=6).contains(&told.len()), "{told:?}");
    holder.hold(900);
    Clock.sleep(SAMPLE * 10).await;
    assert_eq!(holder.told(), [Level::Critical]);
    scope.close().await;
}

#[tokio::test(start_paused = true)]
async fn promise_2_lag_counts_when_it_stays_and_ends_nobody() {
    let (late, holder) = (Duration::from_millis(400), Holder::default());
    let overload = Overload::new(Clock);
    let mut gauges = Gauges::of(System::of(&[]), None);
    let mut sample = |late| {
        overload.sample(Clock.now(), gauges.read(&holder, late));
        overload.level()
    };
    for second in 0..2 {
        let levels = [(); 4].map(|()| sample(late));
        assert_eq!(levels, [Level::Calm; 4], "in second {second}");
    }
    let levels = [(); 4].map(|()| sample(late));
    assert_eq!(levels[3], Level::Critical, "three seconds, and no higher");
    assert_eq!(sample(Duration::from_millis(2)), Level::Calm);
}

#[tokio::test(start_paused = true)]
async fn promise_3_every_gauge_is_shown_with_what_it_is_measured_against() {
    let scope = Scope::root("test", 10);
    let (overload, holder) = watch(
        &scope,
        &[
            ("/proc/self/cgroup", "0::/\n"),
            ("/sys/fs/cgroup/memory.max", "2000"),
            ("/sys/fs/cgroup/memory.current", "1700"),
            ("/proc/self/limits", "Max open files 100 100 files"),
            ("/proc/self/fd", "30"),
        ],
    );
    holder.hold(10);
    Clock.sleep(SAMPLE * 2).await;
    let view = overload.view();
    assert_eq!(view.level, Level::Busy);
    let shown = view
        .gauges
        .map(|(cause, part, gauge)| (cause, part, gauge.used, gauge.limit));
    assert_eq!(shown[0], (Cause::Bytes, 0.01, 10, Some(1000)));
    assert_eq!(shown[1], (Cause::Memory, 0.85, 1700, Some(2000)));
    assert_eq!(shown[2], (Cause::Files, 0.3, 30, Some(100)));
    assert_eq!((shown[3].0, shown[3].3), (Cause::Lag, Some(100_000)));
    assert_eq!(holder.told(), [Level::Busy]);
    scope.close().await;
    assert_eq!(scope.tasks(), 0, "no task outlives its scope");
}
