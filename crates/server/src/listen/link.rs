//! The socket of one connection, and what is known about it. hyper has a
//! [`Wire`], bare or under TLS (`io`); the connection's own future keeps the [`Link`] behind it and learns
//! there what hyper does not tell: whether it still watches for the caller's
//! end, whether a write stands still, which phase of a request this is.
//!
//! 1. A read that did not fill its buffer asks the kernel once, not twice.
//! 2. Noting costs a store: no clock, no lock, no allocation. It decides nothing.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use socket2::SockRef;
use tidegate_kernel::sync::Mutex;
use tidegate_kernel::{Clock, Deadline};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use super::PollHalt;

/// On edge-triggered epoll a short read says that the socket is empty.
const SHORT_READ_IS_EMPTY: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Where in a request the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing has arrived yet.
    Silent,
    /// A head has begun to arrive.
    Head,
    /// A handler or its answer runs.
    Busy,
    /// The last answer has ended.
    Idle,
}

/// What the socket says about the caller's side of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Nothing new; the task is woken when that changes.
    Quiet,
    /// Bytes wait that nobody reads; nobody is woken by an end behind them.
    Unread,
    /// The caller has closed or reset it.
    Closed,
}

/// One task polls all of this. The atomics only let it move between threads,
/// which is why each is relaxed, and stepped by a load and a store.
pub(super) struct Link {
    stream: TcpStream,
    phase: AtomicU8,
    /// Changes with each phase, so that a phase met again is not taken for the same one.
    turn: AtomicU32,
    /// hyper's last read in this poll waits: it will notice the end itself.
    watched: AtomicBool,
    /// hyper's last write waits.
    blocked: AtomicBool,
    /// Changes with each write that moved.
    moved: AtomicU32,
    /// The caller speaks HTTP/1.0: an answer may end with the connection.
    old: AtomicBool,
    /// The last request had a body, which may not have been read to its end.
    had_body: AtomicBool,
    /// The close will be a reset.
    resets: AtomicBool,
    /// How the answer that runs tells that it was ended from outside.
    halt: Mutex<Option<Arc<dyn PollHalt>>>,
    /// The last answer was ended from outside, and hyper has all of it.
    was_halted: AtomicBool,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("stream", &self.stream)
            .field("phase", &self.phase())
            .finish_non_exhaustive()
    }
}

impl Link {
    /// Small writes go out at once from here on, and at most `unsent` bytes wait
    /// in the kernel; what is sent and not acknowledged comes on top.
    /// Both are set on each socket: a listener's options do not reach the
    /// connections that came before they were set.
    pub(super) fn new(stream: TcpStream, unsent: u32) -> Arc<Self> {
        // It fails only on a connection that is dead already.
        let _ = stream.set_nodelay(true);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = SockRef::from(&stream).set_tcp_notsent_lowat(unsent);
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let _ = unsent;
        Arc::new(Self {
            stream,
            phase: AtomicU8::new(Phase::Silent as u8),
            turn: AtomicU32::new(0),
            watched: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            moved: AtomicU32::new(0),
            old: AtomicBool::new(false),
            had_body: AtomicBool::new(false),
            resets: AtomicBool::new(false),
            halt: Mutex::new(None),
            was_halted: AtomicBool::new(false),
        })
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            0 => Phase::Silent,
            1 => Phase::Head,
            2 => Phase::Busy,
            _ => Phase::Idle,
        }
    }

    /// Which phase since the beginning this is.
    pub(super) fn turn(&self) -> u32 {
        self.turn.load(Relaxed)
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Relaxed);
        step(&self.turn);
    }

    /// A request goes to its handler; the guard lives as long as its answer.
    pub(super) fn begin(self: &Arc<Self>, old: bool, has_body: bool) -> InFlight {
        self.old.store(old, Relaxed);
        self.had_body.store(has_body, Relaxed);
        self.was_halted.store(false, Relaxed);
        self.enter(Phase::Busy);
        InFlight {
            link: Arc::clone(self),
            halts: false,
        }
    }

    /// Whether the answer that runs, or the last one, was ended from outside; if
    /// it can be, and was not, the task is woken when it is.
    pub(super) fn is_halted(&self, cx: &mut Context<'_>) -> bool {
        if self.was_halted.load(Relaxed) {
            return true;
        }
        // Asked outside the lock: what it does is not our code.
        let halt = self.halt.lock().clone();
        halt.is_some_and(|halt| halt.poll_halt(cx).is_ready())
    }

    /// hyper is about to be polled.
    pub(super) fn begin_poll(&self) {
        self.watched.store(false, Relaxed);
    }

    /// Whether hyper waits for the next byte, and so for the end.
    pub(super) fn watched(&self) -> bool {
        self.watched.load(Relaxed)
    }

    /// Whether a write waits; the number changes when one has moved since.
    pub(super) fn blocked(&self) -> Option<u32> {
        self.blocked.load(Relaxed).then(|| self.moved.load(Relaxed))
    }

    /// Whether only the end of the connection may tell the caller that an answer is whole.
    pub(super) fn ends_by_close(&self) -> bool {
        self.old.load(Relaxed)
    }

    /// Whether bytes of the last request may still be on their way.
    pub(super) fn may_have_unread(&self) -> bool {
        self.had_body.load(Relaxed)
    }

    /// Looks at the caller's side without reading from it.
    pub(super) fn side(&self, cx: &mut Context<'_>) -> Side {
        if self.stream.poll_read_ready(cx).is_pending() {
            return Side::Quiet;
        }
        // Ready now, so this is answered from what the runtime has noted.
        let ready = pin!(self.stream.ready(Interest::READABLE));
        match ready.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(ready)) if ready.is_read_closed() => Side::Closed,
            Poll::Ready(Err(_)) => Side::Closed,
            Poll::Ready(Ok(_)) | Poll::Pending => Side::Unread,
        }
    }

    /// Writes what fits at once, and ends our side.
    pub(super) fn tell(&self, answer: &[u8]) {
        if self.blocked().is_none() {
            let _ = self.stream.try_write(answer);
        }
        let _ = self.shutdown();
    }

    /// The close will be a reset: what is unsent is dropped, and nobody can
    /// take the end for the end of an answer.
    pub(super) fn reset(&self) {
        self.resets.store(true, Relaxed);
        let _ = self.stream.set_zero_linger();
    }

    /// Whether the close will be a reset.
    pub(super) fn is_reset(&self) -> bool {
        self.resets.load(Relaxed)
    }

    /// Whether the first byte is a capital letter, as a method's name has it;
    /// the byte stays where it is. Waits until there is one, or the end.
    pub(super) async fn begins_with_letter(&self) -> io::Result<bool> {
        let mut first = [0];
        let bytes = self.stream.peek(&mut first).await?;
        Ok(bytes > 0 && first.iter().all(u8::is_ascii_uppercase))
    }

    /// Reads and forgets what arrives, until the caller's side ends or pauses
    /// for `pause`.
    pub(super) async fn discard(&self, clock: Clock, pause: Duration) {
        while let Ok(Ok(())) = Deadline::after(clock, pause)
            .bound(self.stream.readable())
            .await
        {
            if !self.forget_some() {
                return;
            }
        }
    }

    /// Whether more may come. Not async, so that no task carries its buffer.
    fn forget_some(&self) -> bool {
        match self.stream.try_read(&mut [0; 8192]) {
            Ok(bytes) => bytes > 0,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        }
    }

    fn shutdown(&self) -> io::Result<()> {
        SockRef::from(&self.stream).shutdown(Shutdown::Write)
    }

    /// hyper's read waits.
    pub(super) fn note_wait(&self) {
        self.watched.store(true, Relaxed);
    }

    /// hyper's read has brought so many bytes; none are the end.
    pub(super) fn note_read(&self, bytes: usize) {
        self.watched.store(false, Relaxed);
        if bytes > 0 && matches!(self.phase(), Phase::Silent | Phase::Idle) {
            self.enter(Phase::Head);
        }
    }

    fn noted_write(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.blocked.store(written.is_pending(), Relaxed);
        if written.is_ready() {
            step(&self.moved);
        }
        written
    }

    fn poll_send(&self, cx: &mut Context<'_>, from: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            match self.stream.try_write_vectored(from) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
    }
}

fn step(number: &AtomicU32) {
    number.store(number.load(Relaxed).wrapping_add(1), Relaxed);
}

/// A request from its head to the last byte of its answer.
#[derive(Debug)]
pub(super) struct InFlight {
    link: Arc<Link>,
    /// Whether its answer can be ended from outside.
    halts: bool,
}

impl InFlight {
    /// Its answer can be ended from outside.
    pub(super) fn halts(&mut self, halt: Arc<dyn PollHalt>) {
        self.halts = true;
        *self.link.halt.lock() = Some(halt);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.halts {
            let gone = self.link.halt.lock().take();
            // hyper may have taken the last words of an answer whose reader
            // stands still: nobody else knows then that they must not last.
            let mut cx = Context::from_waker(Waker::noop());
            let halted = gone.is_some_and(|halt| halt.poll_halt(&mut cx).is_ready());
            self.link.was_halted.store(halted, Relaxed);
        }
        self.link.enter(Phase::Idle);
    }
}

/// The socket as a stream, under hyper or under TLS.
#[derive(Debug)]
pub(super) struct Wire(pub(super) Arc<Link>);

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let link = &*self.0;
        let before = to.filled().len();
        loop {
            ready!(link.stream.poll_read_ready(cx))?;
            let room = to.remaining();
            // The outer call clears the readiness it saw before the read; if
            // more has arrived since, the runtime keeps the newer one.
            let read = link.stream.try_io(Interest::READABLE, || {
                let bytes = link.stream.try_read_buf(to)?;
                if SHORT_READ_IS_EMPTY && 0 < bytes && bytes < room {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                Ok(())
            });
            let bytes = to.filled().len() - before;
            match read {
                Err(error) if bytes == 0 && error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if bytes == 0 => return Poll::Ready(Err(error)),
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.noted_write(self.0.poll_send(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.shutdown())
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn small_writes_go_out_at_once_and_few_bytes_wait_unsent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _caller = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        assert!(
            !accepted.nodelay().unwrap(),
            "what the kernel gives by itself"
        );
        let link = Link::new(accepted, 40_000);
        assert!(link.stream.nodelay().unwrap());
        #[cfg(any(target_os = "linux", target_os = "android"))]
        assert_eq!(
            SockRef::from(&link.stream).tcp_notsent_lowat().unwrap(),
            40_000
        );
    }
}
