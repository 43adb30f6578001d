//! One attempt over HTTP/1.1: a connection, the request, the answer's head.
//!
//! Promises: 1. the request is built from scratch (see `headers`); 2. a resting
//! connection that turns out closed before a byte of the answer costs one
//! fresh connection and nothing else (failures row 27); 3. every wait is the
//! caller's to bound, and dropping the future closes the connection.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use kernel::Clock;
use rustls::pki_types::CertificateDer;
use tidegate_kernel as kernel;
use tidegate_types::Code;
use tidegate_wire::openai::Endpoint;

use super::headers;
use super::idle::{IdleSet, Line};
use super::socket::Door;
use super::source::{HttpSource, Source};
use super::tls::Trust;
use crate::failure::Failure;
use crate::keys::Key;
use crate::settings::BaseUrl;

/// hyper's read buffer of one upstream connection grows up to this.
const READ_BUFFER: usize = 64 << 10;

/// An upstream that speaks HTTP/1.1.
pub(crate) struct HttpUpstream {
    /// Whose it is, for the log.
    provider: Arc<str>,
    base: BaseUrl,
    /// What it trusts beside the platform's certificates.
    roots: Vec<CertificateDer<'static>>,
    door: Door,
    idle: Arc<IdleSet>,
    template: HeaderMap,
    paths: [(Endpoint, Uri); 3],
    models: Uri,
    clock: Clock,
}

/// A connection, and whether it rested before.
pub(crate) struct Opened {
    line: Box<Line>,
    rested: bool,
}

impl HttpUpstream {
    pub(crate) fn new(
        provider: Arc<str>,
        base: BaseUrl,
        roots: Vec<CertificateDer<'static>>,
        trust: &Trust,
        clock: Clock,
    ) -> Result<Self, String> {
        let tls = match base.tls {
            true => Some(trust.config(&roots)?),
            false => None,
        };
        let uri = |path: &str| {
            let text = format!("{}{path}", base.path);
            text.parse::<Uri>()
                .map_err(|error| format!("base_url: {error}"))
        };
        let path = |endpoint: Endpoint| Ok::<_, String>((endpoint, uri(endpoint.path())?));
        Ok(Self {
            door: Door::new(Arc::clone(&provider), &base, tls)?,
            provider,
            idle: Arc::default(),
            template: headers::template(&base)?,
            paths: [
                path(Endpoint::Chat)?,
                path(Endpoint::Completions)?,
                path(Endpoint::Embeddings)?,
            ],
            models: uri("/models")?,
            base,
            roots,
            clock,
        })
    }

    /// Whether it reaches this address, and trusts these certificates.
    pub(crate) fn is(&self, base: &BaseUrl, roots: &[CertificateDer<'static>]) -> bool {
        self.base == *base && self.roots == roots
    }

    /// A connection that rested, if one is there; never waits.
    pub(crate) fn rested(&self) -> Option<Opened> {
        let line = self.idle.take(self.clock.now())?;
        Some(Opened { line, rested: true })
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> Result<Opened, Failure> {
        let socket = self.door.connect().await?;
        let heard = socket.heard();
        let (send, io) = http1::Builder::new()
            .max_buf_size(READ_BUFFER)
            .handshake(TokioIo::new(socket))
            .await
            .map_err(|error| self.broken(&error))?;
        Ok(Opened {
            line: Box::new(Line { send, io, heard }),
            rested: false,
        })
    }

    /// The request for one call.
    pub(crate) fn request(
        &self,
        endpoint: Endpoint,
        body: Bytes,
        forwarded: HeaderMap,
        key: &Key,
    ) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        let found = self.paths.iter().find(|(known, _)| *known == endpoint);
        if let Some((_, uri)) = found {
            *request.uri_mut() = uri.clone();
        }
        let mut headers = self.headers(key);
        headers.extend(forwarded);
        *request.headers_mut() = headers;
        request
    }

    /// The request for the list of models.
    pub(crate) fn models_request(&self, key: &Key) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = self.models.clone();
        *request.headers_mut() = self.headers(key);
        request
    }

    fn headers(&self, key: &Key) -> HeaderMap {
        // With room for the key and for the length, which hyper adds: a clone has
        // none, and would be grown at once.
        let mut headers = HeaderMap::with_capacity(self.template.len() + 2);
        for (name, value) in &self.template {
            headers.append(name, value.clone());
        }
        if let Some(bearer) = &key.bearer {
            headers.insert(header::AUTHORIZATION, bearer.clone());
        }
        headers
    }

    /// Sends the request and waits for the head of its answer.
    pub(crate) async fn send(
        &self,
        opened: Opened,
        request: Request<Full<Bytes>>,
    ) -> Result<(Response<()>, Source), Missed> {
        let Opened { mut line, rested } = opened;
        let mut ended = false;
        let head = {
            let Line { send, io, heard } = &mut *line;
            heard.forget();
            let mut head = std::pin::pin!(send.send_request(request));
            poll_fn(|cx| {
                if !ended {
                    ended = Pin::new(&mut *io).poll(cx).is_ready();
                }
                head.as_mut().poll(cx)
            })
            .await
        };
        match head {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                Ok((
                    Response::from_parts(parts, ()),
                    self.source(line, ended, body),
                ))
            }
            Err(_) if rested && !line.heard.anything() => Err(Missed::Unheard),
            Err(error) => Err(Missed::Failed(self.broken(&error))),
        }
    }

    fn source(&self, line: Box<Line>, ended: bool, body: Incoming) -> Source {
        Source::Http(Box::new(HttpSource {
            line: (!ended).then_some(line),
            body,
            home: Arc::clone(&self.idle),
            clock: self.clock,
        }))
    }

    fn broken(&self, error: &hyper::Error) -> Failure {
        let provider = &*self.provider;
        tracing::warn!(provider, %error, "the upstream's connection broke before its answer");
        let (code, text) = match error.is_parse() {
            true => (
                Code::UpstreamProtocol,
                "The provider's answer is not valid HTTP.",
            ),
            false => (
                Code::UpstreamDisconnected,
                "The provider closed the connection before it answered.",
            ),
        };
        Failure::new(code, text)
    }

    pub(crate) fn idle(&self) -> &IdleSet {
        &self.idle
    }
}

/// Why there is no head.
pub(crate) enum Missed {
    /// A resting connection turned out closed; not a byte of an answer came.
    Unheard,
    Failed(Failure),
}
