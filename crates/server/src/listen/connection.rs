//! One connection from its first byte to its close.
//!
//! 1. Who has gone is noticed by hyper while it waits for a byte, else here:
//!    hyper stops to look when unread bytes lie behind the request.
//! 2. One timer for all limits; a request that arrives whole has none of its own.
//! 3. Whatever ends it drops the handler or body first, and the socket after it.
//! 4. An answer that was cut never looks whole: see `CutShort`.
//! 5. An answer that was ended from outside ends also while nobody reads it.
//! 6. A refusal is not lost to bytes that the caller still sends: see [`linger`].

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::HttpService;
use hyper_util::rt::TokioIo;
use tidegate_kernel::scope::Cancelled;
use tidegate_kernel::{Alarm, Clock, Deadline, Instant};
use tidegate_types::{RequestId, RequestIds};

use super::io::Io;
use super::link::{Link, Phase, Side, Wire};
use super::stats::ListenStats;
use super::tls::{self, Tls};
use super::{ListenSettings, refusal};

/// How often the socket is looked at while nobody is woken by its end.
const LOOK: Duration = Duration::from_millis(100);
/// How long an answer that was ended from outside may take to say so, before it
/// is cut: its caller may read again.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// How long a caller may pause, and how long it may go on, with what it still
/// sends after its answer.
const LINGER_PAUSE: Duration = Duration::from_secs(1);
const LINGER: Duration = Duration::from_secs(10);

/// What a limit beyond the clock's range is cut to.
const FAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// What all connections of a listener share.
#[derive(Debug)]
pub(super) struct House {
    pub(super) http: http1::Builder,
    pub(super) settings: Arc<ListenSettings>,
    /// How long a connection may rest, as its answers say it: whole seconds,
    /// rather too few than too many.
    pub(super) rests: HeaderValue,
    pub(super) clock: Clock,
    pub(super) stats: Arc<ListenStats>,
    /// None where plain HTTP is spoken.
    pub(super) tls: Option<Arc<Tls>>,
    pub(super) ids: Arc<RequestIds>,
}

impl House {
    pub(super) fn new(
        http: http1::Builder,
        settings: Arc<ListenSettings>,
        clock: Clock,
        stats: Arc<ListenStats>,
        tls: Option<Arc<Tls>>,
        ids: Arc<RequestIds>,
    ) -> Self {
        let seconds = settings.keep_alive.as_secs();
        // Digits are always fit for a header.
        let rests = HeaderValue::try_from(format!("timeout={seconds}"));
        Self {
            http,
            settings,
            rests: rests.unwrap_or(HeaderValue::from_static("timeout=0")),
            clock,
            stats,
            tls,
            ids,
        }
    }

    /// The id of what is answered next.
    pub(super) fn next_id(&self) -> RequestId {
        self.ids.next(self.clock.unix_millis())
    }
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// hyper has written and flushed its last answer.
    Done,
    /// hyper could not read the head, and has said so.
    Malformed,
    /// The socket or the answer's body failed.
    Broken,
    /// The caller has gone while bytes of it were unread.
    Gone,
    /// The caller does not read.
    Stalled,
    /// The same, and its answer was ended from outside.
    Halted,
    /// A head did not arrive in time.
    SlowHead,
    /// Nothing ever arrived.
    Silent,
    /// Nothing arrived after the last answer.
    Idle,
    /// The process drains, and no request is in flight.
    Drained,
    /// The time for draining is over.
    Cut,
}

/// The two signals from above.
pub(super) struct Signals {
    /// Finish what is in flight, take nothing new.
    pub(super) drain: Cancelled,
    /// End now.
    pub(super) cut: Cancelled,
}

/// Serves the requests of one connection until it ends, and closes it.
pub(super) async fn serve<S>(house: Arc<House>, link: Arc<Link>, service: S, mut signals: Signals)
where
    S: HttpService<hyper::body::Incoming>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::ResBody: 'static,
    <S::ResBody as http_body::Body>::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let _counted = CountsPanic(&house.stats);
    let io = match &house.tls {
        None => Io::Plain(Wire(Arc::clone(&link))),
        // Boxed: a handshake's state is large, and gone when requests come.
        Some(tls) => match Box::pin(tls::let_in(&house, tls, &link, &mut signals)).await {
            Some(io) => io,
            None => return,
        },
    };
    let mut http = house.http.serve_connection(TokioIo::new(io), service);
    let end = {
        let mut watch = Watch::new(&house, &link);
        let _cut_short = CutShort(&link);
        poll_fn(|cx| {
            link.begin_poll();
            if let Poll::Ready(ended) = Pin::new(&mut http).poll(cx) {
                return Poll::Ready(match ended {
                    Ok(()) => End::Done,
                    Err(error) if error.is_parse() => End::Malformed,
                    Err(_) => End::Broken,
                });
            }
            if Pin::new(&mut signals.cut).poll(cx).is_ready() {
                return Poll::Ready(End::Cut);
            }
            if !watch.draining && Pin::new(&mut signals.drain).poll(cx).is_ready() {
                watch.draining = true;
                Pin::new(&mut http).graceful_shutdown();
                // It may have nothing left to do, which its next poll says.
                cx.waker().wake_by_ref();
            }
            watch.poll(cx)
        })
        .await
    };
    // The handler or body is dropped here, if there still is one.
    let io = http.into_parts().io.into_inner();
    close(&house, &link, io, end, signals).await;
}

/// Ends the socket as the end deserves; it closes with the last `link`.
async fn close(house: &House, link: &Link, mut io: Io, end: End, mut signals: Signals) {
    let stats = &house.stats;
    let told = match end {
        End::SlowHead => Some(&refusal::SLOW_HEAD),
        End::Drained if link.phase() == Phase::Head => Some(&refusal::SHUTTING_DOWN),
        _ => None,
    };
    // Where a request was begun; another's end has the id of its last one.
    let told = told.map(|told| (told, house.next_id()));
    let id = told.map(|(_, id)| tracing::field::display(id));
    tracing::debug!(id, ?end, "a connection ends");
    match end {
        // hyper has dropped the body by now, so that `CutShort` saw no request.
        End::Broken if link.ends_by_close() => link.reset(),
        End::Stalled => stats.write_stalls.add(),
        End::SlowHead | End::Silent => stats.header_timeouts.add(),
        End::Malformed | End::Done | End::Idle | End::Gone | End::Halted => {}
        End::Broken | End::Cut | End::Drained => {}
    }
    if let Some((told, id)) = told {
        io.tell(&refusal::signed(told, id));
    }
    io.end();
    if end == End::Malformed || (end == End::Done && link.may_have_unread()) {
        linger(house.clock, link, &mut signals).await;
    }
}

/// Waits a while for the caller's own end, and forgets what comes before it: a
/// close on unread bytes is a reset, which would overtake the answer. It is
/// over early when the process stops.
pub(super) async fn linger(clock: Clock, link: &Link, signals: &mut Signals) {
    let mut caller = pin!(Deadline::after(clock, LINGER).bound(link.discard(clock, LINGER_PAUSE)));
    poll_fn(|cx| {
        let stops = Pin::new(&mut signals.cut).poll(cx).is_ready()
            || Pin::new(&mut signals.drain).poll(cx).is_ready();
        if stops {
            Poll::Ready(())
        } else {
            caller.as_mut().poll(cx).map(drop)
        }
    })
    .await;
}

/// Counts a panic that goes through the connection; the body's own `Drop` has
/// seen it by then, since hyper is dropped while the panic unwinds.
struct CountsPanic<'a>(&'a ListenStats);

impl Drop for CountsPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.panics.add();
        }
    }
}

/// Makes the close a reset where a clean one would lie or last: an answer that
/// only its end delimits is cut, or bytes wait for a caller who does not read.
/// A guard, since an abort and a panic end the connection as well.
struct CutShort<'a>(&'a Link);

impl Drop for CutShort<'_> {
    fn drop(&mut self) {
        let cut = self.0.phase() == Phase::Busy && self.0.ends_by_close();
        if cut || self.0.blocked().is_some() {
            self.0.reset();
        }
    }
}

fn after(since: Instant, time: Duration) -> Instant {
    since.checked_add(time).unwrap_or(since + FAR)
}

/// What is watched beside hyper.
struct Watch<'a> {
    link: &'a Link,
    settings: &'a ListenSettings,
    clock: Clock,
    alarm: Alarm,
    draining: bool,
    /// The phase that was met last, and when.
    phase: (u32, Instant),
    /// The write that waits, and since when.
    write: Option<(u32, Instant)>,
    /// When to look at a socket that wakes nobody.
    look: Option<Instant>,
    /// When an answer was found ended whose reader stands still.
    halted: Option<Instant>,
}

impl<'a> Watch<'a> {
    fn new(house: &'a House, link: &'a Link) -> Self {
        let (settings, clock) = (&house.settings, house.clock);
        let phase = (link.turn(), clock.now());
        let alarm = Alarm::new();
        Self {
            link,
            settings,
            clock,
            alarm,
            draining: false,
            phase,
            write: None,
            look: None,
            halted: None,
        }
    }

    /// To be polled when hyper has been and waits.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if self.draining && self.link.phase() != Phase::Busy && self.link.blocked().is_none() {
            return Poll::Ready(End::Drained);
        }
        loop {
            if self.caller_has_gone(cx) {
                return Poll::Ready(End::Gone);
            }
            self.look_for_halt(cx);
            let limit = self.limit();
            let due = limit.map(|(due, _)| due).into_iter().chain(self.look).min();
            let Some(due) = due else {
                self.alarm.clear();
                return Poll::Pending;
            };
            self.alarm.set(due);
            ready!(self.alarm.poll_due(cx));
            if let Some((due, end)) = limit
                && due <= self.clock.now()
            {
                return Poll::Ready(end);
            }
        }
    }

    /// Whether hyper has stopped to look and the caller's side is closed.
    fn caller_has_gone(&mut self, cx: &mut Context<'_>) -> bool {
        self.look = None;
        if self.link.watched() {
            return false;
        }
        match self.link.side(cx) {
            Side::Closed => return true,
            Side::Unread => self.look = Some(self.clock.after(LOOK)),
            Side::Quiet => {}
        }
        false
    }

    /// While hyper has room it polls the body, which sees for itself that it was
    /// ended; else this does. So it does when the body's end is with hyper, and
    /// its bytes go nowhere.
    fn look_for_halt(&mut self, cx: &mut Context<'_>) {
        match self.link.blocked().is_some() && self.link.is_halted(cx) {
            true => self.halted = self.halted.or(Some(self.clock.now())),
            false => self.halted = None,
        }
    }

    /// The limit that runs now: when it ends, and how it ends the connection.
    fn limit(&mut self) -> Option<(Instant, End)> {
        if let Some(moved) = self.link.blocked() {
            let since = match self.write {
                Some((known, since)) if known == moved => since,
                _ => self.clock.now(),
            };
            self.write = Some((moved, since));
            let stalled = (after(since, self.settings.write_stall), End::Stalled);
            let halted = self.halted.map(|since| (since + LAST_WORDS, End::Halted));
            return Some(
                halted
                    .filter(|halted| halted.0 < stalled.0)
                    .unwrap_or(stalled),
            );
        }
        self.write = None;
        let phase = self.link.phase();
        if phase == Phase::Busy {
            return None;
        }
        if self.phase.0 != self.link.turn() {
            self.phase = (self.link.turn(), self.clock.now());
        }
        let (time, end) = match phase {
            Phase::Silent => (self.settings.header_timeout, End::Silent),
            Phase::Head | Phase::Busy => (self.settings.header_timeout, End::SlowHead),
            Phase::Idle => (self.settings.keep_alive, End::Idle),
        };
        Some((after(self.phase.1, time), end))
    }
}
