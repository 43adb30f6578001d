//! Every route, one line an endpoint.
//!
//! Paths are matched exactly: a doubled slash, a dot segment or an escaped
//! slash is simply another path, which does not exist.

use http::request::Parts;
use http::{Method, Response};
use tidegate_gateway::ErrandKind::{self, Change, Download, Form, Look, Make, Upload};
use tidegate_gateway::{Endpoint, Failure, Manner};

use super::app::App;
use super::reply::Out;
use super::{admin, debug, health, metrics, models, openapi, viewer};

/// One endpoint.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) door: Door,
    pub(crate) handler: Handler,
}

/// Who may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Anybody who can connect.
    Anybody,
    /// Whoever passes the access rules.
    Caller,
    /// The same, and only where operators listen.
    Operator,
    /// Whoever passes the access rules of the listener, whichever it is.
    Either,
}

/// Which doors a listener opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    /// A loopback listener: all of them.
    All,
    /// A public listener: not the operators'.
    Callers,
    /// The operators' own listener, for programs of this machine.
    Operators,
    /// The same on an address that others reach: with a key only.
    FarOperators,
}

impl Face {
    pub(crate) fn opens(self, door: Door) -> bool {
        match (self, door) {
            (Self::All, _) | (_, Door::Anybody | Door::Either) => true,
            (Self::Callers, door) => door == Door::Caller,
            (Self::Operators | Self::FarOperators, door) => door == Door::Operator,
        }
    }
}

/// What is done.
#[derive(Clone, Copy)]
pub(crate) enum Handler {
    /// A call to a model.
    Ask(Endpoint),
    /// A call that is carried and not understood.
    Errand(ErrandKind),
    /// A page without a body or parameters.
    Page(fn(&App) -> Response<Out>),
    /// A page that looks at the request's head.
    Asked(fn(&App, &Parts) -> Result<Response<Out>, Failure>),
    /// A page whose path ends in a name.
    Named(fn(&App, &str) -> Response<Out>),
    /// The list of models, in the form that its caller knows.
    Listed(fn(&App, &Parts, Manner) -> Result<Response<Out>, Failure>),
    /// One of them.
    Model(fn(&App, &str, Manner) -> Result<Response<Out>, Failure>),
    /// A page that tells what this listener opens.
    Described(fn(&App, Face) -> Response<Out>),
}

impl Handler {
    pub(crate) fn is_errand(self) -> bool {
        matches!(self, Self::Errand(_))
    }
}

const fn route(method: Method, path: &'static str, door: Door, handler: Handler) -> Route {
    Route {
        method,
        path,
        door,
        handler,
    }
}

const fn errand(method: Method, path: &'static str, kind: ErrandKind) -> Route {
    route(method, path, Door::Caller, Handler::Errand(kind))
}

/// The list.
pub(crate) static ROUTES: &[Route] = &[
    route(
        Method::POST,
        "/v1/chat/completions",
        Door::Caller,
        Handler::Ask(Endpoint::Chat),
    ),
    route(
        Method::POST,
        "/v1/completions",
        Door::Caller,
        Handler::Ask(Endpoint::Completions),
    ),
    route(
        Method::POST,
        "/v1/embeddings",
        Door::Caller,
        Handler::Ask(Endpoint::Embeddings),
    ),
    route(
        Method::POST,
        "/v1/responses",
        Door::Caller,
        Handler::Ask(Endpoint::Responses),
    ),
    route(
        Method::POST,
        "/v1/messages",
        Door::Caller,
        Handler::Ask(Endpoint::Messages),
    ),
    route(
        Method::POST,
        "/v1/messages/count_tokens",
        Door::Caller,
        Handler::Ask(Endpoint::CountTokens),
    ),
    route(
        Method::GET,
        "/v1/models",
        Door::Caller,
        Handler::Listed(models::list),
    ),
    route(
        Method::GET,
        "/v1/models/{*id}",
        Door::Caller,
        Handler::Model(models::one),
    ),
    errand(Method::POST, "/v1/images/generations", Make),
    errand(Method::POST, "/v1/images/edits", Form),
    errand(Method::POST, "/v1/images/variations", Form),
    errand(Method::POST, "/v1/audio/speech", Make),
    errand(Method::POST, "/v1/audio/transcriptions", Form),
    errand(Method::POST, "/v1/audio/translations", Form),
    errand(Method::POST, "/v1/moderations", Make),
    errand(Method::POST, "/v1/files", Upload),
    errand(Method::GET, "/v1/files", Look),
    errand(Method::GET, "/v1/files/{id}", Look),
    errand(Method::DELETE, "/v1/files/{id}", Change),
    errand(Method::GET, "/v1/files/{id}/content", Download),
    errand(Method::POST, "/v1/uploads", Change),
    errand(Method::POST, "/v1/uploads/{id}/parts", Upload),
    errand(Method::POST, "/v1/uploads/{id}/complete", Change),
    errand(Method::POST, "/v1/uploads/{id}/cancel", Change),
    errand(Method::POST, "/v1/batches", Change),
    errand(Method::GET, "/v1/batches", Look),
    errand(Method::GET, "/v1/batches/{id}", Look),
    errand(Method::POST, "/v1/batches/{id}/cancel", Change),
    errand(Method::POST, "/v1/fine_tuning/jobs", Change),
    errand(Method::GET, "/v1/fine_tuning/jobs", Look),
    errand(Method::GET, "/v1/fine_tuning/jobs/{id}", Look),
    errand(Method::POST, "/v1/fine_tuning/jobs/{id}/cancel", Change),
    errand(Method::POST, "/v1/fine_tuning/jobs/{id}/pause", Change),
    errand(Method::POST, "/v1/fine_tuning/jobs/{id}/resume", Change),
    errand(Method::GET, "/v1/fine_tuning/jobs/{id}/events", Look),
    errand(Method::GET, "/v1/fine_tuning/jobs/{id}/checkpoints", Look),
    route(
        Method::GET,
        "/livez",
        Door::Anybody,
        Handler::Page(health::livez),
    ),
    route(
        Method::GET,
        "/readyz",
        Door::Anybody,
        Handler::Page(health::readyz),
    ),
    route(
        Method::GET,
        "/openapi.json",
        Door::Either,
        Handler::Described(openapi::page),
    ),
    route(
        Method::GET,
        "/docs",
        Door::Anybody,
        Handler::Page(viewer::page),
    ),
    route(
        Method::GET,
        "/docs/{file}",
        Door::Anybody,
        Handler::Named(viewer::file),
    ),
    route(
        Method::GET,
        "/metrics",
        Door::Operator,
        Handler::Page(metrics::metrics),
    ),
    route(
        Method::GET,
        "/admin/v1/config",
        Door::Operator,
        Handler::Page(admin::config),
    ),
    route(
        Method::GET,
        "/debug/advice",
        Door::Operator,
        Handler::Page(debug::advice),
    ),
    route(
        Method::GET,
        "/debug/overload",
        Door::Operator,
        Handler::Page(debug::overload),
    ),
    route(
        Method::GET,
        "/debug/pools",
        Door::Operator,
        Handler::Page(debug::pools),
    ),
    route(
        Method::GET,
        "/debug/requests",
        Door::Operator,
        Handler::Asked(debug::requests),
    ),
    route(
        Method::DELETE,
        "/debug/requests/{id}",
        Door::Operator,
        Handler::Named(debug::cancel),
    ),
    route(
        Method::GET,
        "/debug/reuse",
        Door::Operator,
        Handler::Page(debug::reuse),
    ),
    route(
        Method::GET,
        "/debug/tasks",
        Door::Operator,
        Handler::Page(debug::tasks),
    ),
];
