//! R-G46, INV-ONE, INV-CONS: ten thousand requests in flight at once.
//!
//! Each says something of its own and must hear just that: no answer is lost,
//! none is crossed, each upstream call is made once. The law of the ledger
//! holds in every look while they come, wait and end; after them every gauge
//! of what is held is back at nothing. The first ones lose their first attempt
//! on the way, which their callers must not notice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidegate_e2e::Scene;
use tidegate_e2e::tries::{BUDGET, QUICK, failing};
use tidegate_testkit::openai::{chat, completion};
use tidegate_testkit::wait::until_async;
use tidegate_testkit::{
    Gate, Provider, RawClient, Recorded, Script, Settings, Signal, Stopwatch, beside, crowd,
    figure, pause, raise_descriptors, until,
};

const CHAT: &str = "/v1/chat/completions";
const MOST: usize = 10_000;
const PERMITS: usize = 400;
const STUMBLE: usize = 300;

/// What the process may hold only for requests.
const HELD: [&str; 6] = [
    "tidegate_requests_in_flight",
    "tidegate_requests_pausing",
    "tidegate_pool_permits_busy",
    "tidegate_pool_waiting",
    "tidegate_pool_waiting_bytes",
    "tidegate_body_bytes",
];

/// The first ones lose their first attempt: they come while permits are free,
/// and before what the crowd earned for retries is over.
fn stumbles(number: usize) -> bool {
    number < STUMBLE
}

fn streams(number: usize) -> bool {
    number.is_multiple_of(2)
}

/// What the request with this number says; some are longer than others.
fn said(number: usize) -> String {
    format!("mark-{number}-{}", "x".repeat(number % 97))
}

/// The number of the request that the upstream got.
fn number(seen: &Recorded) -> Option<usize> {
    let text = seen.text();
    let (_, rest) = text.split_once("mark-")?;
    rest.split_once('-')?.0.parse().ok()
}

/// What the upstream says to it, once `all_in` is fired.
fn answer(number: usize, all_in: &Signal) -> Script {
    let said = said(number);
    let script = match streams(number) {
        true => Script::stream_of(&["heard ", &said]),
        false => Script::json(200, &completion(&format!("heard {said}"))),
    };
    script.held(all_in)
}

/// How often the upstream was asked by each.
type Asked = Arc<Mutex<HashMap<usize, usize>>>;

async fn scene(all_in: &Signal, asked: &Asked) -> Scene {
    let pool = format!(
        r#"limit = "fixed", size = {PERMITS}, queue = {MOST}, overflow = "error", max_wait = "100s""#
    );
    let timeouts = r#"connect = "20s", first_byte = "100s", first_content = "100s", idle = "100s", total = "120s""#;
    let scene = Scene::with_settings(|provider: Provider| {
        let provider = provider.pool(&pool).timeouts(timeouts).retry(QUICK);
        let breaker = "breaker = { failures = 0, ratio = 0.0 }";
        let settings = Settings::with(provider.line(breaker));
        settings.tables(&format!("{BUDGET}\n[limits]\nconnections = {}", MOST + 500))
    })
    .await;
    let (asked, all_in) = (Arc::clone(asked), all_in.clone());
    scene.upstream.by(move |seen| {
        let number = number(seen)?;
        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let times = asked.entry(number).or_default();
        *times += 1;
        match *times == 1 && stumbles(number) {
            true => Some(failing(500, "x")),
            false => Some(answer(number, &all_in)),
        }
    });
    scene
}

/// One look at `/metrics`: the law holds; how many are in flight, and ended.
async fn look(gate: &Gate) -> (usize, usize) {
    let metrics = gate.metrics().await;
    assert!(metrics.conserved().is_ok(), "{:?}", metrics.conserved());
    let sum = |name| metrics.sum(name, &[]) as usize;
    (
        sum("tidegate_requests_in_flight"),
        sum("tidegate_requests_total"),
    )
}

/// Reads the answer with this number; the reason when it is not its own.
async fn hears(number: usize, mut client: RawClient) -> Result<(), String> {
    let reply = client.reply().await;
    // Closed with a reset none of the ten thousand ports has to rest.
    client.reset();
    let heard = match (reply.status(), streams(number)) {
        (200, true) => reply.content(),
        (200, false) => {
            let content = &reply.json()["choices"][0]["message"]["content"];
            content.as_str().unwrap_or_default().to_owned()
        }
        _ => return Err(format!("{number}: {} {}", reply.status(), reply.text())),
    };
    match heard == format!("heard {}", said(number)) {
        true => Ok(()),
        false => Err(format!("{number} heard {heard}")),
    }
}

type Caller = (usize, RawClient);

/// Lets so many callers in, until all of them are in flight at once; counts
/// the looks that were taken.
async fn all_come(gate: &Gate, count: usize, looks: &mut usize) -> Vec<Caller> {
    let (start, address) = (Stopwatch::start(), gate.address());
    let coming = beside(crowd(count, 200, move |number| async move {
        let mut client = RawClient::connect(address).await;
        client.patience(Duration::from_secs(100));
        let body = chat("m-1", streams(number)).replace("hello there", &said(number));
        client.post(CHAT, &body).await;
        (number, client)
    }));
    loop {
        let (in_flight, ended) = look(gate).await;
        *looks += 1;
        assert_eq!(ended, 0, "some were not held");
        // At the end of patience the reason of a caller who failed is told first.
        if in_flight == count || start.elapsed() > Duration::from_secs(60) {
            let callers = coming.result().await;
            assert_eq!(in_flight, callers.len(), "not all that came are in");
            return callers;
        }
        pause(Duration::from_millis(50)).await;
    }
}

/// Reads all answers at once; every one must be its caller's own.
async fn all_hear(gate: &Gate, mut callers: Vec<Caller>, looks: &mut usize) {
    let (start, count) = (Stopwatch::start(), callers.len());
    let hearing = beside(crowd(count, count, move |_| {
        let next = callers.pop();
        async move {
            match next {
                Some((number, client)) => hears(number, client).await,
                None => Err("fewer callers than calls".to_owned()),
            }
        }
    }));
    while !hearing.is_over() {
        look(gate).await;
        *looks += 1;
        assert!(start.elapsed() < Duration::from_secs(100), "no end of it");
        pause(Duration::from_millis(20)).await;
    }
    let heard = hearing.result().await;
    let wrong: Vec<&String> = heard.iter().filter_map(|one| one.as_ref().err()).collect();
    let first = wrong.first();
    assert!(
        wrong.is_empty(),
        "{} of {count}, such as {first:?}",
        wrong.len()
    );
}

/// Everything that was held is given back.
async fn nothing_is_held(gate: &Gate, descriptors: usize) {
    let nothing = || async {
        let metrics = gate.metrics().await;
        let held = HELD.map(|name| (metrics.knows(name), metrics.sum(name, &[])));
        held.iter().all(|is| *is == (true, 0.0)).then_some(())
    };
    until_async("nothing is held any more", nothing).await;
    until("the sockets are given back", || {
        let open = gate.usage().descriptors;
        (open <= descriptors + PERMITS + 5).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_g46_ten_thousand_at_once_and_each_hears_its_own() {
    // Each takes a socket here and one at the gate.
    let descriptors = usize::try_from(raise_descriptors()).unwrap_or(usize::MAX);
    let count = MOST.min(descriptors.saturating_sub(2 * PERMITS + 500));
    let (all_in, asked) = (Signal::new(), Asked::default());
    let scene = scene(&all_in, &asked).await;
    let gate = &scene.gate;
    let (before, start, mut looks) = (gate.usage(), Stopwatch::start(), 0);
    let callers = all_come(gate, count, &mut looks).await;
    until("every permit is at work", || {
        (scene.upstream.open() == PERMITS).then_some(())
    })
    .await;
    let (during, came) = (gate.usage(), start.elapsed());
    all_in.fire();
    let start = Stopwatch::start();
    all_hear(gate, callers, &mut looks).await;
    let took = start.elapsed();

    // None was lost, none was asked for twice but those that had to.
    let asked = asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let right = |number: usize| asked.get(&number) == Some(&(1 + usize::from(stumbles(number))));
    assert!((0..count).all(right), "lost or asked for too often");
    let metrics = gate.until_quiet().await;
    assert_eq!(metrics.conserved(), Ok(count as u64));
    let completed = metrics.sum("tidegate_requests_total", &[("class", "completed")]);
    assert_eq!(completed, count as f64);
    let attempts = metrics.sum("tidegate_attempts_total", &[("provider", "mock")]);
    assert_eq!(attempts, (count + STUMBLE) as f64);
    assert!(scene.upstream.peak() <= PERMITS, "INV-LIM");
    nothing_is_held(gate, before.descriptors).await;
    let each = during.rss_kib.saturating_sub(before.rss_kib) as f64 / count as f64;
    figure(&format!(
        "R-G46: {count} in flight after {came:?}, {each:.1} KiB each; answered in {took:?} through \
         {PERMITS} permits, {STUMBLE} of them by a second attempt; the law held in {looks} looks"
    ));
}
