//! The cache: what is known is not asked again, and what several ask at once is
//! asked once (R-G10 to R-G14, R-G34, R-G35).

use std::pin::pin;
use std::time::Duration;

use kernel::Clock;
use tidegate_gateway::{Answer, CacheSettings, Call, Failure};
use tidegate_kernel as kernel;
use tidegate_testkit::{Script, Signal, Stopwatch, Upstream, openai};
use tidegate_types::Code;

use crate::house::{House, Plan, frame, settings, text};

fn plan() -> Plan {
    Plan {
        cache: Some(CacheSettings {
            ttl: Duration::from_secs(300),
            max_bytes: 1 << 20,
            max_entry: 64 << 10,
        }),
        tenants: 2,
        ..Plan::default()
    }
}

fn good() -> Script {
    Script::json(200, &openai::completion("tide"))
}

async fn answer(house: &House, call: Call) -> Result<Answer, Failure> {
    house.gateway.ask(house.admit(), call).await
}

fn met(answer: &Answer) -> String {
    answer.headers["x-tidegate-cache"]
        .to_str()
        .unwrap()
        .to_owned()
}

/// The same question gets the same answer, byte for byte, and no upstream call.
#[tokio::test]
async fn r_g11_what_is_known_is_not_asked_again() {
    for streams in [false, true] {
        let upstream = Upstream::start().await;
        upstream.always(match streams {
            true => Script::stream_of(&["ti", "de"]),
            false => good(),
        });
        let house = House::new(plan(), Some(&upstream));
        let mut told = Vec::new();
        for wanted in ["miss", "hit", "hit"] {
            let good = answer(&house, House::call("up/m", streams)).await.unwrap();
            assert_eq!(met(&good), wanted);
            assert_eq!(good.stream, streams);
            assert_eq!(good.headers.contains_key("age"), wanted == "hit");
            told.push(text(good.reply).await);
        }
        assert!(told[0].contains("de") && told.iter().all(|one| *one == told[0]));
        assert_eq!(upstream.count(), 1);
        let calls = |result| house.samples().sum("tidegate_cache_calls_total", &[result]);
        assert_eq!((calls("hit"), calls("miss")), (2.0, 1.0));
        let outcomes = house.outcomes().await;
        assert_eq!(outcomes, [("completed".into(), "completed".into(), 3)]);
    }
}

/// Another access key finds nothing.
#[tokio::test]
async fn inv_tenant_another_tenant_finds_nothing() {
    let upstream = Upstream::start().await;
    upstream.always(good());
    let house = House::new(plan(), Some(&upstream));
    text(
        answer(&house, House::call("up/m", false))
            .await
            .unwrap()
            .reply,
    )
    .await;
    let probe = Call {
        tenant: 1,
        ..House::call("up/m", false)
    };
    let good = answer(&house, probe).await.unwrap();
    assert_eq!(met(&good), "miss");
    let mut only = House::call("up/m", false);
    only.tenant = 1;
    only.said.cache_control = Some("only-if-cached".to_owned());
    only.body = only.body.slice(0..only.body.len());
    text(good.reply).await;
    assert_eq!(met(&answer(&house, only).await.unwrap()), "hit");
    assert_eq!(upstream.count(), 2);
}

/// What failed, was cut, or is too large is not kept.
#[tokio::test]
async fn r_g35_nothing_is_kept_that_is_not_whole_and_good() {
    let content = "data: {\"choices\":[{\"delta\":{\"content\":\"ti\"}}]}\n\n";
    let rows = [
        (false, Script::json(500, "{}"), "failed"),
        (false, Script::json(400, "{}"), "failed"),
        (
            true,
            Script::sse().bytes(content).wait(Duration::from_millis(20)),
            "failed",
        ),
        (
            false,
            Script::json(200, &openai::completion(&"x".repeat(70 << 10))),
            "completed",
        ),
    ];
    for (streams, script, class) in rows {
        let upstream = Upstream::start().await;
        upstream.always(script);
        let mut plan = plan();
        plan.retry.attempts = 1;
        let house = House::new(plan, Some(&upstream));
        for _ in 0..2 {
            if let Ok(good) = answer(&house, House::call("up/m", streams)).await {
                text(good.reply).await;
            }
        }
        assert_eq!(upstream.count(), 2);
        assert_eq!(house.samples().sum("tidegate_cache_entries", &[]), 0.0);
        let outcomes = house.outcomes().await;
        assert!(
            outcomes.iter().all(|(one, ..)| one == class),
            "{outcomes:?}"
        );
    }
}

/// 100 equal calls at once are one call of the upstream, and 100 full answers.
#[tokio::test]
async fn r_g35_a_hundred_equal_calls_at_once_are_asked_once() {
    for streams in [false, true] {
        let upstream = Upstream::start().await;
        let release = Signal::new();
        upstream.always(match streams {
            true => Script::stream_of(&["ti", "de"]).held(&release),
            false => good().held(&release),
        });
        let house = House::new(plan(), Some(&upstream));
        let told = {
            let one = || async {
                let good = answer(&house, House::call("up/m", streams)).await.unwrap();
                (met(&good), text(good.reply).await)
            };
            let mut all = pin!(all_of((0..100).map(|_| one()).collect()));
            tokio::select! {
                _ = &mut all => panic!("it is held"),
                _ = upstream.request(0) => {}
            }
            release.fire();
            all.await
        };
        assert_eq!(told.iter().filter(|(met, _)| met == "miss").count(), 1);
        assert_eq!(told.iter().filter(|(met, _)| met == "shared").count(), 99);
        let whole = &told[0].1;
        assert!(whole.contains("de") && told.iter().all(|(_, one)| one == whole));
        assert_eq!(upstream.count(), 1);
        let outcomes = house.outcomes().await;
        assert_eq!(outcomes, [("completed".into(), "completed".into(), 100)]);
    }
}

/// All of them at once, in one task.
async fn all_of<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut running: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<T>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (future, done) in running.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(cx)
            {
                *done = Some(value);
            }
        }
        match done.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// A failure is told to all who wait, and kept by nobody.
#[tokio::test]
async fn r_g35_a_failure_is_shared_and_not_kept() {
    let upstream = Upstream::start().await;
    let release = Signal::new();
    upstream.next(Script::json(400, "{}").held(&release));
    upstream.always(good());
    let house = House::new(plan(), Some(&upstream));
    {
        let one = || async { answer(&house, House::call("up/m", false)).await.err() };
        let mut all = pin!(all_of((0..5).map(|_| one()).collect()));
        tokio::select! {
            _ = &mut all => panic!("it is held"),
            _ = upstream.request(0) => {}
        }
        release.fire();
        for failure in all.await {
            assert_eq!(failure.unwrap().code, Code::UpstreamRejected);
        }
    }
    let good = answer(&house, House::call("up/m", false)).await.unwrap();
    assert_eq!(met(&good), "miss");
    text(good.reply).await;
    let outcomes = house.outcomes().await;
    let failed = ("failed".into(), "upstream_rejected".into(), 5);
    assert!(outcomes.contains(&failed), "{outcomes:?}");
}

/// Whoever began it leaves: the others get their answer.
#[tokio::test]
async fn r_g35_who_leaves_strands_nobody() {
    let upstream = Upstream::start().await;
    let release = Signal::new();
    upstream.always(good().held(&release));
    let house = House::new(plan(), Some(&upstream));
    let mut first = Box::pin(answer(&house, House::call("up/m", false)));
    tokio::select! {
        _ = &mut first => panic!("it is held"),
        _ = upstream.request(0) => {}
    }
    let mut second = Box::pin(answer(&house, House::call("up/m", false)));
    tokio::select! {
        _ = &mut second => panic!("it is held"),
        () = Clock.sleep(Duration::from_millis(20)) => {}
    }
    drop(first);
    release.fire();
    let good = second.await.unwrap();
    assert_eq!(met(&good), "shared");
    assert!(text(good.reply).await.contains("tide"));
    assert_eq!(upstream.count(), 1);
    let outcomes = house.outcomes().await;
    let classes: Vec<_> = outcomes.iter().map(|(class, ..)| class.as_str()).collect();
    assert_eq!(classes, ["cancelled", "completed"], "{outcomes:?}");
}

/// All leave: the call ends with them, and is made anew for who comes then.
#[tokio::test]
async fn r_g17_when_all_have_left_the_call_ends() {
    let upstream = Upstream::start().await;
    let release = Signal::new();
    let script = Script::sse()
        .event(&openai::content_chunk("ti"))
        .until(&release)
        .event(&openai::content_chunk("de"))
        .event(&openai::finish_chunk());
    upstream.always(script.done());
    let house = House::new(plan(), Some(&upstream));
    let mut first = answer(&house, House::call("up/m", true))
        .await
        .unwrap()
        .reply;
    assert!(frame(&mut first).await.unwrap().contains("ti"));
    drop(first);
    let left = Stopwatch::start();
    upstream.requests()[0].closed_after(left).await;
    let good = answer(&house, House::call("up/m", true)).await.unwrap();
    assert_eq!(met(&good), "miss");
    release.fire();
    assert!(text(good.reply).await.contains("de"));
    assert_eq!(upstream.count(), 2);
    house.outcomes().await;
}

/// One slow reader delays nobody, and gets all of it.
#[tokio::test]
async fn one_slow_reader_delays_nobody() {
    let upstream = Upstream::start().await;
    let release = Signal::new();
    upstream.always(Script::stream_of(&["a", "b", "c", "d"]).held(&release));
    let house = House::new(plan(), Some(&upstream));
    let mut both = pin!(all_of(
        (0..2)
            .map(|_| answer(&house, House::call("up/m", true)))
            .collect()
    ));
    tokio::select! {
        _ = &mut both => panic!("it is held"),
        _ = upstream.request(0) => {}
    }
    release.fire();
    let mut both = both.await.into_iter();
    let mut slow = both.next().unwrap().unwrap().reply;
    let quick = both.next().unwrap().unwrap().reply;
    let first = frame(&mut slow).await.unwrap();
    let whole = text(quick).await;
    assert!(whole.ends_with("[DONE]\n\n"));
    assert_eq!(first + &text(slow).await, whole);
}

/// A caller with little time ends alone.
#[tokio::test]
async fn a_caller_with_little_time_ends_alone() {
    let upstream = Upstream::start().await;
    let release = Signal::new();
    upstream.always(good().held(&release));
    let house = House::new(plan(), Some(&upstream));
    let hurried = Call {
        patience: Some(Duration::from_millis(50)),
        ..House::call("up/m", false)
    };
    let mut patient = pin!(answer(&house, House::call("up/m", false)));
    let mut hurried = pin!(answer(&house, hurried));
    tokio::select! {
        _ = &mut patient => panic!("it is held"),
        late = &mut hurried => assert_eq!(late.err().unwrap().code, Code::DeadlineExceeded),
    }
    release.fire();
    assert!(text(patient.await.unwrap().reply).await.contains("tide"));
    assert_eq!(upstream.count(), 1);
}

/// What the caller says of the cache is done.
#[tokio::test]
async fn a_callers_cache_control_is_honoured() {
    let upstream = Upstream::start().await;
    upstream.always(good());
    let house = House::new(plan(), Some(&upstream));
    let say = |text: &str| {
        let mut call = House::call("up/m", false);
        call.said.cache_control = Some(text.to_owned());
        call
    };
    let unknown = answer(&house, say("only-if-cached")).await.err().unwrap();
    assert_eq!(unknown.code, Code::NotCached);
    for (text_of, wanted, asked) in [
        ("no-store", "bypass", 1),
        ("no-cache", "miss", 2),
        ("only-if-cached", "hit", 2),
        ("no-cache", "miss", 3),
        ("max-age=0", "hit", 3),
    ] {
        let good = answer(&house, say(text_of)).await.unwrap();
        let met = met(&good);
        text(good.reply).await;
        // An answer of this very moment is not older than nothing.
        assert!(met == wanted || text_of == "max-age=0", "{text_of}: {met}");
        assert!(upstream.count() >= asked, "{text_of}");
    }
}

/// R-G14: however much is asked, no more is kept than was said.
#[tokio::test]
async fn r_g14_no_more_is_kept_than_was_said() {
    let upstream = Upstream::start().await;
    upstream.always(Script::json(200, &openai::completion(&"x".repeat(3000))));
    let mut plan = plan();
    plan.cache = Some(CacheSettings {
        ttl: Duration::from_secs(300),
        max_bytes: 40_000,
        max_entry: 8_000,
    });
    let house = House::new(plan, Some(&upstream));
    for number in 0..100 {
        let good = answer(&house, House::call(&format!("up/m{number}"), false)).await;
        text(good.unwrap().reply).await;
        let bytes = house.samples().sum("tidegate_cache_bytes", &[]);
        assert!(bytes <= 40_000.0, "{bytes}");
    }
    assert!(house.samples().sum("tidegate_cache_entries", &[]) >= 5.0);
}

/// A reader who closes with the last bytes, as SDKs do behind `[DONE]`, has got
/// everything.
#[tokio::test]
async fn who_leaves_with_the_last_bytes_has_got_everything() {
    let upstream = Upstream::start().await;
    upstream.always(Script::stream_of(&["ti", "de"]));
    let house = House::new(plan(), Some(&upstream));
    for _ in 0..2 {
        let mut reply = answer(&house, House::call("up/m", true))
            .await
            .unwrap()
            .reply;
        while let Some(more) = frame(&mut reply).await {
            if more.contains("[DONE]") {
                break;
            }
        }
        drop(reply);
    }
    let outcomes = house.outcomes().await;
    assert_eq!(outcomes, [("completed".into(), "completed".into(), 2)]);
}

/// Another configuration answers for itself: what was kept goes on only where nothing
/// of it decides answers, or whose they are.
#[tokio::test]
async fn inv_tenant_a_number_that_is_another_tenants_finds_nothing() {
    let upstream = Upstream::start().await;
    upstream.always(good());
    let plan = plan();
    let mut house = House::new(plan.clone(), Some(&upstream));
    let told = |era: u64, default: Option<&str>| {
        let mut told = settings(&plan, Some(&upstream));
        (told.era, told.default_provider) = (era, default.map(str::to_owned));
        told
    };
    for (settings, wanted) in [
        (told(0, None), "miss"),
        (told(0, None), "hit"),
        (told(1, None), "miss"),
        (told(1, None), "hit"),
        (told(1, Some("up")), "miss"),
    ] {
        house = house.apply(settings).0;
        let good = answer(&house, House::call("up/m", false)).await.unwrap();
        assert_eq!(met(&good), wanted);
        text(good.reply).await;
    }
}
