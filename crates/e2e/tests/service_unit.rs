//! `packaging/tidegate.service`: what it says fits the binary, systemd takes it,
//! and the binary tells the service manager what the unit waits for.

#![expect(
    clippy::expect_used,
    reason = "a step that cannot be set up is a failed test"
)]

use std::os::unix::net::UnixDatagram;
use std::process::Command;

use tidegate_e2e::pages::{file, program};
use tidegate_testkit::gate::{Folder, command_output};
use tidegate_testkit::{Start, binary, figure, until};

const UNIT: &str = "packaging/tidegate.service";

/// The values of a directive, in the order of the file.
fn values<'u>(unit: &'u str, name: &str) -> Vec<&'u str> {
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .collect()
}

fn seconds(text: &str) -> u64 {
    text.trim_end_matches('s').parse().expect("seconds")
}

#[tokio::test]
async fn its_times_are_longer_than_the_drain() {
    let unit = file(UNIT);
    let (status, printed, _) = Start::command(&["check", "--print", "--json"]).run().await;
    assert!(status.success());
    let printed: serde_json::Value = serde_json::from_str(&printed).expect("JSON");
    let values_of = printed["values"].to_string();
    let (_, rest) = values_of.split_once("shutdown_timeout").expect("a key");
    let drain: String = rest.chars().skip_while(|c| !c.is_ascii_digit()).collect();
    let drain: String = drain.chars().take_while(|c| *c != '"').collect();
    let stop = values(&unit, "TimeoutStopSec");
    assert!(
        seconds(stop[0]) > seconds(&drain) + 1,
        "{stop:?} against {drain}"
    );
    for page in [unit, file("docs/deploy.md")] {
        assert!(
            page.contains("TimeoutStopSec=45s"),
            "the page says what the unit has"
        );
    }
}

/// The unit starts what the image starts.
#[test]
fn it_starts_what_the_image_starts() {
    let (unit, image) = (file(UNIT), file("Containerfile"));
    let list = |name: &str| -> Vec<String> {
        let mut lines = image.lines().filter_map(|line| line.strip_prefix(name));
        let line = lines.next_back().expect("a line");
        serde_json::from_str(line.trim()).expect("a JSON list")
    };
    let words = [list("ENTRYPOINT "), list("CMD ")].concat().join(" ");
    assert_eq!(values(&unit, "ExecStart"), [words]);
    assert_eq!(
        values(&unit, "RestartPreventExitStatus"),
        ["2"],
        "wrong configuration"
    );
}

#[tokio::test]
async fn systemd_takes_it() {
    let Some(analyze) = program("systemd-analyze") else {
        return figure("SKIPPED, no systemd on this machine");
    };
    let folder = Folder::new();
    let here = file(UNIT).replace("/usr/bin/tidegate", &binary().display().to_string());
    let unit = folder.file("tidegate.service", &here);
    let mut command = Command::new(&analyze);
    command.args(["verify", "--man=no"]).arg(&unit);
    let (status, told) = command_output(command).await;
    let about_it = told.lines().any(|line| line.contains("tidegate"));
    assert!(status.success() && !about_it, "{told}");
    let mut command = Command::new(&analyze);
    command.args(["security", "--offline=true", "--no-pager", "--threshold=20"]);
    let (status, told) = command_output({
        command.arg(&unit);
        command
    })
    .await;
    let verdict = told.lines().last().unwrap_or_default();
    figure(verdict);
    assert!(status.success(), "its exposure is over 2.0: {verdict}");
}

/// `Type=notify`.
#[tokio::test]
async fn systemd_is_told_of_ready_and_of_the_drain() {
    let folder = Folder::new();
    let at = folder.path().join("notify");
    let manager = UnixDatagram::bind(&at).expect("a socket");
    manager.set_nonblocking(true).expect("a socket option");
    let heard = || {
        let mut told = [0; 256];
        let length = manager.recv(&mut told).ok()?;
        Some(String::from_utf8_lossy(&told[..length]).into_owned())
    };
    let start = Start::bare().env("NOTIFY_SOCKET", &at.display().to_string());
    let mut gate = start.start().await;
    assert_eq!(until("it is told", heard).await, "READY=1");
    gate.terminate();
    let told = until("it is told", heard).await;
    assert!(told.starts_with("STOPPING=1"), "{told}");
    assert!(gate.exit().await.success());
}
