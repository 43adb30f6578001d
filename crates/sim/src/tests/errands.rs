//! Images, audio and moderation: simple answers, always the same, and legal;
//! and what is refused of them.

use super::*;

async fn whole(sim: &Sim, path: &str, body: Value) -> (u16, Vec<u8>) {
    let answer = call(sim, path, &body).await.expect("an answer");
    let status = answer.status().as_u16();
    let played = play(answer).await;
    assert_eq!(played.end, End::Whole);
    let frames = played.frames.into_iter().map(|(_, frame)| frame);
    (status, frames.flatten().collect())
}

#[tokio::test(start_paused = true)]
async fn each_of_them_has_its_simple_answer() {
    let sim = Sim::new(Clock);
    let body = serde_json::json!({"model": "m", "input": ["a", "b"]});
    let (status, said) = whole(&sim, "/moderations", body).await;
    let said = json(&said);
    assert_eq!((status, &said["model"]), (200, &"m".into()));
    let results = said["results"].as_array().expect("results");
    assert_eq!(results.len(), 2);
    for result in results {
        assert_eq!(result["flagged"], false);
        assert_eq!(result["categories"]["violence"], false);
        assert_eq!(result["category_scores"]["violence"], 0.0);
    }
    let body = serde_json::json!({"model": "m", "prompt": "a red fish", "n": 2});
    let said = json(&whole(&sim, "/images/generations", body).await.1);
    let images = said["data"].as_array().expect("images");
    assert_eq!(images.len(), 2);
    assert!(
        images[0]["b64_json"]
            .as_str()
            .is_some_and(|text| text.starts_with("iVBORw0KGgo"))
    );
    assert_eq!(said["usage"]["input_tokens"], 3);
    assert_eq!(said["usage"]["total_tokens"], 5);
    let body = serde_json::json!({"model": "m", "input": "hi", "voice": "alloy"});
    let (_, wave) = whole(&sim, "/audio/speech", body).await;
    let size = u32::from_le_bytes(wave[4..8].try_into().expect("four bytes"));
    assert_eq!((&wave[..4], size as usize), (&b"RIFF"[..], wave.len() - 8));
    // Forms are not looked into.
    for path in ["/audio/transcriptions", "/audio/translations"] {
        let said = json(&whole(&sim, path, Value::Null).await.1);
        assert_eq!(said["text"], "The tide comes in.");
        assert_eq!(said["usage"]["output_tokens"], 4);
    }
    for path in ["/images/edits", "/images/variations"] {
        let said = json(&whole(&sim, path, Value::Null).await.1);
        assert_eq!(said["data"].as_array().map(Vec::len), Some(1));
    }
    let stats = sim.stats();
    assert_eq!((stats.seen, stats.completed, stats.open), (7, 7, 0));
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_or_too_much_is_refused() {
    let sim = Sim::new(Clock);
    for (path, body) in [
        ("/moderations", serde_json::json!({"model": "m"})),
        ("/images/generations", serde_json::json!({"model": "m"})),
        (
            "/images/generations",
            serde_json::json!({"prompt": "x", "n": 11}),
        ),
        (
            "/images/generations",
            serde_json::json!({"prompt": "x", "n": 0}),
        ),
        ("/audio/speech", serde_json::json!({"model": "m"})),
    ] {
        let (status, said) = whole(&sim, path, body).await;
        assert_eq!(status, 400, "{path}");
        assert_eq!(json(&said)["error"]["code"], "invalid_value", "{path}");
    }
    let answer = sim.answer(&Method::GET, "/moderations", Bytes::new()).await;
    assert_eq!(answer.expect("an answer").status(), 405);
}
