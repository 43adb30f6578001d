//! One kept connection and the call that it carries.
//!
//! Readiness is edge-triggered: `pump` writes and reads until the socket would
//! wait, so that one registration serves for the connection's life.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use rustix::event::epoll;

use super::{Answer, Fault};
use crate::bench::clock;

const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// A call in flight.
#[derive(Debug)]
pub(crate) struct Call {
    /// When it was meant to begin; latencies are counted from here.
    pub(crate) intended: Instant,
    /// When the first event of a stream was whole.
    pub(crate) first_event: Option<Instant>,
    /// Bytes of the request that are written.
    sent: usize,
}

impl Call {
    /// Whether the whole request was written; an answer can come before.
    pub(crate) fn is_sent(&self, request: &[u8]) -> bool {
        self.sent == request.len()
    }
}

/// What a pump led to.
pub(crate) enum Step {
    /// Nothing ended.
    Open,
    /// The answer is whole.
    Ended(Call),
    /// The call went wrong and the connection is of no more use.
    Broken(Fault),
    /// The server closed a connection that carried no call.
    Closed,
}

/// A connection to the measured process.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    call: Option<Call>,
    pub(crate) answer: Answer,
}

impl Connection {
    /// Connects and registers with `epoll` under `token`.
    pub(crate) fn open(
        at: SocketAddr,
        epoll: &impl std::os::fd::AsFd,
        token: u64,
    ) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&at, CONNECT_WITHIN)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let flags = epoll::EventFlags::IN
            | epoll::EventFlags::OUT
            | epoll::EventFlags::RDHUP
            | epoll::EventFlags::ET;
        epoll::add(epoll, &stream, epoll::EventData::new_u64(token), flags)?;
        Ok(Self {
            stream,
            call: None,
            answer: Answer::new(),
        })
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.call.is_some()
    }

    /// Begins a call. What the socket does not take now, `pump` writes later.
    pub(crate) fn begin(&mut self, intended: Instant, request: &[u8]) -> Result<(), Fault> {
        self.answer.reset();
        self.call = Some(Call {
            intended,
            first_event: None,
            sent: 0,
        });
        self.write(request)
    }

    /// Moves on as far as the socket allows; `hung_up` when its other side closed.
    pub(crate) fn pump(&mut self, request: &[u8], hung_up: bool, scratch: &mut [u8]) -> Step {
        if let Err(fault) = self.write(request) {
            return Step::Broken(fault);
        }
        loop {
            let read = match self.stream.read(scratch) {
                Ok(0) if self.call.is_none() => return Step::Closed,
                Ok(0) => return Step::Broken(Fault::Cut),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Step::Open,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) if self.call.is_none() => return Step::Closed,
                Err(_) => return Step::Broken(Fault::Cut),
            };
            let Some(call) = &mut self.call else {
                return Step::Broken(Fault::Malformed);
            };
            match self.answer.feed(&scratch[..read]) {
                Err(fault) => return Step::Broken(fault),
                Ok(true) => return self.call.take().map_or(Step::Open, Step::Ended),
                Ok(false) => {}
            }
            if call.first_event.is_none() && self.answer.has_event() {
                call.first_event = Some(clock::now());
            }
            // A short read emptied the socket: the next bytes raise a new edge. Only
            // an end that is already there would not.
            if read < scratch.len() && !hung_up {
                return Step::Open;
            }
        }
    }

    fn write(&mut self, request: &[u8]) -> Result<(), Fault> {
        let Some(call) = &mut self.call else {
            return Ok(());
        };
        while call.sent < request.len() {
            match self.stream.write(&request[call.sent..]) {
                Ok(0) => return Err(Fault::Cut),
                Ok(sent) => call.sent += sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Fault::Cut),
            }
        }
        Ok(())
    }
}
