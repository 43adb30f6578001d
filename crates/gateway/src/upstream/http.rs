//! One attempt over HTTP/1.1: a connection, the request, the answer's head.
//!
//! Promises: 1. the request is built from scratch (see `headers`); 2. a resting
//! connection that turns out closed before a byte of the answer costs one
//! fresh connection and nothing else (failures row 27); 3. every wait is the
//! caller's to bound, and dropping the future closes the connection.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use aws_credential_types::Credentials;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use http_body::Body as _;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use kernel::{Clock, Drive, Scope};
use rustls::pki_types::CertificateDer;
use tidegate_kernel as kernel;
use tidegate_types::Code;

use super::account::{Account, Lender, Means};
use super::headers;
use super::idle::{IdleSet, Line};
use super::paths::Paths;
use super::socket::Door;
use super::source::{HttpSource, Source};
use super::tls::Trust;
use super::upload::Outgoing;
use crate::dialect::Dialect;
use crate::errand::{ErrandKind, Subject};
use crate::failure::Failure;
use crate::keys::Key;
use crate::settings::{AwsSettings, BaseUrl};

/// hyper's read buffer of one upstream connection grows up to this.
const READ_BUFFER: usize = 64 << 10;

/// An upstream that speaks HTTP/1.1.
pub(crate) struct HttpUpstream {
    address: Address,
    /// What it trusts beside the platform's certificates.
    roots: Vec<CertificateDer<'static>>,
    door: Door,
    idle: Arc<IdleSet>,
    template: HeaderMap,
    paths: Paths,
    account: Option<Account>,
    clock: Clock,
}

/// Who is reached: two of one address are one upstream.
#[derive(Debug, PartialEq)]
pub(crate) struct Address {
    pub(crate) dialect: Dialect,
    pub(crate) base: BaseUrl,
    pub(crate) api_version: Option<String>,
    /// Whose signature is on what is sent there, where it is signed.
    pub(crate) account: Option<AwsSettings>,
}

/// What of an upstream is asked.
pub(crate) struct Target<'a> {
    pub(crate) subject: &'a Subject,
    /// As the upstream knows it.
    pub(crate) model: &'a str,
    pub(crate) stream: bool,
    /// Where it goes behind the base URL, if not every call of its kind goes there.
    pub(crate) path: Option<&'a str>,
}

/// A connection, and whether it rested before.
pub(crate) struct Opened {
    line: Box<Line>,
    rested: bool,
}

impl HttpUpstream {
    pub(crate) fn new(
        address: Address,
        roots: Vec<CertificateDer<'static>>,
        trust: &Trust,
        clock: Clock,
        scope: &Scope,
    ) -> Result<Self, String> {
        let means = Means {
            trust,
            roots: &roots,
            clock,
            scope,
        };
        let account = address.account.as_ref();
        let account = account.map(|account| Account::new(account, &means));
        let base = &address.base;
        let tls = match base.tls {
            true => Some(trust.config(&roots)?),
            false => None,
        };
        Ok(Self {
            door: Door::new(base, tls)?,
            idle: Arc::default(),
            template: headers::template(address.dialect, base)?,
            paths: Paths::new(address.dialect, base, address.api_version.clone())?,
            account: account.transpose()?,
            address,
            roots,
            clock,
        })
    }

    /// Whether it is at this address, and trusts these certificates.
    pub(crate) fn is(&self, address: &Address, roots: &[CertificateDer<'static>]) -> bool {
        self.address == *address && self.roots == roots
    }

    /// Whether a model of this name, as the upstream knows it, can be asked for.
    pub(crate) fn fits(&self, model: &str) -> bool {
        self.paths.fits(model)
    }

    /// The name or address that it is at.
    pub(crate) fn host(&self) -> &str {
        &self.address.base.host
    }

    /// A connection that rested, if one is there; never waits.
    pub(crate) fn rested(&self) -> Option<Opened> {
        let line = self.idle.take(self.clock.now())?;
        Some(Opened { line, rested: true })
    }

    /// A new connection.
    pub(crate) async fn connect(&self) -> Result<Opened, Failure> {
        Opened::through(&self.door).await
    }

    /// Who signs what goes out with this key, where that is signed: a key that is
    /// shown needs no signature.
    pub(crate) fn account(&self, key: &Key) -> Option<&Account> {
        let account = self.account.as_ref();
        account.filter(|_| key.credential.is_none())
    }

    /// What is said of whoever signs.
    pub(crate) fn settings(&self) -> Option<&AwsSettings> {
        self.address.account.as_ref()
    }

    /// Who lends what it is signed with, if somebody does.
    pub(crate) fn lender(&self) -> Option<&Arc<Lender>> {
        self.account.as_ref()?.lender()
    }

    /// The request for one call; a signature is of `signed`, the whole body, and
    /// by `credential`, which [`HttpUpstream::account`] has for this key.
    ///
    /// # Errors
    /// `model_not_found` for a name that cannot stand where it must;
    /// `internal_error` for a target that is no URI, which its maker has checked.
    pub(crate) fn request(
        &self,
        to: &Target<'_>,
        body: Outgoing,
        signed: &[u8],
        forwarded: HeaderMap,
        key: &Key,
        credential: Option<&Credentials>,
    ) -> Result<Request<Outgoing>, Failure> {
        let empty = body.is_end_stream();
        let mut request = Request::new(body);
        let mut headers = self.headers(key);
        *request.uri_mut() = self.paths.of(to)?;
        match to.subject {
            Subject::Model(_) => *request.method_mut() = Method::POST,
            Subject::Errand(errand) => {
                *request.method_mut() = errand.method.clone();
                if empty && errand.method == Method::POST {
                    // Some servers ask for a length where they expect a body.
                    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(0));
                }
                match (&errand.content_type, errand.kind) {
                    (_, ErrandKind::Look | ErrandKind::Download) | (None, _) => {
                        headers.remove(header::CONTENT_TYPE);
                    }
                    (Some(kind), _) => {
                        headers.insert(header::CONTENT_TYPE, kind.clone());
                    }
                }
            }
        }
        // In place of our own: a caller may speak another version.
        headers.extend(forwarded);
        *request.headers_mut() = headers;
        match (self.account(key), credential) {
            (Some(account), Some(credential)) => {
                let (mut head, outgoing) = request.into_parts();
                account.sign(credential, &mut head, signed)?;
                Ok(Request::from_parts(head, outgoing))
            }
            _ => Ok(request),
        }
    }

    /// The request for the list of models, where there is one.
    pub(crate) fn models_request(&self, key: &Key) -> Option<Request<Outgoing>> {
        let mut request = Request::new(Outgoing::Whole(Full::default()));
        *request.uri_mut() = self.paths.models()?.clone();
        *request.headers_mut() = self.headers(key);
        Some(request)
    }

    fn headers(&self, key: &Key) -> HeaderMap {
        // With room for the key and for the length, which hyper adds: a clone has
        // none, and would be grown at once.
        let mut headers = HeaderMap::with_capacity(self.template.len() + 2);
        for (name, value) in &self.template {
            headers.append(name, value.clone());
        }
        if let Some((name, value)) = &key.credential {
            headers.insert(name.clone(), value.clone());
        }
        headers
    }

    /// Sends the request and waits for the head of its answer.
    pub(crate) async fn send(
        &self,
        opened: Opened,
        request: Request<Outgoing>,
    ) -> Result<(Response<()>, Source), Missed> {
        exchange(opened, request, &self.idle, self.clock).await
    }

    pub(crate) fn idle(&self) -> &IdleSet {
        &self.idle
    }
}

impl Opened {
    /// A new connection.
    pub(super) async fn through(door: &Door) -> Result<Self, Failure> {
        let socket = door.connect().await?;
        let heard = socket.heard();
        let (send, io) = http1::Builder::new()
            .max_buf_size(READ_BUFFER)
            .handshake(TokioIo::new(socket))
            .await
            .map_err(|error| broken(&error))?;
        Ok(Self {
            line: Box::new(Line {
                send,
                io,
                heard,
                drive: Drive::new(),
            }),
            rested: false,
        })
    }
}

/// Sends the request and waits for the head of its answer; whole, its connection
/// goes `home`.
pub(super) async fn exchange(
    opened: Opened,
    request: Request<Outgoing>,
    home: &Arc<IdleSet>,
    clock: Clock,
) -> Result<(Response<()>, Source), Missed> {
    let Opened { mut line, rested } = opened;
    let mut ended = false;
    let head = {
        let Line {
            send,
            io,
            heard,
            drive,
        } = &mut *line;
        heard.forget();
        let mut head = std::pin::pin!(send.send_request(request));
        poll_fn(|cx| {
            drive.poll(cx, |cx| {
                if !ended {
                    ended = Pin::new(&mut *io).poll(cx).is_ready();
                }
                // Its answer comes by the connection's poll and by nothing else.
                head.as_mut().poll(&mut Context::from_waker(Waker::noop()))
            })
        })
        .await
    };
    match head {
        Ok(response) => {
            let (parts, body) = response.into_parts();
            let source = Source::Http(Box::new(HttpSource {
                line: (!ended).then_some(line),
                body,
                home: Arc::clone(home),
                clock,
            }));
            Ok((Response::from_parts(parts, ()), source))
        }
        Err(_) if rested && !line.heard.anything() => Err(Missed::Unheard),
        // What the body ended with is known to who sent it.
        Err(error) if error.is_user() => {
            let text = "The request's body ended early.";
            Err(Missed::Failed(Failure::new(Code::BadFraming, text)))
        }
        Err(error) => Err(Missed::Failed(broken(&error))),
    }
}

fn broken(error: &hyper::Error) -> Failure {
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
    Failure::new(code, text).with_aside(error.to_string())
}

/// Why there is no head.
pub(crate) enum Missed {
    /// A resting connection turned out closed; not a byte of an answer came.
    Unheard,
    Failed(Failure),
}
