//! The stand-alone server, spoken to in raw bytes over a real socket.
//!
//! Nothing is waited for by sleeping a while: a test ends when what it expects is there, and ten
//! seconds without it are a hang.

use std::net::SocketAddr;

use tidegate_kernel::{Deadline, Scope, Task, Why};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

struct Server {
    address: SocketAddr,
    sim: Sim,
    scope: Scope,
    task: Task<()>,
}

async fn server() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (sim, scope) = (Sim::new(Clock), Scope::root("test", 100));
    let work = crate::serve(listener, sim.clone(), scope.clone());
    let task = scope.spawn("serve", work).expect("spawned");
    Server {
        address,
        sim,
        scope,
        task,
    }
}

fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: sim\r\nauthorization: Bearer sk-canary\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn within<F: Future>(work: F) -> F::Output {
    Deadline::after(Clock, Duration::from_secs(10))
        .bound(work)
        .await
        .expect("no hang")
}

/// Sends a request and reads until the server closes.
async fn until_closed(server: &Server, request: &str) -> String {
    let mut socket = TcpStream::connect(server.address).await.expect("connected");
    socket.write_all(request.as_bytes()).await.expect("sent");
    let mut all = Vec::new();
    within(socket.read_to_end(&mut all))
        .await
        .expect("closed in order");
    String::from_utf8_lossy(&all).into_owned()
}

async fn get(server: &Server, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n\r\n");
    let answer = until_closed(server, &request).await;
    answer.split_once("\r\n\r\n").expect("a head").1.to_owned()
}

/// Waits until the statistics say so.
async fn eventually(sim: &Sim, said: impl Fn(&crate::Stats) -> bool) {
    within(async {
        while !said(&sim.stats()) {
            Clock.sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// Reads until `end` stands at the end of what came.
async fn read_to(socket: &mut TcpStream, end: &str) -> String {
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    while !all.ends_with(end.as_bytes()) {
        let read = within(socket.read(&mut piece)).await.expect("readable");
        assert_ne!(
            read,
            0,
            "closed before {end:?}: {}",
            String::from_utf8_lossy(&all)
        );
        all.extend_from_slice(&piece[..read]);
    }
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test]
async fn two_streams_over_one_connection_each_event_its_own_chunk() {
    let server = server().await;
    let mut socket = TcpStream::connect(server.address).await.expect("connected");
    for path in ["/v1/chat/completions", "/chat/completions"] {
        let body = ask("sim-5-20-1-4", true).to_string();
        socket
            .write_all(post(path, &body).as_bytes())
            .await
            .expect("sent");
        let answer = read_to(&mut socket, "\r\n0\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(answer.contains("transfer-encoding: chunked\r\n"));
        assert!(!answer.contains("connection: close"));
        assert_eq!(answer.matches("\r\ndata: ").count(), 23);
        assert_eq!(answer.matches("\n\n\r\n").count(), 23);
        assert!(answer.contains("\r\nE\r\ndata: [DONE]\n\n\r\n"));
    }
    let stats = server.sim.stats();
    assert_eq!(
        (stats.completed, stats.open, stats.connections_seen),
        (2, 0, 1)
    );
}

#[tokio::test]
async fn what_breaks_is_broken_on_the_wire() {
    let server = server().await;
    let request =
        |model: &str, stream| post("/v1/chat/completions", &ask(model, stream).to_string());

    let cut = until_closed(&server, &request("fault-cut", true)).await;
    assert_eq!(cut.matches("data: ").count(), 4);
    assert!(cut.ends_with("\n\n\r\n") && !cut.contains("\r\n0\r\n"));

    let torn = until_closed(&server, &request("fault-cutmidevent", true)).await;
    assert_eq!(torn.matches("data: ").count(), 5);
    assert!(torn.ends_with("\u{FFFD}\r\n") && !torn.contains("\r\n0\r\n"));

    let half = until_closed(&server, &request("fault-cut", false)).await;
    let (head, body) = half.split_once("\r\n\r\n").expect("a head");
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    assert_eq!(
        length
            .expect("a length")
            .parse::<usize>()
            .expect("a number")
            / 2,
        body.len()
    );

    assert_eq!(
        until_closed(&server, &request("fault-close", true)).await,
        ""
    );
    assert_eq!(server.sim.stats().completed, 4);
}

#[tokio::test]
async fn a_caller_who_leaves_is_noticed_at_every_stage() {
    let server = server().await;
    for (count, (model, stream, wait)) in [
        ("fault-hang", false, ""),
        ("sim-60000-1-0-1", false, ""),
        ("fault-stall", true, "\n\n\r\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut socket = TcpStream::connect(server.address).await.expect("connected");
        let body = ask(model, stream).to_string();
        socket
            .write_all(post("/v1/chat/completions", &body).as_bytes())
            .await
            .expect("sent");
        eventually(&server.sim, |stats| stats.open == 1).await;
        if !wait.is_empty() {
            read_to(&mut socket, wait).await;
        }
        drop(socket);
        let aborted = count as u64 + 1;
        eventually(&server.sim, |stats| {
            stats.aborted == aborted && stats.open == 0
        })
        .await;
    }
    eventually(&server.sim, |stats| stats.connections_open == 0).await;
}

#[tokio::test]
async fn the_last_request_is_kept_byte_for_byte() {
    let server = server().await;
    assert!(get(&server, "/stats/last").await.contains("not_found"));
    let body = r#"{ "messages":[{"content":"é","role":"user"}],  "model":"echo","x":1e2 }"#;
    let request = post("/v1/chat/completions", body).replace("host:", "connection: close\r\nhost:");
    assert!(
        until_closed(&server, &request)
            .await
            .contains("\"content\":\"é\"")
    );
    assert_eq!(get(&server, "/stats/last/body").await, body);
    let last = get(&server, "/stats/last").await;
    assert!(last.contains("Bearer <9 bytes>") && !last.contains("canary"));
    assert_eq!(json(last.as_bytes())["body"], body);
    assert_eq!(json(last.as_bytes())["path"], "/v1/chat/completions");
    let stats = json(get(&server, "/stats").await.as_bytes());
    assert_eq!(
        (&stats["seen"], &stats["by_model"]["echo"]["completed"]),
        (&1.into(), &1.into())
    );
    assert_eq!(get(&server, "/livez").await, "ok\n");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let server = server().await;
    let request = "POST /v1/chat/completions HTTP/1.1\r\nhost: sim\r\nconnection: close\r\n\
        content-length: 67108865\r\n\r\n{";
    let answer = until_closed(&server, request).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("request_too_large"));
    assert_eq!(
        server.sim.stats().seen,
        0,
        "a call counts once its body is there"
    );
}

#[tokio::test]
async fn a_cancelled_server_leaves_nothing_behind() {
    let server = server().await;
    let mut socket = TcpStream::connect(server.address).await.expect("connected");
    let body = ask("fault-stall", true).to_string();
    socket
        .write_all(post("/v1/chat/completions", &body).as_bytes())
        .await
        .expect("sent");
    read_to(&mut socket, "\n\n\r\n").await;
    server.scope.cancel(Why::Shutdown);
    within(server.task).await;
    let stats = server.sim.stats();
    assert_eq!(
        (stats.open, stats.aborted, stats.connections_open),
        (0, 1, 0)
    );
    let mut rest = Vec::new();
    // An end or a reset: either way the connection is gone.
    if within(socket.read_to_end(&mut rest)).await.is_ok() {
        assert!(rest.is_empty());
    }
    assert!(TcpStream::connect(server.address).await.is_err());
    assert_eq!(server.scope.live(), 0);
}

/// A request with a method of its own; gives status and body.
async fn send(server: &Server, head: &str, body: &str) -> (u16, Value) {
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nhost: sim\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let answer = until_closed(server, &request).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status");
    (status.parse().expect("a number"), json(body.as_bytes()))
}

#[tokio::test]
async fn a_reset_is_a_reset_on_the_wire() {
    let server = server().await;
    let script = "[[rule]]\nfault = \"reset\"\nafter = 2\n";
    let (status, told) = send(&server, "PUT /sim/script", script).await;
    assert_eq!((status, told["rules"].as_u64()), (200, Some(1)));
    let mut socket = TcpStream::connect(server.address).await.expect("connected");
    let body = ask("sim-0-20-0-4", true).to_string();
    socket
        .write_all(post("/v1/chat/completions", &body).as_bytes())
        .await
        .expect("sent");
    let mut all = Vec::new();
    let ended = within(socket.read_to_end(&mut all)).await;
    assert_eq!(
        ended.map_err(|error| error.kind()),
        Err(std::io::ErrorKind::ConnectionReset)
    );
    eventually(&server.sim, |stats| {
        stats.completed == 1 && stats.connections_open == 0
    })
    .await;
}

#[tokio::test]
async fn what_was_asked_can_be_looked_at_and_forgotten() {
    let server = server().await;
    let script = "[[rule]]\nname = \"greets\"\nmatch.contains = \"hello\"\nrespond.text = \"hi\"\n";
    assert_eq!(send(&server, "PUT /sim/script", script).await.0, 200);
    for text in ["hello", "bye"] {
        let body =
            format!(r#"{{"model":"echo","messages":[{{"role":"user","content":"{text}"}}]}}"#);
        assert_eq!(
            send(&server, "POST /v1/chat/completions", &body).await.0,
            200
        );
    }
    let (_, page) = send(&server, "GET /sim/requests", "").await;
    assert_eq!((&page["seen"], &page["kept"]), (&2.into(), &2.into()));
    let first = &page["requests"][0];
    assert_eq!(
        (&first["number"], &first["rule"]),
        (&1.into(), &"greets".into())
    );
    assert_eq!(first["json"]["messages"][0]["content"], "hello");
    assert_eq!(page["requests"][1]["rule"], Value::Null);
    let (_, page) = send(&server, "GET /sim/requests?last=1", "").await;
    assert_eq!(page["requests"][0]["json"]["messages"][0]["content"], "bye");
    let (_, stats) = send(&server, "GET /sim/stats", "").await;
    assert_eq!(
        (&stats["seen"], &stats["rules"][0]["answered"]),
        (&2.into(), &1.into())
    );

    assert_eq!(send(&server, "POST /sim/reset", "").await.0, 200);
    let (_, page) = send(&server, "GET /sim/requests", "").await;
    assert_eq!((&page["seen"], &page["kept"]), (&0.into(), &0.into()));
    assert_eq!(server.sim.rules()[0].met, 0);
    assert_eq!(server.sim.stats().seen, 2, "statistics are not forgotten");
}

#[tokio::test]
async fn a_wrong_script_is_told_whole_and_changes_nothing() {
    let server = server().await;
    assert_eq!(send(&server, "PUT /sim/script", "[[rule]]\n").await.0, 200);
    let (status, told) = send(&server, "PUT /sim/script", "[[rule]]\nnam = 1\ngap = 2\n").await;
    assert_eq!(
        (status, told["problems"].as_array().map(Vec::len)),
        (400, Some(2))
    );
    assert_eq!(told["problems"][1]["line"], 3);
    assert_eq!(server.sim.rules().len(), 1);
    assert_eq!(send(&server, "DELETE /sim/script", "").await.0, 200);
    assert_eq!(server.sim.rules(), []);
    for (head, status) in [
        ("GET /sim/script", 405),
        ("POST /sim/requests", 405),
        ("GET /sim/requests?most=3", 400),
        ("GET /sim/requests?last=x", 400),
    ] {
        assert_eq!(send(&server, head, "").await.0, status, "{head}");
    }
    let long = format!(
        "PUT /sim/script HTTP/1.1\r\nhost: sim\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        2 << 20
    );
    assert!(
        until_closed(&server, &long)
            .await
            .starts_with("HTTP/1.1 413 ")
    );
}
