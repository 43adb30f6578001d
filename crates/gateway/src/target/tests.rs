//! Who is chosen, in which order, and when nobody is;
//! and how many models are remembered.

use super::*;
use crate::dialect::Dialect;
use crate::settings::KeySettings;

fn targets(keys: usize, pick: Pick) -> Targets {
    let key = |index: usize| {
        let settings = KeySettings {
            name: format!("k{index}"),
            value: format!("sk-{index}").into(),
            weight: index as u32 * 2 + 1,
        };
        Arc::new(Key::new(Some(settings), Dialect::OpenAi, Clock).unwrap())
    };
    let settings = TargetSettings {
        keys: (0..keys).map(key).collect(),
        pick,
        breaker: BreakerSettings::default(),
        gate: None,
        seed: 7,
        born: Box::new(|_| {}),
    };
    Targets::new(settings, Clock)
}

/// How often each of three keys is chosen in 600 calls.
fn counts(targets: &Targets) -> [usize; 3] {
    let all = targets.of("m");
    let mut counts = [0; 3];
    for _ in 0..600 {
        counts[targets.choose(&all, Tried::default()).unwrap().index] += 1;
    }
    counts
}

#[tokio::test(start_paused = true)]
async fn r_d4_keys_are_chosen_in_turn_by_weight_or_by_load() {
    assert_eq!(counts(&targets(3, Pick::RoundRobin)), [200, 200, 200]);
    let [one, three, five] = counts(&targets(3, Pick::Weight));
    assert!(
        one < three && three < five && one > 30,
        "{one} {three} {five}"
    );
    let by_load = targets(3, Pick::Load);
    let all = by_load.of("m");
    for target in all.iter() {
        let took = Duration::from_millis(if target.index == 1 { 900 } else { 100 });
        target.burden.answered(took, Clock.now());
    }
    let [fast, slow, other] = counts(&by_load);
    assert!(
        slow == 0 && fast > 200 && other > 200,
        "{fast} {slow} {other}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_that_rests_is_passed_over_and_all_resting_names_the_first_back() {
    for pick in [Pick::Load, Pick::RoundRobin, Pick::Weight] {
        let targets = targets(3, pick);
        let all = targets.of("m");
        all[0].rest(Duration::from_secs(9), Clock.now());
        assert_eq!(counts(&targets)[0], 0, "{pick:?}");
        all[1].rest(Duration::from_secs(4), Clock.now());
        all[2].key.spent(None);
        let rests = Nobody::Rests(Duration::from_secs(4));
        assert_eq!(
            targets.choose(&all, Tried::default()).err(),
            Some(rests),
            "{pick:?}"
        );
    }
}

/// Row 34: nobody rests for longer than five minutes, whatever was said; and
/// upstreams limit by model, so another model of the same key does not rest.
#[tokio::test(start_paused = true)]
async fn row_34_a_rest_is_bounded_and_concerns_one_model() {
    let targets = targets(1, Pick::Load);
    let (one, other) = (targets.of("one"), targets.of("other"));
    one[0].rest(Duration::from_secs(1_000_000), Clock.now());
    one[0].rest(Duration::from_secs(1), Clock.now());
    let nobody = targets.choose(&one, Tried::default()).err();
    assert_eq!(nobody, Some(Nobody::Rests(RETRY_AFTER_CAP)));
    assert!(targets.choose(&other, Tried::default()).is_ok());
    Clock.sleep(RETRY_AFTER_CAP).await;
    assert!(targets.choose(&one, Tried::default()).is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_avoided_one_is_taken_when_there_is_no_other() {
    let targets = targets(2, Pick::RoundRobin);
    let all = targets.of("m");
    let mut zero = Tried {
        last: Some(0),
        ..Tried::default()
    };
    for _ in 0..10 {
        assert_eq!(targets.choose(&all, zero).unwrap().index, 1);
    }
    all[1].rest(Duration::from_secs(1), Clock.now());
    assert_eq!(targets.choose(&all, zero).unwrap().index, 0);
    zero.bar(0);
    assert!(
        targets.choose(&all, zero).is_err(),
        "a barred one is never taken"
    );
}

/// Whoever asks for many names cannot make it forget who rests, or who fails.
#[tokio::test(start_paused = true)]
async fn names_beyond_the_bound_push_out_nobody_who_rests_or_is_left_alone() {
    let targets = targets(1, Pick::Load);
    let until = Clock.now() + Duration::from_secs(60);
    let kept: Vec<Set> = (0..100).map(|n| targets.of(&format!("{n}"))).collect();
    for (n, one) in kept.iter().enumerate() {
        match n % 2 {
            0 => one[0].rest(Duration::from_secs(60), Clock.now()),
            _ => one[0].breaker.open_until(until),
        }
    }
    for n in 0..3 * MOST_MODELS {
        drop(targets.of(&format!("idle-{n}")));
    }
    let stays = |one: &Set| Arc::ptr_eq(&targets.of(&one[0].model), one);
    assert!(kept.iter().all(stays));
}

#[tokio::test(start_paused = true)]
async fn names_beyond_the_bound_push_out_idle_ones_or_share_one_set() {
    let targets = targets(1, Pick::Load);
    for n in 0..3 * MOST_MODELS {
        drop(targets.of(&format!("idle-{n}")));
    }
    assert_eq!(targets.all().len(), MOST_MODELS);
    // Whoever invents names pushes out neither a model that answers, nor one
    // that rests.
    let good = targets.of("good");
    good[0].burden.answered(Duration::from_secs(1), Clock.now());
    let resting = targets.of("resting");
    resting[0].rest(Duration::from_secs(60), Clock.now());
    for n in 0..3 * MOST_MODELS {
        Clock.sleep(Duration::from_millis(1)).await;
        drop(targets.of(&format!("invented-{n}")));
    }
    assert!(Arc::ptr_eq(&good, &targets.of("good")));
    assert!(Arc::ptr_eq(&resting, &targets.of("resting")));
    let busy = targets.all();
    busy.iter().for_each(|target| target.burden.begin());
    let (one, two) = (targets.of("one"), targets.of("two"));
    assert!(Arc::ptr_eq(&one, &two));
    assert_eq!(&*one[0].model, OTHERS);
    assert_eq!(targets.all().len(), MOST_MODELS + 1);
}
