//! R-S15, contracts hyper 12: another configuration, swapped in whole. What
//! goes on by name, what by upstream, what starts anew, and who is never lost.

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use kernel::{BudgetSettings, Clock, Level, LimitSettings, Overflow, Priority};
use tidegate_gateway::{Changes, Dialect, Endpoint, Settings, Subject};
use tidegate_kernel as kernel;
use tidegate_testkit::{Script, Signal, Upstream, openai};
use tidegate_types::Code;
use tidegate_wire::json::Limits;

use crate::house::{House, Plan, frame, pool, settings, text};

const SECOND: Duration = Duration::from_secs(1);
/// An answer that takes two seconds.
const SLOW: &str = "sim-2000-1-0-4";
/// And one that takes four.
const SLOWER: &str = "sim-4000-1-0-4";

fn good() -> Script {
    Script::json(200, &openai::completion("tide"))
}

/// One attempt, so that a failure is one failure.
fn plan() -> Plan {
    let mut plan = Plan::default();
    plan.retry.attempts = 1;
    plan
}

fn narrow(size: usize) -> Plan {
    let mut plan = plan();
    plan.pool = pool(size, 10, Overflow::Block);
    plan
}

/// Longer than anything at all takes before it must wait for a permit.
async fn moment() {
    Clock.sleep(SECOND / 10).await;
}

#[tokio::test(start_paused = true)]
async fn contract_12_a_queued_call_has_the_new_permits_at_once() {
    let house = House::new(narrow(1), None);
    let began = Clock.now();
    let call = || async {
        text(house.ask(SLOW, false).await.unwrap()).await;
        began.elapsed()
    };
    let resize = async {
        moment().await;
        assert_eq!(house.samples().sum("tidegate_pool_waiting", &["sim"]), 1.0);
        house.apply(settings(&narrow(2), None))
    };
    let (one, two, (next, changes)) = tokio::join!(call(), call(), resize);
    assert_eq!(changes.changed, ["sim"]);
    assert!(one < 3 * SECOND && two < 3 * SECOND, "{one:?} {two:?}");
    let samples = next.samples();
    assert_eq!(samples.sum("tidegate_pool_offered_total", &["sim"]), 2.0);
    assert_eq!(samples.sum("tidegate_pool_permits_max", &["sim"]), 2.0);
    assert_eq!(next.outcomes().await[0].2, 2);
}

#[tokio::test(start_paused = true)]
async fn contract_12_fewer_permits_take_nobody_s() {
    let house = House::new(narrow(2), None);
    let asked = &house;
    let call = |model| async move { text(asked.ask(model, false).await.unwrap()).await };
    let shrink = async {
        moment().await;
        let (next, _) = house.apply(settings(&narrow(1), None));
        assert_eq!(
            next.samples().sum("tidegate_pool_permits_busy", &["sim"]),
            2.0
        );
        // The next one waits for both to be back.
        let began = Clock.now();
        text(next.ask("echo", false).await.unwrap()).await;
        assert!(began.elapsed() > 3 * SECOND, "{:?}", began.elapsed());
        next
    };
    let (_, _, next) = tokio::join!(call(SLOW), call(SLOWER), shrink);
    assert_eq!(next.outcomes().await[0].2, 3);
}

/// Who was let in while a provider was there has its turn; nobody new is let in.
#[tokio::test(start_paused = true)]
async fn contract_12_a_removed_provider_serves_those_who_wait_for_it() {
    let house = House::new(narrow(1), None);
    let call = || async { text(house.ask(SLOW, false).await.unwrap()).await };
    let remove = async {
        moment().await;
        let mut without = settings(&narrow(1), None);
        without.sim = None;
        let (next, changes) = house.apply(without);
        assert_eq!(changes.removed, ["sim"]);
        let failure = next.ask("echo", false).await.err().unwrap();
        assert_eq!(failure.code, Code::ModelNotFound);
        assert!(next.gateway.pools().is_empty());
        let samples = next.samples();
        assert_eq!(samples.sum("tidegate_pool_waiting", &["sim"]), 1.0);
        // It comes back with the permits that are out, not with fresh ones.
        let (back, _) = next.apply(settings(&narrow(1), None));
        assert_eq!(
            back.samples().sum("tidegate_pool_permits_busy", &["sim"]),
            1.0
        );
        assert_eq!(back.samples().sum("tidegate_pool_waiting", &["sim"]), 1.0);
    };
    tokio::join!(call(), call(), remove);
    let outcomes = house.outcomes().await;
    let completed = ("completed".to_owned(), "completed".to_owned(), 2);
    assert!(outcomes.contains(&completed), "{outcomes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_nobody_uses_any_more_is_gone() {
    let house = House::new(plan(), None);
    text(house.ask("echo", false).await.unwrap()).await;
    let mut without = settings(&plan(), None);
    without.sim = None;
    let (next, _) = house.apply(without);
    drop(house);
    let shown = next.samples().sum("tidegate_pool_permits_max", &[]);
    assert_eq!(shown, 0.0, "nobody holds it");
}

#[tokio::test(start_paused = true)]
async fn the_end_and_the_level_reach_calls_of_an_earlier_configuration() {
    let house = House::new(narrow(1), None);
    let mut running = pin!(house.ask(SLOW, false));
    let mut queued = pin!(house.ask(SLOW, false));
    let mut without = settings(&narrow(1), None);
    without.sim = None;
    tokio::select! {
        biased;
        _ = &mut running => panic!("it takes two seconds"),
        _ = &mut queued => panic!("it waits"),
        () = moment() => {}
    }
    let (next, _) = house.apply(without);
    next.gateway.steward().set_level(Level::High);
    let mut call = House::call("echo", false);
    call.priority = Priority::Batch;
    let failure = house.send(call).await.err().unwrap();
    assert_eq!(failure.code, Code::Overloaded);
    next.gateway.close();
    let failure = queued.await.err().unwrap();
    assert_eq!(failure.code, Code::ShuttingDown);
    text(running.await.unwrap()).await;
}

/// A level that was told when a provider came is not its own for ever.
#[tokio::test(start_paused = true)]
async fn a_new_provider_follows_a_level_that_is_over() {
    let mut without = settings(&plan(), None);
    without.sim = None;
    let (empty, _) = House::usual().apply(without);
    empty.gateway.steward().set_level(Level::Busy);
    let (next, changes) = empty.apply(settings(&plan(), None));
    assert_eq!(changes.added, ["sim"]);
    let refused = |house: &House| {
        house
            .samples()
            .sum("tidegate_pool_refused_total", &["shed"])
    };
    empty.gateway.steward().set_level(Level::Calm);
    text(next.ask("echo", false).await.unwrap()).await;
    assert_eq!(refused(&next), 0.0);
}

/// R-S15: what cannot be used changes nothing, also not what could.
#[tokio::test]
async fn a_configuration_that_cannot_be_used_changes_nothing() {
    let upstream = Upstream::start().await;
    upstream.always(good());
    let house = House::new(narrow(3), Some(&upstream));
    let mut wrong = settings(&narrow(7), Some(&upstream));
    let mut other = settings(&narrow(7), Some(&upstream)).providers.remove(0);
    other.name = "tls".to_owned();
    other.base.tls = true;
    other.ca_file = Some(PathBuf::from("/nowhere/ca.pem"));
    wrong.providers.push(other);
    let error = house.gateway.apply(wrong, Limits::default()).unwrap_err();
    assert!(error.starts_with("providers.tls: `ca_file`"), "{error}");
    for view in house.gateway.pools() {
        assert_eq!(view.stats.max, 3, "{}", view.provider);
    }
    text(house.ask("up/m", false).await.unwrap()).await;
}

/// Fails five times, so that the breaker of `up/m` opens.
async fn open_breaker(house: &House, upstream: &Upstream) {
    upstream.always(Script::json(500, &openai::error("server_error", "x", "no")));
    for _ in 0..5 {
        house.ask("up/m", false).await.err().unwrap();
    }
    upstream.always(good());
    assert!(is_left_alone(house).await);
}

async fn is_left_alone(house: &House) -> bool {
    match house.ask("up/m", false).await {
        Ok(reply) => {
            text(reply).await;
            false
        }
        Err(failure) => failure.code == Code::UpstreamUnavailable,
    }
}

type Edit = fn(&mut Settings);

/// What of an upstream is remembered under which change.
#[tokio::test]
async fn what_was_learned_goes_on_while_it_is_the_same_upstream() {
    let cases: [(&str, bool, Edit); 7] = [
        ("nothing", true, |_| {}),
        ("the pool", true, |all| all.providers[0].pool.size = 9),
        ("a timer", true, |all| {
            all.providers[0].timeouts.idle = SECOND
        }),
        ("its limit", true, |all| {
            all.providers[0].pool.limit = LimitSettings::adaptive(1, 4);
        }),
        ("its breaker", false, |all| {
            all.providers[0].breaker.consecutive = 6
        }),
        ("its address", false, |all| {
            all.providers[0].base.path = "/v2".to_owned()
        }),
        ("its key", false, |all| {
            all.providers[0].keys[0].value = "sk-another".into();
        }),
    ];
    for (what, stays, edit) in cases {
        let upstream = Upstream::start().await;
        let mut plan = plan();
        plan.breaker.open_min = 60 * SECOND;
        let house = House::new(plan.clone(), Some(&upstream));
        open_breaker(&house, &upstream).await;
        let mut after = settings(&plan, Some(&upstream));
        edit(&mut after);
        let (next, changes) = house.apply(after);
        assert_eq!(changes.changed.is_empty(), what == "nothing", "{what}");
        assert_eq!(is_left_alone(&next).await, stays, "{what}");
    }
}

/// A key is known by its name and value: a refused one does not come back
/// because another was added before it, and a corrected one is tried at once.
#[tokio::test]
async fn r_d7_a_refused_key_is_remembered_by_name_and_value() {
    let upstream = Upstream::start().await;
    upstream.always(good());
    upstream.by(|seen| {
        let refused = seen.header("authorization")?.ends_with("canary-0");
        let no = openai::error("auth", "invalid_api_key", "no");
        refused.then(|| Script::json(401, &no))
    });
    let house = House::new(plan(), Some(&upstream));
    house.ask("up/m", false).await.err().unwrap();
    let asked = |house: &House| house.samples().sum("tidegate_key_usable", &["up", "k0"]);
    assert_eq!(asked(&house), 0.0);

    let mut more = settings(&Plan { keys: 2, ..plan() }, Some(&upstream));
    more.providers[0].keys.reverse();
    more.providers[0].keys[1].weight = 5;
    let (next, _) = house.apply(more);
    assert_eq!(asked(&next), 0.0);
    for _ in 0..4 {
        text(next.ask("up/m", false).await.unwrap()).await;
    }

    let mut corrected = settings(&plan(), Some(&upstream));
    corrected.providers[0].keys[0].value = "sk-corrected".into();
    let (last, _) = next.apply(corrected);
    assert_eq!(asked(&last), 1.0);
    text(last.ask("up/m", false).await.unwrap()).await;
}

/// The next call takes the connection that rests, if it leads where it led.
#[tokio::test]
async fn connections_go_on_while_the_address_stays() {
    let upstream = Upstream::start().await;
    upstream.always(good());
    let house = House::new(narrow(3), Some(&upstream));
    text(house.ask("up/m", false).await.unwrap()).await;
    let (wider, _) = house.apply(settings(&narrow(5), Some(&upstream)));
    text(wider.ask("up/m", false).await.unwrap()).await;
    assert_eq!(upstream.accepted(), 1);
    let mut elsewhere = settings(&narrow(5), Some(&upstream));
    elsewhere.providers[0].base.path = "/v2".to_owned();
    let (moved, _) = wider.apply(elsewhere);
    text(moved.ask("up/m", false).await.unwrap()).await;
    assert_eq!(upstream.accepted(), 2);
    assert_eq!(upstream.request(2).await.line().1, "/v2/chat/completions");
    // Its counts are those of its name.
    let attempts = moved.samples().sum("tidegate_attempts_total", &["up"]);
    assert_eq!(attempts, 3.0);
}

/// Retries that were spent stay spent, whatever is reloaded.
#[tokio::test(start_paused = true)]
async fn a_reload_earns_no_retries() {
    let mut spent = Plan::default();
    spent.retry.base = SECOND / 1000;
    spent.retry.budget = BudgetSettings {
        percent: 0,
        per_second: 1,
    };
    spent.breaker.consecutive = 0;
    spent.breaker.min_requests = u32::MAX;
    let mut house = House::new(spent.clone(), None);
    for round in 0..20 {
        let mut after = settings(&spent, None);
        let sim = after.sim.as_mut().unwrap();
        sim.pool.queue = round;
        sim.retry.budget.percent = round as u32 % 2;
        house = house.apply(after).0;
        house.ask("fault-500", false).await.err().unwrap();
    }
    let attempts = house.samples().sum("tidegate_attempts_total", &["sim"]);
    assert!(attempts <= 20.0 + 10.0 + 2.0, "{attempts}");
    let over = house
        .samples()
        .sum("tidegate_retries_over_budget_total", &["sim"]);
    assert!(over >= 8.0, "{over}");
}

#[tokio::test(start_paused = true)]
async fn bounds_of_bytes_and_tenants_follow() {
    let house = House::new(plan(), None);
    let mut ticket = house.admit();
    ticket.hold_body(1000).unwrap();
    let mut small = settings(&plan(), None);
    small.bounds.bodies = 500;
    small.tenants = vec![0, 3];
    let (next, changes) = house.apply(small);
    assert_eq!(changes, Changes::default(), "no provider is another one");
    assert_eq!(next.gateway.steward().bodies(), (1000, 500));
    assert!(
        ticket.hold_body(1).is_err(),
        "what is held stays, and no more"
    );
    drop(ticket);
    let mut ticket = next.admit();
    next.gateway.charge(&mut ticket, 3);
    assert!(
        ticket.hold_body(251).is_err(),
        "half of all for each of two"
    );
    ticket.hold_body(250).unwrap();
    drop(ticket);
    let mut call = House::call("echo", false);
    call.tenant = 3;
    text(next.send(call).await.unwrap()).await;
}

/// Another `kind` under the same name: who began ends in the dialect that he began
/// with, and whoever comes is asked in the other one.
#[tokio::test]
async fn a_call_ends_in_the_dialect_in_which_it_began() {
    let chunk = |text: &str, finish: &str| {
        format!(
            r#"{{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":{finish}}}]}}"#
        )
    };
    let goes_on = Signal::new();
    let first = Script::sse()
        .event(&chunk("one ", "null"))
        .until(&goes_on)
        .event(&chunk("two", "\"stop\""))
        .done();
    let message = r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"three"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":7}}"#;
    let upstream = Upstream::start().await;
    upstream.by_head(move |head| {
        let openai = head.contains("/chat/completions");
        Some(match openai {
            true => first.clone(),
            false => Script::json(200, message),
        })
    });
    let mut plan = Plan::trying();
    plan.responses = false;
    let house = House::new(plan.clone(), Some(&upstream));
    let asked = || {
        let mut call = House::call("up/m", true);
        call.subject = Subject::Model(Endpoint::Messages);
        call.body = r#"{"model":"up/m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"a"}]}"#.into();
        call
    };
    let mut running = house.send(asked()).await.unwrap();
    let mut told = frame(&mut running).await.unwrap();
    plan.dialect = Dialect::Anthropic;
    let (next, changes) = house.apply(settings(&plan, Some(&upstream)));
    assert_eq!(changes.changed, ["up"]);
    let later = text(next.send(asked()).await.unwrap()).await;
    assert!(later.contains("three"), "{later}");
    goes_on.fire();
    told.push_str(&text(running).await);
    for stream in [told, later] {
        assert_eq!(
            stream.matches("event: message_start").count(),
            1,
            "{stream}"
        );
        assert_eq!(stream.matches("event: message_stop").count(), 1, "{stream}");
        assert!(!stream.contains("event: error"), "{stream}");
    }
    let seen = upstream.requests();
    let lines: Vec<_> = seen.iter().map(|one| one.line().1).collect();
    assert_eq!(lines, ["/v1/chat/completions", "/v1/messages"]);
    assert_eq!(seen[1].header("authorization"), None);
    let outcomes = next.outcomes().await;
    assert_eq!(outcomes, [("completed".into(), "completed".into(), 2)]);
}
