//! What a stranger and an enemy do to the process itself: logs that nobody
//! reads, outputs that are full or closed, a death and a birth on one address,
//! few descriptors, an upstream that hardly does more than comment.
//!
//! Each was tried by hand first; what broke then, or nearly, is a test here.

#![expect(
    clippy::unwrap_used,
    reason = "a step that cannot be set up is a failed test"
)]

use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tidegate_e2e::Scene;
use tidegate_testkit::client::post;
use tidegate_testkit::openai::{chat, content_chunk};
use tidegate_testkit::wait::until_async;
use tidegate_testkit::{RawClient, Reply, Script, Start, Stopwatch, binary, port, until};

const CHAT: &str = "/v1/chat/completions";

/// A process of the shell's making, which ends with the test.
struct Process(Child);

impl Process {
    /// `exec tidegate serve --listen <address> <more>`, as a shell reads it.
    fn serve(address: SocketAddr, more: &str, before: &str) -> Self {
        let binary = binary();
        let line = format!(
            "{before} exec '{}' serve --listen {address} {more}",
            binary.display()
        );
        let mut command = Command::new("sh");
        command.args(["-c", &line]).env_clear();
        // Nobody ever reads these; what the line redirects goes elsewhere.
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// Closes the reading ends of its pipes.
    fn stop_listening(&mut self) {
        drop((self.0.stdout.take(), self.0.stderr.take()));
    }

    fn signal(&self, name: &str) {
        signal(self.0.id(), name);
    }

    async fn ended(&mut self) -> ExitStatus {
        let ended = || self.0.try_wait().unwrap();
        until("the process ends", ended).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn signal(pid: u32, name: &str) {
    let kill = format!("kill -{name} {pid}");
    let status = Command::new("sh").args(["-c", &kill]).status().unwrap();
    assert!(status.success(), "{kill}");
}

async fn until_up(address: SocketAddr) {
    let up = || std::net::TcpStream::connect(address).ok();
    until("the gateway listens", up).await;
}

async fn ask(client: &mut RawClient, model: &str) -> Reply {
    client.post(CHAT, &chat(model, false)).await;
    client.reply().await
}

async fn first_event(client: &mut RawClient) {
    client.head().await;
    client.event().await;
}

#[tokio::test]
async fn a_log_that_nobody_reads_stops_nobody() {
    let address = port::refused();
    let mut gate = Process::serve(address, "--log trace", "");
    until_up(address).await;
    let mut client = RawClient::connect(address).await;
    // Far more lines than a pipe holds.
    for _ in 0..1_000 {
        assert_eq!(ask(&mut client, "sim/echo").await.status(), 200);
    }
    let watch = Stopwatch::start();
    gate.signal("TERM");
    assert_eq!(gate.ended().await.code(), Some(0));
    assert!(
        watch.elapsed() < Duration::from_secs(2),
        "{:?}",
        watch.elapsed()
    );
}

#[tokio::test]
async fn an_output_that_is_full_or_closed_stops_nobody() {
    for outputs in [
        "",
        ">/dev/full 2>/dev/full",
        ">&- 2>&-",
        ">&- 2>/dev/full <&-",
    ] {
        let address = port::refused();
        let mut gate = Process::serve(address, &format!("--log trace {outputs}"), "");
        gate.stop_listening();
        until_up(address).await;
        let mut client = RawClient::connect(address).await;
        for (model, status) in [("sim/echo", 200), ("sim/fault-500", 502), ("sim/echo", 200)] {
            let reply = ask(&mut client, model).await;
            assert_eq!(reply.status(), status, "{outputs}");
        }
        gate.signal("TERM");
        assert_eq!(gate.ended().await.code(), Some(0), "{outputs}");
    }
}

#[tokio::test]
async fn after_a_violent_end_the_address_is_free_at_once() {
    let mut first = Start::bare().start().await;
    let address = first.address();
    let mut callers = Vec::new();
    for _ in 0..20 {
        let mut caller = RawClient::connect(address).await;
        caller.post(CHAT, &chat("sim/sim-0-1000-50-8", true)).await;
        first_event(&mut caller).await;
        callers.push(caller);
    }
    signal(first.pid(), "KILL");
    assert_eq!(first.exit().await.code(), None, "it was killed");

    let second = Process::serve(address, "", "");
    until_up(address).await;
    let mut client = RawClient::connect(address).await;
    assert_eq!(ask(&mut client, "sim/echo").await.status(), 200);
    drop((second, callers));
}

#[tokio::test]
async fn few_descriptors_refuse_some_and_stop_nobody() {
    let address = port::refused();
    let mut gate = Process::serve(address, "", "ulimit -n 48;");
    until_up(address).await;
    let knock = |_| std::net::TcpStream::connect(address);
    let crowd: Vec<_> = (0..120).map(knock).collect();
    drop(crowd);
    let asked = post(CHAT, &[], &chat("sim/echo", false));
    // The crowd is let in first, and some of it may be told that it is too many.
    let answered = || async {
        let mut client = RawClient::connect(address).await;
        client.try_send(&asked).await.ok()?;
        let reply = client.try_reply().await?;
        (reply.status() == 200).then_some(())
    };
    until_async("there is room again", answered).await;
    gate.signal("TERM");
    assert_eq!(gate.ended().await.code(), Some(0));
}

/// The most memory that a process ever had, in KiB.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.unwrap().parse().unwrap()
}

#[tokio::test]
async fn comments_without_end_are_not_kept() {
    let scene = Scene::start().await;
    let mut script = Script::sse();
    for _ in 0..40 {
        script = script.bytes(": still thinking\n\n".repeat((1 << 20) / 18));
    }
    scene
        .upstream
        .next(script.event(&content_chunk("at last")).stall());
    let before = peak(scene.gate.pid());
    let mut client = scene.gate.connect().await;
    client.post(CHAT, &chat("m-1", true)).await;
    first_event(&mut client).await;
    let grown = peak(scene.gate.pid()) - before;
    assert!(grown < 16 << 10, "{grown} KiB for 40 MiB of comments");
}
