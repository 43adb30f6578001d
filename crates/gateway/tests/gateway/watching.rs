//! Those who watch the requests: what they are told, when the feed begins anew,
//! and that it costs nothing while nobody does.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use kernel::Clock;
use tidegate_gateway::{Mark, Notice, Told, Watcher};
use tidegate_kernel as kernel;
use tidegate_types::Code;

use crate::house::{House, Plan};

const PUBLISHED: &str = "tidegate_relay_events_published_total";

/// What it is told without waiting: `state N` with its requests, the stages of
/// what changes, `ended LABEL`; and the mark of the last.
async fn told(watcher: &mut Watcher) -> (Vec<String>, Option<Mark>) {
    let (mut all, mut last) = (Vec::new(), None);
    poll_fn(|cx| {
        loop {
            let (mark, text) = match watcher.poll_told(cx) {
                Poll::Pending => return Poll::Ready(()),
                Poll::Ready(None) => {
                    all.push("end".to_owned());
                    return Poll::Ready(());
                }
                Poll::Ready(Some(Told::Alive)) => {
                    all.push("alive".to_owned());
                    continue;
                }
                Poll::Ready(Some(Told::State(mark, views))) => {
                    (mark, format!("state {}", views.len()))
                }
                Poll::Ready(Some(Told::Notice(mark, notice))) => match &*notice {
                    Notice::Changed(view) => (mark, view.stage.as_str().to_owned()),
                    Notice::Ended { outcome, .. } => (mark, format!("ended {outcome}")),
                },
            };
            last = Some(mark);
            all.push(text);
        }
    })
    .await;
    (all, last)
}

fn published(house: &House) -> f64 {
    house.samples().sum(PUBLISHED, &["requests"])
}

/// A request that was refused, since no provider has its model.
async fn refused(house: &House) {
    let failure = house.ask("nobody/has-it", false).await.err().unwrap();
    assert_eq!(failure.code, Code::ModelNotFound);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_published_while_nobody_watches_nor_long_after_the_last_left() {
    let house = House::new(Plan::default(), None);
    refused(&house).await;
    assert_eq!(published(&house), 0.0);

    let mut watcher = house.gateway.watch(None).unwrap();
    assert_eq!(told(&mut watcher).await.0, ["state 0"]);
    refused(&house).await;
    let (all, seen) = told(&mut watcher).await;
    assert_eq!(all, ["reading", "ended model_not_found"]);
    drop(watcher);

    // For a while, for who comes back.
    refused(&house).await;
    assert_eq!(published(&house), 4.0);
    let mut again = house.gateway.watch(seen).unwrap();
    let (all, seen) = told(&mut again).await;
    assert_eq!(all, ["reading", "ended model_not_found"]);
    drop(again);

    // The first change that nobody sees begins the time.
    refused(&house).await;
    Clock.sleep(Duration::from_secs(11)).await;
    refused(&house).await;
    refused(&house).await;
    assert_eq!(published(&house), 6.0);
    let mut late = house.gateway.watch(seen).unwrap();
    assert_eq!(
        told(&mut late).await.0,
        ["state 0"],
        "that mark is of before"
    );
    refused(&house).await;
    assert_eq!(told(&mut late).await.0.len(), 2);
    house.scope.close().await;
}

#[tokio::test(start_paused = true)]
async fn after_a_gap_the_state_is_told_once_a_second_and_nothing_of_before() {
    let house = House::new(Plan::default(), None);
    let mut watcher = house.gateway.watch(None).unwrap();
    assert_eq!(told(&mut watcher).await.0, ["state 0"]);
    for _ in 0..3_000 {
        refused(&house).await;
    }
    // It was told the state this very second.
    assert!(told(&mut watcher).await.0.is_empty());
    Clock.sleep(Duration::from_secs(1)).await;
    refused(&house).await;
    assert_eq!(told(&mut watcher).await.0, ["state 0"]);
    refused(&house).await;
    let (all, _) = told(&mut watcher).await;
    assert_eq!(all, ["reading", "ended model_not_found"]);
    let missed = house
        .samples()
        .sum("tidegate_relay_events_missed_total", &["requests"]);
    assert_eq!(missed, 6_002.0);

    Clock.sleep(Duration::from_secs(16)).await;
    assert_eq!(told(&mut watcher).await.0, ["alive"]);
    house.gateway.close();
    assert_eq!(told(&mut watcher).await.0, ["end"]);
    let refusal = house.gateway.watch(None).err().unwrap();
    assert_eq!(refusal.code, Code::ShuttingDown);
    refused_in_the_drain(&house).await;
    house.scope.close().await;
}

async fn refused_in_the_drain(house: &House) {
    let before = published(house);
    let failure = house.ask("sim/echo", false).await.err().unwrap();
    assert_eq!(failure.code, Code::ShuttingDown);
    assert_eq!(published(house), before);
}
