//! The edge below HTTP: connections, their time and their end. TCP or TLS, HTTP/1.1.
//!
//! Promises, in full at [`run`] and tested under their numbers: 1. small writes
//! go out at once; 2. who has gone is noticed; 3. who does not read is reset;
//! 4. heads and idle connections have their time; 5. framing is plain and heads
//! are bounded; 6. so are connections; 7. a panic stays alone; 8. drain ends;
//! 9. all of it is counted. It knows no routes and reads no bodies.

mod connection;
mod front;
mod io;
mod link;
mod places;
mod refusal;
mod stats;
mod terms;
#[cfg(test)]
mod tests;
mod tls;

use std::convert::Infallible;
use std::error::Error;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use socket2::SockRef;
use tidegate_kernel::{Clock, Instant, Scope};
use tidegate_types::RequestIds;
use tokio::net::{TcpListener, TcpStream};

use self::connection::{House, Signals, linger, serve};
pub use self::front::Peer;
use self::front::front;
use self::link::Link;
use self::places::Places;
pub(crate) use self::places::owner;
pub(crate) use self::refusal::ID;
pub use self::stats::ListenStats;
pub use self::terms::Terms;
pub use self::tls::Tls;

/// The body of an answer, as its connection knows it.
pub trait Answer: Body<Data = Bytes> {
    /// How it is ended from outside while nobody polls it, since its reader
    /// stands still; none where that cannot happen.
    fn halt(&self) -> Option<Arc<dyn PollHalt>> {
        None
    }
}

/// Asks whether an answer was ended from outside.
pub trait PollHalt: Send + Sync {
    /// Ready once it was; else the task is woken when it is.
    fn poll_halt(&self, cx: &mut Context<'_>) -> Poll<()>;
}

/// The limits of a listener's connections.
#[derive(Clone, Debug)]
pub struct ListenSettings {
    /// For a head from its first byte, and for a new connection's first byte.
    pub header_timeout: Duration,
    /// For a TLS handshake, before either.
    pub handshake_timeout: Duration,
    /// Between an answer and the next request.
    pub keep_alive: Duration,
    /// How long a write may wait without moving.
    pub write_stall: Duration,
    /// Bytes of an answer that may wait for a caller who reads slowly.
    pub stream_buffer: usize,
    /// Headers of a request.
    pub max_headers: usize,
    /// Bytes of a request's head; at least 8 KiB are allowed.
    pub max_header_bytes: usize,
    /// Open connections in all.
    pub connections: usize,
    /// Open connections of one address; loopback is exempt.
    pub connections_per_ip: usize,
}

/// Where connections come from, and what is spoken there.
#[derive(Debug)]
pub struct Inlet {
    /// The socket.
    pub listener: TcpListener,
    /// None for plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// Where the ids of its requests come from.
    pub ids: Arc<RequestIds>,
}

/// How long accepting rests when the kernel has no descriptors or memory left.
const REST: Duration = Duration::from_millis(50);
/// At most one warning about failed accepts in this time.
const WARN_EVERY: Duration = Duration::from_secs(1);
/// hyper's smallest and default sizes.
const LEAST_HEADER_BYTES: usize = 8192;
const DEFAULT_HEADERS: usize = 100;
/// Callers who may knock before one of them is let in; the system may allow
/// fewer. Beyond it a caller's first packet is lost, and it waits a second.
const KNOCKING: i32 = 4096;
/// Refused callers who are given the time to read why.
const REFUSALS_AT_ONCE: usize = 64;

/// Accepts until `accept` is cancelled, and then closes the listener; each
/// connection is a task of `connections`. A request comes with its [`Peer`].
///
/// Draining is: cancel `accept`, await this, drain `connections`, and cancel
/// `connections` when the time is over.
///
/// 1. `TCP_NODELAY` on every connection: without it a stream takes 44 ms, not 1.
/// 2. A caller who has gone (closed, half-closed, reset) is noticed in under
///    200 ms while a request is in flight; its handler or body is dropped.
/// 3. A caller who does not read for `write_stall` is reset, at once if its
///    answer was ended from outside; what waits unsent for it in the kernel is
///    bounded.
/// 4. A head has `header_timeout` from its first byte, then 408; a connection
///    that never spoke has the same, an idle one `keep_alive`: both end silently.
///    Answers say that time (`keep-alive: timeout=...`), in whole seconds.
///    A partial head that was pipelined behind a running request has the idle
///    time until its next byte.
/// 5. An answer to a request with `transfer-encoding` closes its connection; a
///    head is bounded in bytes and headers (431).
/// 6. Connections are bounded in all and by address: 503 and the close beyond.
///    No failed accept ends the loop, and a crowd that knocks at once is let in
///    without a lost packet. A caller counts from before its handshake on; a
///    refused one with TLS gets the close alone.
/// 7. A panic ends its own connection: a handler's with a 500, a body's by the close.
/// 8. Nothing new is accepted once `accept` is cancelled, idle connections close
///    at once, busy ones finish with `connection: close`; a cancel of
///    `connections` ends the rest.
/// 9. Every number of this is in [`ListenStats`].
pub async fn run<H, F, B>(
    inlet: Inlet,
    terms: Arc<Terms>,
    clock: Clock,
    accept: Scope,
    connections: Scope,
    stats: Arc<ListenStats>,
    handler: H,
) where
    H: Fn(Peer, Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, Infallible>> + Send + 'static,
    B: Answer + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let Inlet { listener, tls, ids } = inlet;
    // Who bound it asked for room for 128, as a rule.
    let _ = SockRef::from(&listener).listen(KNOCKING);
    let mut door = Door::new((tls, ids), terms, clock, accept.clone(), connections, stats);
    let mut complaints = Complaints::new(clock);
    let mut closing = accept.cancelled();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = &mut closing => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, from)) => door.receive(stream, from, &handler),
            // This caller has gone already; the next one may be fine.
            Err(error) if of_the_caller(&error) => {}
            Err(error) => {
                door.house.stats.accept_errors.add();
                complaints.about(&error);
                tokio::select! {
                    biased;
                    _ = &mut closing => return,
                    () = clock.sleep(REST) => {}
                }
            }
        }
    }
}

/// Where an accepted connection becomes a task, or is refused.
struct Door {
    terms: Arc<Terms>,
    house: Arc<House>,
    places: Arc<Places>,
    /// The room for refused callers; not part of `places`.
    porch: Arc<Places>,
    accept: Scope,
    connections: Scope,
}

impl Door {
    fn new(
        (tls, ids): (Option<Arc<Tls>>, Arc<RequestIds>),
        terms: Arc<Terms>,
        clock: Clock,
        accept: Scope,
        connections: Scope,
        stats: Arc<ListenStats>,
    ) -> Self {
        let settings = terms.get();
        let (all, each) = (settings.connections, settings.connections_per_ip);
        let porch = Places::new(REFUSALS_AT_ONCE, REFUSALS_AT_ONCE, Arc::default());
        let places = Places::new(all, each, Arc::clone(&stats));
        let http = builder(&settings);
        let house = Arc::new(House::new(http, settings, clock, stats, tls, ids));
        Self {
            terms,
            house,
            places,
            porch,
            accept,
            connections,
        }
    }

    /// The limits may be others than when the last one came.
    fn follow(&mut self) {
        if self.terms.are(&self.house.settings) {
            return;
        }
        let settings = self.terms.get();
        self.places
            .set(settings.connections, settings.connections_per_ip);
        let (http, clock) = (builder(&settings), self.house.clock);
        let (stats, tls) = (Arc::clone(&self.house.stats), self.house.tls.clone());
        let ids = Arc::clone(&self.house.ids);
        self.house = Arc::new(House::new(http, settings, clock, stats, tls, ids));
    }

    fn receive<H, F, B>(&mut self, stream: TcpStream, from: SocketAddr, handler: &H)
    where
        H: Fn(Peer, Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Response<B>, Infallible>> + Send + 'static,
        B: Answer + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        self.follow();
        self.house.stats.accepted.add();
        let link = Link::new(stream, unsent(&self.house));
        let Some(place) = self.places.take(from.ip()) else {
            self.refuse(&link);
            return;
        };
        let (house, signals) = (Arc::clone(&self.house), self.signals());
        let theirs = Arc::clone(&house);
        let service = front(handler.clone(), Arc::clone(&link), from, theirs);
        let refused = Arc::clone(&link);
        // Boxed, since a spawn holds what passes through its layers several times.
        let task = Box::pin(async move {
            serve(house, link, service, signals).await;
            drop(place);
        });
        let task = self.connections.spawn("connection", task);
        if task.is_err() {
            self.house.stats.refused_limit.add();
            self.refuse(&refused);
        }
    }

    /// Says why, and gives the caller a moment to read it; too many of them
    /// at once get the close alone.
    fn refuse(&self, link: &Arc<Link>) {
        let (id, stats) = (self.house.next_id(), &self.house.stats);
        tracing::debug!(
            %id,
            open = stats.open(),
            dropped = stats.refused_limit() + stats.refused_per_ip(),
            "no place for a connection"
        );
        match self.house.tls {
            None => link.tell(&refusal::signed(&refusal::NO_PLACE, id)),
            Some(_) => link.tell(&[]),
        }
        let Some(place) = self.porch.take(std::net::Ipv4Addr::LOCALHOST.into()) else {
            return;
        };
        let (clock, link, mut signals) = (self.house.clock, Arc::clone(link), self.signals());
        let _ = self.connections.spawn("refusal", async move {
            linger(clock, &link, &mut signals).await;
            drop((link, place));
        });
    }

    fn signals(&self) -> Signals {
        Signals {
            drain: self.accept.cancelled(),
            cut: self.connections.cancelled(),
        }
    }
}

/// hyper as it is used here. Its own timer is off, ours is `connection`'s;
/// flushes are not held back for pipelined requests, since an event of a
/// stream must not wait for what the caller sends next.
fn builder(settings: &ListenSettings) -> http1::Builder {
    let bytes = settings.max_header_bytes.max(LEAST_HEADER_BYTES);
    let mut http = http1::Builder::new();
    http.header_read_timeout(None)
        .half_close(false)
        .keep_alive(true)
        .pipeline_flush(false)
        .max_header_size(bytes)
        .max_buf_size(bytes);
    if settings.max_headers != DEFAULT_HEADERS {
        // Any other number costs an allocation for each request.
        http.max_headers(settings.max_headers);
    }
    http
}

/// Bytes of events that are merged before hyper has them, and as many that it
/// takes beyond its bound.
const MERGED: usize = 2 * (16 << 10);
/// Fewer than this unsent would starve a fast reader.
const LEAST_UNSENT: usize = 16 << 10;

/// What may wait in the kernel of all that may wait: the rest of it stands in
/// hyper's buffer and before it.
fn unsent(house: &House) -> u32 {
    let settings = &house.settings;
    let held = house.tls.as_ref().map_or(0, |_| tls::HELD);
    let ours = settings.max_header_bytes.max(LEAST_HEADER_BYTES) + MERGED + held;
    let theirs = settings
        .stream_buffer
        .saturating_sub(ours)
        .max(LEAST_UNSENT);
    u32::try_from(theirs).unwrap_or(u32::MAX)
}

/// Whether a failed accept says nothing about the next one.
fn of_the_caller(error: &std::io::Error) -> bool {
    use ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// Warns of failed accepts, seldom.
struct Complaints {
    clock: Clock,
    last: Option<Instant>,
    unsaid: u64,
}

impl Complaints {
    fn new(clock: Clock) -> Self {
        Self {
            clock,
            last: None,
            unsaid: 0,
        }
    }

    fn about(&mut self, error: &std::io::Error) {
        let now = self.clock.now();
        if self.last.is_some_and(|last| now < last + WARN_EVERY) {
            self.unsaid += 1;
            return;
        }
        tracing::warn!(%error, unsaid = self.unsaid, "no connection could be accepted");
        (self.last, self.unsaid) = (Some(now), 0);
    }
}
