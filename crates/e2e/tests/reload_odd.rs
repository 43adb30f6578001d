//! R-S15, R-D9: what a reload must not take for a configuration. A pipe gives
//! its text once, and a file that was emptied says nothing: neither takes the
//! keys away, and nobody is waited for.

use std::fs;
use std::process::Command;

use serde_json::Value;
use tidegate_testkit::Gate;
use tidegate_testkit::gate::{Folder, Start};
use tidegate_testkit::wait::until_async;

const KEY: &str = "sk-tide-0123456789abcdef";

fn text() -> String {
    format!("checks = \"off\"\n[auth]\nkeys = [\"{KEY}\"]\n")
}

async fn config(gate: &Gate) -> Value {
    let reply = gate.get("/admin/v1/config").await;
    assert_eq!(reply.status(), 200, "{}", reply.text());
    reply.json()
}

async fn until_refused(gate: &Gate, why: &str) {
    let page = until_async("a refused reload", || async {
        let page = config(gate).await;
        (page["last_reload"]["ok"] == false).then_some(page)
    })
    .await;
    assert_eq!(page["generation"], 1, "{page}");
    assert!(page.to_string().contains(why), "{page}");
}

/// Whether a call without a key is let in.
async fn is_open(gate: &Gate) -> bool {
    let mut stranger = gate.connect().await;
    let head = format!(
        "GET /v1/models HTTP/1.1\r\nhost: {}\r\n\r\n",
        gate.address()
    );
    stranger.send(&head).await;
    let status = stranger.reply().await.status();
    assert!(status == 200 || status == 401, "{status}");
    status == 200
}

#[tokio::test]
async fn r_d9_a_pipe_that_nobody_writes_keeps_nobody_from_ending() {
    let folder = Folder::new();
    let pipe = folder.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let file = folder.file("gate.toml", &text());
    let feed = format!("cat '{}' > '{}'", file.display(), pipe.display());
    let mut writer = Command::new("sh").args(["-c", &feed]).spawn().unwrap();
    let path = pipe.display().to_string();
    let start = Start::command(&["serve", "--listen", "127.0.0.1:0", "--config", &path]);
    let mut gate = start.start().await.with_key(KEY);
    assert!(writer.wait().unwrap().success());
    gate.hang_up();
    until_refused(&gate, "not a plain file").await;
    assert!(!is_open(&gate).await);
    // A file that takes its place is a configuration like any other.
    fs::rename(&file, &pipe).unwrap();
    gate.hang_up();
    until_async("the file is taken", || async {
        (config(&gate).await["generation"] == 2).then_some(())
    })
    .await;
    gate.terminate();
    assert!(gate.exit().await.success());
}

#[tokio::test]
async fn a_file_that_was_emptied_takes_no_key_away() {
    let folder = Folder::new();
    let file = folder.file("gate.toml", &text());
    let path = file.display().to_string();
    let start = Start::command(&["serve", "--listen", "127.0.0.1:0", "--config", &path]);
    let gate = start.start().await.with_key(KEY);
    // As a full disk leaves it.
    fs::write(&file, "").unwrap();
    until_refused(&gate, "is empty now").await;
    assert!(!is_open(&gate).await);
    // That there shall be no keys has to be said.
    fs::write(&file, "checks = \"off\"\n").unwrap();
    until_async("no keys", || async { is_open(&gate).await.then_some(()) }).await;
}

/// A key that is taken away must not go on seeing what others ask.
#[tokio::test]
async fn who_watches_with_a_key_that_is_taken_away_is_shut_out() {
    let folder = Folder::new();
    let keys = |keys: &str| format!("checks = \"off\"\n[auth]\nkeys = [{keys}]\n");
    let two = keys(&format!("\"{KEY}\", \"sk-second-0123456789abcdef\""));
    let file = folder.file("gate.toml", &two);
    let path = file.display().to_string();
    let start = Start::command(&["serve", "--listen", "127.0.0.1:0", "--config", &path]);
    let gate = start.start().await.with_key(KEY);
    let head = |key: &str| {
        let host = gate.address();
        format!(
            "GET /debug/requests?watch=1 HTTP/1.1\r\nhost: {host}\r\n\
             authorization: Bearer {key}\r\n\r\n"
        )
    };
    let mut second = gate.connect().await;
    second.send(head("sk-second-0123456789abcdef")).await;
    assert_eq!(second.head().await.status, 200);
    assert!(second.data().await.is_some(), "the state");
    // One more takes nobody's leave.
    let third = "\"sk-third-0123456789abcdef0\"";
    let three = two.replace("keys = [", &format!("keys = [{third}, "));
    fs::write(&file, three).unwrap();
    until_async("one more key", || async {
        (config(&gate).await["generation"] == 2).then_some(())
    })
    .await;
    let mut other = gate.connect().await;
    other.send(head(KEY)).await;
    assert_eq!(other.head().await.status, 200);
    fs::write(&file, keys(&format!("\"{KEY}\", {third}"))).unwrap();
    while second.data().await.is_some() {}
    let mut again = gate.connect().await;
    again.send(head("sk-second-0123456789abcdef")).await;
    assert_eq!(again.reply().await.status(), 401);
}
