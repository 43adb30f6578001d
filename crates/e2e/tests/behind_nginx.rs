//! The nginx configuration of docs/deploy.md, as it stands there, in front of
//! the binary: a stream is not gathered on the way, and who leaves is gone.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a step that cannot be set up is a failed test"
)]

use std::process::{Child, Command, Stdio};

use tidegate_e2e::Scene;
use tidegate_e2e::leave::{WAYS, leave};
use tidegate_e2e::pages::{blocks, file, program};
use tidegate_testkit::gate::Folder;
use tidegate_testkit::openai::{chat, completion, content_chunk, finish_chunk};
use tidegate_testkit::{RawClient, Script, Signal, figure, port, until};

const CHAT: &str = "/v1/chat/completions";

/// A running nginx.
struct Nginx {
    child: Child,
    address: std::net::SocketAddr,
    _folder: Folder,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// nginx with the page's configuration; `None` where there is no nginx.
async fn nginx(gate: std::net::SocketAddr) -> Option<Nginx> {
    let Some(program) = program("nginx") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "no nginx on a build server"
        );
        figure("SKIPPED, no nginx on this machine");
        return None;
    };
    let address = port::refused();
    let page = blocks(&file("docs/deploy.md"), "nginx");
    let [page] = page.as_slice() else {
        panic!("one configuration of nginx: {page:?}");
    };
    for written in ["server 127.0.0.1:7070;", "listen 8080;"] {
        assert!(page.contains(written), "{written}");
    }
    let page = page
        .replace("127.0.0.1:7070", &gate.to_string())
        .replace("listen 8080;", &format!("listen {address};"));
    let folder = Folder::new();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path temp_{name};\n"))
        .collect();
    // One process, which ends with the test.
    let whole = format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr error;\n\
         events {{}}\nhttp {{\naccess_log off;\n{temporary}{page}\n}}\n"
    );
    let whole = folder.file("nginx.conf", &whole);
    let child = Command::new(program)
        .args(["-e", "stderr", "-p"])
        .arg(folder.path())
        .arg("-c")
        .arg(whole)
        .stdin(Stdio::null())
        .spawn()
        .expect("nginx starts");
    let nginx = Nginx {
        child,
        address,
        _folder: folder,
    };
    until("nginx listens", || {
        std::net::TcpStream::connect(address).ok().map(drop)
    })
    .await;
    Some(nginx)
}

#[tokio::test]
async fn a_stream_comes_through_as_it_is_said() {
    let scene = Scene::start().await;
    let Some(nginx) = nginx(scene.gate.address()).await else {
        return;
    };
    let mut caller = RawClient::connect(nginx.address).await;
    for _ in 0..3 {
        let go = Signal::new();
        let script = Script::sse().event(&content_chunk("first")).until(&go);
        let script = script.event(&content_chunk(" second"));
        scene.upstream.always(script.event(&finish_chunk()).done());
        caller.post(CHAT, &chat("m-1", true)).await;
        let head = caller.head().await;
        // It would wait in vain, were it gathered: the rest is not said yet.
        let event = caller.data().await.expect("the first event");
        assert!(event.raw().contains("first"), "{event:?}");
        go.fire();
        assert_eq!(caller.rest(head).await.content(), "first second");
    }
    let body = completion("x".repeat(1 << 20).as_str());
    scene.upstream.always(Script::json(200, &body));
    let large = chat("m-1", false).replace("hello", &"y".repeat(1 << 20));
    caller.post(CHAT, &large).await;
    let reply = caller.reply().await;
    assert_eq!((reply.status(), reply.text().len()), (200, body.len()));
}

#[tokio::test]
async fn who_leaves_nginx_frees_the_upstream() {
    let scene = Scene::start().await;
    let Some(nginx) = nginx(scene.gate.address()).await else {
        return;
    };
    for streamed in [true, false] {
        // nginx takes a half-closed caller for one who still reads.
        for way in WAYS.into_iter().take(2) {
            let script = Script::sse().event(&content_chunk("a")).stall();
            scene
                .upstream
                .always(if streamed { script } else { Script::silent() });
            let seen = scene.upstream.count();
            let mut caller = RawClient::connect(nginx.address).await;
            caller.post(CHAT, &chat("m-1", streamed)).await;
            until("it is at the upstream", || {
                (scene.upstream.count() > seen).then_some(())
            })
            .await;
            if streamed {
                caller.head().await;
                caller.event().await;
            }
            leave(caller, way).await;
            scene.gate.until_quiet().await;
        }
    }
    let labels = [("class", "cancelled")];
    scene
        .gate
        .until_metric("tidegate_requests_total", &labels, 4.0)
        .await;
}
