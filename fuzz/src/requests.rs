//! Requests of the three callers: scanned, read, and written for each upstream.
//!
//! What the dialect's own upstream would get is read again, and written the same.

use tidegate_wire::chat::{Answer, Lacks, Request};
use tidegate_wire::json::Limits;
use tidegate_wire::openai::chat::Ways;
use tidegate_wire::{anthropic, bedrock, gemini, ollama, openai, responses};

use super::{hold_json, is_json};

pub(crate) fn openai(data: &[u8]) {
    use tidegate_wire::openai::Endpoint;

    let limits = Limits::default();
    let mut taken = false;
    for endpoint in [Endpoint::Chat, Endpoint::Completions, Endpoint::Embeddings] {
        taken |= openai::scan(endpoint, data, &limits).is_ok();
    }
    taken |= openai::scan_named(data, &limits).is_ok();
    assert!(!taken || is_json(data));
    let Ok(request) = openai::chat::read_request(data) else {
        return;
    };
    written(&request, data);
    again(
        &request,
        |request, lacks| openai::chat::write_request(request, Ways::OPENAI, lacks),
        |body| openai::chat::read_request(body).ok(),
    );
}

pub(crate) fn anthropic(data: &[u8]) {
    use tidegate_wire::anthropic::Endpoint;

    let limits = Limits::default();
    for endpoint in [Endpoint::Messages, Endpoint::CountTokens] {
        let taken = anthropic::scan(endpoint, data, &limits).is_ok();
        assert!(!taken || is_json(data));
    }
    let Ok(request) = anthropic::read_request(data) else {
        return;
    };
    written(&request, data);
    again(
        &request,
        |request, lacks| anthropic::write_request(request, &anthropic::Ways::default(), lacks),
        |body| anthropic::read_request(body).ok(),
    );
}

pub(crate) fn responses(data: &[u8]) {
    let taken = responses::scan(data, &Limits::default()).is_ok();
    assert!(!taken || is_json(data));
    if let Ok(request) = responses::read_request(data) {
        written(&request, data);
    }
    // What it echoes, it echoes of any body.
    let asked = responses::Asked::read(data, 7, 7);
    hold_json(&responses::write_answer(&Answer::default(), &asked), data);
}

/// Written for every upstream.
fn written(request: &Request, data: &[u8]) {
    let ways = anthropic::Ways::default();
    let lacks = &mut Lacks::default();
    for body in [
        openai::chat::write_request(request, Ways::OPENAI, lacks),
        openai::chat::write_request(request, Ways::COMPATIBLE, lacks),
        anthropic::write_request(request, &ways, lacks),
        gemini::write_request(request, lacks),
        bedrock::write_request(request, lacks),
        ollama::write_request(request, lacks),
    ] {
        hold_json(&body, data);
    }
    assert!(lacks.fields().len() <= 32);
    for path in [
        gemini::path(&request.model, request.stream),
        bedrock::path(&request.model, request.stream),
    ] {
        let plain = |byte: u8| byte.is_ascii_graphic();
        assert!(path.starts_with('/') && path.bytes().all(plain), "{path}");
    }
}

/// What the dialect says to itself stays as it is.
fn again(
    request: &Request,
    write: impl Fn(&Request, &mut Lacks) -> Vec<u8>,
    read: impl Fn(&[u8]) -> Option<Request>,
) {
    let mut lacks = Lacks::default();
    let body = write(request, &mut lacks);
    if !lacks.is_empty() {
        return;
    }
    let shown = String::from_utf8_lossy(&body);
    let request = read(&body);
    assert!(request.is_some(), "it cannot be read: {shown}");
    if let Some(request) = request {
        let body = write(&request, &mut lacks);
        assert_eq!(String::from_utf8_lossy(&body), shown);
    }
}
