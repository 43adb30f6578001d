//! The real binary as a process of the test.
//!
//! Promises:
//! 1. It starts on a free port, with a clean environment, in a folder of its
//!    own, and is up when `start` returns.
//! 2. Everything that it writes is kept: `stdout()`, `stderr()`.
//! 3. Dropping it kills its whole process group and removes the folder.

mod binary;
mod folder;
mod metrics;
mod process;
mod terminal;

use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use rustls::ClientConfig;
use serde_json::Value;

use crate::client::{RawClient, Reply};
use crate::settings::Settings;
use crate::wait::{PATIENCE, until_for, within};

pub use binary::binary;
pub use folder::Folder;
pub use metrics::Metrics;
pub use process::{Usage, command_output, raise_descriptors, unread};

/// How the binary is started.
#[derive(Debug)]
pub struct Start {
    folder: Folder,
    args: Vec<String>,
    environment: Vec<(String, String)>,
    /// What stands on its standard input.
    input: Option<Vec<u8>>,
    on_terminal: bool,
    tls: Option<Arc<ClientConfig>>,
    /// What is started instead of the binary; nothing as a rule.
    through: Vec<String>,
}

impl Start {
    /// `serve` with this file and a free port.
    pub fn with(settings: &Settings) -> Self {
        Self::with_text(&settings.to_toml())
    }

    /// `serve` with a file of this text and a free port.
    pub fn with_text(text: &str) -> Self {
        let folder = Folder::new();
        let file = folder.file("tidegate.toml", text);
        let args = ["serve", "--listen", "127.0.0.1:0", "--config"];
        let mut args: Vec<String> = args.into_iter().map(str::to_owned).collect();
        args.push(file.display().to_string());
        Self {
            folder,
            args,
            environment: Vec::new(),
            input: None,
            on_terminal: false,
            tls: None,
            through: Vec::new(),
        }
    }

    /// `serve` without a file.
    pub fn bare() -> Self {
        Self::command(&["serve", "--listen", "127.0.0.1:0"])
    }

    /// The binary with just these arguments.
    pub fn command(args: &[&str]) -> Self {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        Self {
            folder: Folder::new(),
            args,
            environment: Vec::new(),
            input: None,
            on_terminal: false,
            tls: None,
            through: Vec::new(),
        }
    }

    /// One argument more.
    #[must_use]
    pub fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }

    /// One variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same for several.
    #[must_use]
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    /// What it reads from standard input; nothing unless it is said.
    #[must_use]
    pub fn stdin(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = Some(input.into());
        self
    }

    /// All its standard streams are a terminal; `stdout()` is what it shows.
    #[must_use]
    pub fn on_terminal(mut self) -> Self {
        self.on_terminal = true;
        self
    }

    /// Started by another program: its path, then its words before ours, the
    /// binary's own path among them.
    #[must_use]
    pub fn through(mut self, words: &[&str]) -> Self {
        self.through = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Its pages are asked for over TLS.
    #[must_use]
    pub fn tls(mut self, client: Arc<ClientConfig>) -> Self {
        self.tls = Some(client);
        self
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Panics
    /// When it ends first; the message holds what it wrote.
    pub async fn start(self) -> Gate {
        let gate = self.listen().await;
        gate.until_ready().await;
        gate
    }

    /// Starts it and waits until it listens: for what has no readiness to ask
    /// for, such as `sim`.
    ///
    /// # Panics
    /// When it ends first; the message holds what it wrote.
    pub async fn listen(self) -> Gate {
        let mut gate = self.begin();
        let address = until_for(PATIENCE, "the gateway says where it listens", || {
            if let Some(address) = address_in(&gate.stdout()) {
                return Some(address);
            }
            if let Some(status) = gate.child.try_wait().expect("the state of a child") {
                panic!(
                    "the gateway ended with {status}:\n{}{}",
                    gate.stdout(),
                    gate.stderr()
                );
            }
            None
        });
        gate.address = address.await;
        gate
    }

    /// Starts it and waits until it ends by itself.
    pub async fn run(self) -> (ExitStatus, String, String) {
        let mut gate = self.begin();
        let status = gate.exit().await;
        (status, gate.stdout(), gate.stderr())
    }

    /// Starts it and waits for nothing: for commands that are no servers.
    pub fn begin(self) -> Gate {
        use std::os::unix::process::CommandExt as _;

        let mut command = match self.through.split_first() {
            None => Command::new(binary()),
            Some((program, words)) => {
                let mut command = Command::new(program);
                command.args(words);
                command
            }
        };
        command
            .args(&self.args)
            .env_clear()
            .envs(self.environment)
            .current_dir(self.folder.path())
            .process_group(0);
        if self.on_terminal {
            let terminal = terminal::open(self.folder.writer("stdout"));
            let side = || terminal.try_clone().expect("a descriptor");
            command.stdin(side()).stdout(side()).stderr(side());
        } else {
            let input = match self.input {
                None => Stdio::null(),
                Some(input) => self.folder.reader("stdin", &input).into(),
            };
            command
                .stdin(input)
                .stdout(self.folder.writer("stdout"))
                .stderr(self.folder.writer("stderr"));
        }
        let child = command.spawn().expect("the binary starts");
        Gate {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            folder: self.folder,
            key: None,
            tls: self.tls,
        }
    }
}

/// The address of the first line, `tidegate <version> listening on http://...`,
/// or `https://`.
fn address_in(stdout: &str) -> Option<SocketAddr> {
    let (line, _) = stdout.split_once('\n')?;
    let (_, url) = line.split_once("listening on ")?;
    let (_, address) = url.split_once("://")?;
    address.trim().trim_end_matches('/').parse().ok()
}

/// A running gateway.
#[derive(Debug)]
pub struct Gate {
    child: Child,
    address: SocketAddr,
    folder: Folder,
    /// What its own pages are asked with.
    key: Option<String>,
    /// How they are asked for, where that is over TLS.
    tls: Option<Arc<ClientConfig>>,
}

impl Gate {
    /// Starts it with this file; see [`Start`] for more.
    pub async fn start(settings: &Settings) -> Self {
        Start::with(settings).start().await
    }

    async fn until_ready(&self) {
        crate::wait::until_async("the gateway is ready", || async {
            (self.get("/readyz").await.status() == 200).then_some(())
        })
        .await;
    }

    /// The same, asked for its pages with this key from now on.
    #[must_use]
    pub fn with_key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL for an SDK.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/v1", self.address)
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The folder that it runs in.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// A new connection.
    pub async fn connect(&self) -> RawClient {
        match &self.tls {
            None => RawClient::connect(self.address).await,
            Some(tls) => RawClient::connect_tls(self.address, Arc::clone(tls))
                .await
                .expect("a TLS handshake"),
        }
    }

    /// One GET on a connection of its own.
    pub async fn get(&self, path: &str) -> Reply {
        self.bodiless("GET", path).await
    }

    /// One DELETE on a connection of its own.
    pub async fn delete(&self, path: &str) -> Reply {
        self.bodiless("DELETE", path).await
    }

    async fn bodiless(&self, method: &str, path: &str) -> Reply {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
        if let Some(key) = &self.key {
            head.push_str(&format!("authorization: Bearer {key}\r\n"));
        }
        let mut client = self.connect().await;
        client.send(head + "\r\n").await;
        client.reply().await
    }

    /// One POST on a connection of its own.
    pub async fn post(&self, path: &str, body: &str) -> Reply {
        self.post_with(path, &[], body).await
    }

    /// The same with more headers.
    pub async fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut client = self.connect().await;
        client.post_with(path, headers, body).await;
        client.reply().await
    }

    /// What `/metrics` says now.
    pub async fn metrics(&self) -> Metrics {
        let reply = self.get("/metrics").await;
        assert_eq!(reply.status(), 200, "{}", reply.text());
        Metrics::read(&reply.text())
    }

    /// The sum of the samples of `name` whose labels hold all of `labels`.
    pub async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.metrics().await.sum(name, labels)
    }

    /// Waits until the sum of such samples is `expected`.
    pub async fn until_metric(&self, name: &str, labels: &[(&str, &str)], expected: f64) {
        let what = format!("{name} {labels:?} becomes {expected}");
        let is_there = || async {
            let metrics = self.metrics().await;
            (metrics.sum(name, labels) == expected).then_some(())
        };
        crate::wait::until_async(&what, is_there).await;
    }

    /// Waits until no request is in flight, no permit out, nobody queued.
    pub async fn until_quiet(&self) -> Metrics {
        const HELD: [&str; 3] = [
            "tidegate_requests_in_flight",
            "tidegate_pool_permits_busy",
            "tidegate_pool_waiting",
        ];
        let quiet = || async {
            let metrics = self.metrics().await;
            for name in HELD {
                assert!(metrics.knows(name), "/metrics has no {name}");
            }
            HELD.iter()
                .all(|name| metrics.sum(name, &[]) == 0.0)
                .then_some(metrics)
        };
        crate::wait::until_async("no request in flight, no permit out, nobody queued", quiet).await
    }

    /// The requests of `/debug/requests`.
    pub async fn debug_requests(&self) -> Vec<Value> {
        let reply = self.get("/debug/requests").await;
        assert_eq!(reply.status(), 200, "{}", reply.text());
        let requests = reply.json()["requests"].as_array().cloned();
        requests.expect("a list under `requests`")
    }

    /// Memory, descriptors and threads now.
    pub fn usage(&self) -> Usage {
        Usage::of(self.pid())
    }

    /// What it wrote to stdout.
    pub fn stdout(&self) -> String {
        self.folder.read("stdout")
    }

    /// What it wrote to stderr.
    pub fn stderr(&self) -> String {
        self.folder.read("stderr")
    }

    /// SIGTERM: drain.
    pub fn terminate(&self) {
        kill_process(self.id(), Signal::TERM).expect("a running process");
    }

    /// SIGINT: the same from a terminal.
    pub fn interrupt(&self) {
        kill_process(self.id(), Signal::INT).expect("a running process");
    }

    /// SIGHUP: the configuration is read anew.
    pub fn hang_up(&self) {
        kill_process(self.id(), Signal::HUP).expect("a running process");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not come; the message holds the log.
    pub async fn exit(&mut self) -> ExitStatus {
        within("the gateway ends", process::ended(&mut self.child)).await
    }

    fn id(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        // Fails when it has ended already, which is as well.
        let _ = kill_process_group(self.id(), Signal::KILL);
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprint_tail("stdout", &self.stdout());
            eprint_tail("stderr", &self.stderr());
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the log of the process is part of a failed test's report"
)]
fn eprint_tail(name: &str, text: &str) {
    let skip = text.lines().count().saturating_sub(40);
    let tail: Vec<&str> = text.lines().skip(skip).collect();
    eprintln!(
        "--- the gateway's {name}, its last lines\n{}",
        tail.join("\n")
    );
}
