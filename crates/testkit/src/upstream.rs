//! A scripted HTTP/1.1 upstream over raw TCP or TLS.
//!
//! Promises:
//! 1. Every request is recorded exactly: the bytes of its head and its body.
//! 2. Which script answers: one for its head alone, before its body; else one
//!    that a chooser finds for it, else the one for its model, else the next of
//!    the queue, else the standing one; else a 599 that no test expects.
//! 3. While a script runs, the peer's leaving is noticed and stamped. What it
//!    says is in the scripts: it knows no dialect.

mod certificate;
mod connection;
mod record;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

use crate::script::Script;
use crate::wait::until;

pub use certificate::Certificate;
pub use record::Recorded;

/// A listening upstream; it ends when it is dropped.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    tls: bool,
    state: Arc<State>,
    accepting: AbortHandle,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    scripts: Mutex<Scripts>,
    requests: Mutex<Vec<Recorded>>,
    open: AtomicUsize,
    peak: AtomicUsize,
    accepted: AtomicUsize,
    broken_handshakes: AtomicUsize,
}

type Early = Arc<dyn Fn(&str) -> Option<Script> + Send + Sync>;
type Chooser = Arc<dyn Fn(&Recorded) -> Option<Script> + Send + Sync>;

#[derive(Default)]
struct Scripts {
    early: Option<Early>,
    chooser: Option<Chooser>,
    by_model: HashMap<String, Script>,
    queue: VecDeque<Script>,
    standing: Option<Script>,
}

impl fmt::Debug for Scripts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripts")
            .field("by_model", &self.by_model)
            .field("queue", &self.queue)
            .field("standing", &self.standing)
            .finish_non_exhaustive()
    }
}

impl Upstream {
    /// Listens on a free loopback port.
    pub async fn start() -> Self {
        Self::listen(None).await
    }

    /// The same behind TLS.
    pub async fn start_tls(certificate: &Certificate) -> Self {
        Self::listen(Some(certificate.acceptor())).await
    }

    async fn listen(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("the address of a listener");
        let state = Arc::new(State::default());
        let is_tls = tls.is_some();
        let accepting = tokio::spawn(accept(listener, tls, Arc::clone(&state)));
        Self {
            address,
            tls: is_tls,
            state,
            accepting: accepting.abort_handle(),
        }
    }

    /// The `base_url` of a provider that is this upstream.
    pub fn base_url(&self) -> String {
        self.base_url_as("127.0.0.1")
    }

    /// The same under another name of this host.
    pub fn base_url_as(&self, host: &str) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{host}:{}/v1", self.address.port())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The script of one coming request.
    pub fn next(&self, script: Script) {
        lock(&self.state.scripts).queue.push_back(script);
    }

    /// The script of every request that has no other.
    pub fn always(&self, script: Script) {
        lock(&self.state.scripts).standing = Some(script);
    }

    /// The script of every request for `model`.
    pub fn on_model(&self, model: &str, script: Script) {
        lock(&self.state.scripts)
            .by_model
            .insert(model.to_owned(), script);
    }

    /// The script of every request for which `chooser` finds one.
    pub fn by(&self, chooser: impl Fn(&Recorded) -> Option<Script> + Send + Sync + 'static) {
        lock(&self.state.scripts).chooser = Some(Arc::new(chooser));
    }

    /// The script of every request for whose head `chooser` finds one: it runs
    /// before the body is read, and nothing of the body is read while it runs.
    /// Then the rest is thrown away, and the connection is not used again.
    pub fn by_head(&self, chooser: impl Fn(&str) -> Option<Script> + Send + Sync + 'static) {
        lock(&self.state.scripts).early = Some(Arc::new(chooser));
    }

    /// Every request so far, in the order of their last byte.
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.state.requests).clone()
    }

    /// How many requests came.
    pub fn count(&self) -> usize {
        lock(&self.state.requests).len()
    }

    /// Waits for the request with this number, counted from 0.
    pub async fn request(&self, number: usize) -> Recorded {
        let what = format!("request {number} at the upstream");
        until(&what, || lock(&self.state.requests).get(number).cloned()).await
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }

    /// The most connections that were open at once.
    pub fn peak(&self) -> usize {
        self.state.peak.load(Ordering::SeqCst)
    }

    /// Connections that were ever accepted.
    pub fn accepted(&self) -> usize {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// TLS handshakes that failed.
    pub fn broken_handshakes(&self) -> usize {
        self.state.broken_handshakes.load(Ordering::SeqCst)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl State {
    fn script_for_head(&self, head: &[u8]) -> Option<Script> {
        let chooser = lock(&self.scripts).early.clone()?;
        chooser(&String::from_utf8_lossy(head))
    }

    fn script_for(&self, request: &Recorded) -> Script {
        let chooser = lock(&self.scripts).chooser.clone();
        if let Some(script) = chooser.and_then(|chooser| chooser(request)) {
            return script;
        }
        let mut scripts = lock(&self.scripts);
        if !scripts.by_model.is_empty() {
            let model = serde_json::from_slice::<serde_json::Value>(request.body())
                .ok()
                .and_then(|body| body.get("model")?.as_str().map(str::to_owned));
            if let Some(script) = model.and_then(|model| scripts.by_model.get(&model)) {
                return script.clone();
            }
        }
        scripts
            .queue
            .pop_front()
            .or_else(|| scripts.standing.clone())
            .unwrap_or_else(|| Script::json(599, r#"{"error":{"message":"no script"}}"#))
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .expect("no test thread panicked while it held this")
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        state.accepted.fetch_add(1, Ordering::SeqCst);
        let opened = Open::new(&state);
        let tls = tls.clone();
        tokio::spawn(async move {
            greet(stream, tls, &opened.0).await;
            drop(opened);
        });
    }
}

async fn greet(stream: TcpStream, tls: Option<TlsAcceptor>, state: &Arc<State>) {
    stream.set_nodelay(true).expect("a socket option");
    let reset = connection::Reset::of(&stream);
    match tls {
        None => connection::serve(stream, reset, state).await,
        Some(acceptor) => match acceptor.accept(stream).await {
            Ok(stream) => connection::serve(stream, reset, state).await,
            Err(_) => {
                state.broken_handshakes.fetch_add(1, Ordering::SeqCst);
            }
        },
    }
}

/// Counts a connection for as long as its task lives.
struct Open(Arc<State>);

impl Open {
    fn new(state: &Arc<State>) -> Self {
        let open = state.open.fetch_add(1, Ordering::SeqCst) + 1;
        state.peak.fetch_max(open, Ordering::SeqCst);
        Self(Arc::clone(state))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests;
