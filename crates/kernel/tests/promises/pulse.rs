//! INV-NODEAD: what does not go on is named, once, and nobody else.
//! The runtime's lag is measured by the same task (controls A.15).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidegate_kernel::{Clock, Deadline, Finding, PulseSettings, Scope, Stall, Watchdog};

const SECOND: Duration = Duration::from_secs(1);

fn watchdog() -> Watchdog {
    Watchdog::new(PulseSettings::default(), Clock)
}

async fn sleep(time: Duration) {
    tokio::time::advance(time).await;
}

fn stall(stage: &'static str, zone: Option<&'static str>, still: Duration) -> Stall {
    Stall {
        name: "turn",
        id: 7,
        stage,
        zone,
        still,
    }
}

#[tokio::test(start_paused = true)]
async fn promise_1_a_stall_is_told_once_and_its_end_once() {
    let dog = watchdog();
    let pulse = dog.watch("turn", 7, "queue", 2 * SECOND);
    let _other = dog.watch("turn", 8, "queue", 60 * SECOND);
    sleep(2 * SECOND).await;
    assert_eq!(dog.look(), [], "it may be there for two seconds");
    sleep(SECOND).await;
    let found = stall("queue", None, 3 * SECOND);
    assert_eq!(dog.look(), [Finding::Stalled(found)]);
    assert_eq!(found.to_string(), "turn #7 in queue: no progress for 3.0 s");
    sleep(SECOND).await;
    assert_eq!(dog.look(), []);
    let known = stall("queue", None, 4 * SECOND);
    assert_eq!(dog.stalled(), [known], "it is still there to be seen");
    pulse.beat();
    assert_eq!(dog.look(), [Finding::Recovered(known)]);
    // The same stage, a new stall.
    sleep(3 * SECOND).await;
    assert_eq!(dog.look().len(), 1);
    let stats = dog.stats();
    assert_eq!((stats.watched, stats.stalled), (2, 1));
    assert_eq!((stats.stalls, stats.recoveries), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn promise_1_the_end_of_the_stalled_is_the_end_of_the_stall() {
    let dog = watchdog();
    let pulse = dog.watch("turn", 7, "model", SECOND);
    sleep(2 * SECOND).await;
    assert_eq!(dog.look().len(), 1);
    sleep(SECOND).await;
    drop(pulse);
    assert_eq!(dog.stalled(), []);
    let ended = stall("model", None, 3 * SECOND);
    assert_eq!(dog.look(), [Finding::Recovered(ended)]);
    assert_eq!(dog.look(), []);
}

#[tokio::test(start_paused = true)]
async fn each_stage_has_its_own_limit_and_beats_are_progress() {
    let dog = watchdog();
    let pulse = dog.watch("turn", 7, "queue", SECOND);
    for _ in 0..10 {
        sleep(SECOND).await;
        pulse.beat();
        assert_eq!(dog.look(), []);
    }
    pulse.enter("model", 60 * SECOND);
    assert_eq!(dog.look(), []);
    sleep(60 * SECOND).await;
    assert_eq!(dog.look(), []);
    sleep(SECOND).await;
    let found = stall("model", None, 61 * SECOND);
    assert_eq!(dog.look(), [Finding::Stalled(found)]);
    pulse.enter("write", SECOND);
    assert_eq!(dog.look(), [Finding::Recovered(found)]);
}

#[tokio::test(start_paused = true)]
async fn promise_2_a_zone_protects_until_its_own_limit() {
    let dog = watchdog();
    let pulse = dog.watch("turn", 7, "write", SECOND);
    let outer = pulse.zone("commit", 20 * SECOND);
    let inner = pulse.zone("sync", 5 * SECOND);
    assert_eq!(dog.look(), []);
    sleep(10 * SECOND).await;
    assert_eq!(dog.look(), [], "the outer one still protects");
    sleep(11 * SECOND).await;
    let found = stall("write", Some("commit"), 21 * SECOND);
    assert_eq!(dog.look(), [Finding::Stalled(found)]);
    assert_eq!(
        found.to_string(),
        "turn #7 in write/commit: no progress for 21.0 s"
    );
    drop(outer);
    drop(inner);
    assert_eq!(dog.look(), [Finding::Recovered(found)]);
    sleep(2 * SECOND).await;
    let after = stall("write", None, 2 * SECOND);
    assert_eq!(
        dog.look(),
        [Finding::Stalled(after)],
        "the stage's limit again"
    );
    drop(pulse.zone("forever", Duration::MAX));
}

#[tokio::test(start_paused = true)]
async fn more_than_there_is_room_for_go_unwatched_and_are_counted() {
    let settings = PulseSettings {
        watched: 2,
        ..PulseSettings::default()
    };
    let dog = Watchdog::new(settings, Clock);
    let two = [1, 2].map(|id| dog.watch("turn", id, "queue", SECOND));
    let third = dog.watch("turn", 3, "queue", SECOND);
    sleep(2 * SECOND).await;
    assert_eq!(dog.look().len(), 2);
    drop(third);
    drop(two);
    assert_eq!((dog.stats().watched, dog.stats().unwatched), (0, 1));
    let pulses: Vec<_> = (0..2)
        .map(|id| dog.watch("turn", id, "queue", SECOND))
        .collect();
    assert_eq!((dog.stats().watched, dog.stats().unwatched), (2, 1));
    drop(pulses);
}

#[tokio::test(start_paused = true)]
async fn promise_3_one_task_looks_at_all_and_ends_with_its_scope() {
    let (dog, scope) = (watchdog(), Scope::root("process", 10));
    let told = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::new(Mutex::new(Some(dog.clone())));
    let (log, asked) = (Arc::clone(&told), Arc::clone(&own));
    dog.on_finding(move |finding| {
        let own = asked.lock().unwrap().clone();
        let _ = own.unwrap().stats();
        log.lock().unwrap().push(*finding);
        panic!("goes nowhere");
    });
    let task = dog.start(&scope).expect("room");
    let pulses: Vec<_> = (0..100)
        .map(|id| dog.watch("turn", id, "model", 5 * SECOND))
        .collect();
    Clock.sleep(10 * SECOND).await;
    assert_eq!((scope.tasks(), told.lock().unwrap().len()), (1, 100));
    let first = told.lock().unwrap()[0];
    let Finding::Stalled(Stall { still, .. }) = first else {
        panic!("{first:?}");
    };
    assert!(
        still > 5 * SECOND && still <= 6 * SECOND + SECOND / 50,
        "{still:?}"
    );
    pulses.iter().for_each(|pulse| pulse.beat());
    Clock.sleep(2 * SECOND).await;
    assert_eq!(told.lock().unwrap().len(), 200);
    scope.cancel(tidegate_kernel::Why::Shutdown);
    let ended = Deadline::after(Clock, SECOND).bound(task).await;
    assert!(ended.is_ok(), "it watches the cancel by itself");
    assert_eq!(scope.tasks(), 0);
    // A hook that keeps its watchdog keeps both for ever.
    *own.lock().unwrap() = None;
}

#[tokio::test(start_paused = true)]
async fn promise_4_the_lag_is_that_of_the_late_timers() {
    let (dog, scope) = (watchdog(), Scope::root("process", 10));
    drop(dog.start(&scope).expect("room"));
    assert_eq!(dog.lag_p99(), Duration::ZERO);
    Clock.sleep(SECOND).await;
    assert!(
        dog.lag_p99() <= Duration::from_millis(1),
        "{:?}",
        dog.lag_p99()
    );
    // The runtime stands still for half a second.
    tokio::time::advance(SECOND / 2).await;
    tokio::task::yield_now().await;
    Clock.sleep(SECOND).await;
    let lag = dog.lag_p99();
    assert!(lag > SECOND / 3 && lag < SECOND / 2, "{lag:?}");
    Clock.sleep(10 * SECOND).await;
    assert!(
        dog.lag_p99() <= Duration::from_millis(1),
        "{:?}",
        dog.lag_p99()
    );
    scope.close().await;
}

#[tokio::test(start_paused = true)]
async fn settings_beyond_all_time_end_no_watchdog() {
    for settings in [
        PulseSettings {
            look_every: Duration::MAX,
            ..PulseSettings::default()
        },
        PulseSettings {
            lag_every: Duration::MAX,
            lag_window: Duration::MAX,
            ..PulseSettings::default()
        },
        PulseSettings {
            lag_every: Duration::ZERO,
            lag_window: Duration::ZERO,
            look_every: Duration::ZERO,
            watched: 0,
        },
    ] {
        let (dog, scope) = (Watchdog::new(settings, Clock), Scope::root("test", 1));
        let task = dog.start(&scope).expect("room");
        let pulse = dog.watch("turn", 7, "queue", Duration::MAX);
        drop(pulse.zone("zone", Duration::MAX));
        Clock.sleep(SECOND).await;
        assert!(!task.is_finished(), "{settings:?}");
        assert_eq!(dog.stats().stalls, 0);
    }
}
