//! Advice on made-up traffic: each rule with a figure that can be worked out by
//! hand, then anything at all. The numbers are those of the promises in `advice`.

use proptest::prelude::*;

use super::*;

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn spread(count: u64, mean: u64, p999: u64) -> Spread {
    Spread {
        count,
        mean: millis(mean),
        p50: millis(mean),
        p95: millis(mean * 2),
        p99: millis(p999),
        p999: millis(p999),
        max: millis(p999),
    }
}

/// 10 a second for ten minutes, 2 s each, without an error.
fn steady() -> Measured {
    Measured {
        provider: "openai".to_owned(),
        traffic: Traffic {
            over: Duration::from_secs(600),
            requests: 6000,
            busiest: 10.0,
            peak: 31,
            total: spread(6000, 2000, 9000),
            ..Traffic::default()
        },
        rate_limit_per_minute: None,
        size: 100,
        timeouts: Timeouts {
            connect: millis(5_000),
            first_byte: millis(60_000),
            first_content: millis(120_000),
            idle: millis(60_000),
            total: millis(300_000),
        },
    }
}

fn value(measured: &Measured, table: &str, key: &str) -> Option<Value> {
    let advice = advise(measured).unwrap();
    let mut settings = advice.settings.iter();
    settings
        .find(|setting| (setting.table, setting.key) == (table, key))
        .map(|setting| setting.value)
}

fn count(measured: &Measured, table: &str, key: &str) -> u64 {
    match value(measured, table, key) {
        Some(Value::Count(number)) => number,
        other => panic!("{table}.{key}: {other:?}"),
    }
}

fn time(measured: &Measured, key: &str) -> Option<Duration> {
    value(measured, "timeouts", key).map(|value| match value {
        Value::Time(time) => time,
        other => panic!("{key}: {other:?}"),
    })
}

#[test]
fn r_d15_permits_are_rate_times_latency_and_the_queue_three_times_as_many() {
    let measured = steady();
    // 10 a second x 2 s = 20 at a time, and 2 x sqrt(20) = 8.9 beside them.
    assert_eq!(count(&measured, "pool", "size"), 29);
    assert_eq!(count(&measured, "pool", "queue"), 87);
    assert_eq!(
        value(&measured, "pool", "limit"),
        Some(Value::Word("scaled"))
    );
    assert_eq!(count(&measured, "pool", "min"), 10);
}

#[test]
fn promise_1_a_quiet_provider_has_one_permit() {
    let mut measured = steady();
    measured.traffic.busiest = 0.0;
    measured.traffic.requests = 0;
    assert_eq!(count(&measured, "pool", "size"), 1);
    assert_eq!(count(&measured, "pool", "min"), 1);
    assert_eq!(count(&measured, "pool", "queue"), 3);
}

#[test]
fn r_d15_a_rate_limit_bounds_the_permits() {
    let mut measured = steady();
    measured.rate_limit_per_minute = Some(60);
    // 1 a second x 2 s = 2, and 2 x sqrt(2) = 2.8.
    assert_eq!(count(&measured, "pool", "size"), 5);
    assert_eq!(
        value(&measured, "pool", "limit"),
        Some(Value::Word("adaptive"))
    );
    measured.rate_limit_per_minute = Some(60_000);
    assert_eq!(count(&measured, "pool", "size"), 29);
    assert_eq!(
        value(&measured, "pool", "limit"),
        Some(Value::Word("scaled"))
    );
}

#[test]
fn promise_1_who_said_too_much_gets_no_more_than_it_had() {
    let mut measured = steady();
    measured.traffic.overloaded = 600;
    measured.traffic.peak = 12;
    assert_eq!(count(&measured, "pool", "size"), 12);
    assert_eq!(
        value(&measured, "pool", "limit"),
        Some(Value::Word("adaptive"))
    );
    assert_eq!(count(&measured, "pool", "min"), 1);
}

#[test]
fn promise_1_timeouts_do_not_hide_that_it_said_too_much() {
    let mut measured = steady();
    measured.traffic.overloaded = 75;
    measured.traffic.peak = 12;
    assert_eq!(count(&measured, "pool", "size"), 12);
    measured.traffic.timed_out = 100_000;
    assert!(count(&measured, "pool", "size") <= 12);
}

#[test]
fn promise_2_timers_come_from_the_tail() {
    let mut measured = steady();
    assert_eq!(
        time(&measured, "total"),
        Some(millis(15_000)),
        "9 s x 1.5 = 13.5 s"
    );
    assert_eq!(
        time(&measured, "idle"),
        Some(millis(15_000)),
        "within the whole"
    );
    assert_eq!(time(&measured, "connect"), None, "it fits as it is");
    assert_eq!(time(&measured, "first_content"), Some(millis(15_000)));
    measured.traffic.first_token = spread(5000, 300, 2500);
    assert_eq!(time(&measured, "first_content"), Some(millis(4_000)));

    measured.traffic.total = spread(500, 2000, 9000);
    assert_eq!(
        time(&measured, "total"),
        Some(millis(20_000)),
        "few: the longest x 2"
    );
}

#[test]
fn promise_2_fast_answers_never_make_a_timer_zero() {
    let mut measured = steady();
    measured.traffic.total = Spread {
        count: 5000,
        ..Spread::default()
    };
    assert_eq!(time(&measured, "total"), Some(millis(1_000)));
    assert_eq!(count(&measured, "pool", "size"), 1);
}

#[test]
fn promise_2_a_tail_that_a_timer_cut_lowers_no_timer() {
    let mut measured = steady();
    measured.traffic.timed_out = 60;
    assert_eq!(time(&measured, "total"), Some(millis(300_000)));
    measured.timeouts.total = millis(10_000);
    assert_eq!(
        time(&measured, "total"),
        Some(millis(15_000)),
        "but it is raised"
    );
}

#[test]
fn r_d15_the_more_fail_the_fewer_and_later_are_the_retries() {
    let mut measured = steady();
    let strategy = |measured: &Measured| {
        ["attempts", "base", "cap", "budget"]
            .map(|key| value(measured, "retry", key).unwrap().to_string())
    };
    assert_eq!(strategy(&measured), ["3", "\"500ms\"", "\"8s\"", "10"]);
    measured.traffic.failed = 300;
    assert_eq!(strategy(&measured), ["3", "\"1s\"", "\"15s\"", "10"]);
    measured.traffic.overloaded = 1000;
    assert_eq!(strategy(&measured), ["2", "\"2s\"", "\"30s\"", "5"]);
}

#[test]
fn promise_3_too_few_answers_say_how_many_more() {
    let mut measured = steady();
    measured.traffic.total.count = 47;
    assert_eq!(advise(&measured), Err(TooLittle { more: 153 }));
    measured.traffic.total.count = 200;
    assert!(advise(&measured).is_ok());
}

#[test]
fn the_text_is_the_file_with_a_reason_above_each_key() {
    let mut measured = steady();
    measured.provider = "eu.west".to_owned();
    let text = advise(&measured).unwrap().to_toml();
    let expected = r#"# eu.west: 6000 requests in 10 min, 10.00 a second when busiest, at most 31 of 100 permits; 0.0 % overloaded, 0.0 % timed out, 0.0 % failed; answers took 2s (p50), 9s (p99), 9s (p99.9)
[providers."eu.west".pool]
# 10.00 good answers a second x 2.000 s each = 20.0 at a time (Little's law), and room for chance: 29
size = 29
# it never said that it has too much to do: follow the demand
limit = "scaled"
"#;
    assert!(text.starts_with(expected), "{text}");
    let keys = text
        .lines()
        .filter(|line| line.contains(" = ") && !line.starts_with('#'));
    assert_eq!(keys.count(), advise(&measured).unwrap().settings.len());
}

#[test]
fn times_are_rounded_up_to_what_a_person_would_write() {
    for (millis, seconds) in [
        (0, 1),
        (1, 1),
        (1001, 2),
        (10_000, 10),
        (10_001, 15),
        (60_000, 60),
        (60_001, 90),
        (u64::MAX, 24 * 3600),
    ] {
        let rounded = text::round_up(Duration::from_millis(millis));
        assert_eq!(rounded, Duration::from_secs(seconds), "{millis} ms");
    }
}

prop_compose! {
    fn anything()(
        numbers in prop::array::uniform6(0..100_000_u64),
        busiest in 0.0..10_000.0_f64,
        good in 200..1_000_000_u64,
        mean in 0..600_000_u64,
        tail in 0..3_600_000_u64,
        limit in prop::option::of(0..1_000_000_u64),
    ) -> Measured {
        let [requests, peak, overloaded, timed_out, failed, first] = numbers;
        let mut measured = steady();
        measured.rate_limit_per_minute = limit;
        measured.traffic = Traffic {
            requests,
            peak,
            overloaded,
            timed_out,
            failed,
            busiest,
            total: spread(good, mean, tail),
            first_token: spread(first, mean / 10, tail / 10),
            ..measured.traffic
        };
        measured
    }
}

proptest! {
    #[test]
    fn promise_1_errors_never_raise_the_permits(
        measured in anything(),
        more in 1..100_000_u64,
        which in 0..3_usize,
    ) {
        let before = count(&measured, "pool", "size");
        let mut worse = measured;
        let traffic = &mut worse.traffic;
        *[&mut traffic.overloaded, &mut traffic.timed_out, &mut traffic.failed][which] += more;
        prop_assert!(count(&worse, "pool", "size") <= before.max(1));
    }

    #[test]
    fn promises_1_and_2_every_value_can_be_used(measured in anything()) {
        let size = count(&measured, "pool", "size");
        prop_assert!((1..=300_000).contains(&size));
        prop_assert!((1..=size).contains(&count(&measured, "pool", "min")));
        prop_assert_eq!(count(&measured, "pool", "queue"), size * 3);
        let total = time(&measured, "total").unwrap();
        prop_assert!(total >= millis(1_000) && total.as_millis() >= u128::from(measured.traffic.total.p999.as_millis() as u64));
        for key in ["connect", "first_byte", "first_content", "idle"] {
            let timer = time(&measured, key);
            prop_assert!(timer.is_none_or(|timer| millis(1_000) <= timer && timer <= total), "{key}");
        }
    }
}
