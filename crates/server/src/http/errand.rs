//! From a request to an errand: what the gateway carries and does not read.
//!
//! Promises: 1. what goes into the upstream's request line is of a short list
//! of characters; 2. a web page of another origin does none where there are no
//! keys, also where a browser would not ask before; 3. only what must be read
//! is read: the body of an upload is handed on as it comes.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName};
use http::{request, uri::Uri};
use http_body::Body;
use tidegate_gateway::{Errand, ErrandKind, Failure, Subject, Ticket, Upload};
use tidegate_types::Code;

use super::app::App;
use super::body::{self, Takes, Unread};
use super::upload::Rising;

const PROVIDER: HeaderName = HeaderName::from_static("x-tidegate-provider");

/// Bytes of a query; the longest that the SDKs make have some hundred.
const LONGEST_QUERY: usize = 2048;
/// Bytes of an id in a path.
const LONGEST_ID: usize = 128;

/// The parts of a call that differ for an errand.
pub(crate) struct Decoded {
    pub(crate) subject: Subject,
    pub(crate) body: Bytes,
    pub(crate) upload: Option<Upload>,
}

/// Reads what is to be read; `whole` is set once an upload has come to its end.
pub(crate) async fn decode<B>(
    app: &App,
    ticket: &mut Ticket,
    kind: ErrandKind,
    parts: &request::Parts,
    body: B,
    whole: Option<&Arc<AtomicBool>>,
) -> Result<Decoded, Unread>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Error + 'static,
{
    let headers = &parts.headers;
    app.access.check_page(headers)?;
    let target = target(&parts.uri)?;
    let provider = provider(headers)?;
    let (limits, clock) = (&app.body_limits, app.clock);
    let takes = match kind {
        ErrandKind::Make => Some(Takes::Json),
        ErrandKind::Change => Some(Takes::JsonOrNothing),
        ErrandKind::Form => Some(Takes::Form),
        ErrandKind::Look | ErrandKind::Download | ErrandKind::Upload => None,
    };
    let (bytes, upload) = match takes {
        Some(takes) => {
            let bytes = body::read(headers, takes, body, limits, clock, ticket).await?;
            (bytes, None)
        }
        None if kind == ErrandKind::Upload => {
            let whole = whole.cloned().unwrap_or_default();
            body::check_head(headers, Takes::Form, &body)?;
            if let Some(large) = super::upload::announced_too_large(headers, limits) {
                body::discard(body, limits, clock, ticket).await?;
                return Err(large.into());
            }
            let rising = Rising::new(body, limits, clock, whole);
            let upload = Upload::new(rising);
            let upload = match headers.contains_key(header::EXPECT) {
                true => upload.on_leave(),
                false => upload,
            };
            (Bytes::new(), Some(upload))
        }
        None => (Bytes::new(), None),
    };
    let errand = Errand {
        kind,
        method: parts.method.clone(),
        target,
        content_type: headers.get(header::CONTENT_TYPE).cloned(),
        provider,
    };
    Ok(Decoded {
        subject: Subject::Errand(Arc::new(errand)),
        body: bytes,
        upload,
    })
}

/// Whether this part of a path is an id: no dots alone, no slash in disguise.
pub(crate) fn is_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    text.len() <= LONGEST_ID
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(fits)
}

/// Path and query behind `/v1`.
fn target(uri: &Uri) -> Result<String, Failure> {
    let path = uri.path().strip_prefix("/v1").unwrap_or_default();
    let query = uri.query().unwrap_or_default();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~=&%+,:[]".contains(&byte);
    let escapes = || query.split('%').skip(1);
    let escaped = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        // No line ends and no NUL, in whatever disguise.
        digits.is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit) && two[0] > b'1')
    };
    if query.len() > LONGEST_QUERY || !query.bytes().all(fits) || !escapes().all(escaped) {
        let text = "The query has characters that are not passed on, or is too long.";
        return Err(Failure::new(Code::InvalidValue, text));
    }
    Ok(match query {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    })
}

fn provider(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(value) = headers.get(PROVIDER) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(name) if !name.is_empty() => Ok(Some(name.to_owned())),
        _ => {
            let text = "`x-tidegate-provider` must be the name of a provider.";
            Err(Failure::new(Code::InvalidHeader, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn an_id_is_no_path() {
        for id in ["file-abc123", "batch_1", "ftjob-x.y", "a:b", "0"] {
            assert!(is_id(id), "{id}");
        }
        let long = "x".repeat(129);
        for id in [
            "", ".", "..", "-a", "a/b", "%2f", "%2e%2e", "a%00", "a\u{e9}", "a b", &long,
        ] {
            assert!(!is_id(id), "{id}");
        }
    }

    #[test]
    fn a_query_passes_if_it_is_plain() {
        let of = |text: &str| target(&text.parse().unwrap());
        assert_eq!(of("/v1/files").unwrap(), "/files");
        assert_eq!(of("/v1/files?").unwrap(), "/files");
        for query in [
            "limit=2&after=file-a",
            "metadata%5Bk%5D=v",
            "include[]=a,b",
            "q=a+b%20c",
        ] {
            let whole = of(&format!("/v1/files?{query}")).unwrap();
            assert_eq!(whole, format!("/files?{query}"));
        }
        for query in [
            "a=%0d%0ahost",
            "a=%00",
            "a=%1F",
            "a=%",
            "a=%4",
            "a=%zz",
            "a=/../",
            "a='",
        ] {
            assert!(of(&format!("/v1/files?{query}")).is_err(), "{query}");
        }
        assert!(of(&format!("/v1/files?{}", "x".repeat(2049))).is_err());
    }

    #[test]
    fn a_provider_is_named_in_plain_text() {
        let of = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(PROVIDER, HeaderValue::from_bytes(value).unwrap());
            provider(&headers)
        };
        assert_eq!(of(b"openai").unwrap().as_deref(), Some("openai"));
        assert!(of(b"").is_err() && of(b"\xff").is_err());
        assert_eq!(provider(&HeaderMap::new()).unwrap(), None);
    }
}
