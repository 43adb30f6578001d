//! Which headers pass: to an upstream from scratch, back through a short list.
//!
//! Nothing of a caller's request is copied to an upstream unless it stands in
//! [`FORWARDED`]; framing, host, cookies and credentials never do.

use std::time::{Duration, SystemTime};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use memchr::memmem;

use crate::dialect::Dialect;
use crate::endpoint::Manner;
use crate::keys::Secrets;
use crate::settings::BaseUrl;

/// The caller's headers that an upstream of the same dialect may see.
pub const FORWARDED: [HeaderName; 4] = [
    HeaderName::from_static("openai-beta"),
    HeaderName::from_static("anthropic-beta"),
    HeaderName::from_static("anthropic-version"),
    HeaderName::from_static("x-client-request-id"),
];

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// As Anthropic spells it, and Amazon.
const OTHER_REQUEST_IDS: [HeaderName; 2] = [
    HeaderName::from_static("request-id"),
    HeaderName::from_static("x-amzn-requestid"),
];
const UPSTREAM_REQUEST_ID: HeaderName = HeaderName::from_static("x-upstream-request-id");

/// `Retry-After` beyond this is not believed (failures row 34).
pub(crate) const RETRY_AFTER_CAP: Duration = Duration::from_secs(300);

/// Answers come as they are.
pub(super) const PLAIN: HeaderValue = HeaderValue::from_static("identity");

/// Who asks.
pub(super) const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("tidegate/", env!("CARGO_PKG_VERSION")));

/// The headers of every request to one upstream,
/// but for its key.
pub(crate) fn template(dialect: Dialect, base: &BaseUrl) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::with_capacity(10);
    headers.insert(header::HOST, host(base)?);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    // A compressed stream would have to be unpacked to be looked at.
    headers.insert(header::ACCEPT_ENCODING, PLAIN);
    headers.insert(header::USER_AGENT, AGENT);
    headers.extend(dialect.speaks().headers().iter().cloned());
    Ok(headers)
}

/// Those of `given` that an upstream of a caller's dialect may see.
pub(crate) fn forwarded(mut given: HeaderMap, manner: Manner) -> HeaderMap {
    let other = match manner {
        Manner::OpenAi | Manner::Responses => &["anthropic-beta", "anthropic-version"][..],
        Manner::Anthropic => &["openai-beta"][..],
    };
    if !given.is_empty() {
        for name in other {
            given.remove(*name);
        }
    }
    given
}

/// The host as a header has it.
pub(super) fn host(base: &BaseUrl) -> Result<HeaderValue, String> {
    let host = if base.host.contains(':') {
        format!("[{}]", base.host)
    } else {
        base.host.clone()
    };
    let host = match (base.tls, base.port) {
        (true, 443) | (false, 80) => host,
        (_, port) => format!("{host}:{port}"),
    };
    HeaderValue::from_str(&host).map_err(|_| "the host cannot be sent as a header".to_owned())
}

/// What of an upstream's answer goes on to the caller (contracts 11); nothing
/// that holds one of `secrets`, should the upstream repeat what it was sent.
pub(crate) fn passed(upstream: &HeaderMap, secrets: &Secrets) -> HeaderMap {
    // With what the server adds: a map that grows is filled twice.
    let mut out = HeaderMap::with_capacity(12);
    for (name, value) in upstream {
        let text = name.as_str();
        let listed = text.starts_with("x-ratelimit-")
            || text.starts_with("openai-")
            || text.starts_with("anthropic-");
        let id = name == REQUEST_ID
            || (OTHER_REQUEST_IDS.contains(name) && !out.contains_key(UPSTREAM_REQUEST_ID));
        if !(listed || id) || tells(value, secrets) {
            continue;
        }
        if listed {
            out.append(name.clone(), value.clone());
        } else {
            out.insert(UPSTREAM_REQUEST_ID, value.clone());
        }
    }
    out
}

/// The same of an answer that goes on as it is: with its type and its name.
pub(crate) fn carried(upstream: &HeaderMap, secrets: &Secrets) -> HeaderMap {
    let mut out = passed(upstream, secrets);
    for name in [header::CONTENT_TYPE, header::CONTENT_DISPOSITION] {
        if let Some(value) = upstream.get(&name)
            && !tells(value, secrets)
        {
            out.insert(name, value.clone());
        }
    }
    out
}

/// Whether `value` holds a secret. As in redacted texts, what is shorter than
/// four bytes is no secret: it would be found everywhere.
fn tells(value: &HeaderValue, secrets: &Secrets) -> bool {
    let holds = |secret: &str| memmem::find(value.as_bytes(), secret.as_bytes()).is_some();
    secrets.any(|secret| secret.len() >= 4 && holds(secret))
}

/// `Retry-After` in seconds or as a date: capped, past is zero, nonsense none.
pub(crate) fn retry_after(headers: &HeaderMap, unix_now: u64) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => seconds.ceil() as u64,
        Ok(_) => return None,
        Err(_) => {
            let date = httpdate::parse_http_date(text).ok()?;
            // A date before 1970 is as past as any other.
            let unix = date
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default();
            unix.as_secs().saturating_sub(unix_now)
        }
    };
    Some(Duration::from_secs(seconds).min(RETRY_AFTER_CAP))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::KeySettings;

    fn after(value: &'static str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(value));
        retry_after(&headers, 784_111_777)
    }

    #[test]
    fn failures_row_34_absurd_retry_after() {
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("0.2"), Some(Duration::from_secs(1)));
        assert_eq!(after("1e9"), Some(RETRY_AFTER_CAP));
        assert_eq!(after("-3"), None);
        assert_eq!(after("NaN"), None);
        assert_eq!(after("inf"), None);
        assert_eq!(after("soon"), None);
        assert_eq!(
            after("Sun, 06 Nov 1994 08:49:47 GMT"),
            Some(Duration::from_secs(10))
        );
        assert_eq!(after("Sun, 06 Nov 1994 08:49:27 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn only_the_list_passes_back_and_cookies_never() {
        let mut upstream = HeaderMap::new();
        for (name, value) in [
            ("set-cookie", "a=b"),
            ("x-ratelimit-remaining-tokens", "12"),
            ("openai-version", "2020-10-01"),
            ("server", "x"),
            ("x-request-id", "req_1"),
            ("openai-organization", "of canary"),
        ] {
            upstream.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        let key = KeySettings {
            name: "main".to_owned(),
            value: "canary".to_owned().into(),
            weight: 1,
        };
        let secrets = Secrets::of(&[key], None, None);
        for name in OTHER_REQUEST_IDS {
            let mut upstream = upstream.clone();
            upstream.insert(name.clone(), HeaderValue::from_static("other"));
            assert_eq!(passed(&upstream, &secrets)[UPSTREAM_REQUEST_ID], "req_1");
            upstream.remove(REQUEST_ID);
            assert_eq!(
                passed(&upstream, &secrets)[UPSTREAM_REQUEST_ID],
                "other",
                "{name}"
            );
        }
        let out = passed(&upstream, &secrets);
        let names: Vec<_> = out.keys().map(HeaderName::as_str).collect();
        assert_eq!(out.len(), 3, "{names:?}");
        assert_eq!(out[UPSTREAM_REQUEST_ID], "req_1");
    }
}
