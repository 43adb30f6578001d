//! The container image, without a container engine: its root folder is put
//! together by the script that the Containerfile runs, and the binary is run in
//! it by `chroot`, as the Containerfile's last stage says.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a step that cannot be set up is a failed test"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tidegate_e2e::pages::{file, is_root, program, root};
use tidegate_testkit::gate::{Folder, command_output};
use tidegate_testkit::openai::{chat, completion};
use tidegate_testkit::{Certificate, Gate, Script, Start, Upstream, binary, figure};

const KEY: &str = "tg-0123456789abcdef";
const CHAT: &str = "/v1/chat/completions";

/// What the last stage says, and nothing that this test does not follow.
#[derive(Debug, Default)]
struct Image {
    user: String,
    entrypoint: Vec<String>,
    command: Vec<String>,
    stop: String,
    health: Vec<String>,
}

impl Image {
    fn read() -> Self {
        let text = file("Containerfile");
        let (before, last) = text.rsplit_once("\nFROM ").expect("two stages");
        let builds = "RUN packaging/rootfs target/release/tidegate /image";
        assert!(before.lines().any(|line| line == builds), "{before}");
        let mut image = Self::default();
        for line in last.lines().filter(|line| !line.is_empty()) {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let list = || serde_json::from_str(rest).expect("a JSON list");
            match word {
                "scratch" => {}
                "COPY" => assert_eq!(rest, "--from=build /image/ /", "the only copy"),
                "USER" => rest.clone_into(&mut image.user),
                "EXPOSE" => assert_eq!(rest, "7070"),
                "STOPSIGNAL" => rest.clone_into(&mut image.stop),
                "HEALTHCHECK" => {
                    let (_, words) = rest.split_once("CMD ").expect("a command");
                    image.health = serde_json::from_str(words).expect("a JSON list");
                }
                "ENTRYPOINT" => image.entrypoint = list(),
                "CMD" => image.command = list(),
                other => panic!("an instruction that is not followed here: {other}"),
            }
        }
        image
    }
}

/// The image's root folder.
struct Root {
    image: Image,
    folder: Folder,
    chroot: String,
}

impl Root {
    /// `None` where nobody may change the root folder.
    async fn new() -> Option<Self> {
        let image = Image::read();
        let chroot = program("chroot").filter(|_| is_root());
        let Some(chroot) = chroot else {
            figure("SKIPPED, chroot needs root");
            return None;
        };
        let folder = Folder::new();
        let mut command = Command::new(root().join("packaging/rootfs"));
        command.arg(binary()).arg(folder.path().join("image"));
        let (status, told) = command_output(command).await;
        assert!(status.success(), "{told}");
        Some(Self {
            image,
            folder,
            chroot,
        })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    /// The words that lead into the image, and its entrypoint.
    fn words(&self, entrypoint: &[String]) -> Vec<String> {
        let user = format!("--userspec={}", self.image.user);
        let path = self.path().display().to_string();
        let into = [self.chroot.clone(), user, "--groups=".to_owned(), path];
        [&into[..], entrypoint].concat()
    }

    /// As the image starts it, on a free port.
    fn start(&self, command: &[&str]) -> Start {
        let words = self.words(&self.image.entrypoint);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        Start::command(command)
            .args(&["--listen", "0.0.0.0:0"])
            .env("TIDEGATE_ADMIN_LISTEN", "127.0.0.1:0")
            .through(&words)
    }

    fn usual(&self) -> Start {
        let command: Vec<_> = self.image.command.iter().map(String::as_str).collect();
        self.start(&command).env("GATE_KEY", KEY)
    }
}

/// All files under a folder, from it.
fn files(under: &Path, at: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(at).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(under, &path, found);
        } else {
            let name = path.strip_prefix(under).expect("below it");
            found.push(name.display().to_string());
        }
    }
}

async fn ask(gate: &Gate, model: &str) -> tidegate_testkit::Reply {
    let bearer = format!("Bearer {KEY}");
    gate.post_with(CHAT, &[("authorization", &bearer)], &chat(model, false))
        .await
}

#[tokio::test]
async fn it_holds_the_binary_and_no_other_program() {
    let Some(root) = Root::new().await else {
        return;
    };
    let mut found = Vec::new();
    files(&root.path(), &root.path(), &mut found);
    let (libraries, mut others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|name| name.contains(".so"));
    others.sort();
    let expected = [
        "etc/group",
        "etc/nsswitch.conf",
        "etc/passwd",
        "etc/ssl/certs/ca-certificates.crt",
        "etc/tidegate/tidegate.toml",
        "usr/bin/tidegate",
    ];
    assert_eq!(others, expected);
    assert!(
        libraries.iter().all(|name| name.starts_with("lib")),
        "{libraries:?}"
    );
    let size = fs::metadata(binary()).expect("the binary").len() >> 20;
    figure(&format!(
        "{} libraries beside a binary of {size} MiB",
        libraries.len()
    ));
}

#[tokio::test]
async fn it_serves_as_its_user_and_drains_on_its_signal() {
    let Some(root) = Root::new().await else {
        return;
    };
    let mut gate = root.usual().start().await.with_key(KEY);
    let status = fs::read_to_string(format!("/proc/{}/status", gate.pid())).expect("its state");
    let user = root.image.user.split(':').next().expect("a user");
    assert!(status.contains(&format!("Uid:\t{user}\t")), "{status}");

    let reply = ask(&gate, "sim/echo").await;
    assert_eq!(reply.status(), 200, "{}", reply.text());
    let without = gate.post(CHAT, &chat("sim/echo", false)).await;
    assert_eq!(without.status(), 401);

    let words = root.words(&root.image.health);
    let mut health = Command::new(&words[0]);
    let url = format!("http://127.0.0.1:{}", gate.address().port());
    health.args(&words[1..]).args(["--url", &url]);
    let (status, told) = command_output(health).await;
    assert!(status.success() && told.contains("is ready"), "{told}");

    assert_eq!(root.image.stop, "SIGTERM");
    let mut caller = gate.connect().await;
    let bearer = format!("Bearer {KEY}");
    let slow = chat("sim/sim-0-100-10-4", true);
    caller
        .post_with(CHAT, &[("authorization", &bearer)], &slow)
        .await;
    let head = caller.head().await;
    caller.data().await.expect("a first event");
    gate.terminate();
    let rest = caller.rest(head).await;
    assert!(rest.text().ends_with("data: [DONE]\n\n"), "{}", rest.text());
    assert!(gate.exit().await.success());
}

#[tokio::test]
async fn it_says_what_is_missing() {
    let Some(root) = Root::new().await else {
        return;
    };
    let command: Vec<_> = root.image.command.iter().map(String::as_str).collect();
    let (status, _, told) = root.start(&command).run().await;
    assert_eq!(status.code(), Some(2), "{told}");
    assert!(told.contains("GATE_KEY, which is not set"), "{told}");

    let words = root.words(&root.image.health);
    let mut health = Command::new(&words[0]);
    health
        .args(&words[1..])
        .args(["--url", "http://127.0.0.1:1"]);
    let (status, told) = command_output(health).await;
    assert_eq!(status.code(), Some(1), "{told}");
}

#[tokio::test]
async fn its_trusted_authorities_are_those_of_its_bundle() {
    let Some(root) = Root::new().await else {
        return;
    };
    let certificate = Certificate::good();
    let upstream = Upstream::start_tls(&certificate).await;
    upstream.always(Script::json(200, &completion("trusted")));
    let base = upstream.base_url_as("127.0.0.1");
    let text = format!(
        "checks = \"off\"\n[auth]\nkeys = [\"env:GATE_KEY\"]\n\
         [providers.mock]\nkind = \"openai\"\nbase_url = \"{base}\"\n"
    );
    fs::write(root.path().join("etc/tidegate/own.toml"), text).expect("a file");
    let own = ["serve", "--config", "/etc/tidegate/own.toml"];
    let start = || root.start(&own).env("GATE_KEY", KEY).start();

    let reply = ask(&start().await, "mock/m-1").await;
    assert_eq!(reply.error().code, "upstream_tls", "{}", reply.text());

    let bundle = root.path().join("etc/ssl/certs/ca-certificates.crt");
    let all = fs::read_to_string(&bundle).expect("the bundle") + certificate.authority_pem();
    fs::write(&bundle, all).expect("the bundle");
    let reply = ask(&start().await, "mock/m-1").await;
    assert_eq!(reply.status(), 200, "{}", reply.text());
}
