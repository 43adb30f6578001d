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
    (head + &body).into_bytes()
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
