//! R-D7: keys that the upstream refused or whose credit was spent come back by
//! themselves, over real sockets; the minutes between pass on a clock that is
//! set forward.

use std::time::Duration;

use tidegate_testkit::{Script, Upstream, openai};
use tidegate_types::Code;

use crate::house::{House, Plan, text};

/// Two keys that are asked in their turn.
fn plan() -> Plan {
    Plan {
        keys: 2,
        ..Plan::trying()
    }
}

fn good() -> Script {
    Script::json(200, &openai::completion("tide"))
}

fn refused() -> Script {
    Script::json(401, &openai::error("auth", "invalid_api_key", "no"))
}

/// So much later; sockets must not be waited for meanwhile.
async fn later(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// What the upstream of these tests says to the key with this number.
fn to_key(upstream: &Upstream, number: char, script: Script) {
    upstream.by(move |seen| {
        let of_it = seen.header("authorization")?.ends_with(number);
        of_it.then(|| script.clone())
    });
}

/// How often each key was asked since the request with this number.
fn asked(upstream: &Upstream, since: usize) -> (usize, usize) {
    let requests = upstream.requests();
    let of = |number: char| {
        let these = requests.iter().skip(since);
        these
            .filter(|seen| seen.header("authorization").unwrap().ends_with(number))
            .count()
    };
    (of('0'), of('1'))
}

async fn is_answered(house: &House) {
    text(house.ask("up/m", false).await.unwrap()).await;
}

/// A refused key is tried again after half a minute, by one call, which its
/// caller does not notice; refused again it rests twice as long; once it is
/// taken it is used as the other is.
#[tokio::test]
async fn r_d7_a_refused_key_is_tried_again_by_itself_and_comes_back() {
    let upstream = Upstream::start().await;
    upstream.always(good());
    to_key(&upstream, '0', refused());
    let house = House::new(plan(), Some(&upstream));
    for _ in 0..10 {
        is_answered(&house).await;
    }
    assert_eq!(asked(&upstream, 0), (1, 10), "out after its first no");

    // Half a minute and its jitter later one call tries it, in vain.
    later(Duration::from_secs(46)).await;
    let before = upstream.count();
    for _ in 0..10 {
        is_answered(&house).await;
    }
    assert_eq!(asked(&upstream, before), (1, 10));

    // The next time it takes twice as long.
    later(Duration::from_secs(46)).await;
    let before = upstream.count();
    for _ in 0..10 {
        is_answered(&house).await;
    }
    assert_eq!(asked(&upstream, before), (0, 10), "too soon");

    // Somebody corrected it.
    to_key(&upstream, '0', good());
    later(Duration::from_secs(46)).await;
    let before = upstream.count();
    for _ in 0..10 {
        is_answered(&house).await;
    }
    let (first, second) = asked(&upstream, before);
    assert!(first >= 4 && second >= 4, "{first} and {second} of ten");
    let outcomes = house.outcomes().await;
    assert_eq!(outcomes, [("completed".into(), "completed".into(), 40)]);
}

/// The same for all keys at once: callers are told whose fault it is until one
/// of them is taken again.
#[tokio::test]
async fn r_d7_a_provider_without_any_good_key_comes_back_too() {
    let upstream = Upstream::start().await;
    upstream.always(refused());
    let house = House::new(plan(), Some(&upstream));
    for _ in 0..3 {
        let failure = house.ask("up/m", false).await.err().unwrap();
        assert_eq!(failure.code, Code::UpstreamAuth);
    }
    assert_eq!(upstream.count(), 2, "each key once");
    upstream.always(good());
    later(Duration::from_secs(46)).await;
    for _ in 0..10 {
        is_answered(&house).await;
    }
    let (first, second) = asked(&upstream, 2);
    assert!(first >= 4 && second >= 4, "{first} and {second} of ten");
}

/// Without a time of its own, a key without credit is tried after five minutes.
#[tokio::test]
async fn r_d7_a_key_without_credit_is_tried_again_after_five_minutes() {
    let upstream = Upstream::start().await;
    upstream.always(good());
    let spent = openai::error("insufficient_quota", "insufficient_quota", "no");
    to_key(&upstream, '1', Script::json(429, &spent));
    let house = House::new(plan(), Some(&upstream));
    for _ in 0..6 {
        is_answered(&house).await;
    }
    assert_eq!(asked(&upstream, 0), (6, 1));
    to_key(&upstream, '1', good());
    later(Duration::from_secs(290)).await;
    let before = upstream.count();
    is_answered(&house).await;
    is_answered(&house).await;
    assert_eq!(asked(&upstream, before).1, 0, "too soon");
    later(Duration::from_secs(11)).await;
    for _ in 0..6 {
        is_answered(&house).await;
    }
    assert!(asked(&upstream, before).1 >= 2, "it is asked again");
}
