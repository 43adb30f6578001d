//! What hyper reads from and writes to: the socket itself, or TLS over it.
//!
//! 1. What arrives is noted as the caller means it: bytes of a handshake, a
//!    ticket or a key's change begin no request.
//! 2. What waits to go out is noted at the socket, so that a write that stands
//!    still does so in the same way with TLS.
//! 3. TLS ends with its own word where the connection ends in order, and without
//!    it where an answer was cut.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

use super::link::{Link, Wire};

/// See the module's text.
#[derive(Debug)]
pub(super) enum Io {
    Plain(Wire),
    Secure(Box<TlsStream<Wire>>),
}

impl Io {
    fn link(&self) -> &Link {
        match self {
            Self::Plain(wire) => &wire.0,
            Self::Secure(tls) => &tls.get_ref().0.0,
        }
    }

    /// Writes what fits at once, and ends our side.
    pub(super) fn tell(&mut self, answer: &[u8]) {
        match self {
            Self::Plain(wire) => wire.0.tell(answer),
            Self::Secure(tls) => {
                if tls.get_ref().0.0.blocked().is_none() {
                    let mut cx = Context::from_waker(Waker::noop());
                    let _ = Pin::new(&mut **tls).poll_write(&mut cx, answer);
                }
                self.end();
            }
        }
    }

    /// Says that nothing follows, if that can be said at once and is true. A
    /// plain socket says it with its close.
    pub(super) fn end(&mut self) {
        if let Self::Secure(tls) = self
            && !tls.get_ref().0.0.is_reset()
            && tls.get_ref().0.0.blocked().is_none()
        {
            let mut cx = Context::from_waker(Waker::noop());
            let _ = Pin::new(&mut **tls).poll_shutdown(&mut cx);
        }
    }
}

/// The same of whichever it is.
macro_rules! of {
    ($io:expr, $inner:ident => $call:expr) => {
        match $io {
            Io::Plain($inner) => {
                let $inner = Pin::new($inner);
                $call
            }
            Io::Secure($inner) => {
                let $inner = Pin::new(&mut **$inner);
                $call
            }
        }
    };
}

impl AsyncRead for Io {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let io = self.get_mut();
        let before = to.filled().len();
        let read = of!(io, inner => inner.poll_read(cx, to));
        match &read {
            Poll::Pending => io.link().note_wait(),
            Poll::Ready(Ok(())) => io.link().note_read(to.filled().len() - before),
            Poll::Ready(Err(_)) => {}
        }
        read
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        of!(self.get_mut(), inner => inner.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        of!(self.get_mut(), inner => inner.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        of!(self.get_mut(), inner => inner.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        of!(self.get_mut(), inner => inner.poll_shutdown(cx))
    }
}
