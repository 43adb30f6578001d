//! Routes: who else is asked, after what, what its caller sees, and when nobody is.
//!
//! The fallback side of the rows of failures.md, over real sockets: `up` answers
//! by its model's name.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;

use http::HeaderMap;
use kernel::{BudgetSettings, Clock, Overflow};
use tidegate_gateway::{
    Answer, Call, Facts, Failure, FallbackOn, Manner, RouteSettings, RouteTarget, ShadowSettings,
    Strategy,
};
use tidegate_kernel as kernel;
use tidegate_testkit::{Script, Signal, Upstream, openai};
use tidegate_types::Code;

use crate::attempts::{error, limited};
use crate::house::{House, Plan, frame, pool, text};

const SECOND: Duration = Duration::from_secs(1);

/// A route of these steps, each of targets with their weights.
pub(crate) fn route(name: &str, steps: &[&[(&str, u32)]]) -> RouteSettings {
    let target = |(target, weight): &(&str, u32)| {
        let (provider, model) = target.split_once('/').unwrap();
        RouteTarget {
            provider: provider.to_owned(),
            model: model.to_owned(),
            weight: *weight,
        }
    };
    RouteSettings {
        name: name.to_owned(),
        strategy: Strategy::Weighted,
        steps: steps
            .iter()
            .map(|step| step.iter().map(target).collect())
            .collect(),
        fallback: FallbackOn::default(),
        slow_after: None,
        wait_out: false,
        shadow: None,
    }
}

/// First `up/a`, then `up/b`.
fn two() -> RouteSettings {
    route("r", &[&[("up/a", 1)], &[("up/b", 1)]])
}

fn plan(route: RouteSettings) -> Plan {
    Plan {
        routes: vec![route],
        ..Plan::trying()
    }
}

pub(crate) fn good(name: &str) -> Script {
    Script::json(200, &openai::completion(name))
}

/// The models that the upstream was asked for, in their order.
pub(crate) fn models(upstream: &Upstream) -> Vec<String> {
    let model = |body: &[u8]| {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        body["model"].as_str().unwrap().to_owned()
    };
    upstream
        .requests()
        .iter()
        .map(|one| model(one.body()))
        .collect()
}

fn target(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-tidegate-target")?.to_str().ok()
}

async fn answer(house: &House, call: Call) -> Result<Answer, Failure> {
    house.gateway.ask(house.admit(), call).await
}

/// Rows 3, 4, 7, 13, 15 to 17 and 25 before the first content: the other target
/// answers, and the caller sees nothing but who it was.
#[tokio::test]
async fn what_fails_before_its_first_content_is_asked_of_the_next_target() {
    let html = || Script::whole(200, &[("content-type", "text/html")], b"<html>busy</html>");
    let redirect = || Script::whole(302, &[("location", "http://127.0.0.1:1/")], b"");
    let stream = |events: &[&str]| Script::sse().bytes(events.concat());
    let rows = [
        (false, error(529, "overloaded")),
        (false, error(500, "server_error")),
        (false, error(403, "not_for_this_model")),
        (false, html()),
        (false, redirect()),
        (false, Script::json(200, "{\"choices\":[")),
        (true, error(503, "overloaded")),
        (true, html()),
        (true, stream(&[])),
        (
            true,
            stream(&["data: {\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n\n"]),
        ),
        (
            true,
            stream(&["data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n"]),
        ),
    ];
    for (number, (streams, broken)) in rows.into_iter().enumerate() {
        let upstream = Upstream::start().await;
        upstream.on_model("a", broken);
        upstream.on_model(
            "b",
            match streams {
                true => Script::stream_of(&["ti", "de"]),
                false => good("tide"),
            },
        );
        let house = House::new(plan(two()), Some(&upstream));
        let good = answer(&house, House::call("r", streams)).await;
        let good = good.unwrap_or_else(|failure| panic!("row {number}: {failure:?}"));
        assert_eq!(target(&good.headers), Some("up/b"), "row {number}");
        let told = text(good.reply).await;
        assert!(
            told.contains("de") && !told.contains("error"),
            "row {number}: {told}"
        );
        assert_eq!(models(&upstream).last().map(String::as_str), Some("b"));
        let back = house.samples().sum("tidegate_fallbacks_total", &["up"]);
        assert_eq!(back, 1.0, "row {number}");
        let outcomes = house.outcomes().await;
        assert_eq!(
            outcomes,
            [("completed".into(), "completed".into(), 1)],
            "row {number}"
        );
    }
}

/// Row 1: a target that is limited is left at once, and not asked while it rests.
#[tokio::test]
async fn row_1_a_limited_target_is_left_at_once_and_passed_over_while_it_rests() {
    let upstream = Upstream::start().await;
    upstream.on_model("a", limited("30"));
    upstream.on_model("b", good("tide"));
    let house = House::new(plan(two()), Some(&upstream));
    let began = Clock.now();
    for _ in 0..3 {
        text(house.ask("r", false).await.unwrap()).await;
    }
    assert!(Clock.now() - began < 10 * SECOND);
    assert_eq!(models(&upstream), ["a", "b", "b", "b"]);
}

/// Row 5: what the caller did wrong fails everywhere, and is asked nowhere else.
#[tokio::test]
async fn row_5_a_refused_request_is_not_asked_of_another_target() {
    for status in [400, 404, 413, 422] {
        let upstream = Upstream::start().await;
        upstream.always(error(status, "no"));
        let house = House::new(plan(two()), Some(&upstream));
        let failure = house.ask("r", false).await.err().unwrap();
        assert_eq!(failure.status(Manner::OpenAi), status);
        assert_eq!(models(&upstream), ["a"]);
    }
}

/// Row 5: but for what is too long, which a larger model may read.
#[tokio::test]
async fn row_5_what_is_too_long_is_asked_of_a_larger_model_only() {
    let upstream = Upstream::start().await;
    upstream.on_model("a", error(400, "context_length_exceeded"));
    upstream.on_model("c", good("tide"));
    let steps: [&[(&str, u32)]; 3] = [&[("up/a", 1)], &[("up/b", 1)], &[("up/c", 1)]];
    let mut plan = plan(route("r", &steps));
    for (name, window) in [("up/a", 1_000), ("up/b", 1_000), ("up/c", 100_000)] {
        let facts = Facts {
            context_window: Some(window),
            ..Facts::default()
        };
        plan.catalogue.insert(name.to_owned(), facts);
    }
    let house = House::new(plan, Some(&upstream));
    text(house.ask("r", false).await.unwrap()).await;
    assert_eq!(models(&upstream), ["a", "c"]);
}

/// Row 31: content that one did not like is asked of another where that is wanted.
#[tokio::test]
async fn row_31_refused_content_is_asked_of_another_target_by_policy_only() {
    for wanted in [false, true] {
        let upstream = Upstream::start().await;
        upstream.on_model("a", error(400, "content_filter"));
        upstream.on_model("b", good("tide"));
        let mut route = two();
        route.fallback.refusal = wanted;
        let house = House::new(plan(route), Some(&upstream));
        assert_eq!(house.ask("r", false).await.is_ok(), wanted);
        assert_eq!(models(&upstream).len(), 1 + usize::from(wanted));
    }
}

/// After the first content nobody else is asked: the stream ends with its error.
#[tokio::test]
async fn after_the_first_content_nobody_else_is_asked() {
    let upstream = Upstream::start().await;
    let cut = "data: {\"choices\":[{\"delta\":{\"content\":\"ti\"}}]}\n\n";
    let seen = Signal::new();
    upstream.on_model("a", Script::sse().bytes(cut).until(&seen));
    upstream.on_model("b", Script::stream_of(&["no"]));
    let house = House::new(plan(two()), Some(&upstream));
    let mut reply = house.ask("r", true).await.unwrap();
    let first = frame(&mut reply).await.unwrap();
    seen.fire();
    let told = first + &text(reply).await;
    assert!(
        told.contains("stream_truncated") && !told.contains("[DONE]"),
        "{told}"
    );
    assert_eq!(models(&upstream), ["a"]);
    assert_eq!(house.outcome().await.0, "failed");
}

/// When all have failed the last failure is told, with those before it.
#[tokio::test]
async fn when_all_have_failed_the_caller_is_told_of_each() {
    let upstream = Upstream::start().await;
    upstream.on_model("a", limited("40"));
    upstream.on_model("b", error(500, "server_error"));
    let house = House::new(plan(two()), Some(&upstream));
    let failure = house.ask("r", false).await.err().unwrap();
    assert_eq!(failure.code, Code::UpstreamError);
    assert!(
        failure.message.contains("`up/a` (rate_limit_exceeded)"),
        "{failure:?}"
    );
    assert_eq!(failure.should_retry(), Some(false));
    assert_eq!(
        house.outcome().await,
        ("failed".into(), "upstream_error".into())
    );
}

/// All rest, and nobody waits: 429 with the time of the first that is back.
#[tokio::test]
async fn when_all_rest_the_time_of_the_first_is_told() {
    let upstream = Upstream::start().await;
    upstream.on_model("a", limited("20"));
    upstream.on_model("b", limited("40"));
    let house = House::new(plan(two()), Some(&upstream));
    for _ in 0..2 {
        let failure = house.ask("r", false).await.err().unwrap();
        assert_eq!(failure.code, Code::UpstreamRateLimited);
        let after = failure.retry_after.unwrap();
        assert!((19 * SECOND..=21 * SECOND).contains(&after), "{after:?}");
        assert_eq!(failure.should_retry(), Some(true));
    }
    assert_eq!(upstream.count(), 2, "who rests is not asked");
}

/// All rest, and the route waits: the answer comes when the first is back; the
/// caller of a stream has its head, and hears that somebody is there.
#[tokio::test(start_paused = true)]
async fn when_all_rest_a_route_can_wait_while_its_caller_hears_of_it() {
    for streams in [false, true] {
        let mut route = route("r", &[&[("sim/one", 1)], &[("sim/two", 1)]]);
        route.wait_out = true;
        let script = r#"
            [[rule]]
            match.model = "one"
            times = 1
            status = 429
            headers = { retry-after = "40" }
            [[rule]]
            match.model = "two"
            times = 1
            status = 429
            headers = { retry-after = "70" }
            [[rule]]
            respond.text = "tide"
        "#;
        let house = House::new(
            Plan {
                script,
                ..plan(route)
            },
            None,
        );
        let began = Clock.now();
        let good = answer(&house, House::call("r", streams)).await.unwrap();
        let until_head = Clock.now() - began;
        let mut reply = good.reply;
        let mut told = String::new();
        let mut first = None;
        while let Some(more) = frame(&mut reply).await {
            first.get_or_insert(Clock.now() - began);
            told.push_str(&more);
        }
        drop(reply);
        let took = Clock.now() - began;
        assert!((40 * SECOND..50 * SECOND).contains(&took), "{took:?}");
        assert!(told.contains("tide"), "{told}");
        if streams {
            assert!(
                until_head < SECOND && told.starts_with(": ping\n\n"),
                "{told}"
            );
            assert!(told.ends_with("[DONE]\n\n"), "{told}");
        }
        assert_eq!(house.outcome().await.0, "completed");
    }
}

/// A request that has less time than the first one's rest does not wait in vain.
#[tokio::test(start_paused = true)]
async fn nobody_waits_for_longer_than_his_request_may_take() {
    let mut route = route("r", &[&[("sim/one", 1)]]);
    route.wait_out = true;
    let script = "[[rule]]\nstatus = 429\nheaders = { retry-after = \"40\" }\n";
    let house = House::new(
        Plan {
            script,
            ..plan(route)
        },
        None,
    );
    let began = Clock.now();
    let call = Call {
        patience: Some(5 * SECOND),
        ..House::call("r", false)
    };
    let failure = house.send(call).await.err().unwrap();
    assert_eq!(failure.code, Code::UpstreamRateLimited);
    assert!(Clock.now() - began < SECOND);
}

/// Rows 8 and 9: a target that gives nothing is left after `slow_after`, and that
/// is no failure of it; the last one has the time that its timers give it.
#[tokio::test]
async fn rows_8_and_9_a_slow_target_is_left_and_is_not_blamed() {
    for streams in [false, true] {
        let upstream = Upstream::start().await;
        upstream.on_model("a", Script::silent());
        upstream.on_model(
            "b",
            match streams {
                true => Script::stream_of(&["tide"]),
                false => good("tide"),
            },
        );
        let mut route = two();
        route.slow_after = Some(Duration::from_millis(50));
        let house = House::new(plan(route), Some(&upstream));
        for _ in 0..7 {
            let told = text(house.ask("r", streams).await.unwrap()).await;
            assert!(told.contains("tide"), "{told}");
        }
        let usable = house.samples().sum("tidegate_target_usable", &["a"]);
        assert_eq!(usable, 1.0, "a breaker does not open for it");
        let slow = house.samples().sum("tidegate_fallbacks_total", &["slow"]);
        assert_eq!(slow, 7.0);
    }
}

/// A pool without room is no reason to wait while another target has some.
#[tokio::test]
async fn a_full_pool_is_left_for_another_provider() {
    let upstream = Upstream::start().await;
    upstream.always(Script::silent());
    let plan = Plan {
        pool: pool(1, 0, Overflow::Error),
        ..plan(route("r", &[&[("up/a", 1)], &[("sim/echo", 1)]]))
    };
    let house = House::new(plan, Some(&upstream));
    let mut first = pin!(house.ask("up/a", false));
    tokio::select! {
        _ = &mut first => panic!("it hangs"),
        _ = upstream.request(0) => {}
    }
    let good = answer(&house, House::call("r", false)).await.unwrap();
    assert_eq!(target(&good.headers), Some("sim/echo"));
    text(good.reply).await;
    assert_eq!(
        house
            .samples()
            .sum("tidegate_fallbacks_total", &["overload"]),
        1.0
    );
}

/// Controls A.5: fallbacks are paid from the budget of retries, but for those of
/// which nothing went out.
#[tokio::test]
async fn fallbacks_are_paid_from_the_budget_of_retries() {
    let upstream = Upstream::start().await;
    upstream.on_model("a", error(403, "not_for_this_model"));
    upstream.on_model("b", good("tide"));
    let mut plan = plan(two());
    plan.retry.budget = BudgetSettings {
        percent: 0,
        per_second: 0,
    };
    let house = House::new(plan, Some(&upstream));
    let failure = house.ask("r", false).await.err().unwrap();
    assert_eq!(failure.code, Code::UpstreamAuth);
    assert_eq!(models(&upstream), ["a"]);
    // Where no attempt was made, nothing was spent.
    upstream.on_model("a", limited("30"));
    let failure = house.ask("r", false).await.err().unwrap();
    assert_eq!(failure.code, Code::UpstreamRateLimited);
    text(house.ask("r", false).await.unwrap()).await;
    assert_eq!(models(&upstream), ["a", "a", "b"]);
}

/// A request names its own fallbacks, behind any name.
#[tokio::test]
async fn a_request_can_name_its_own_fallbacks() {
    let upstream = Upstream::start().await;
    upstream.on_model("a", error(500, "server_error"));
    upstream.on_model("b", error(500, "server_error"));
    let house = House::new(plan(two()), Some(&upstream));
    let mut call = House::call("up/a", false);
    call.said.fallbacks = vec!["r".to_owned(), "sim/echo".to_owned()];
    let good = answer(&house, call).await.unwrap();
    assert_eq!(target(&good.headers), Some("sim/echo"));
    assert_eq!(text(good.reply).await.matches("one two").count(), 1);
    let mut call = House::call("up/a", false);
    call.said.fallbacks = vec!["nobody".to_owned()];
    let failure = answer(&house, call).await.err().unwrap();
    assert_eq!(failure.code, Code::ModelNotFound);
}

/// A route's name is listed, and found where a provider's is not meant.
#[tokio::test]
async fn contracts_6_a_route_is_found_by_its_name_and_listed() {
    let routes = vec![
        route("echo", &[&[("sim/sim-0-1-0-4", 1)]]),
        route("sim/fast", &[&[("sim/echo", 1)]]),
    ];
    let plan = Plan {
        routes,
        ..Plan::trying()
    };
    let house = House::new(plan, None);
    let good = answer(&house, House::call("echo", false)).await.unwrap();
    assert_eq!(
        target(&good.headers),
        Some("sim/sim-0-1-0-4"),
        "before who lists it"
    );
    let failure = answer(&house, House::call("sim/fast", false))
        .await
        .err()
        .unwrap();
    assert_eq!(
        failure.code,
        Code::ModelNotFound,
        "the prefix is a provider's"
    );
    let listed: Vec<_> = house
        .gateway
        .models()
        .into_iter()
        .map(|one| one.id)
        .collect();
    assert!(listed.contains(&"echo".to_owned()) && listed.contains(&"sim/echo".to_owned()));
    let unknown: BTreeMap<_, _> = listed.iter().map(|name| (name, ())).collect();
    assert_eq!(unknown.len(), listed.len(), "each once: {listed:?}");
}

/// A share of the calls is asked of another model as well: its caller sees nothing
/// of it, whatever becomes of it, and what it came to is counted.
#[tokio::test]
async fn a_shadow_is_asked_the_same_and_nobody_sees_it() {
    for (script, result) in [(good("shade"), "completed"), (error(500, "x"), "failed")] {
        let upstream = Upstream::start().await;
        upstream.on_model("a", good("tide"));
        upstream.on_model("s", script);
        let mut route = route("r", &[&[("up/a", 1)]]);
        route.shadow = Some(ShadowSettings {
            target: RouteTarget {
                provider: "up".to_owned(),
                model: "s".to_owned(),
                weight: 1,
            },
            percent: 100,
        });
        let mut plan = plan(route);
        plan.retry.attempts = 1;
        let house = House::new(plan, Some(&upstream));
        let good = answer(&house, House::call("r", false)).await.unwrap();
        assert_eq!(target(&good.headers), Some("up/a"));
        assert!(text(good.reply).await.contains("tide"));
        upstream.request(1).await;
        while house.samples().sum("tidegate_shadows_total", &[result]) < 1.0 {
            Clock.sleep(Duration::from_millis(5)).await;
        }
        let mut asked = models(&upstream);
        asked.sort();
        assert_eq!(asked, ["a", "s"]);
        let messages = |at: usize| {
            let body = upstream.requests()[at].body().to_vec();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            body["messages"].clone()
        };
        assert_eq!(messages(0), messages(1));
        let outcome = house.outcome().await;
        assert_eq!(outcome, ("completed".into(), "completed".into()));
    }
}
