//! Splits a stream into events, naively: for asserts, not for speed.
//!
//! Written apart from the framer under test, which it judges.

/// One event as it stood on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    raw: String,
}

impl Event {
    /// The event with its empty line.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// All `data` lines, joined.
    pub fn data(&self) -> Option<String> {
        let lines: Vec<&str> = self
            .raw
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(|data| data.strip_prefix(' ').unwrap_or(data))
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// True for a ping: only comment lines.
    pub fn is_comment(&self) -> bool {
        self.raw
            .lines()
            .filter(|line| !line.is_empty())
            .all(|line| line.starts_with(':'))
    }

    /// True for the OpenAI end marker.
    pub fn is_done(&self) -> bool {
        self.data().as_deref().map(str::trim) == Some("[DONE]")
    }

    /// The data as JSON.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_str(&self.data()?).ok()
    }

    /// The content of all deltas in it.
    pub fn content(&self) -> String {
        let Some(json) = self.json() else {
            return String::new();
        };
        let choices = json.get("choices").and_then(|choices| choices.as_array());
        choices
            .into_iter()
            .flatten()
            .filter_map(|choice| {
                choice
                    .pointer("/delta/content")
                    .or_else(|| choice.get("text"))?
                    .as_str()
            })
            .collect()
    }
}

/// The first whole event of `text`, and its length in bytes.
pub(crate) fn first(text: &[u8]) -> Option<(Event, usize)> {
    let mut end = None;
    let mut within = text;
    // Each mark is looked for only before the one that was found.
    for mark in [&b"\n\n"[..], b"\r\n\r\n", b"\r\r"] {
        if let Some(at) = within.windows(mark.len()).position(|window| window == mark) {
            end = Some(at + mark.len());
            within = &text[..at];
        }
    }
    let end = end?;
    let raw = String::from_utf8_lossy(&text[..end]).into_owned();
    Some((Event { raw }, end))
}

/// Splits a whole stream.
///
/// # Panics
/// When it ends within an event.
pub fn split(stream: &[u8]) -> Vec<Event> {
    let mut text = stream;
    let mut events = Vec::new();
    while let Some((event, length)) = first(text) {
        events.push(event);
        text = &text[length..];
    }
    let left = String::from_utf8_lossy(text);
    assert!(left.is_empty(), "the stream ends within an event: {left:?}");
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_all_newline_styles_and_keeps_the_raw_text() {
        let events = split(b": ping\n\ndata: {\"choices\":[]}\r\n\r\ndata:[DONE]\n\n");
        assert!(events[0].is_comment() && !events[1].is_comment());
        assert_eq!(events[1].raw(), "data: {\"choices\":[]}\r\n\r\n");
        assert!(events[2].is_done());
        assert_eq!(events.len(), 3);
    }

    #[test]
    #[should_panic(expected = "within an event")]
    fn a_cut_event_is_not_an_event() {
        split(b"data: whole\n\ndata: cu");
    }
}
