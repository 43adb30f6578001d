//! Routes: which target of a step is asked first, strategy by strategy.
//!
//! What follows when it fails stands in `routes`.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use tidegate_gateway::{Facts, RouteSettings, Strategy};
use tidegate_testkit::{Script, Signal, Upstream};

use crate::house::{House, Plan, text};
use crate::routes::{good, models, route};

fn plan(strategy: Strategy, targets: &[(&str, u32)]) -> Plan {
    Plan {
        routes: vec![RouteSettings {
            strategy,
            ..route("r", &[targets])
        }],
        ..Plan::trying()
    }
}

/// How often each model was asked.
fn counts(upstream: &Upstream) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for model in models(upstream) {
        *counts.entry(model).or_default() += 1;
    }
    counts
}

async fn asks(house: &House, times: usize) {
    for _ in 0..times {
        text(house.ask("r", false).await.unwrap()).await;
    }
}

#[tokio::test]
async fn round_robin_takes_turns_by_the_weights() {
    let upstream = Upstream::start().await;
    upstream.always(good("tide"));
    let targets = [("up/a", 3), ("up/b", 1), ("up/c", 2)];
    let house = House::new(plan(Strategy::RoundRobin, &targets), Some(&upstream));
    asks(&house, 12).await;
    let each = [("a", 6), ("b", 2), ("c", 4)].map(|(name, n)| (name.to_owned(), n));
    assert_eq!(counts(&upstream), BTreeMap::from(each));
    let first: Vec<_> = models(&upstream).into_iter().take(6).collect();
    assert_ne!(first[0], first[1], "spread, not in blocks: {first:?}");
}

#[tokio::test]
async fn weighted_follows_the_weights_by_chance() {
    let upstream = Upstream::start().await;
    upstream.always(good("tide"));
    let house = House::new(
        plan(Strategy::Weighted, &[("up/a", 9), ("up/b", 1)]),
        Some(&upstream),
    );
    asks(&house, 200).await;
    let counts = counts(&upstream);
    // 20 are expected; fewer than 3 or more than 50 come once in some million runs.
    let of_b = counts.get("b").copied().unwrap_or(0);
    assert!((3..=50).contains(&of_b), "{counts:?}");
}

#[tokio::test]
async fn least_loaded_goes_where_the_fewest_are() {
    let upstream = Upstream::start().await;
    let release = Signal::new();
    upstream.on_model("a", good("tide").held(&release));
    upstream.on_model("b", good("tide"));
    let house = House::new(
        plan(Strategy::LeastLoaded, &[("up/a", 1), ("up/b", 1)]),
        Some(&upstream),
    );
    let mut held = pin!(house.ask("up/a", false));
    tokio::select! {
        _ = &mut held => panic!("it is held"),
        _ = upstream.request(0) => {}
    }
    asks(&house, 6).await;
    assert_eq!(counts(&upstream)["b"], 6);
    release.fire();
    text(held.await.unwrap()).await;
    // Nobody is loaded: both have their share.
    asks(&house, 10).await;
    assert!(counts(&upstream)["a"] >= 5, "{:?}", counts(&upstream));
}

#[tokio::test]
async fn latency_prefers_the_quicker_and_the_one_that_does_not_fail() {
    let upstream = Upstream::start().await;
    upstream.on_model("a", good("tide").late(Duration::from_secs(1)));
    upstream.on_model("b", good("tide"));
    let house = House::new(
        plan(Strategy::Latency, &[("up/a", 1), ("up/b", 1)]),
        Some(&upstream),
    );
    asks(&house, 30).await;
    let counts = counts(&upstream);
    assert!(counts["b"] >= 25, "{counts:?}");
}

#[tokio::test]
async fn cost_takes_the_cheapest_for_this_call() {
    let upstream = Upstream::start().await;
    upstream.always(good("tide"));
    let targets = [("up/unknown", 1), ("up/dear", 1), ("up/cheap", 1)];
    let mut plan = plan(Strategy::Cost, &targets);
    for (name, price) in [("up/dear", 10.0), ("up/cheap", 0.5)] {
        let facts = Facts {
            input_price: Some(price),
            output_price: Some(price),
            ..Facts::default()
        };
        plan.catalogue.insert(name.to_owned(), facts);
    }
    let house = House::new(plan, Some(&upstream));
    asks(&house, 3).await;
    assert_eq!(models(&upstream), ["cheap"; 3]);
    // One that is out is passed over, and the next cheapest is asked.
    upstream.on_model("cheap", Script::json(403, "{}"));
    asks(&house, 1).await;
    assert_eq!(models(&upstream)[3..], ["cheap", "dear"]);
}

#[tokio::test]
async fn sticky_asks_the_same_one_for_the_same_session() {
    let upstream = Upstream::start().await;
    upstream.always(good("tide"));
    let targets = [("up/a", 1), ("up/b", 1), ("up/c", 1), ("up/d", 1)];
    let house = House::new(plan(Strategy::Sticky, &targets), Some(&upstream));
    let mut of_session = Vec::new();
    for session in 0..16 {
        for _ in 0..3 {
            let mut call = House::call("r", false);
            call.said.session = Some(format!("session {session}"));
            text(house.send(call).await.unwrap()).await;
        }
        let seen: Vec<_> = models(&upstream).into_iter().skip(session * 3).collect();
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
        of_session.push(seen[0].clone());
    }
    of_session.sort();
    of_session.dedup();
    assert!(of_session.len() >= 3, "spread: {of_session:?}");
}
