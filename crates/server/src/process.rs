//! The life of the process as a server: start, serve, drain.
//!
//! Promises: 1. `start` returns only when requests are taken, and fails with
//! what to do; 2. `drain` takes no new work, gives queued work up, lets running
//! work finish until its deadline, ends what is left with an error event, and
//! returns when no task and no connection is left (R-D9), but for a read of a
//! file that does not end.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, Deadline, Observe, Scope, Why};
use tidegate_gateway::Gateway;
use tidegate_kernel as kernel;
use tokio::net::TcpListener;

use crate::checks::{Failed, tell};
use crate::config::{Checks, Config, Loaded};
use crate::http::{self, Access, App, Configured, Current, Entrance, Face, Phase};
use crate::listen::{self, Inlet, ListenStats, Peer, Terms, Tls};
use crate::overload::Overload;
use crate::reload::{self, Follower, Following, Parts, Reloader};
use crate::wiring;

/// Tasks that may live at once, connections among them: above every sensible
/// limit of open files, so that the connection limit speaks first.
const MOST_TASKS: usize = 1 << 20;

/// What is left at the deadline gets this long to hand out its error event.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}{}", advice(.error))]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// A provider failed its look, and `checks = "require"`.
    #[error("provider `{name}`: {why} (checks = \"require\")")]
    Provider {
        /// Which.
        name: String,
        /// Why.
        why: String,
    },
    /// Something that the configuration names cannot be used.
    #[error("{0}")]
    Settings(String),
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            " (is another tidegate running? choose another address with `--listen`)"
        }
        io::ErrorKind::PermissionDenied => " (ports below 1024 need a privilege)",
        io::ErrorKind::AddrNotAvailable => " (no interface of this machine has it)",
        _ => "",
    }
}

/// A server that takes requests.
#[derive(Debug)]
pub struct Server {
    current: Arc<Current>,
    terms: Arc<Terms>,
    tls: Option<Arc<Tls>>,
    address: SocketAddr,
    admin_address: Option<SocketAddr>,
    providers: Vec<(String, String)>,
    root: Scope,
    accept: Scope,
    connections: Scope,
    clock: Clock,
}

/// How the drain ended.
#[derive(Debug)]
pub struct DrainReport {
    /// The requests that did not finish by themselves.
    pub left: Vec<String>,
}

impl Server {
    /// Pools, queues, clients and keys first, then listening and ready (R-D3).
    pub async fn start(config: Config, clock: Clock) -> Result<Self, StartError> {
        let root = Scope::root("tidegate", MOST_TASKS);
        root.on_panic(|report| tracing::error!(?report, "a task panicked"));
        let stats = Arc::new(ListenStats::default());
        let tls = secure(&config, &stats)?;
        let overload = Arc::new(Overload::new(clock));
        let keys = config.auth.keys.iter().map(|key| key.value.clone());
        let access = Access::new(keys.collect(), clock);
        let gateway = Gateway::start(
            wiring::gateway_settings(&config, access.tenants()),
            wiring::json_limits(&config.limits),
            overload.watchdog(),
            clock,
            &root,
        )
        .map_err(StartError::Settings)?;
        overload
            .start(&root, clock, config.limits.memory, gateway.steward())
            .map_err(|error| StartError::Settings(format!("the watch over the load: {error}")))?;
        let configured = Configured {
            gateway,
            access,
            body_limits: wiring::body_limits(&config, http::shelf(clock)),
            shutdown_timeout: config.shutdown_timeout,
        };
        let app = App::new(configured, clock, stats, root.clone(), overload);
        let mut server = Self {
            current: Current::new(Arc::new(app)),
            terms: Terms::new(wiring::listen_settings(&config)),
            tls,
            address: config.listen,
            admin_address: None,
            providers: found(&config),
            accept: root.child("accept"),
            connections: root.child("connections"),
            root,
            clock,
        };
        server.listen(&config).await?;
        if config.checks == Checks::Require
            && let Some(Failed { name, why }) = tell(server.app().gateway.probe().await)
        {
            return Err(StartError::Provider { name, why });
        }
        server.app().enter(Phase::Ready);
        if config.checks == Checks::Warn {
            let gateway = server.app().gateway.clone();
            // Advice: what cannot be told now is told by the first request.
            let looking = async move { drop(tell(gateway.probe().await)) };
            drop(server.root.spawn("look at the providers", looking));
        }
        Ok(server)
    }

    async fn listen(&mut self, config: &Config) -> Result<(), StartError> {
        let public = !config.listen.ip().is_loopback();
        let face = if public { Face::Callers } else { Face::All };
        let tls = self.tls.clone();
        self.address = self.open(config.listen, face, tls.clone()).await?;
        if public {
            // Nobody listens in on loopback, and its programs know no certificate.
            let (face, tls) = match config.admin_listen.ip().is_loopback() {
                true => (Face::Operators, None),
                false => (Face::FarOperators, tls),
            };
            let admin = self.open(config.admin_listen, face, tls).await?;
            self.admin_address = Some(admin);
        }
        Ok(())
    }

    async fn open(
        &self,
        address: SocketAddr,
        face: Face,
        tls: Option<Arc<Tls>>,
    ) -> Result<SocketAddr, StartError> {
        let failed = |error| StartError::Listen { address, error };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let entrance = Entrance::new(Arc::clone(&self.current), face)
            .map_err(|error| StartError::Settings(format!("the route table: {error}")))?;
        let entrance = Arc::new(entrance);
        let handler = move |peer: Peer, request| {
            let entrance = Arc::clone(&entrance);
            // Boxed: hyper keeps a place of the handler's size for as long as
            // the connection lives, also while only the answer's body runs.
            Box::pin(async move { Ok::<_, Infallible>(entrance.serve(peer, request).await) })
        };
        let serving = listen::run(
            Inlet {
                listener,
                tls,
                ids: self.app().gateway.ids(),
            },
            Arc::clone(&self.terms),
            self.clock,
            self.accept.clone(),
            self.connections.clone(),
            Arc::clone(&self.app().listening),
            handler,
        );
        self.root
            .spawn("accept connections", serving)
            .map_err(|error| StartError::Settings(format!("the accept task: {error}")))?;
        Ok(bound)
    }

    fn app(&self) -> Arc<App> {
        self.current.get()
    }

    /// Looks from now on whether the configuration changed that this server was
    /// started with, and takes what did; until draining begins.
    ///
    /// # Errors
    /// Where the task that looks cannot be started.
    pub fn follow(&self, loaded: &Loaded, following: Following) -> Result<Reloader, StartError> {
        let app = self.app();
        let record = Arc::clone(&app.record);
        record.begin(loaded.file.clone(), self.clock.unix_millis());
        let parts = Parts {
            current: Arc::clone(&self.current),
            terms: Arc::clone(&self.terms),
            tls: self.tls.clone(),
            overload: Arc::clone(&app.overload),
            record,
            clock: self.clock,
        };
        let follower = Follower::new(following, loaded, parts);
        reload::start(follower, self.clock, &self.accept)
            .map_err(|error| StartError::Settings(format!("following the configuration: {error}")))
    }

    /// `/metrics` tells of this too: of what is the process's and not the
    /// server's. The first one stays.
    pub fn also_observe(&self, other: Arc<dyn Observe + Send + Sync>) {
        self.app().also_observe(other);
    }

    /// Where applications connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where operators connect, if that is another place.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// The providers, by name, with what they are.
    pub fn providers(&self) -> &[(String, String)] {
        &self.providers
    }

    /// Ends the server; see the module's promise 2.
    pub async fn drain(self) -> DrainReport {
        let app = self.app();
        app.enter(Phase::Draining);
        let gateway = &app.gateway;
        gateway.close();
        self.accept.cancel(Why::Shutdown);
        let deadline = Deadline::after(self.clock, app.shutdown_timeout);
        let mut left = Vec::new();
        if !self.connections.drain(deadline).await.is_empty() {
            left = gateway
                .halt(Why::Shutdown)
                .iter()
                .map(|request| describe(request))
                .collect();
            let words = Deadline::after(self.clock, LAST_WORDS);
            self.connections.drain(words).await;
        }
        self.connections.cancel(Why::Shutdown);
        self.connections.close().await;
        self.root.cancel(Why::Shutdown);
        // Nobody can end a read of a file system that has gone away.
        let rest = Deadline::after(self.clock, LAST_WORDS);
        if rest.bound(self.root.close()).await.is_err() {
            let tasks = self.root.running().len();
            tracing::warn!(tasks, "not waited for: reads of files that do not end");
        }
        DrainReport { left }
    }
}

/// What callers are shown, if `[tls]` says so.
fn secure(config: &Config, stats: &ListenStats) -> Result<Option<Arc<Tls>>, StartError> {
    let pair = config.tls.load();
    let pair = pair.map_err(|unfit| StartError::Settings(unfit.to_string()))?;
    let tls = pair.map(Tls::new).transpose();
    let tls = tls.map_err(StartError::Settings)?;
    if let Some(tls) = &tls {
        stats.shows(Arc::clone(tls));
    }
    Ok(tls)
}

fn describe(request: &tidegate_gateway::Request) -> String {
    format!(
        "{} {} ({}, {})",
        request.id,
        request.model().unwrap_or("no model yet"),
        request.provider().as_deref().unwrap_or("no provider yet"),
        request.stage().as_str()
    )
}

fn found(config: &Config) -> Vec<(String, String)> {
    let named = config.providers.iter().map(|provider| {
        let base = &provider.base_url;
        (
            provider.name.clone(),
            format!("{} at {base}", provider.kind.as_str()),
        )
    });
    let sim = config
        .sim
        .enabled
        .then(|| ("sim".to_owned(), "built in, simulated".to_owned()));
    named.chain(sim).collect()
}
