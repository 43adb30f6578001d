//! The bytes of a request, as an SDK of its dialect would send them.
//!
//! Made once per row and sent again and again, so that building a request costs
//! the generator nothing while it measures.

use std::{fmt::Write as _, net::SocketAddr};

/// A chat call to `model` with a user message of `prompt` bytes.
pub(crate) fn chat(at: SocketAddr, model: &str, stream: bool, prompt: usize) -> Vec<u8> {
    let body = format!(
        "{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"system\",\"content\":\"You are a \
         helpful assistant.\"}},{{\"role\":\"user\",\"content\":\""
    );
    call(at, "/v1/chat/completions", body, stream, prompt)
}

/// The same as Anthropic's SDK would ask it.
pub(crate) fn message(at: SocketAddr, model: &str, stream: bool, prompt: usize) -> Vec<u8> {
    let body = format!(
        "{{\"model\":\"{model}\",\"max_tokens\":4000,\"system\":\"You are a helpful \
         assistant.\",\"messages\":[{{\"role\":\"user\",\"content\":\""
    );
    call(at, "/v1/messages", body, stream, prompt)
}

/// A call whose user's message `body` ends in.
fn call(at: SocketAddr, path: &str, mut body: String, stream: bool, prompt: usize) -> Vec<u8> {
    let words = ["tide ", "gate ", "water ", "harbour ", "lock ", "channel "];
    let end = body.len() + prompt;
    for word in words.iter().cycle() {
        let room = end - body.len();
        body.push_str(&word[..word.len().min(room)]);
        if body.len() == end {
            break;
        }
    }
    let _ = write!(body, "\"}}],\"temperature\":0.2,\"stream\":{stream}}}");
    post(at, path, &body, stream)
}

/// A call with a picture of so many bytes.
pub(crate) fn picture(at: SocketAddr, model: &str, messages: bool, bytes: usize) -> Vec<u8> {
    let data = "iVBORw0KGgoAAAAN".repeat(bytes.div_ceil(12));
    let (path, picture) = match messages {
        true => (
            "/v1/messages",
            format!(
                "{{\"type\":\"image\",\"source\":{{\"type\":\"base64\",\
                 \"media_type\":\"image/png\",\"data\":\"{data}\"}}}}"
            ),
        ),
        false => (
            "/v1/chat/completions",
            format!(
                "{{\"type\":\"image_url\",\"image_url\":{{\"url\":\
                 \"data:image/png;base64,{data}\"}}}}"
            ),
        ),
    };
    let body = format!(
        "{{\"model\":\"{model}\",\"max_tokens\":100,\"messages\":[{{\"role\":\"user\",\
         \"content\":[{{\"type\":\"text\",\"text\":\"What is it?\"}},{picture}]}}]}}"
    );
    post(at, path, &body, false)
}

/// A call, streamed, that offers the tool `f`.
pub(crate) fn tool(at: SocketAddr, model: &str, messages: bool) -> Vec<u8> {
    let (path, tool) = match messages {
        true => (
            "/v1/messages",
            "{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}",
        ),
        false => (
            "/v1/chat/completions",
            "{\"type\":\"function\",\"function\":{\"name\":\"f\",\
             \"parameters\":{\"type\":\"object\"}}}",
        ),
    };
    let body = format!(
        "{{\"model\":\"{model}\",\"max_tokens\":100,\"tools\":[{tool}],\"stream\":true,\
         \"messages\":[{{\"role\":\"user\",\"content\":\"Call it.\"}}]}}"
    );
    post(at, path, &body, true)
}

/// A `POST` of JSON.
fn post(at: SocketAddr, path: &str, body: &str, stream: bool) -> Vec<u8> {
    let accept = if stream {
        "text/event-stream"
    } else {
        "application/json"
    };
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {at}\r\nauthorization: Bearer sk-bench\r\n\
         accept: {accept}\r\ncontent-type: application/json\r\nuser-agent: tidegate-bench\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    (head + body).into_bytes()
}

/// A plain `GET`.
pub(crate) fn get(at: SocketAddr, path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: {at}\r\naccept: */*\r\n\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_has_the_size_and_the_framing_fits() {
        let at = SocketAddr::from(([127, 0, 0, 1], 9));
        let request = String::from_utf8(chat(at, "m", true, 1000)).unwrap();
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())));
        let prompt = body.split("\"content\":\"").nth(2).unwrap();
        assert_eq!(prompt.find('"'), Some(1000));
        assert!(body.ends_with("\"stream\":true}"));
    }
}
