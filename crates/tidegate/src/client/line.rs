//! One connection to a server, and the one exchange on it.
//!
//! The connection is polled beside its exchange, on the same task: there is
//! nothing to start, and dropping the exchange closes the socket.

use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use super::address::Address;
use super::refusal;
use crate::fault::Fault;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

type Socket = TokioIo<Box<dyn Stream>>;
type Moving = Option<Pin<Box<Connection<Socket, Full<Bytes>>>>>;

/// A connection that nothing was sent on yet.
pub(super) struct Line {
    sender: SendRequest<Full<Bytes>>,
    connection: Moving,
}

/// An answer's body, and the connection that brings it.
pub(super) struct Exchange {
    body: Incoming,
    connection: Moving,
    /// Kept so that the connection does not end before its answer.
    _sender: SendRequest<Full<Bytes>>,
}

impl Line {
    /// Connects; whoever calls bounds the time.
    pub(super) async fn open(address: &Address, ca_file: Option<&Path>) -> Result<Self, Fault> {
        let found = lookup_host((&*address.host, address.port))
            .await
            .map_err(|error| refusal::no_such_host(address, &error))?;
        let found: Vec<_> = found.collect();
        let tcp = TcpStream::connect(&*found)
            .await
            .and_then(|tcp| tcp.set_nodelay(true).map(|()| tcp))
            .map_err(|error| refusal::unreachable(address, &error))?;
        let stream: Box<dyn Stream> = match address.tls {
            true => Box::new(secured(address, tcp, ca_file).await?),
            false => Box::new(tcp),
        };
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| refusal::broken(address, &error))?;
        Ok(Self {
            sender,
            connection: Some(Box::pin(connection)),
        })
    }

    /// Sends the request and waits for the head of its answer.
    pub(super) async fn send(
        mut self,
        request: Request<Full<Bytes>>,
    ) -> hyper::Result<(Response<()>, Exchange)> {
        let answer = {
            let mut answer = pin!(self.sender.send_request(request));
            let connection = &mut self.connection;
            poll_fn(|cx| {
                advance(connection, cx);
                answer.as_mut().poll(cx)
            })
            .await?
        };
        let (head, body) = answer.into_parts();
        let exchange = Exchange {
            body,
            connection: self.connection,
            _sender: self.sender,
        };
        Ok((Response::from_parts(head, ()), exchange))
    }
}

impl Exchange {
    /// The next bytes of the body. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<hyper::Result<Bytes>> {
        poll_fn(|cx| {
            loop {
                advance(&mut self.connection, cx);
                let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
                match frame.map(|frame| frame.map(hyper::body::Frame::into_data)) {
                    None => return Poll::Ready(None),
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    Some(Ok(Ok(bytes))) => return Poll::Ready(Some(Ok(bytes))),
                    // Trailers, which nobody here reads.
                    Some(Ok(Err(_))) => {}
                }
            }
        })
        .await
    }
}

/// Moves what the connection has to move. When it ends, whoever waits on it is
/// told by what it left in the exchange.
fn advance(connection: &mut Moving, cx: &mut Context<'_>) {
    if let Some(moving) = connection
        && moving.as_mut().poll(cx).is_ready()
    {
        *connection = None;
    }
}

async fn secured(
    address: &Address,
    tcp: TcpStream,
    ca_file: Option<&Path>,
) -> Result<impl Stream + use<>, Fault> {
    let config = tidegate_gateway::client_config(ca_file)
        .map_err(|error| Fault::usage(format!("https is not possible: {error}")))?;
    let name = ServerName::try_from(address.host.clone()).map_err(|_| {
        let host = &address.host;
        Fault::usage(format!("{host:?} cannot be the name in a certificate"))
    })?;
    let secured = TlsConnector::from(config).connect(name, tcp).await;
    secured.map_err(|error: io::Error| refusal::insecure(address, &error))
}
