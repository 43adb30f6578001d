//! What a caller's bytes go through: a socket, or TLS over it.
//!
//! Nothing is sent by itself: who writes to it flushes it as well.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// See the module's text.
#[derive(Debug)]
pub enum Stream {
    /// The socket itself.
    Plain(TcpStream),
    /// TLS over it.
    Secure(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub(super) async fn secured(
        tcp: TcpStream,
        address: SocketAddr,
        tls: Arc<ClientConfig>,
    ) -> io::Result<Self> {
        let stream = TlsConnector::from(tls).connect(address.ip().into(), tcp);
        Ok(Self::Secure(Box::new(stream.await?)))
    }

    /// The socket below.
    pub fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Secure(tls) => tls.get_ref().0,
        }
    }

    /// The certificate that was shown; none without TLS.
    pub fn certificate(&self) -> Option<Vec<u8>> {
        let Self::Secure(tls) = self else {
            return None;
        };
        let shown = tls.get_ref().1.peer_certificates()?.first()?;
        Some(shown.to_vec())
    }

    /// Says the end of TLS, and leaves the socket open.
    ///
    /// # Errors
    /// What the socket says.
    pub async fn say_end(&mut self) -> io::Result<()> {
        if let Self::Secure(tls) = self {
            tls.get_mut().1.send_close_notify();
            tls.flush().await?;
        }
        Ok(())
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, to),
            Self::Secure(tls) => Pin::new(tls).poll_read(cx, to),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Secure(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Secure(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Secure(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
