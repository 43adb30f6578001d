//! The promises of the listener, over real sockets with a raw caller.
//!
//! Times are short and bounds generous: they tell a limit that works from one
//! that does not, and measure nothing.

mod drain;
mod gone;
mod limits;
mod over_tls;
mod panics;
mod timers;

use std::collections::VecDeque;
use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::task::{Context, Poll};

use http::StatusCode;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tidegate_kernel::Deadline;
use tidegate_testkit::client::Stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

use super::*;

type Failure = Box<dyn Error + Send + Sync>;

/// Only catches hangs.
const PATIENCE: Duration = Duration::from_secs(20);
/// What "in under 200 ms" may take on a loaded machine.
const PROMPT: Duration = Duration::from_secs(1);

const OK: &str = "GET /ok HTTP/1.1\r\nhost: t\r\n\r\n";
const HANG: &str = "GET /hang HTTP/1.1\r\nhost: t\r\n\r\n";
const STREAM: &str = "GET /stream HTTP/1.1\r\nhost: t\r\n\r\n";
const FLOOD: &str = "GET /flood HTTP/1.1\r\nhost: t\r\n\r\n";
const HALTED: &str = "GET /halted HTTP/1.1\r\nhost: t\r\n\r\n";

fn settings() -> ListenSettings {
    ListenSettings {
        header_timeout: PATIENCE,
        handshake_timeout: PATIENCE,
        keep_alive: PATIENCE,
        write_stall: PATIENCE,
        stream_buffer: 256 * 1024,
        max_headers: 100,
        max_header_bytes: 64 * 1024,
        connections: 1000,
        connections_per_ip: 1000,
    }
}

/// What the handlers of a rig have done.
#[derive(Debug, Default)]
struct Notes {
    /// Handlers and bodies that live now.
    alive: AtomicU64,
    /// Those that were dropped by an unwinding panic.
    unwound: AtomicU64,
    /// Bytes that bodies have given.
    given: AtomicU64,
    /// The answers that can be ended from outside are.
    halted: AtomicBool,
}

impl Notes {
    fn alive(&self) -> u64 {
        self.alive.load(SeqCst)
    }
}

/// Counts a handler or body while it lives.
struct Life(Arc<Notes>);

impl Life {
    fn new(notes: &Arc<Notes>) -> Self {
        notes.alive.fetch_add(1, SeqCst);
        Self(Arc::clone(notes))
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, SeqCst);
        if std::thread::panicking() {
            self.0.unwound.fetch_add(1, SeqCst);
        }
    }
}

/// What is spoken: the same promises hold over each.
trait Over {
    /// What the listener shows, if it speaks TLS.
    fn tls() -> Option<Arc<Tls>>;
    /// What a caller's connection becomes.
    async fn speak(tcp: TcpStream) -> Caller;
}

/// HTTP as it is.
struct Plain;

impl Over for Plain {
    fn tls() -> Option<Arc<Tls>> {
        None
    }

    async fn speak(tcp: TcpStream) -> Caller {
        Caller(Stream::Plain(tcp))
    }
}

type Rig = RigOver<Plain>;

/// A listener with handlers by path.
struct RigOver<O> {
    at: SocketAddr,
    accept: Scope,
    connections: Scope,
    stats: Arc<ListenStats>,
    notes: Arc<Notes>,
    /// A permit lets one hanging handler or stream end.
    gate: Arc<Semaphore>,
    _root: Scope,
    over: PhantomData<O>,
}

impl<O: Over> RigOver<O> {
    async fn new(settings: ListenSettings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let root = Scope::root("test", 10_000);
        let (accept, connections) = (root.child("accept"), root.child("connections"));
        let (stats, notes) = (Arc::<ListenStats>::default(), Arc::<Notes>::default());
        let gate = Arc::new(Semaphore::new(0));
        let kit = (Arc::clone(&notes), Arc::clone(&gate));
        let handler = move |peer: Peer, request: Request<Incoming>| {
            assert!(
                request.uri().path() != "/panic-in-call",
                "a panic that the test asked for"
            );
            handle(peer, request, kit.0.clone(), kit.1.clone())
        };
        let all = (accept.clone(), connections.clone(), Arc::clone(&stats));
        let inlet = Inlet {
            listener,
            tls: O::tls(),
            ids: Arc::new(RequestIds::new(7)),
        };
        let terms = Terms::new(settings);
        let run = run(inlet, terms, Clock, all.0, all.1, all.2, handler);
        root.spawn("listen", run).unwrap();
        Self {
            at,
            accept,
            connections,
            stats,
            notes,
            gate,
            _root: root,
            over: PhantomData,
        }
    }

    async fn speak(&self, tcp: TcpStream) -> Caller {
        O::speak(tcp).await
    }

    async fn call(&self, request: &str) -> Caller {
        let mut caller = O::speak(TcpStream::connect(self.at).await.unwrap()).await;
        caller.send(request).await;
        caller
    }

    /// A caller whose request has reached its handler.
    async fn in_flight(&self, request: &str) -> Caller {
        let before = self.notes.alive();
        let caller = self.call(request).await;
        until("the handler runs", || self.notes.alive() > before).await;
        caller
    }

    async fn all_closed(&self) {
        let late = self
            .connections
            .drain(Deadline::after(Clock, PATIENCE))
            .await;
        assert!(late.is_empty(), "still there: {late:?}");
        assert_eq!((self.stats.open(), self.notes.alive()), (0, 0));
    }
}

async fn handle(
    peer: Peer,
    request: Request<Incoming>,
    notes: Arc<Notes>,
    gate: Arc<Semaphore>,
) -> Result<Response<Script>, Infallible> {
    let life = Life::new(&notes);
    let path = request.uri().path().to_owned();
    let mut status = 200;
    let steps = match path.as_str() {
        "/ok" => vec![give("fine")],
        "/peer" => vec![Step::Give(peer.address.to_string().into())],
        "/early" => {
            status = 413;
            vec![give("too large")]
        }
        "/echo" => match request.into_body().collect().await {
            Ok(body) => vec![Step::Give(body.to_bytes())],
            Err(_) => vec![give("broken body")],
        },
        "/hang" => {
            let _unread = request.into_body();
            gate.acquire().await.unwrap().forget();
            vec![give("released")]
        }
        "/stream" => vec![give("one "), Step::Wait(gate), give("two")],
        "/flood" => vec![Step::Flood],
        "/halted" => {
            // More than a narrow socket takes, and less pieces than hyper does.
            let piece = || Step::Give(Bytes::from_static(&[b'x'; 16 * 1024]));
            let pieces = (0..15).map(|_| piece());
            pieces
                .chain([Step::Wait(gate), give("last words")])
                .collect()
        }
        "/broken-body" => vec![give("one "), Step::Fail],
        "/panic-in-body" => vec![give("one "), Step::Panic],
        other => panic!("a panic that the test asked for: {other}"),
    };
    let length = match steps.as_slice() {
        [Step::Give(only)] => Some(only.len() as u64),
        _ => None,
    };
    let mut answer = Response::new(Script {
        steps: steps.into(),
        length,
        wait: None,
        life,
        halts: path == "/halted",
    });
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    Ok(answer)
}

fn give(text: &'static str) -> Step {
    Step::Give(Bytes::from_static(text.as_bytes()))
}

enum Step {
    Give(Bytes),
    Wait(Arc<Semaphore>),
    Flood,
    Fail,
    Panic,
}

/// A body that does as it is told.
struct Script {
    steps: VecDeque<Step>,
    length: Option<u64>,
    wait: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    life: Life,
    halts: bool,
}

impl Answer for Script {
    fn halt(&self) -> Option<Arc<dyn PollHalt>> {
        let notes = self.halts.then(|| Arc::clone(&self.life.0));
        notes.map(|notes| notes as Arc<dyn PollHalt>)
    }
}

/// Who waits for it is not woken: the body's own end wakes the connection.
impl PollHalt for Notes {
    fn poll_halt(&self, _: &mut Context<'_>) -> Poll<()> {
        match self.halted.load(SeqCst) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        loop {
            if let Some(wait) = &mut self.wait {
                std::task::ready!(wait.as_mut().poll(cx));
                self.wait = None;
            }
            let bytes = match self.steps.pop_front() {
                Some(Step::Give(bytes)) => bytes,
                Some(Step::Wait(gate)) => {
                    let wait = async move { gate.acquire().await.unwrap().forget() };
                    self.wait = Some(Box::pin(wait));
                    continue;
                }
                Some(Step::Flood) => {
                    self.steps.push_front(Step::Flood);
                    Bytes::from_static(&[b'x'; 16 * 1024])
                }
                Some(Step::Fail) => return Poll::Ready(Some(Err("asked for".into()))),
                Some(Step::Panic) => panic!("a panic that the test asked for"),
                None => return Poll::Ready(None),
            };
            self.life.0.given.fetch_add(bytes.len() as u64, SeqCst);
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// A caller that sends bytes as given and reads what comes.
struct Caller(Stream);

impl Caller {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// Reads until `found` is in what has come, or the end; all of it.
    async fn read_to(&mut self, found: &str) -> String {
        let mut all = Vec::new();
        while !String::from_utf8_lossy(&all).contains(found) {
            if in_time("an answer", self.0.read_buf(&mut all))
                .await
                .unwrap()
                == 0
            {
                break;
            }
        }
        String::from_utf8(all).unwrap()
    }

    /// All until the connection's clean end.
    async fn read_to_end(&mut self) -> String {
        let (all, end) = self.drain().await;
        end.expect("a clean end");
        String::from_utf8(all).unwrap()
    }

    /// All until the end, and what the end was.
    async fn drain(&mut self) -> (Vec<u8>, io::Result<()>) {
        let mut all = Vec::new();
        let end = in_time("the end", self.0.read_to_end(&mut all)).await;
        (all, end.map(drop))
    }

    fn socket(&self) -> &TcpStream {
        self.0.socket()
    }

    fn half_close(&self) {
        SockRef::from(self.socket())
            .shutdown(std::net::Shutdown::Write)
            .unwrap();
    }

    fn reset(self) {
        self.socket().set_zero_linger().unwrap();
    }
}

async fn in_time<T>(what: &str, wait: impl Future<Output = T>) -> T {
    let waited = Deadline::after(Clock, PATIENCE).bound(wait).await;
    waited.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// Waits for `condition`; how long it took.
async fn until(what: &str, mut condition: impl FnMut() -> bool) -> Duration {
    let start = Clock.now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        Clock.sleep(Duration::from_millis(2)).await;
    }
    start.elapsed()
}

fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}
