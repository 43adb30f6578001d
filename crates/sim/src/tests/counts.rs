//! Seen = completed + aborted + open, wherever a call is dropped.
//!
//! A body is dropped after each number of frames, a silent call while it waits; the numbers are
//! checked after each step, not only at the end.

use super::*;
use crate::{ModelStats, Stats};

/// The law, in total and for each model.
fn holds(stats: &Stats) {
    assert_eq!(stats.seen, stats.completed + stats.aborted + stats.open);
    let mut sum = ModelStats::default();
    for model in stats.by_model.values() {
        assert_eq!(model.seen, model.completed + model.aborted + model.open);
        sum.seen += model.seen;
        sum.completed += model.completed;
        sum.aborted += model.aborted;
        sum.open += model.open;
    }
    let total = ModelStats {
        seen: stats.seen,
        completed: stats.completed,
        aborted: stats.aborted,
        open: stats.open,
    };
    assert_eq!(sum, total);
}

/// Polls `frames` frames and then drops the body; says whether that was its end.
async fn drop_after(sim: &Sim, model: &str, stream: bool, frames: usize) -> bool {
    let before = sim.stats();
    let mut answer = chat(sim, model, stream).await;
    for _ in 0..frames {
        assert_eq!(sim.stats().open, 1);
        match answer.body_mut().frame().await {
            Some(Ok(_)) => {}
            Some(Err(Broken)) | None => break,
        }
    }
    let ended = http_body::Body::is_end_stream(answer.body());
    assert_eq!(
        sim.stats().open,
        u64::from(!ended),
        "settled with the last frame, no later"
    );
    drop(answer);
    let after = sim.stats();
    holds(&after);
    assert_eq!(after.open, 0);
    assert_eq!(
        after.completed - before.completed,
        u64::from(ended),
        "{model} {frames}"
    );
    assert_eq!(
        after.aborted - before.aborted,
        u64::from(!ended),
        "{model} {frames}"
    );
    ended
}

#[tokio::test(start_paused = true)]
async fn a_script_dropped_at_each_point_is_counted_once() {
    let sim = Sim::new(Clock);
    for (model, stream, whole) in [
        ("sim-0-20-0-4", true, 23),
        ("sim-10-5-10-4", true, 8),
        ("sim-0-0-0-0", true, 3),
        ("sim-0-20-0-4", false, 1),
        ("sim-0-3-0-100000", false, 7),
        ("echo", true, 8),
        ("fault-cut", true, 5),
        ("fault-cutmidevent", true, 6),
        ("fault-badjson", true, 24),
        ("fault-errorevent", true, 5),
        ("fault-429", false, 1),
        ("fault-cut", false, 2),
    ] {
        for frames in 0..=whole {
            let ended = drop_after(&sim, model, stream, frames).await;
            assert_eq!(
                ended,
                frames == whole,
                "{model} {stream} after {frames} of {whole}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_call_is_aborted_and_says_how_long_it_lived() {
    let sim = Sim::new(Clock);
    for (model, stream) in [
        ("fault-hang", false),
        ("fault-stall", true),
        ("fault-stall", false),
        ("sim-9000-1-0-1", false),
    ] {
        let aborted = sim.stats().aborted;
        let played = async {
            let mut answer = chat(&sim, model, stream).await;
            while answer.body_mut().frame().await.is_some() {}
        };
        tokio::select! {
            () = played => panic!("{model} ended"),
            () = Clock.sleep(Duration::from_millis(1_234)) => {}
        }
        let stats = sim.stats();
        holds(&stats);
        assert_eq!((stats.open, stats.aborted), (0, aborted + 1), "{model}");
        assert_eq!(stats.last_aborted_ms, Some(1_234), "{model}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_call_is_counted_under_its_name() {
    let sim = Sim::new(Clock);
    drop(play(chat(&sim, "echo", false).await).await);
    drop(play(chat(&sim, "gpt-4o", false).await).await);
    drop(call(&sim, "/chat/completions", &ask("fault-close", true)).await);
    drop(sim.answer(&Method::GET, "/models", Bytes::new()).await);
    let stats = sim.stats();
    holds(&stats);
    let one = |completed, aborted| ModelStats {
        seen: 1,
        completed,
        aborted,
        open: 0,
    };
    assert_eq!(stats.by_model["echo"], one(1, 0));
    assert_eq!(stats.by_model["fault-close"], one(1, 0));
    assert_eq!(
        stats.by_model["none"],
        ModelStats {
            seen: 2,
            completed: 1,
            aborted: 1,
            open: 0
        }
    );
    let bodies = ["echo", "gpt-4o"].map(|model| ask(model, false).to_string().len());
    let close = ask("fault-close", true).to_string().len();
    assert_eq!(stats.bytes_received, (bodies[0] + bodies[1] + close) as u64);
}

#[tokio::test(start_paused = true)]
async fn the_table_of_models_is_bounded() {
    let sim = Sim::new(Clock);
    for bytes in 0..300 {
        drop(chat(&sim, &format!("sim-0-1-0-{bytes}"), false).await);
    }
    drop(chat(&sim, "gpt-4o", false).await);
    let stats = sim.stats();
    holds(&stats);
    assert_eq!(stats.by_model.len(), 258);
    assert_eq!(stats.by_model["other"].seen, 44);
    assert_eq!(stats.by_model["none"].seen, 1);
}
