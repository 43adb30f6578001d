//! Where the bytes of an answer come from, pulled by whoever is asked for them.
//!
//! Promises: 1. the upstream connection is driven inside `poll_pull`, so an
//! answer costs no task and no channel of its own; 2. a connection whose answer
//! was read to its end goes back to its idle set, any other is closed; 3. after
//! `End` or `Cut` nothing is polled again. Dropping a source closes it at once.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::Body;
use hyper::body::Incoming;
use kernel::Clock;
use tidegate_kernel as kernel;
use tidegate_sim::Script;

use super::idle::{IdleSet, Line};

/// One step of an answer's body.
pub(crate) enum Pull {
    Data(Bytes),
    /// The upstream said that this is all.
    End,
    /// The connection broke before that.
    Cut,
}

/// See the module's text.
pub(crate) enum Source {
    Http(Box<HttpSource>),
    Sim(Box<Script>),
    /// An answer that came whole and is given as a stream.
    Whole(Option<Bytes>),
    /// A defect below the answer.
    #[cfg(test)]
    Panics,
    /// One that goes on, and says nothing.
    #[cfg(test)]
    Silent,
}

/// The body of an HTTP answer together with the connection that carries it.
pub(crate) struct HttpSource {
    pub(crate) line: Option<Box<Line>>,
    pub(crate) body: Incoming,
    pub(crate) home: Arc<IdleSet>,
    pub(crate) clock: Clock,
}

impl Source {
    pub(crate) fn poll_pull(&mut self, cx: &mut Context<'_>) -> Poll<Pull> {
        match self {
            Self::Http(http) => http.poll_pull(cx),
            Self::Whole(bytes) => Poll::Ready(bytes.take().map_or(Pull::End, Pull::Data)),
            #[cfg(test)]
            Self::Panics => panic!("a defect"),
            #[cfg(test)]
            Self::Silent => Poll::Pending,
            Self::Sim(script) => loop {
                return match std::task::ready!(Pin::new(&mut **script).poll_frame(cx)) {
                    None => Poll::Ready(Pull::End),
                    Some(Err(_)) => Poll::Ready(Pull::Cut),
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) => Poll::Ready(Pull::Data(data)),
                        Err(_) => continue,
                    },
                };
            },
        }
    }
}

impl Source {
    /// How many bytes are to come, if that was told.
    pub(crate) fn size(&self) -> Option<u64> {
        match self {
            Self::Http(http) => http.body.size_hint().exact(),
            _ => None,
        }
    }

    /// Whether everything that was announced is here: nobody has to wait for
    /// an end that follows it.
    pub(crate) fn is_over(&mut self) -> bool {
        match self {
            Self::Http(http) if http.body.is_end_stream() => {
                http.go_home();
                true
            }
            _ => false,
        }
    }
}

impl HttpSource {
    fn poll_pull(&mut self, cx: &mut Context<'_>) -> Poll<Pull> {
        let body = &mut self.body;
        let Some(line) = &mut self.line else {
            return poll_body(body, cx);
        };
        let (io, mut ended) = (&mut line.io, false);
        let pull = line.drive.poll(cx, |cx| {
            // The body gets nothing but by the connection's poll, and is looked
            // at after each: nobody has to be woken for it.
            let mut nobody = Context::from_waker(Waker::noop());
            if let Poll::Ready(pull) = poll_body(body, &mut nobody) {
                return Poll::Ready(pull);
            }
            // Nothing was waiting: let the connection read on, then look again.
            ended = ended || Pin::new(&mut *io).poll(cx).is_ready();
            poll_body(body, &mut nobody)
        });
        match pull {
            Poll::Ready(Pull::End) if !ended => self.go_home(),
            Poll::Ready(Pull::Cut) => self.line = None,
            _ if ended => self.line = None,
            _ => {}
        }
        pull
    }

    fn go_home(&mut self) {
        if let Some(line) = self.line.take() {
            self.home.give(self.clock.now(), line);
        }
    }
}

fn poll_body(body: &mut Incoming, cx: &mut Context<'_>) -> Poll<Pull> {
    loop {
        return Poll::Ready(
            match std::task::ready!(Pin::new(&mut *body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => Pull::Data(data),
                    Err(_trailers) => continue,
                },
                Some(Err(_)) => Pull::Cut,
                None => Pull::End,
            },
        );
    }
}
