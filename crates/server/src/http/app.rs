//! The process as a service: finds the route, checks the door, calls.
//!
//! Promises: 1. a path is matched exactly; 2. who may not ask is not told what
//! there is; 3. every answer carries its ids. It knows no socket.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use http::header::{ALLOW, HeaderValue};
use http::{Method, Request, Response};
use http_body::Body;
use kernel::{Clock, Observe, Scope, Visitor};
use tidegate_gateway::{Failure, Gateway};
use tidegate_kernel as kernel;
use tidegate_types::Code;

use super::access::Access;
use super::body::BodyLimits;
use super::reply::Out;
use super::routes::{Door, Face, Handler, ROUTES, Route};
use super::{ask, errors, ids};
use crate::listen::{ListenStats, Peer};

/// Where the process stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    Starting,
    Ready,
    Draining,
}

/// What every handler may use.
pub(crate) struct App {
    pub(crate) gateway: Gateway,
    pub(crate) clock: Clock,
    pub(crate) access: Access,
    pub(crate) body_limits: BodyLimits,
    pub(crate) listening: Arc<ListenStats>,
    pub(crate) scope: Scope,
    paths: matchit::Router<Vec<&'static Route>>,
    phase: AtomicU8,
}

impl App {
    pub(crate) fn new(
        gateway: Gateway,
        clock: Clock,
        access: Access,
        body_limits: BodyLimits,
        listening: Arc<ListenStats>,
        scope: Scope,
    ) -> Result<Self, matchit::InsertError> {
        let mut paths = matchit::Router::new();
        for first in &ROUTES {
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
        let phase = AtomicU8::new(Phase::Starting as u8);
        Ok(Self {
            gateway,
            clock,
            access,
            body_limits,
            listening,
            scope,
            paths,
            phase,
        })
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Answers one request that came in by `face`.
    pub(crate) async fn serve<B>(&self, face: Face, request: Request<B>) -> Response<Out>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Error + 'static,
    {
        let (parts, body) = request.into_parts();
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.0.ip());
        let found = self
            .paths
            .at(parts.uri.path())
            .ok()
            .filter(|found| found.value.iter().any(|route| face.opens(route.door)));
        let method = if parts.method == Method::HEAD {
            Method::GET
        } else {
            parts.method.clone()
        };
        let route = found.as_ref().and_then(|found| {
            let fits = |route: &&&Route| route.method == method && face.opens(route.door);
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
                return ask::ask(self, *endpoint, parts, body, peer).await;
            }
            (Some(route), Some(found)) => self
                .check(route.door, face, &parts, peer)
                .and_then(|()| self.page(route, &found.params)),
            (None, Some(found)) => self.wrong_method(found.value, face, &parts, peer),
            (_, None) => Err(self.unknown(face, &parts, peer)),
        };
        let mut response = page.unwrap_or_else(|failure| errors::response(&failure));
        ids::sign(&mut response, self.gateway.next_id(), &parts.headers);
        response
    }

    fn page(
        &self,
        route: &Route,
        params: &matchit::Params<'_, '_>,
    ) -> Result<Response<Out>, Failure> {
        match route.handler {
            Handler::Page(page) => Ok(page(self)),
            Handler::Named(page) => Ok(page(self, params.get("id").unwrap_or_default())),
            Handler::Ask(_) => Err(Failure::new(
                Code::Internal,
                "Calls have a way of their own.",
            )),
        }
    }

    fn check(
        &self,
        door: Door,
        face: Face,
        parts: &http::request::Parts,
        peer: Option<IpAddr>,
    ) -> Result<(), Failure> {
        match (door, face) {
            (Door::Anybody, _) => Ok(()),
            // On loopback the operators' own listener asks no key, but no web
            // page may read it either.
            (_, Face::Operators) => super::access::local(&parts.uri, &parts.headers),
            _ => self.access.check(&parts.uri, &parts.headers, peer),
        }
    }

    fn wrong_method(
        &self,
        routes: &[&'static Route],
        face: Face,
        parts: &http::request::Parts,
        peer: Option<IpAddr>,
    ) -> Result<Response<Out>, Failure> {
        let open: Vec<_> = routes
            .iter()
            .filter(|route| face.opens(route.door))
            .collect();
        for route in &open {
            self.check(route.door, face, parts, peer)?;
        }
        let methods: Vec<_> = open.iter().map(|route| route.method.as_str()).collect();
        let methods = methods.join(", ");
        let text = format!("This route takes {methods}.");
        let mut response = errors::response(&Failure::new(Code::MethodNotAllowed, text));
        if let Ok(value) = HeaderValue::from_str(&methods) {
            response.headers_mut().insert(ALLOW, value);
        }
        Ok(response)
    }

    fn unknown(&self, face: Face, parts: &http::request::Parts, peer: Option<IpAddr>) -> Failure {
        let refused = self.check(Door::Caller, face, parts, peer).err();
        refused.unwrap_or_else(|| {
            let path: String = parts.uri.path().chars().take(100).collect();
            let text = format!(
                "There is no route `{} {}`. The base URL of an OpenAI SDK ends in `/v1`.",
                parts.method,
                path.escape_default()
            );
            Failure::new(Code::NotFound, text)
        })
    }

    pub(crate) fn observe(&self, to: &mut dyn Visitor) {
        self.gateway.observe(to);
        self.listening.observe(to);
        self.scope.observe(to);
        let ready = f64::from(u8::from(self.phase() == Phase::Ready));
        to.gauge(
            "tidegate_ready",
            "1 while new requests are taken.",
            &[],
            ready,
        );
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("gateway", &self.gateway)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
