//! The official SDKs and the endpoints that are carried: what they send
//! arrives byte for byte, and what comes back is what they can read.

use std::sync::Mutex;

use tidegate_e2e::sdk::Sdk;
use tidegate_e2e::{Scene, form};
use tidegate_testkit::{Recorded, Script, openai};

const EVENTS: (&str, &str) = ("content-type", "text/event-stream");

fn noise(length: usize, step: usize) -> Vec<u8> {
    (0..length).map(|at| (at * step % 251) as u8).collect()
}

/// An upstream that keeps one file, and says what it got.
fn answers(kept: &Mutex<Vec<u8>>, request: &Recorded) -> Option<Script> {
    let (method, target) = request.line();
    let path = target.split('?').next()?.strip_prefix("/v1")?;
    let field = |name: &str| form::part(request.body(), name).unwrap_or_default();
    let json = |text: &str| Some(Script::json(200, text));
    let list = |one: &str| {
        let text = format!(r#"{{"object":"list","data":[{one}],"has_more":false}}"#);
        Some(Script::json(200, &text))
    };
    let file = |length: usize| {
        format!(
            r#"{{"id":"file-1","object":"file","bytes":{length},"created_at":1,"filename":"lines.jsonl","purpose":"batch","status":"processed"}}"#
        )
    };
    let upload = |status: &str| {
        format!(
            r#"{{"id":"upload_1","object":"upload","bytes":1,"created_at":1,"expires_at":2,"filename":"lines.jsonl","purpose":"batch","status":"{status}"}}"#
        )
    };
    match (&*method, path) {
        ("POST", "/files") => {
            let content = field("file");
            let text = file(content.len());
            *kept.lock().ok()? = content;
            json(&text)
        }
        ("GET", "/files") if target.contains("limit=2") && target.contains("purpose=batch") => {
            list(&file(1))
        }
        ("GET", "/files/file-1") => json(&file(1)),
        ("GET", "/files/file-1/content") => {
            let name = (
                "content-disposition",
                "attachment; filename=\"lines.jsonl\"",
            );
            let kind = ("content-type", "application/octet-stream");
            Some(Script::whole(200, &[kind, name], &kept.lock().ok()?))
        }
        ("DELETE", "/files/file-1") => json(r#"{"id":"file-1","object":"file","deleted":true}"#),
        ("GET", "/files/file-none") => {
            let said = openai::error("invalid_request_error", "none", "No such file");
            Some(Script::json(404, &said))
        }
        ("POST", "/uploads") => json(&upload("pending")),
        ("POST", "/uploads/upload_1/parts") => {
            let length = field("data").len();
            json(&format!(
                r#"{{"id":"part_{length}","object":"upload.part","created_at":1,"upload_id":"upload_1"}}"#
            ))
        }
        ("POST", "/uploads/upload_1/complete") => json(&upload("completed")),
        ("POST", "/uploads/upload_1/cancel") => json(&upload("cancelled")),
        _ => audio(request, path)
            .or_else(|| images(request, path))
            .or_else(|| jobs(&method, path, list)),
    }
}

fn audio(request: &Recorded, path: &str) -> Option<Script> {
    let field = |name: &str| form::part(request.body(), name).unwrap_or_default();
    if path == "/audio/speech" {
        let head = Script::chunked(200, &[("content-type", "audio/mpeg")]);
        return Some(head.split(&noise(400_000, 11), 100_000));
    }
    if !matches!(path, "/audio/transcriptions" | "/audio/translations") {
        return None;
    }
    let file = field("file");
    if file != noise(400_000, 11) {
        return None;
    }
    Some(match &*String::from_utf8_lossy(&field("model")) {
        "whisper-text" => Script::whole(200, &[("content-type", "text/plain")], b"only text\n"),
        "gpt-4o-transcribe" => {
            let done = r#"{"type":"transcript.text.done","text":"ab"}"#;
            Script::chunked(200, &[EVENTS])
                .event(r#"{"type":"transcript.text.delta","delta":"ab"}"#)
                .event(done)
                .done()
        }
        model => {
            let length = file.len();
            Script::json(200, &format!(r#"{{"text":"{model} heard {length}"}}"#))
        }
    })
}

fn images(request: &Recorded, path: &str) -> Option<Script> {
    let made = |bytes: &[u8]| {
        let text = base64(bytes);
        let text = format!(r#"{{"created":1,"data":[{{"b64_json":"{text}"}}]}}"#);
        Some(Script::json(200, &text))
    };
    let asked = || serde_json::from_slice::<serde_json::Value>(request.body()).ok();
    match path {
        "/images/generations" if asked()?["stream"] == true => {
            let event = |name: &str| {
                format!(
                    "event: image_generation.{name}\ndata: {{\"type\":\"image_generation.{name}\",\"b64_json\":\"AA==\"}}\n\n"
                )
            };
            let script = Script::chunked(200, &[EVENTS]);
            Some(
                script
                    .bytes(event("partial_image"))
                    .bytes(event("completed")),
            )
        }
        "/images/generations" => made(format!("{} drew", asked()?["model"].as_str()?).as_bytes()),
        "/images/edits" | "/images/variations" => made(&form::part(request.body(), "image")?),
        _ => None,
    }
}

fn jobs(method: &str, path: &str, list: impl Fn(&str) -> Option<Script>) -> Option<Script> {
    let json = |text: &str| Some(Script::json(200, text));
    let batch = |status: &str| {
        format!(
            r#"{{"id":"batch_1","object":"batch","endpoint":"/v1/chat/completions","input_file_id":"file-1","completion_window":"24h","status":"{status}","created_at":1}}"#
        )
    };
    let job = r#"{"id":"ftjob-1","object":"fine_tuning.job","model":"gpt-4o-mini","created_at":1,"status":"running","error":null}"#;
    match (method, path) {
        ("POST", "/moderations") => json(
            r#"{"id":"modr-1","model":"omni","results":[{"flagged":false,"categories":{},"category_scores":{}}]}"#,
        ),
        ("POST", "/batches") | ("GET", "/batches/batch_1") => json(&batch("validating")),
        ("GET", "/batches") => list(&batch("validating")),
        ("POST", "/batches/batch_1/cancel") => json(&batch("cancelling")),
        ("POST", "/fine_tuning/jobs") | ("GET", "/fine_tuning/jobs/ftjob-1") => json(job),
        ("GET", "/fine_tuning/jobs") => list(job),
        ("GET", "/fine_tuning/jobs/ftjob-1/events") => list(
            r#"{"id":"ev-1","object":"fine_tuning.job.event","created_at":1,"level":"info","message":"begun"}"#,
        ),
        ("GET", "/fine_tuning/jobs/ftjob-1/checkpoints") => list(""),
        ("POST", path) if path.starts_with("/fine_tuning/jobs/ftjob-1/") => json(job),
        _ => None,
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let at = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for index in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * index) & 63) as usize];
            text.push(if index > three.len() {
                '='
            } else {
                letter as char
            });
        }
    }
    text
}

#[tokio::test]
async fn sdk_the_rest_of_the_family() {
    family(Sdk::Python).await;
}

#[tokio::test]
async fn node_the_rest_of_the_family() {
    family(Sdk::Node).await;
}

async fn family(sdk: Sdk) {
    if !sdk.is_here() {
        return;
    }
    let scene = Scene::start().await;
    let kept = Mutex::new(Vec::new());
    scene.upstream.by(move |request| answers(&kept, request));
    sdk.run("family", &[&scene.gate.url()]).await;
    let requests = scene.upstream.requests();
    let file = form::part(requests[0].body(), "file");
    assert!(
        file == Some(noise(3_000_000, 7)),
        "not the bytes that were sent"
    );
    assert!(scene.gate.until_quiet().await.conserved().is_ok());
}
