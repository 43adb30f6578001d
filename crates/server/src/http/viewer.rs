//! `/docs`: the description as a page to read and try, all of it in the binary.
//!
//! Promises: 1. the page loads nothing from elsewhere, and its policy forbids
//! it; 2. it holds nothing of this process, so that anybody may have it: a
//! browser that opens a page sends no key. The description itself is asked for
//! with the key that the reader types, which the page keeps in memory only.
//! The viewer is Swagger UI 5.35.0 (Apache-2.0), as its npm package has it.

use http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Response, StatusCode};
use tidegate_gateway::Failure;
use tidegate_types::Code;

use super::app::App;
use super::errors;
use super::reply::{Out, whole};

/// What the page may load: its own files, and pictures that stand in its style.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 4] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    // The files change with the binary only, and are asked for again then.
    (CACHE_CONTROL, "no-cache"),
];

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// The parts: name, type, whether they are packed, bytes.
const FILES: [(&str, &str, bool, &[u8]); 4] = [
    ("page.js", SCRIPT, false, include_bytes!("viewer/page.js")),
    ("page.css", STYLE, false, include_bytes!("viewer/page.css")),
    (
        "swagger-ui-bundle.js",
        SCRIPT,
        true,
        include_bytes!("viewer/swagger-ui-bundle.js.gz"),
    ),
    (
        "swagger-ui.css",
        STYLE,
        true,
        include_bytes!("viewer/swagger-ui.css.gz"),
    ),
];

pub(crate) fn page(_: &App) -> Response<Out> {
    let page = include_str!("viewer/page.html");
    guarded(whole(StatusCode::OK, "text/html; charset=utf-8", page))
}

pub(crate) fn file(_: &App, name: &str) -> Response<Out> {
    let Some((_, kind, is_packed, bytes)) = FILES.iter().find(|file| file.0 == name) else {
        let text = "The page has no such part; open `/docs`.";
        return errors::response(&Failure::new(Code::NotFound, text));
    };
    let mut response = guarded(whole(StatusCode::OK, kind, *bytes));
    if *is_packed {
        // Every browser takes it; nobody else has a use for it.
        let gzip = HeaderValue::from_static("gzip");
        response.headers_mut().insert(CONTENT_ENCODING, gzip);
    }
    response
}

fn guarded(mut response: Response<Out>) -> Response<Out> {
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}
