//! What an upstream says of how many more requests it takes, in the headers of
//! every answer: as OpenAI tells it, and as Anthropic does.
//!
//! It is advice. What is not understood says nothing, and a time beyond what is
//! believed of `Retry-After` is cut to that.

use std::time::Duration;

use http::header::{HeaderMap, HeaderName};

use super::headers::RETRY_AFTER_CAP;

/// OpenAI's names, which others took over, and Anthropic's.
const LIMIT: [HeaderName; 2] = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("anthropic-ratelimit-requests-limit"),
];
const REMAINING: [HeaderName; 2] = [
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("anthropic-ratelimit-requests-remaining"),
];
const RESET: [HeaderName; 2] = [
    HeaderName::from_static("x-ratelimit-reset-requests"),
    HeaderName::from_static("anthropic-ratelimit-requests-reset"),
];

/// Requests a minute.
pub(crate) fn limit(headers: &HeaderMap) -> Option<u64> {
    text(headers, &LIMIT)?.parse().ok()
}

/// How many more it takes, and how long that stands.
pub(crate) fn remaining(headers: &HeaderMap, unix_now: u64) -> Option<(u64, Option<Duration>)> {
    let requests = text(headers, &REMAINING)?.parse().ok()?;
    let reset = text(headers, &RESET);
    let reset = reset.and_then(|text| span(text).or_else(|| until(text, unix_now)));
    Some((requests, reset))
}

fn text<'h>(headers: &'h HeaderMap, names: &[HeaderName]) -> Option<&'h str> {
    let value = names.iter().find_map(|name| headers.get(name))?;
    Some(value.to_str().ok()?.trim())
}

/// A span as OpenAI writes it, `6m0s`, `1.5s` or `20ms`; plain numbers are
/// seconds.
fn span(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<f64>() {
        return capped(seconds);
    }
    let (mut seconds, mut rest) = (0.0, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let worth = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * worth;
        rest = tail;
    }
    capped(seconds)
}

/// A moment as Anthropic writes it (RFC 3339); what is past is now.
fn until(text: &str, unix_now: u64) -> Option<Duration> {
    let at: jiff::Timestamp = text.parse().ok()?;
    let at = u64::try_from(at.as_second()).unwrap_or(0);
    Some(Duration::from_secs(at.saturating_sub(unix_now)).min(RETRY_AFTER_CAP))
}

fn capped(seconds: f64) -> Option<Duration> {
    let most = RETRY_AFTER_CAP.as_secs_f64();
    (seconds.is_finite() && seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(most)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn hints_are_read_in_every_way_that_they_are_written() {
        for (text, millis) in [
            ("6m0s", Some(300_000)),
            ("1m30s", Some(90_000)),
            ("1.5s", Some(1_500)),
            ("20ms", Some(20)),
            ("12", Some(12_000)),
            ("", Some(0)),
            ("-1", None),
            ("s", None),
            ("5 s", None),
            ("1e999s", None),
        ] {
            assert_eq!(span(text).map(|span| span.as_millis()), millis, "{text}");
        }
    }

    #[test]
    fn anthropics_moments_are_read_as_spans() {
        for (text, seconds) in [
            ("1994-11-06T08:49:47Z", Some(10)),
            ("1994-11-06T09:49:47+01:00", Some(10)),
            ("1994-11-06T08:49:27.5Z", Some(0)),
            ("1960-01-01T00:00:00Z", Some(0)),
            ("2999-01-01T00:00:00Z", Some(300)),
            ("1994-11-06", None),
            ("soon", None),
        ] {
            let read = until(text, 784_111_777);
            assert_eq!(read.map(|span| span.as_secs()), seconds, "{text}");
        }
    }

    #[test]
    fn both_dialects_say_how_many_more() {
        for [limit_name, left, reset, when] in [
            [
                "x-ratelimit-limit-requests",
                "x-ratelimit-remaining-requests",
                "x-ratelimit-reset-requests",
                "10s",
            ],
            [
                "anthropic-ratelimit-requests-limit",
                "anthropic-ratelimit-requests-remaining",
                "anthropic-ratelimit-requests-reset",
                "1994-11-06T08:49:47Z",
            ],
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in [(limit_name, "600"), (left, "7"), (reset, when)] {
                let name = HeaderName::from_static(name);
                headers.insert(name, HeaderValue::from_static(value));
            }
            assert_eq!(limit(&headers), Some(600));
            let told = remaining(&headers, 784_111_777);
            assert_eq!(told, Some((7, Some(Duration::from_secs(10)))));
        }
    }
}
