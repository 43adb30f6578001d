//! One connection of the upstream: read a request, run its script, again.
//!
//! Reading and writing are two halves, so that the peer's leaving is seen
//! while a script waits. Framing is read strictly: the gateway may only send
//! what this reader takes.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use socket2::{SockRef, Socket};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;

use super::record::Closed;
use super::{Recorded, State, lock};
use crate::script::Step;

/// A second handle of the socket, to make its closing a reset.
pub(crate) struct Reset(Socket);

impl Reset {
    pub(crate) fn of(stream: &TcpStream) -> Self {
        Self(
            SockRef::from(stream)
                .try_clone()
                .expect("a second handle of a socket"),
        )
    }
}

/// How a script left its connection.
enum Left {
    Open,
    Over,
    Reset,
}

pub(crate) async fn serve<S>(stream: S, reset: Reset, state: &Arc<State>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let number = state.accepted.load(Ordering::SeqCst);
    let closed: Closed = Arc::new(OnceLock::new());
    let (reader, mut writer) = split(stream);
    let mut inbox = Inbox {
        reader,
        unread: Vec::new(),
    };
    loop {
        let Ok(head) = inbox.through(b"\r\n\r\n").await else {
            closed.get_or_init(Instant::now);
            return;
        };
        if let Some(script) = state.script_for_head(&head) {
            let request = Recorded::new(head, Vec::new(), number, Arc::clone(&closed));
            lock(&state.requests).push(request);
            if matches!(play(&mut writer, script.into_steps()).await, Left::Reset) {
                let _ = reset.0.set_linger(Some(Duration::ZERO));
                return;
            }
            inbox.end().await;
            closed.get_or_init(Instant::now);
            return;
        }
        let Ok(body) = inbox.body(&head).await else {
            closed.get_or_init(Instant::now);
            return;
        };
        let request = Recorded::new(head, body, number, Arc::clone(&closed));
        let steps = state.script_for(&request).into_steps();
        lock(&state.requests).push(request);
        let left = tokio::select! {
            left = play(&mut writer, steps) => left,
            () = inbox.end() => {
                closed.get_or_init(Instant::now);
                return;
            }
        };
        match left {
            Left::Open => {}
            Left::Over => {
                inbox.end().await;
                closed.get_or_init(Instant::now);
                return;
            }
            Left::Reset => {
                // What was written before must not be thrown away by the reset.
                tokio::time::sleep(Duration::from_millis(20)).await;
                let _ = reset.0.set_linger(Some(Duration::ZERO));
                return;
            }
        }
    }
}

/// Runs the steps. A failed write means that the peer is gone, which the
/// reading side tells.
async fn play<S: AsyncWrite>(writer: &mut WriteHalf<S>, steps: Vec<Step>) -> Left {
    for step in steps {
        match step {
            Step::Wait(time) => tokio::time::sleep(time).await,
            Step::Until(signal) => signal.fired().await,
            Step::Write(bytes) => {
                if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                    return Left::Over;
                }
            }
            Step::Fin => {
                let _ = writer.shutdown().await;
                return Left::Over;
            }
            Step::Rst => return Left::Reset,
            Step::Stall => std::future::pending().await,
        }
    }
    Left::Open
}

struct Inbox<S> {
    reader: ReadHalf<S>,
    unread: Vec<u8>,
}

impl<S: AsyncRead> Inbox<S> {
    /// Reads more; an error when the peer is gone.
    async fn more(&mut self) -> io::Result<()> {
        let mut piece = [0u8; 16 * 1024];
        let read = self.reader.read(&mut piece).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.unread.extend_from_slice(&piece[..read]);
        Ok(())
    }

    /// Returns when the peer is gone. What it sends until then is kept.
    async fn end(&mut self) {
        while self.more().await.is_ok() {}
    }

    /// The body behind this head.
    async fn body(&mut self, head: &[u8]) -> io::Result<Vec<u8>> {
        let text = String::from_utf8_lossy(head).to_ascii_lowercase();
        let value = |name: &str| {
            text.lines()
                .find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()))
        };
        if value("transfer-encoding:").as_deref() == Some("chunked") {
            return self.chunks().await;
        }
        let length = value("content-length:")
            .and_then(|n| n.parse().ok())
            .unwrap_or(0);
        self.exactly(length).await
    }

    async fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.through(b"\r\n").await?;
            let size = std::str::from_utf8(&line[..line.len() - 2])
                .ok()
                .and_then(|size| usize::from_str_radix(size, 16).ok())
                .ok_or(io::ErrorKind::InvalidData)?;
            body.extend_from_slice(&self.exactly(size).await?);
            self.exactly(2).await?;
            if size == 0 {
                return Ok(body);
            }
        }
    }

    async fn through(&mut self, mark: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = self
                .unread
                .windows(mark.len())
                .position(|window| window == mark)
            {
                return Ok(self.take(at + mark.len()));
            }
            self.more().await?;
        }
    }

    async fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < length {
            self.more().await?;
        }
        Ok(self.take(length))
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.unread.split_off(length);
        std::mem::replace(&mut self.unread, rest)
    }
}
