//! Deadlines and alarms: R-P3, R-P5, R-P6, R-P9, R-P13, INV-DEADLINE.
//! All in paused time, where a bound is exact.

use std::future::{pending, poll_fn, ready};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tidegate_kernel::{Alarm, Clock, Deadline, Elapsed, Instant};

const MS: Duration = Duration::from_millis(1);

async fn due(alarm: &mut Alarm) {
    poll_fn(|cx| alarm.poll_due(cx)).await;
}

/// Waits for the alarm, and tells how many milliseconds after `start` it rang.
async fn rings_at(alarm: &mut Alarm, start: Instant) -> u128 {
    due(alarm).await;
    (Clock.now() - start).as_millis()
}

async fn is_silent(alarm: &mut Alarm) -> bool {
    poll_fn(|cx| Poll::Ready(alarm.poll_due(cx).is_pending())).await
}

#[tokio::test(start_paused = true)]
async fn r_p5_setting_after_a_consumed_expiry_takes_no_time_and_works() {
    let start = Clock.now();
    let mut alarm = Alarm::new();
    alarm.set(start + 50 * MS);
    assert_eq!(rings_at(&mut alarm, start).await, 50);
    let before = Clock.now();
    alarm.set(before + 20 * MS);
    assert_eq!(Clock.now(), before, "setting waited");
    assert_eq!(rings_at(&mut alarm, start).await, 70);
}

#[tokio::test(start_paused = true)]
async fn r_p6_not_fired_the_new_due_time_is_the_one_that_fires() {
    let start = Clock.now();
    for (first, second) in [(50, 80), (80, 50)] {
        let start = Clock.now();
        let mut alarm = Alarm::new();
        alarm.set(start + first * MS);
        assert!(is_silent(&mut alarm).await);
        alarm.set(start + second * MS);
        assert_eq!(rings_at(&mut alarm, start).await, u128::from(second));
    }
    assert_eq!((Clock.now() - start).as_millis(), 130);
}

#[tokio::test(start_paused = true)]
async fn r_p6_fired_and_not_consumed_the_new_due_time_is_the_one_that_fires() {
    let start = Clock.now();
    let mut alarm = Alarm::new();
    alarm.set(start + 10 * MS);
    assert!(is_silent(&mut alarm).await);
    tokio::time::advance(30 * MS).await;
    // It has fired by now, and nobody has looked.
    alarm.set(start + 60 * MS);
    assert!(is_silent(&mut alarm).await);
    assert_eq!(rings_at(&mut alarm, start).await, 60);
}

#[tokio::test(start_paused = true)]
async fn r_p9_an_alarm_moved_just_before_its_due_time_does_not_ring() {
    let start = Clock.now();
    let mut alarm = Alarm::new();
    alarm.set(start + 10 * MS);
    for step in 1..100 {
        assert!(is_silent(&mut alarm).await);
        tokio::time::advance(9 * MS).await;
        alarm.set(Clock.now() + 10 * MS);
        tokio::time::advance(Duration::from_micros(900)).await;
        assert!(is_silent(&mut alarm).await, "a stale ring in step {step}");
    }
    let last = alarm.due().expect("it was set");
    due(&mut alarm).await;
    assert!(Clock.now() >= last && Clock.now() < last + 2 * MS);
}

#[tokio::test(start_paused = true)]
async fn an_alarm_rings_once_and_a_cleared_one_not_at_all() {
    let mut alarm = Alarm::new();
    alarm.set(Clock.now() + MS);
    due(&mut alarm).await;
    assert_eq!(alarm.due(), None);
    assert_eq!(
        Deadline::after(Clock, 100 * MS)
            .bound(due(&mut alarm))
            .await,
        Err(Elapsed)
    );
    alarm.set(Clock.now() + MS);
    assert!(is_silent(&mut alarm).await);
    alarm.clear();
    assert_eq!(
        Deadline::after(Clock, 100 * MS)
            .bound(due(&mut alarm))
            .await,
        Err(Elapsed)
    );
}

#[test]
fn an_alarm_registers_nothing_before_its_first_poll() {
    // Without a runtime a registration would panic.
    let mut alarm = Alarm::new();
    alarm.set(Clock.now() + MS);
    alarm.set(Clock.now());
    alarm.clear();
    assert_eq!(alarm.due(), None);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_postponements_wake_the_task_a_few_times_only() {
    let mut alarm = Alarm::new();
    let mut events = pin!(async {
        for _ in 0..1000 {
            Clock.sleep(MS).await;
        }
    });
    let (mut polls, mut open) = (0_u32, true);
    alarm.set(Clock.now() + 100 * MS);
    poll_fn(|cx| {
        polls += 1;
        if open && events.as_mut().poll(cx).is_ready() {
            open = false;
        }
        if open {
            // An event: the idle limit starts anew.
            alarm.set(Clock.now() + 100 * MS);
        }
        alarm.poll_due(cx)
    })
    .await;
    // 1,000 wakes are the events'; the alarm adds one for each 100 ms at most.
    assert!(polls <= 1000 + 12, "{polls} polls");
}

#[tokio::test(start_paused = true)]
async fn an_alarm_rings_also_when_its_first_poll_came_with_no_budget_left() {
    let mut alarm = Alarm::new();
    alarm.set(Clock.now() + 10 * MS);
    let mut first = true;
    let rings = poll_fn(|cx| {
        while std::mem::take(&mut first) {
            // Spend the runtime's budget of this poll, as a busy body does.
            for _ in 0..1000 {
                let _ = pin!(tokio::task::coop::consume_budget()).poll(cx);
            }
        }
        alarm.poll_due(cx)
    });
    assert_eq!(Deadline::after(Clock, 50 * MS).bound(rings).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn r_p3_a_bound_ends_silent_work_at_its_deadline() {
    let start = Clock.now();
    let end = Deadline::after(Clock, 300 * MS)
        .bound(pending::<()>())
        .await;
    assert_eq!(end, Err(Elapsed));
    assert_eq!((Clock.now() - start).as_millis(), 300);
}

#[tokio::test(start_paused = true)]
async fn r_p13_a_bound_says_which_came_first() {
    let deadline = Deadline::after(Clock, 30 * MS);
    let work = |ms| async move {
        Clock.sleep(ms * MS).await;
        ms
    };
    assert_eq!(deadline.bound(work(20)).await, Ok(20));
    assert_eq!(deadline.bound(work(20)).await, Err(Elapsed));
}

#[tokio::test(start_paused = true)]
async fn inv_deadline_work_with_nothing_left_is_not_begun() {
    let deadline = Deadline::after(Clock, MS);
    tokio::time::advance(MS).await;
    assert!(deadline.is_past(Clock));
    assert_eq!(deadline.remaining(Clock), Duration::ZERO);
    let mut begun = false;
    let end = deadline.bound(async { begun = true }).await;
    assert_eq!((end, begun), (Err(Elapsed), false));
}

#[tokio::test(start_paused = true)]
async fn a_number_of_a_caller_overflows_no_time() {
    let far = Deadline::after(Clock, Duration::MAX);
    assert!(far.remaining(Clock) > Duration::from_secs(365 * 24 * 3600));
    assert_eq!(far.bound(ready(1)).await, Ok(1));
    let near = Deadline::after(Clock, MS);
    assert_eq!(far.earlier(near), near);
    assert_eq!(near.earlier(far), near);
}
