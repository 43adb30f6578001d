//! What every promise of the crate looks like from outside.
//!
//! `names` plays each name on a paused clock, `tools` what a request asks for, `rules` what a script
//! says and `scripts` what is wrong with one; `counts` drops calls at every point, `wire` speaks to
//! the stand-alone server over a real socket.

mod counts;
mod documentation;
mod errands;
mod names;
mod rules;
mod schema;
mod scripts;
mod tools;
mod wire;

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response};
use http_body_util::BodyExt;
use serde_json::Value;
use tidegate_kernel::Clock;

use crate::{Broken, Script, Sim};

/// How an answer's body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    Broken,
    /// Still open, and silent for ten minutes.
    Silent,
}

/// Everything that came, frame by frame, with its time since the call.
struct Played {
    frames: Vec<(u64, Bytes)>,
    end: End,
}

impl Played {
    fn text(&self) -> Vec<u8> {
        self.frames
            .iter()
            .flat_map(|(_, frame)| frame.to_vec())
            .collect()
    }

    /// The `data:` of each frame, which must be one whole event.
    fn events(&self) -> Vec<String> {
        let event = |frame: &Bytes| {
            let text = std::str::from_utf8(frame).expect("UTF-8");
            let data = text
                .strip_prefix("data: ")
                .and_then(|text| text.strip_suffix("\n\n"));
            data.expect("one whole event").to_owned()
        };
        self.frames.iter().map(|(_, frame)| event(frame)).collect()
    }
}

fn ask(model: &str, stream: bool) -> Value {
    serde_json::json!({
        "model": model,
        "stream": stream,
        "messages": [{"role": "user", "content": "what does the tide do"}],
    })
}

async fn call(sim: &Sim, path: &str, body: &Value) -> Result<Response<Script>, Broken> {
    sim.answer(&Method::POST, path, body.to_string().into())
        .await
}

async fn chat(sim: &Sim, model: &str, stream: bool) -> Response<Script> {
    call(sim, "/chat/completions", &ask(model, stream))
        .await
        .expect("an answer")
}

/// Plays a body to its end. Only for paused clocks.
async fn play(answer: Response<Script>) -> Played {
    let (clock, mut body) = (Clock, pin!(answer.into_body()));
    let start = clock.now();
    let mut frames = Vec::new();
    let end = loop {
        let next = tokio::select! {
            biased;
            next = body.frame() => next,
            () = clock.sleep(Duration::from_secs(600)) => break End::Silent,
        };
        match next {
            None => break End::Whole,
            Some(Err(Broken)) => break End::Broken,
            Some(Ok(frame)) => {
                let at = (clock.now() - start).as_millis() as u64;
                frames.push((at, frame.into_data().expect("data")));
            }
        }
    };
    Played { frames, end }
}

/// The text of a chat's events, put together; events that are no JSON are passed over.
fn content(events: &[String]) -> String {
    let piece = |event: &String| {
        let event: Value = serde_json::from_str(event).ok()?;
        Some(event["choices"][0]["delta"]["content"].as_str()?.to_owned())
    };
    events.iter().filter_map(piece).collect()
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}
