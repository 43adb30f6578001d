//! INV-ISO, R-D1: one provider's trouble is not another's.
//!
//! While provider `sick` hangs, fails, floods or makes its callers wait between
//! attempts, every call of provider `well` is answered as before; how much
//! slower is a figure, printed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tidegate_testkit::openai::{chat, completion, content_chunk};
use tidegate_testkit::wait::Beside;
use tidegate_testkit::{
    Gate, Provider, RawClient, Script, Settings, Stopwatch, Upstream, beside as during, crowd,
    figure,
};

const CHAT: &str = "/v1/chat/completions";
const CALLS: usize = 400;

struct Two {
    well: Upstream,
    sick: Upstream,
    gate: Gate,
}

async fn two(adjust: impl FnOnce(Provider) -> Provider) -> Two {
    let (well, sick) = (Upstream::start().await, Upstream::start().await);
    let small = r#"size = 20, queue = 40, overflow = "error", max_wait = "3s""#;
    let sickly = adjust(Provider::new("sick", &sick.base_url()).pool(small));
    let settings = Settings::with(Provider::new("well", &well.base_url())).and(sickly);
    let gate = Gate::start(&settings).await;
    well.always(Script::json(200, &completion("well")));
    Two { well, sick, gate }
}

/// Some calls of the well provider: the time of each, sorted, and of all.
struct Run {
    times: Vec<Duration>,
    took: Duration,
}

async fn run(gate: &Gate) -> Run {
    let address = gate.address();
    let start = Stopwatch::start();
    let mut times = crowd(CALLS, 8, |_| async move {
        let start = Stopwatch::start();
        let mut client = RawClient::connect(address).await;
        client.post(CHAT, &chat("well/m-1", false)).await;
        let reply = client.reply().await;
        assert_eq!(reply.status(), 200, "{}", reply.text());
        start.elapsed()
    })
    .await;
    let took = start.elapsed();
    times.sort();
    Run { times, took }
}

/// Prints both runs; fails only where one looks like a hang.
fn told(name: &str, alone: &Run, beside: &Run) {
    let at = |run: &Run, share: usize| run.times[CALLS * share / 100];
    let rate = |run: &Run| CALLS as f64 / run.took.as_secs_f64();
    figure(&format!(
        "INV-ISO beside {name}: {:.0} -> {:.0} calls a second, p50 {:?} -> {:?}, p99 {:?} -> {:?}",
        rate(alone),
        rate(beside),
        at(alone, 50),
        at(beside, 50),
        at(alone, 99),
        at(beside, 99),
    ));
    let bound = 5 * at(alone, 99) + Duration::from_secs(1);
    assert!(at(beside, 99) < bound, "{:?} is no tail", at(beside, 99));
}

/// R-D1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inv_iso_beside_a_provider_that_hangs() {
    let two = two(|same| same).await;
    let alone = run(&two.gate).await;
    two.sick.always(Script::silent());
    let mut stuck = Vec::new();
    for _ in 0..60 {
        let mut client = two.gate.connect().await;
        client.post(CHAT, &chat("sick/m-1", false)).await;
        stuck.push(client);
    }
    two.gate
        .until_metric("tidegate_pool_permits_busy", &[("provider", "sick")], 20.0)
        .await;
    two.gate
        .until_metric("tidegate_pool_waiting", &[("provider", "sick")], 40.0)
        .await;
    let beside = run(&two.gate).await;
    told("a provider that hangs", &alone, &beside);
    let waiting = two
        .gate
        .metric("tidegate_pool_waiting", &[("provider", "well")])
        .await;
    assert_eq!(waiting, 0.0);
    assert_eq!(two.well.count(), 2 * CALLS);
    drop(stuck);
    two.gate.until_quiet().await;
}

/// R-D1.
/// Thirty callers who ask a gate's sick provider for failures and floods until
/// it is over; their sum is how often they asked.
fn attack(gate: &Gate, over: &Arc<AtomicBool>) -> Beside<Vec<usize>> {
    let (address, seen) = (gate.address(), Arc::clone(over));
    during(crowd(30, 30, move |number| {
        let over = Arc::clone(&seen);
        let model = if number % 3 == 0 {
            "sick/floods"
        } else {
            "sick/fails"
        };
        async move {
            let mut asked = 0;
            while !over.load(Ordering::Relaxed) {
                let mut client = RawClient::connect(address).await;
                client
                    .post(CHAT, &chat(model, model == "sick/floods"))
                    .await;
                assert!(client.reply().await.status() != 599);
                asked += 1;
            }
            asked
        }
    }))
}

/// The well provider's calls while `gate` is under attack, and how often it was
/// attacked.
async fn run_beside(two: &Two, gate: &Gate) -> (Run, usize) {
    let over = Arc::new(AtomicBool::new(false));
    let attack = attack(gate, &over);
    let beside = run(&two.gate).await;
    over.store(true, Ordering::Relaxed);
    (beside, attack.result().await.into_iter().sum())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inv_iso_beside_a_provider_that_fails_and_floods() {
    let (two, other) = (two(|same| same).await, two(|same| same).await);
    for sick in [&two.sick, &other.sick] {
        sick.on_model("fails", Script::json(500, "{}"));
        let mut flood = Script::sse();
        for _ in 0..200 {
            flood = flood.event(&content_chunk(&"x".repeat(1_000)));
        }
        sick.on_model("floods", flood.rst());
    }
    let alone = run(&two.gate).await;
    let (beside, attacks) = run_beside(&two, &two.gate).await;
    told(
        &format!("a provider that failed or flooded {attacks} times"),
        &alone,
        &beside,
    );
    // What of it is the machine's: the same attack on another process.
    let (apart, elsewhere) = run_beside(&two, &other.gate).await;
    told(
        &format!("the same at another gate, {elsewhere} times"),
        &alone,
        &apart,
    );
    assert!(attacks > 30, "the attack did not run: {attacks}");
    assert_eq!(two.well.count(), 3 * CALLS);
    let metrics = two.gate.until_quiet().await;
    assert_eq!(metrics.conserved(), Ok((3 * CALLS + attacks) as u64));
    let completed = metrics.sum("tidegate_requests_total", &[("class", "completed")]);
    assert_eq!(
        completed,
        (3 * CALLS) as f64,
        "only the well provider completes"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inv_iso_beside_a_provider_whose_callers_wait_between_attempts() {
    let retry = r#"attempts = 3, base = "200ms", budget = 100, per_second = 1000"#;
    let two = two(|sick| sick.retry(retry)).await;
    let alone = run(&two.gate).await;
    // Its only key rests: sixty callers come, forty may wait for it.
    let headers = [("content-type", "application/json"), ("retry-after", "25")];
    two.sick.always(Script::whole(429, &headers, b"{}"));
    let mut stuck = Vec::new();
    for _ in 0..60 {
        let mut client = two.gate.connect().await;
        client.post(CHAT, &chat("sick/m-1", false)).await;
        stuck.push(client);
    }
    let sick = [("provider", "sick")];
    for (name, count) in [
        ("tidegate_requests_pausing", 40.0),
        ("tidegate_pool_permits_busy", 0.0),
        ("tidegate_pool_waiting", 0.0),
    ] {
        two.gate.until_metric(name, &sick, count).await;
    }
    let beside = run(&two.gate).await;
    told("a provider whose callers wait", &alone, &beside);
    let metrics = two.gate.metrics().await;
    let well = [("provider", "well")];
    assert_eq!(metrics.sum("tidegate_requests_pausing", &well), 0.0);
    assert_eq!(metrics.sum("tidegate_requests_pausing", &sick), 40.0);
    assert_eq!(two.well.count(), 2 * CALLS);
    drop(stuck);
    let metrics = two.gate.until_quiet().await;
    assert_eq!(metrics.conserved(), Ok(2 * CALLS as u64 + 60));
    let class = |class| metrics.sum("tidegate_requests_total", &[("class", class)]);
    assert_eq!(class("completed"), (2 * CALLS) as f64);
    assert_eq!(class("cancelled"), 40.0, "they left");
    assert_eq!(class("failed") + class("refused"), 20.0, "no place to wait");
}
