//! INV-FAIR, INV-STARVE, over HTTP: who is served while many wait.
//!
//! Two callers' keys are two tenants: one that floods does not push the other
//! back, nor one session its neighbour. Interactive calls go before batch ones,
//! which still get their part. The order is read at the upstream, behind one
//! permit that is held until everybody waits; waits in milliseconds are figures.

use std::time::Duration;

use tidegate_e2e::tries::good;
use tidegate_testkit::openai::chat;
use tidegate_testkit::wait::Beside;
use tidegate_testkit::{
    Gate, Provider, RawClient, Reply, Settings, Signal, Start, Upstream, beside, crowd, figure,
    pause,
};

const CHAT: &str = "/v1/chat/completions";
const HEAVY: &str = "tg-heavy-0123456789";
const LIGHT: &str = "tg-light-0123456789";

struct House {
    upstream: Upstream,
    gate: Gate,
}

/// So many permits, and a key for each of two tenants.
async fn house(permits: usize) -> House {
    let upstream = Upstream::start().await;
    let pool = format!(
        r#"limit = "fixed", size = {permits}, queue = 200, overflow = "error", max_wait = "30s""#
    );
    let settings = Settings::with(Provider::new("mock", &upstream.base_url()).pool(&pool))
        .tables(&format!("[auth]\nkeys = [\"{HEAVY}\", \"{LIGHT}\"]"));
    let gate = Start::with(&settings).start().await.with_key(HEAVY);
    House { upstream, gate }
}

/// One call; its mark is what it says, its session who says so.
#[derive(Clone, Copy)]
struct Call {
    key: &'static str,
    mark: &'static str,
    session: Option<&'static str>,
    priority: &'static str,
}

impl Call {
    fn of(key: &'static str, mark: &'static str) -> Self {
        let (session, priority) = (None, "interactive");
        Self {
            key,
            mark,
            session,
            priority,
        }
    }

    async fn make(self, mut client: RawClient) -> Reply {
        let mut body = chat("m-1", false).replace("hello there", self.mark);
        if let Some(session) = self.session {
            body.insert_str(1, &format!(r#""user":"{session}","#));
        }
        let bearer = format!("Bearer {}", self.key);
        let headers = [
            ("authorization", bearer.as_str()),
            ("x-tidegate-priority", self.priority),
        ];
        client.patience(Duration::from_secs(60));
        client.post_with(CHAT, &headers, &body).await;
        let reply = client.reply().await;
        assert_eq!(reply.status(), 200, "{}", reply.text());
        reply
    }
}

impl House {
    fn ask(&self, call: Call) -> Beside<Reply> {
        let address = self.gate.address();
        beside(async move { call.make(RawClient::connect(address).await).await })
    }

    /// Lets these calls wait behind one that holds the only permit, group
    /// after group; then the marks in the order in which they were served.
    async fn served(&self, groups: &[(usize, Call)]) -> String {
        let go_on = Signal::new();
        self.upstream.always(good().held(&go_on));
        let mut calls = vec![self.ask(Call::of(HEAVY, "first"))];
        self.upstream.request(0).await;
        let mut waiting = 0;
        for (count, call) in groups {
            calls.extend((0..*count).map(|_| self.ask(*call)));
            waiting += count;
            let queued = [("provider", "mock")];
            self.gate
                .until_metric("tidegate_pool_waiting", &queued, waiting as f64)
                .await;
        }
        go_on.fire();
        for call in calls {
            call.result().await;
        }
        assert_eq!(self.upstream.peak(), 1, "one permit, one call");
        let requests = self.upstream.requests();
        let marks = requests.iter().skip(1).map(|request| {
            let text = request.text();
            let known = |mark: &&str| text.contains(&format!("\"{mark}\""));
            let mark = groups.iter().map(|(_, call)| call.mark).find(known);
            mark.and_then(|mark| mark.chars().next()).unwrap_or('?')
        });
        marks.collect()
    }
}

/// The places of a mark, counted from 1.
fn places(served: &str, mark: char) -> Vec<usize> {
    let all = served.chars().zip(1..);
    all.filter(|(one, _)| *one == mark)
        .map(|(_, place)| place)
        .collect()
}

#[tokio::test]
async fn inv_fair_a_tenant_that_floods_does_not_push_another_back() {
    let house = house(1).await;
    let groups = [
        (40, Call::of(HEAVY, "heavy")),
        (6, Call::of(LIGHT, "light")),
    ];
    let served = house.served(&groups).await;
    figure(&format!("INV-FAIR, two tenants: {served}"));
    assert_eq!(served.len(), 46);
    // While both wait they differ by at most two requests (the VTC bound).
    for (nth, place) in places(&served, 'l').into_iter().enumerate() {
        let others = place - 1 - nth;
        assert!(others <= nth + 2, "light {nth} came at {place}: {served}");
    }
    house.gate.until_quiet().await;
}

#[tokio::test]
async fn inv_fair_a_session_that_floods_does_not_push_its_neighbour_back() {
    let house = house(1).await;
    let of = |mark, session| Call {
        session: Some(session),
        ..Call::of(HEAVY, mark)
    };
    let served = house
        .served(&[(40, of("heavy", "s-1")), (6, of("light", "s-2"))])
        .await;
    figure(&format!("INV-FAIR, two sessions of a tenant: {served}"));
    for (nth, place) in places(&served, 'l').into_iter().enumerate() {
        let others = place - 1 - nth;
        assert!(others <= nth + 2, "light {nth} came at {place}: {served}");
    }
}

#[tokio::test]
async fn inv_starve_interactive_goes_first_and_batch_gets_its_part() {
    let house = house(1).await;
    let batch = Call {
        priority: "batch",
        ..Call::of(HEAVY, "batch")
    };
    let served = house
        .served(&[(30, batch), (24, Call::of(HEAVY, "interactive"))])
        .await;
    figure(&format!("INV-STARVE, batch before interactive: {served}"));
    // Four of five parts are theirs, and they are not kept to it for ever.
    let batches = places(&served, 'b');
    let last = places(&served, 'i').last().copied().unwrap_or_default();
    assert!(
        last <= 24 + 24 / 4 + 3,
        "interactive ends at {last}: {served}"
    );
    let among = batches.iter().filter(|place| **place < last).count();
    assert!(among >= 3, "{among} batch calls meanwhile: {served}");
    assert_eq!(batches.len(), 30, "all of them in the end");
}

/// Beside a flood that never ends a light tenant waits about one service time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inv_fair_the_wait_beside_a_flood_is_about_one_service_time() {
    const SERVICE: Duration = Duration::from_millis(60);
    const FLOOD: usize = 40;
    let house = house(2).await;
    house.upstream.always(good().late(SERVICE));
    let address = house.gate.address();
    let flood = beside(crowd(FLOOD * 6, FLOOD, move |_| async move {
        let client = RawClient::connect(address).await;
        Call::of(HEAVY, "heavy").make(client).await
    }));
    let queued = || async {
        let metrics = house.gate.metrics().await;
        (metrics.sum("tidegate_pool_waiting", &[]) >= 30.0).then_some(())
    };
    tidegate_testkit::wait::until_async("the flood stands", queued).await;
    let waited = |reply: &Reply| {
        let millis = reply.header("x-tidegate-queue-ms");
        millis.and_then(|millis| millis.parse::<u64>().ok())
    };
    let mut light = Vec::new();
    for _ in 0..15 {
        let reply = house.ask(Call::of(LIGHT, "light")).result().await;
        light.push(waited(&reply).unwrap_or(u64::MAX));
        pause(Duration::from_millis(20)).await;
    }
    assert!(!flood.is_over(), "the flood ended before the light one");
    let mut heavy: Vec<u64> = flood.result().await.iter().filter_map(waited).collect();
    light.sort_unstable();
    heavy.sort_unstable();
    let (small, large) = (light[light.len() / 2], heavy[heavy.len() / 2]);
    figure(&format!(
        "INV-FAIR, {FLOOD} callers flood two permits of {SERVICE:?}: they wait {large} ms (median), \
         a light one {small} ms, at most {} ms",
        light[light.len() - 1]
    ));
    assert!(small < 5 * 60, "a light tenant waits {light:?}");
    assert!(small * 2 < large, "{small} ms beside {large} ms");
    house.gate.until_quiet().await;
}
