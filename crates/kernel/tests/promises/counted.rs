//! What gatherings and merges count, and that every noun with numbers tells
//! them through the one trait.

use std::collections::BTreeMap;
use std::future::pending;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use tidegate_kernel::{
    Breaker, ByteBudget, Clock, Deadline, Gather, Gatherings, Lane, Ledger, Merge, Merged, Merges,
    Observe, Once, Order, Pool, Pressure, Queue, Relays, RetryBudget, Reuse, Scope, Share,
    Watchdog, Why, Workers,
};

use crate::samples::Page;

const MS: Duration = Duration::from_millis(1);

fn after(time: Duration) -> Deadline {
    Deadline::after(Clock, time)
}

/// The numbers under their names without `tidegate_` and the noun.
fn told(noun: &str, of: &impl Observe) -> BTreeMap<String, f64> {
    let mut page = Page::default();
    of.observe(&[], &mut page);
    let start = format!("tidegate_{noun}_");
    let short = |name: String| name.strip_prefix(&start).expect("its own").to_owned();
    let not_zero = page.0.into_iter().filter(|(_, n)| *n != 0.0);
    not_zero.map(|(name, n)| (short(name), n)).collect()
}

fn numbers(of: &[(&str, f64)]) -> BTreeMap<String, f64> {
    of.iter()
        .map(|(name, n)| ((*name).to_owned(), *n))
        .collect()
}

/// One good and one failed piece, and one that never ends.
fn three(scope: &Scope, counted: &Gatherings) -> Gather<'static, u32, u32> {
    let mut gather = Gather::new(scope, "three").counted(counted);
    gather.add("good", |_| async { Ok(1) });
    gather.add("bad", |_| async { Err(2) });
    gather.add("silent", |_| pending());
    gather
}

#[tokio::test(start_paused = true)]
async fn gatherings_promise_1_each_has_one_end_and_while_it_runs_none() {
    let scope = Scope::root("test", 10);
    let all = Gatherings::default();
    three(&scope, &all)
        .first(after(MS))
        .await
        .expect("a good one");
    let short = three(&scope, &all).all_good(after(MS)).await;
    short.expect_err("one is bad");
    assert!(three(&scope, &all).all(after(MS)).await.is_partial());

    let leaves = three(&scope, &all).all(after(100 * MS));
    after(10 * MS).bound(leaves).await.expect_err("it runs");
    let child = scope.child("cancelled");
    let stays = three(&child, &all).all(after(100 * MS));
    let stays = scope.spawn("stays", stays).expect("room");
    Clock.sleep(MS).await;
    assert_eq!(told("gather", &all)["running{}"], 1.0);
    child.cancel(Why::Operator);
    assert!(stays.await.is_done());

    let ends: BTreeMap<_, _> = told("gather", &all)
        .into_iter()
        .filter(|(name, _)| !name.starts_with("pieces"))
        .collect();
    let expected = [
        "reached",
        "out_of_reach",
        "deadline",
        "dropped",
        "cancelled",
    ]
    .map(|stop| (format!("ended_total{{stop={stop}}}"), 1.0));
    assert_eq!(ends, BTreeMap::from(expected), "none runs");
}

#[tokio::test(start_paused = true)]
async fn gatherings_promise_2_each_piece_has_one_exit_also_if_the_caller_left() {
    let scope = Scope::root("test", 10);
    let all = Gatherings::default();
    let mut gather = three(&scope, &all);
    gather.add("breaks", |_| async { panic!("a defect") });
    after(MS)
        .bound(gather.all(after(MS * 9)))
        .await
        .expect_err("it left");
    drop(three(&scope, &all));
    let expected = [
        ("ended_total{stop=dropped}", 1.0),
        ("pieces_total{exit=good}", 1.0),
        ("pieces_total{exit=failed}", 1.0),
        ("pieces_total{exit=panicked}", 1.0),
        ("pieces_total{exit=unfinished}", 1.0),
    ];
    assert_eq!(
        told("gather", &all),
        numbers(&expected),
        "what never began is none"
    );
}

/// So many items; then it ends, or breaks.
struct Items(u32, bool);

impl Stream for Items {
    type Item = u32;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u32>> {
        match self.0.checked_sub(1) {
            Some(left) => {
                self.0 = left;
                Poll::Ready(Some(left))
            }
            None if self.1 => panic!("an input breaks"),
            None => Poll::Ready(None),
        }
    }
}

#[tokio::test]
async fn merges_promise_1_every_input_is_open_or_has_left_by_one_way() {
    let all = Merges::default();
    let mut merge = Merge::new(3).counted(&all);
    for input in [Items(2, false), Items(1, true), Items(100, false)] {
        merge.add(input).expect("room");
    }
    merge.add(Items(0, false)).expect_err("full");
    assert_eq!(
        told("merge", &all),
        numbers(&[("inputs{}", 3.0), ("refused_total{}", 1.0)])
    );
    let (mut items, mut ends) = (0.0, 0);
    while ends < 2 {
        match merge.next().await.expect("the third goes on") {
            Merged::Item { .. } => items += 1.0,
            Merged::Ended { .. } => ends += 1,
        }
    }
    drop(merge);
    let expected = [
        ("items_total{}", items),
        ("refused_total{}", 1.0),
        ("ended_total{exit=done}", 1.0),
        ("ended_total{exit=panicked}", 1.0),
        ("ended_total{exit=dropped}", 1.0),
    ];
    assert_eq!(told("merge", &all), numbers(&expected));
}

/// Compiles only if each noun that has numbers tells them the same way.
const _: () = {
    _ = <Breaker as Observe>::observe;
    _ = <ByteBudget as Observe>::observe;
    _ = <Gatherings as Observe>::observe;
    _ = <Lane<u32> as Observe>::observe;
    _ = <Ledger<u32> as Observe>::observe;
    _ = <Merges as Observe>::observe;
    _ = <Once<u32, u32, u32> as Observe>::observe;
    _ = <Order as Observe>::observe;
    _ = <Pool as Observe>::observe;
    _ = <Pressure as Observe>::observe;
    _ = <Queue<u32> as Observe>::observe;
    _ = <Relays as Observe>::observe;
    _ = <RetryBudget as Observe>::observe;
    _ = <Reuse<Vec<u8>> as Observe>::observe;
    _ = <Scope as Observe>::observe;
    _ = <Share<u32, String> as Observe>::observe;
    _ = <Watchdog as Observe>::observe;
    _ = <Workers as Observe>::observe;
};
