//! The way in, without a socket: who is told what, by which
//! listener, and what becomes of a body that does not come whole.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::HOST;
use http_body::Frame;
use kernel::{BudgetSettings, Clock, Level, PulseSettings, Scope, Watchdog};
use tidegate_gateway::{Bounds, Gateway, Settings};
use tidegate_kernel as kernel;
use tidegate_wire::json::Limits;

use super::*;
use crate::http::access::Access;
use crate::http::app::Configured;
use crate::http::body::BodyLimits;
use crate::listen::Peer;
use crate::overload::Overload;

const KEY: &str = "Bearer tg-0123456789abcdef";

fn app(keys: &[&str]) -> Arc<App> {
    let scope = Scope::root("test", 10);
    let settings = Settings {
        providers: Vec::new(),
        default_provider: None,
        sim: None,
        catalogue: Default::default(),
        cache: None,
        routes: Vec::new(),
        bounds: Bounds::default(),
        tenants: Vec::new(),
        era: 0,
        budget: BudgetSettings::default(),
    };
    let watchdog = Watchdog::new(PulseSettings::default(), Clock);
    let gateway = Gateway::start(settings, Limits::default(), watchdog, Clock, &scope).unwrap();
    let access = Access::new(keys.iter().map(|key| (*key).into()).collect(), Clock);
    let limits = BodyLimits {
        shelf: crate::http::gathered::shelf(Clock),
        size: 1 << 20,
        upload: 1 << 20,
        time: Duration::from_secs(60),
        rate: 1024,
    };
    let configured = Configured {
        gateway,
        access,
        body_limits: limits,
        shutdown_timeout: Duration::from_secs(30),
    };
    let overload = Arc::new(Overload::new(Clock));
    let app = App::new(configured, Clock, Arc::default(), scope, overload);
    Arc::new(app)
}

async fn serve(app: &Arc<App>, face: Face, asked: Request<Pieces>) -> Response<Out> {
    let entrance = Entrance::new(Current::new(Arc::clone(app)), face).unwrap();
    let peer = Peer {
        address: ([127, 0, 0, 1], 9).into(),
        id: app.gateway.ids().next(0),
    };
    entrance.serve(peer, asked).await
}

/// A body in pieces.
struct Pieces(VecDeque<io::Result<&'static str>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let next = self.0.pop_front();
        Poll::Ready(next.map(|piece| piece.map(|text| Frame::data(Bytes::from(text)))))
    }
}

fn request(method: Method, path: &str, headers: &[(&str, &str)]) -> Request<Pieces> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Pieces(VecDeque::new())).unwrap()
}

/// Promise 2: routes and their methods are told to who may ask, and only so.
#[tokio::test]
async fn who_may_not_ask_is_told_of_no_route() {
    let app = app(&["tg-0123456789abcdef"]);
    for (method, path, with_key) in [
        (Method::GET, "/v1/chat/completions", 405),
        (Method::DELETE, "/v1/models", 405),
        (Method::GET, "/v1/nothing", 404),
        (Method::OPTIONS, "/v1/models/a/b", 405),
        (Method::GET, "/metrics", 404),
    ] {
        for (key, status) in [(KEY, with_key), ("Bearer wrong", 401)] {
            let headers = [("host", "gate.example"), ("authorization", key)];
            let asked = request(method.clone(), path, &headers);
            let answer = serve(&app, Face::Callers, asked).await;
            assert_eq!(answer.status(), status, "{method} {path} {key}");
            let told = answer.headers().contains_key(ALLOW);
            assert_eq!(told, status == 405, "{method} {path} {key}");
        }
    }
    let asked = request(Method::POST, "/livez", &[]);
    assert_eq!(serve(&app, Face::Callers, asked).await.status(), 405);
}

/// Contracts 9: a header that anybody can write is no credential.
#[tokio::test]
async fn operators_from_afar_need_a_key_and_no_loopback_name() {
    let app = app(&["tg-0123456789abcdef"]);
    for (face, host, key, status) in [
        (Face::Operators, "localhost", None, 200),
        (Face::Operators, "gate.example", Some(KEY), 403),
        (Face::FarOperators, "localhost", None, 401),
        (Face::FarOperators, "gate.example", None, 401),
        (Face::FarOperators, "gate.example", Some(KEY), 200),
    ] {
        // `/docs` stands on both listeners, so what it shows must too.
        for page in ["/metrics", "/openapi.json"] {
            let mut asked = request(Method::GET, page, &[(HOST.as_str(), host)]);
            if let Some(key) = key {
                let key = HeaderValue::from_static(key);
                asked.headers_mut().insert("authorization", key);
            }
            let answer = serve(&app, face, asked).await;
            assert_eq!(answer.status(), status, "{face:?} {page} {host} {key:?}");
        }
    }
    let asked = request(Method::GET, "/nothing", &[(HOST.as_str(), "localhost")]);
    assert_eq!(serve(&app, Face::Operators, asked).await.status(), 404);
}

#[tokio::test]
async fn debug_pages_are_json_and_only_for_operators() {
    let app = app(&[]);
    let headers = [("host", "localhost")];
    for route in ROUTES
        .iter()
        .filter(|route| route.path.starts_with("/debug/") && route.method == Method::GET)
    {
        let ask = || request(Method::GET, route.path, &headers);
        let answer = serve(&app, Face::Callers, ask()).await;
        assert_eq!(answer.status(), 404, "{}", route.path);
        let answer = serve(&app, Face::All, ask()).await;
        assert_eq!(answer.status(), 200, "{}", route.path);
        assert_eq!(answer.headers()["content-type"], "application/json");
    }
}

/// Contracts 2 and 14: who leaves while it sends has cancelled; who frames
/// wrongly is refused.
#[tokio::test]
async fn a_body_that_ends_early_is_its_callers_leaving() {
    for (kind, outcome) in [
        (io::ErrorKind::UnexpectedEof, ("cancelled", "caller")),
        (io::ErrorKind::ConnectionReset, ("cancelled", "caller")),
        (io::ErrorKind::InvalidInput, ("refused", "bad_framing")),
    ] {
        let app = app(&[]);
        let headers = [("host", "localhost"), ("content-type", "application/json")];
        let mut asked = request(Method::POST, "/v1/embeddings", &headers);
        let pieces = [Ok("{\"model\":"), Err(kind.into())];
        asked.body_mut().0.extend(pieces);
        assert_eq!(serve(&app, Face::All, asked).await.status(), 400);
        let snapshot = app.gateway.snapshot();
        let (class, label, n) = snapshot.by_label[0];
        assert_eq!((class.as_str(), label), outcome, "{kind}");
        assert_eq!((snapshot.received, n), (1, 1));
    }
}

/// Controls A.15: near the bounds nothing is taken up before it is refused.
#[tokio::test]
async fn near_the_bounds_a_body_is_refused_before_it_is_read() {
    let app = app(&[]);
    app.gateway.steward().set_level(Level::Critical);
    let headers = [("host", "localhost"), ("content-type", "application/json")];
    let mut asked = request(Method::POST, "/v1/embeddings", &headers);
    let wrong = io::ErrorKind::InvalidInput;
    asked.body_mut().0.extend([Ok("{"), Err(wrong.into())]);
    let answer = serve(&app, Face::All, asked).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["x-should-retry"], "true");
    let (class, label, _) = app.gateway.snapshot().by_label[0];
    assert_eq!((class.as_str(), label), ("refused", "overloaded"));
    for page in ["/livez", "/metrics", "/debug/overload"] {
        let asked = request(Method::GET, page, &headers);
        assert_eq!(serve(&app, Face::All, asked).await.status(), 200, "{page}");
    }
}

/// The description says what pages answer, and leaves nothing out.
#[tokio::test]
async fn pages_answer_in_the_form_that_the_description_gives() {
    let app = app(&[]);
    let pages = ROUTES.iter().filter(|route| {
        let is_page = matches!(
            route.handler,
            Handler::Page(_) | Handler::Asked(_) | Handler::Described(_)
        );
        is_page && !["/livez", "/readyz", "/metrics", "/docs"].contains(&route.path)
    });
    let mut looked_at = 0;
    for route in pages {
        let asked = request(Method::GET, route.path, &[("host", "localhost")]);
        let answer = serve(&app, Face::All, asked).await;
        let Out::Whole(bytes) = answer.into_body() else {
            panic!("{} flows", route.path)
        };
        let page: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let schema = crate::http::openapi::closed(route.path);
        let wrong = jsonschema::draft202012::new(&schema).unwrap();
        let wrong: Vec<_> = wrong
            .iter_errors(&page)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(wrong, Vec::<String>::new(), "{}: {page}", route.path);
        looked_at += 1;
    }
    assert!(looked_at > 6, "{looked_at}");
}

/// A browser sends no key when it opens a page; what it then asks for, it does.
#[tokio::test]
async fn the_page_about_the_routes_is_for_anybody_and_the_description_is_not() {
    let app = app(&["tg-0123456789abcdef"]);
    for (path, key, status) in [
        ("/docs", None, 200),
        ("/docs/page.js", None, 200),
        ("/docs/swagger-ui-bundle.js", None, 200),
        ("/docs/nothing", None, 404),
        ("/openapi.json", None, 401),
        ("/openapi.json", Some(KEY), 200),
    ] {
        let mut asked = request(Method::GET, path, &[("host", "gate.example")]);
        if let Some(key) = key {
            let key = HeaderValue::from_static(key);
            asked.headers_mut().insert("authorization", key);
        }
        let answer = serve(&app, Face::Callers, asked).await;
        assert_eq!(answer.status(), status, "{path} {key:?}");
        let policy = answer.headers().get("content-security-policy");
        assert_eq!(
            policy.is_some(),
            path.starts_with("/docs") && status == 200,
            "{path}"
        );
    }
}

fn told(answer: Response<Out>) -> serde_json::Value {
    let Out::Whole(bytes) = answer.into_body() else {
        panic!("it flows")
    };
    serde_json::from_slice(&bytes).unwrap()
}

/// Issue 5: whoever speaks as Anthropic does is told so of every refusal, with the
/// id by which it can ask; all others are told as OpenAI tells it.
#[tokio::test]
async fn every_refusal_is_in_its_callers_dialect() {
    let app = app(&["tg-0123456789abcdef"]);
    let version = ("anthropic-version", "2023-06-01");
    let plain = ("x-plain", "1");
    for (method, path, (name, value), status, anthropics) in [
        (Method::GET, "/v1/messages", plain, 405, true),
        (Method::PUT, "/v1/messages/count_tokens", plain, 405, true),
        (Method::POST, "/v1/messages/batches", plain, 404, true),
        (Method::DELETE, "/v1/models", version, 405, true),
        (Method::DELETE, "/v1/models", plain, 405, false),
        (Method::GET, "/v1/models/unheard-of", version, 404, true),
        (Method::GET, "/v1/models/unheard-of", plain, 404, false),
        (Method::GET, "/anthropic/v1/models/a", plain, 404, true),
        (Method::GET, "/openai/v1/models/a", version, 404, false),
        (Method::GET, "/anthropic/v1/nothing", plain, 404, true),
        (Method::GET, "/openai/v1/nothing", version, 404, false),
        (
            Method::GET,
            "/openai/v1/chat/completions",
            plain,
            405,
            false,
        ),
        // A prefix leads nowhere but to `/v1`.
        (Method::GET, "/openai/metrics", plain, 404, false),
        (Method::GET, "/anthropic/debug/pools", plain, 404, false),
        (
            Method::GET,
            "/openai/anthropic/v1/models",
            plain,
            404,
            false,
        ),
        (
            Method::GET,
            "/anthropic/v1/../debug/pools",
            plain,
            404,
            true,
        ),
    ] {
        for (key, status) in [("tg-0123456789abcdef", status), ("wrong", 401)] {
            let headers = [("host", "gate.example"), ("x-api-key", key), (name, value)];
            let asked = request(method.clone(), path, &headers);
            let answer = serve(&app, Face::All, asked).await;
            assert_eq!(answer.status(), status, "{method} {path} {key}");
            let id = answer.headers().get("request-id").cloned();
            let told = told(answer);
            assert_eq!(
                told["type"] == "error",
                anthropics,
                "{method} {path} {told}"
            );
            let message = told["error"]["message"].as_str().unwrap();
            if message.contains("no route") {
                let written = format!("`{method} {path}`");
                assert!(
                    message.contains(&written),
                    "{path} is what he wrote: {told}"
                );
            }
            if anthropics {
                let id = id.unwrap();
                assert_eq!(told["request_id"], id.to_str().unwrap(), "{method} {path}");
            }
        }
    }
}

/// One key opens, however it is shown; a wrong one beside it shuts.
#[tokio::test]
async fn a_key_is_shown_as_either_sdk_shows_it() {
    let app = app(&["tg-0123456789abcdef"]);
    for (authorization, x_api_key, status) in [
        (None, Some("tg-0123456789abcdef"), 200),
        (Some("Bearer tg-0123456789abcdef"), None, 200),
        (Some("bearer tg-0123456789abcdef"), Some("wrong"), 200),
        (Some("Bearer wrong"), Some("tg-0123456789abcdef"), 401),
        // What a proxy asked for is no key of ours.
        (Some("Basic dTpw"), Some("tg-0123456789abcdef"), 200),
        (Some("tg-0123456789abcdef"), None, 401),
        (None, Some(""), 401),
        (None, None, 401),
    ] {
        let mut headers = vec![("host", "gate.example")];
        headers.extend(authorization.map(|value| ("authorization", value)));
        headers.extend(x_api_key.map(|value| ("x-api-key", value)));
        let asked = request(Method::GET, "/v1/models", &headers);
        let answer = serve(&app, Face::Callers, asked).await;
        assert_eq!(answer.status(), status, "{authorization:?} {x_api_key:?}");
    }
}
