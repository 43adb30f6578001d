//! One connection to an upstream: TCP, or TLS over it.
//!
//! Promises: 1. small writes go out at once (`TCP_NODELAY`); 2. a certificate
//! that is not accepted is told in plain words, as `upstream_tls`; 3. nothing
//! here waits by itself: the caller bounds the whole with its connect timer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig};
use tidegate_types::Code;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::failure::Failure;
use crate::settings::BaseUrl;

/// A connected socket.
pub(crate) struct Socket {
    io: Io,
    heard: Heard,
}

enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Whether the upstream has said anything since [`Heard::forget`].
///
/// Written by the socket and read by whoever sends on it, both in one task.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<AtomicBool>);

impl Heard {
    pub(crate) fn forget(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    pub(crate) fn anything(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Socket {
    fn new(io: Io) -> Self {
        Self {
            io,
            heard: Heard::default(),
        }
    }

    pub(crate) fn heard(&self) -> Heard {
        self.heard.clone()
    }
}

/// `ENFILE` and `EMFILE`, which have these numbers on every Unix.
const OUT_OF_FILES: [i32; 2] = [23, 24];

/// Where to connect, and how.
#[derive(Clone)]
pub(crate) struct Door {
    host: Arc<str>,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Door {
    /// `tls` is the client configuration for an `https` base.
    pub(crate) fn new(base: &BaseUrl, tls: Option<Arc<ClientConfig>>) -> Result<Self, String> {
        let tls = match tls {
            None => None,
            Some(config) => {
                let name = ServerName::try_from(base.host.clone())
                    .map_err(|_| format!("`{}` cannot be a TLS server's name", base.host))?;
                Some((TlsConnector::from(config), name))
            }
        };
        Ok(Self {
            host: Arc::from(base.host.as_str()),
            port: base.port,
            tls,
        })
    }

    /// Connects; every address of the name is tried in turn.
    pub(crate) async fn connect(&self) -> Result<Socket, Failure> {
        let tcp = TcpStream::connect((&*self.host, self.port))
            .await
            .map_err(|error| self.unreachable(&error))?;
        tcp.set_nodelay(true)
            .map_err(|error| self.unreachable(&error))?;
        match &self.tls {
            None => Ok(Socket::new(Io::Plain(tcp))),
            Some((connector, name)) => {
                let stream = connector
                    .connect(name.clone(), tcp)
                    .await
                    .map_err(|error| self.tls_failed(&error))?;
                Ok(Socket::new(Io::Tls(Box::new(stream))))
            }
        }
    }

    fn unreachable(&self, error: &io::Error) -> Failure {
        if error
            .raw_os_error()
            .is_some_and(|number| OUT_OF_FILES.contains(&number))
        {
            let text = "This process has too many files open; try again.";
            return Failure::new(Code::Overloaded, text)
                .with_retry_after(Duration::from_secs(1))
                .with_aside(error.to_string());
        }
        // The address stays out of the caller's message; the log has the provider.
        let what = match error.kind() {
            io::ErrorKind::ConnectionRefused => "the connection was refused",
            io::ErrorKind::TimedOut => "the connection timed out",
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                "there is no route to it"
            }
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => {
                "the connection was reset"
            }
            _ => "its name was not found, or no address answered",
        };
        Failure::new(
            Code::UpstreamUnreachable,
            format!("The provider could not be reached: {what}."),
        )
        .with_aside(error.to_string())
    }

    fn tls_failed(&self, error: &io::Error) -> Failure {
        let inner = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let why = match inner {
            Some(rustls::Error::InvalidCertificate(problem)) => certificate(problem),
            Some(_) => "the TLS handshake failed (is it an https address?)",
            None => "the connection broke during the TLS handshake",
        };
        Failure::new(
            Code::UpstreamTls,
            format!("No TLS connection to the provider: {why}."),
        )
        .with_aside(error.to_string())
    }
}

fn certificate(problem: &CertificateError) -> &'static str {
    match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet (is the clock right?)"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        CertificateError::UnknownIssuer => {
            "its certificate is signed by nobody we trust (add the issuer with `ca_file`)"
        }
        CertificateError::Revoked => "its certificate was revoked",
        _ => "its certificate was not accepted",
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = match &mut this.io {
            Io::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Io::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        };
        if buf.filled().len() > before {
            this.heard.0.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().io {
            Io::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Io::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Io::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().io {
            Io::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Io::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().io {
            Io::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Io::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Plain(tcp) => tcp.is_write_vectored(),
            Io::Tls(tls) => tls.is_write_vectored(),
        }
    }
}
