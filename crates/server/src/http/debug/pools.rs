//! `/debug/pools`: permits, queues, keys, credentials that are lent and breakers of
//! every provider, and what each limit decided last, with its reason (R-D14, R-D16).

use http::Response;
use kernel::{Decision, Instant, PoolStats, Priority, Reason};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tidegate_gateway::{CredentialView, KeyView, PoolView, TargetView};
use tidegate_kernel as kernel;

use super::super::app::App;
use super::super::models::render;
use super::super::reply::Out;

#[derive(Serialize)]
struct Page {
    pools: Vec<Value>,
}

pub(crate) fn pools(app: &App) -> Response<Out> {
    let now = app.clock.now();
    let pools = app.gateway.pools();
    render(&Page {
        pools: pools.iter().map(|view| pool(view, now)).collect(),
    })
}

fn pool(view: &PoolView, now: Instant) -> Value {
    json!({
        "provider": &*view.provider,
        "permits": permits(&view.stats),
        "queue": queue(&view.stats),
        "decisions": decisions(&view.decisions, now),
        "pausing": view.pausing,
        "keys": view.keys.iter().map(key).collect::<Vec<_>>(),
        "credential": view.credential.as_ref().map(credential),
        "targets": view.targets.iter().map(|one| target(one, now)).collect::<Vec<_>>(),
    })
}

fn credential(view: &CredentialView) -> Value {
    json!({
        "source": view.source,
        "left_ms": view.left.map(|left| left.as_millis()),
        "failed": view.failed,
    })
}

fn permits(stats: &PoolStats) -> Value {
    json!({
        "size": stats.size,
        "busy": stats.busy,
        "idle": stats.idle,
        "computed": stats.computed,
        "max": stats.max,
        "granted": stats.granted,
        "held_ms": stats.held_total_micros / 1000,
    })
}

fn queue(stats: &PoolStats) -> Value {
    let by = Priority::ALL.into_iter().zip(stats.waiting_by);
    let by: Map<_, _> = by
        .map(|(one, n)| (one.as_str().to_owned(), n.into()))
        .collect();
    let refused = stats.refused().into_iter();
    let refused: Map<_, _> = refused.map(|(why, n)| (why.to_owned(), n.into())).collect();
    json!({
        "waiting": stats.waiting,
        "waiting_by": by,
        "waiting_bytes": stats.waiting_bytes,
        "offered": stats.offered,
        "queued": stats.queued,
        "cancelled": stats.cancelled,
        "refused": refused,
        "wait_ms": stats.wait_total_micros / 1000,
    })
}

fn key(view: &KeyView) -> Value {
    let (out, for_ms) = view
        .out
        .map(|(why, after)| (why, after.as_millis()))
        .unzip();
    json!({ "name": &*view.name, "out": out, "out_for_ms": for_ms })
}

fn target(view: &TargetView, now: Instant) -> Value {
    let breaker = &view.breaker;
    let transitions = breaker.transitions().filter(|(_, n)| *n > 0);
    let transitions: Map<_, _> = transitions
        .map(|(why, n)| (why.as_str().to_owned(), n.into()))
        .collect();
    let gate = view.gate.as_ref().map(|(stats, list)| {
        json!({
            "permits": permits(stats),
            "queue": queue(stats),
            "decisions": decisions(list, now),
        })
    });
    json!({
        "model": &*view.model,
        "key": &*view.key,
        "pending": view.pending,
        "paused": view.paused,
        "rests_ms": view.rests.map(|rests| rests.as_millis()),
        "breaker": {
            "phase": breaker.phase.as_str(),
            "retry_after_ms": view.retry_after.map(|after| after.as_millis()),
            "good_in_window": breaker.window_succeeded,
            "all_in_window": breaker.window_all,
            "failed_in_a_row": breaker.failed_in_a_row,
            "refused": breaker.refused,
            "probes": breaker.probes,
            "transitions": transitions,
        },
        "gate": gate,
    })
}

/// The newest first.
fn decisions(list: &[Decision], now: Instant) -> Vec<Value> {
    let one = |decision: &Decision| {
        json!({
            "ago_ms": now.saturating_duration_since(decision.at).as_millis(),
            "from": decision.from,
            "to": decision.to,
            "reason": decision.reason.as_str(),
            "figures": figures(&decision.reason),
        })
    };
    list.iter().rev().map(one).collect()
}

fn figures(reason: &Reason) -> Value {
    match *reason {
        Reason::Settings => json!({}),
        Reason::Demand { busy } | Reason::Overloaded { busy } => json!({ "busy": busy }),
        Reason::Idle { peak } => json!({ "peak": peak }),
        Reason::Slow { took } => json!({ "took_ms": took.as_millis() }),
        Reason::RetryAfter { wait, busy } => json!({ "wait_ms": wait.as_millis(), "busy": busy }),
        Reason::Remaining { requests, busy } => json!({ "requests": requests, "busy": busy }),
        Reason::Success { successes } => json!({ "successes": successes }),
        Reason::FirstToken { per_cent } => json!({ "per_cent": per_cent }),
    }
}
