//! The way in of one listener: finds the route, checks the door, calls.
//!
//! Promises: 1. a path is matched exactly; 2. who may not ask is not told what
//! there is; 3. every answer carries its ids. It knows no socket.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, ALLOW, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, Uri};
use http_body::Body;
use percent_encoding::percent_decode_str;
use tidegate_gateway::{Failure, Manner};
use tidegate_types::{Code, RequestId};

use super::app::{App, Current};
use super::ask::{self, Asking};
use super::errand::is_id;
use super::reply::Out;
use super::routes::{Door, Face, Handler, ROUTES, Route};
use super::{errors, ids};
use crate::listen::Peer;

const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
const MESSAGES: &str = "/v1/messages";

/// What may stand before `/v1`.
const PREFIXES: [(&str, Manner); 2] = [
    ("/openai", Manner::OpenAi),
    ("/anthropic", Manner::Anthropic),
];

/// See the module's text.
pub(crate) struct Entrance {
    current: Arc<Current>,
    face: Face,
    paths: matchit::Router<Vec<&'static Route>>,
}

impl Entrance {
    pub(crate) fn new(current: Arc<Current>, face: Face) -> Result<Self, matchit::InsertError> {
        let mut paths = matchit::Router::new();
        for first in ROUTES {
            // A path with several methods is inserted once, with all of them.
            let same: Vec<_> = ROUTES
                .iter()
                .filter(|route| route.path == first.path)
                .collect();
            if same
                .first()
                .is_some_and(|route| std::ptr::eq(*route, first))
            {
                paths.insert(first.path, same)?;
            }
        }
        Ok(Self {
            current,
            face,
            paths,
        })
    }

    /// Answers one request.
    pub(crate) async fn serve<B>(&self, peer: Peer, request: Request<B>) -> Response<Out>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Error + 'static,
    {
        // The one look: all of this request is of one configuration.
        let app = &*self.current.get();
        let (mut parts, body) = request.into_parts();
        let prefixed = without_prefix(&mut parts);
        let (prefix, manner) = prefixed.unwrap_or_else(|| ("", spoken(&parts)));
        let Peer { address, id } = peer;
        let peer = Some(address.ip());
        let unread = !body.is_end_stream();
        let found = self
            .paths
            .at(parts.uri.path())
            .ok()
            .filter(|found| found.value.iter().any(|route| self.face.opens(route.door)))
            // What goes on to an upstream is an id, and no path in disguise.
            .filter(|found| {
                let carried = found.value.iter().any(|route| route.handler.is_errand());
                !carried || found.params.iter().all(|(_, id)| is_id(id))
            });
        let asks = |route: &Route| match parts.method == Method::HEAD {
            // An upstream's answer is not fetched to be thrown away.
            true => route.method == Method::GET && !route.handler.is_errand(),
            false => route.method == parts.method,
        };
        let route = found.as_ref().and_then(|found| {
            let fits = |route: &&&Route| asks(route) && self.face.opens(route.door);
            found.value.iter().find(fits)
        });
        let page = match (route, &found) {
            (
                Some(Route {
                    handler: Handler::Ask(endpoint),
                    ..
                }),
                _,
            ) => {
                let asking = Asking::Model(*endpoint);
                return ask::ask(app, id, asking, &parts, body, peer).await;
            }
            (
                Some(Route {
                    handler: Handler::Errand(kind),
                    path,
                    ..
                }),
                _,
            ) => {
                let asking = Asking::Errand(*kind, path);
                return ask::ask(app, id, asking, &parts, body, peer).await;
            }
            (Some(route), Some(found)) => self
                .check(app, route.door, &parts, peer)
                .and_then(|()| self.page(app, route, &found.params, &parts, manner)),
            (None, Some(found)) => self.wrong_method(app, found.value, &parts, peer, (manner, id)),
            (_, None) => Err(self.unknown(app, prefix, &parts, peer)),
        };
        let mut response = page.unwrap_or_else(|failure| errors::tell(&failure, manner, Some(id)));
        if unread {
            say_last(response.headers_mut());
        }
        ids::sign(&mut response, id, manner, &parts.headers);
        response
    }

    fn page(
        &self,
        app: &App,
        route: &Route,
        params: &matchit::Params<'_, '_>,
        parts: &http::request::Parts,
        manner: Manner,
    ) -> Result<Response<Out>, Failure> {
        let name = || {
            // The SDKs escape the slash of a name.
            let name = params.iter().next().map_or("", |(_, value)| value);
            percent_decode_str(name).decode_utf8_lossy()
        };
        match route.handler {
            Handler::Page(page) => Ok(page(app)),
            Handler::Asked(page) => page(app, parts),
            Handler::Named(page) => Ok(page(app, &name())),
            Handler::Listed(page) => page(app, parts, manner),
            Handler::Model(page) => page(app, &name(), manner),
            Handler::Described(page) => Ok(page(app, self.face)),
            Handler::Ask(_) | Handler::Errand(_) => Err(Failure::new(
                Code::Internal,
                "Calls have a way of their own.",
            )),
        }
    }

    fn check(
        &self,
        app: &App,
        door: Door,
        parts: &http::request::Parts,
        peer: Option<IpAddr>,
    ) -> Result<(), Failure> {
        match (door, self.face) {
            (Door::Anybody, _) => Ok(()),
            // On loopback the operators' own listener asks no key, but no web
            // page may read it either.
            (_, Face::Operators) => super::access::local(&parts.uri, &parts.headers),
            _ => {
                let tenant = app.access.check(&parts.uri, &parts.headers, peer);
                tenant.map(|_| ())
            }
        }
    }

    fn wrong_method(
        &self,
        app: &App,
        routes: &[&'static Route],
        parts: &http::request::Parts,
        peer: Option<IpAddr>,
        (manner, id): (Manner, RequestId),
    ) -> Result<Response<Out>, Failure> {
        let open: Vec<_> = routes
            .iter()
            .filter(|route| self.face.opens(route.door))
            .collect();
        for route in &open {
            self.check(app, route.door, parts, peer)?;
        }
        let methods: Vec<_> = open.iter().map(|route| route.method.as_str()).collect();
        let methods = methods.join(", ");
        let text = format!("This route takes {methods}.");
        let failure = Failure::new(Code::MethodNotAllowed, text);
        let mut response = errors::tell(&failure, manner, Some(id));
        if let Ok(value) = HeaderValue::from_str(&methods) {
            response.headers_mut().insert(ALLOW, value);
        }
        Ok(response)
    }

    /// `prefix` is what was taken off the path: its caller is told what he wrote.
    fn unknown(
        &self,
        app: &App,
        prefix: &str,
        parts: &http::request::Parts,
        peer: Option<IpAddr>,
    ) -> Failure {
        let refused = self.check(app, Door::Caller, parts, peer).err();
        refused.unwrap_or_else(|| {
            let path: String = parts.uri.path().chars().take(100).collect();
            let served = match path.starts_with("/v1/") {
                true => format!(
                    "Under `{prefix}/v1` are chat/completions, completions, embeddings, responses, \
                     messages, models, images, audio, moderations, files, uploads, batches and \
                     fine_tuning/jobs."
                ),
                false => "The base URL of an OpenAI SDK ends in `/v1`, that of an Anthropic SDK \
                          before it."
                    .to_owned(),
            };
            let (method, path) = (&parts.method, path.escape_default());
            let text = format!("There is no route `{method} {prefix}{path}`. {served}");
            Failure::new(Code::NotFound, text)
        })
    }
}

/// This answer is the connection's last one: a body that nobody reads may still be
/// on its way, and a caller who is not told would use a connection that closes.
pub(super) fn say_last(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
}

/// Takes a dialect's own prefix off the path: `/openai/v1/models` is `/v1/models`,
/// and whoever asks there is told in that dialect.
fn without_prefix(parts: &mut http::request::Parts) -> Option<(&'static str, Manner)> {
    let (found, rest) = PREFIXES.iter().find_map(|found| {
        let rest = parts.uri.path_and_query()?.as_str().strip_prefix(found.0)?;
        rest.starts_with("/v1/").then_some((*found, rest))
    })?;
    let mut uri = parts.uri.clone().into_parts();
    uri.path_and_query = rest.parse().ok();
    parts.uri = Uri::from_parts(uri).ok()?;
    Some(found)
}

/// The dialect that a caller's headers tell, for what both have.
fn spoken(parts: &http::request::Parts) -> Manner {
    match parts.headers.contains_key(ANTHROPIC_VERSION) || parts.uri.path().starts_with(MESSAGES) {
        true => Manner::Anthropic,
        false => Manner::OpenAi,
    }
}

#[cfg(test)]
mod tests;
