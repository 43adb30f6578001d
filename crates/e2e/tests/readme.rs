//! Every example of README.md works as it stands there, but for the port.
//!
//! The banner and the answer are compared with what the binary says; the curl
//! line, the programs and the configuration are run. What compiles the
//! workspace or needs a real provider is not run.

use std::os::unix::fs::symlink;
use std::process::Command;

use tidegate_e2e::sdk::Sdk;
use tidegate_testkit::figure;
use tidegate_testkit::gate::{Folder, Start, command_output};

const PAGE: &str = include_str!("../../../README.md");
/// Where the page says that the gate listens.
const ADDRESS: &str = "127.0.0.1:7070";

/// The only block of this language.
///
/// # Panics
/// When there is none, or more than one.
fn block(language: &str) -> String {
    let opening = format!("```{language}");
    let mut found = Vec::new();
    let mut lines = PAGE.lines();
    while lines.any(|line| line == opening) {
        let code: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        found.push(code.join("\n"));
    }
    assert_eq!(found.len(), 1, "blocks of {language}");
    found.remove(0)
}

#[tokio::test]
async fn readme_the_banner_the_curl_line_and_its_answer() {
    let gate = Start::bare().start().await;
    let banner = block("text").replace(ADDRESS, &gate.address().to_string());
    assert!(
        gate.stdout().starts_with(&banner),
        "the page says\n{banner}\nthe binary\n{}",
        gate.stdout()
    );
    let curl = banner.lines().find(|line| line.starts_with("curl "));
    let curl = curl.expect("a curl line in the banner");
    if Command::new("curl").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "a build server has curl");
        figure("SKIPPED, no curl here: the line of the banner is not run");
        return;
    }
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{curl} --silent --fail"));
    let (status, told) = command_output(shell).await;
    assert!(status.success(), "{curl}: {status}\n{told}");
    assert_eq!(told.trim_end(), block("json"));
}

#[tokio::test]
async fn readme_the_same_from_the_terminal() {
    let line = "`tidegate ask \"Hello, tide\"`";
    assert!(PAGE.contains(line), "the page does not say {line}");
    let gate = Start::bare().start().await;
    let ask = Start::command(&["ask", "Hello, tide"]).env("TIDEGATE_URL", &gate.url());
    let (status, stdout, stderr) = ask.run().await;
    assert!(status.success() && !stdout.trim().is_empty(), "{stderr}");
}

#[tokio::test]
async fn readme_the_program_prints_the_answer() {
    if !Sdk::Python.is_here() {
        return;
    }
    let gate = Start::bare().start().await;
    let program = block("python").replace(ADDRESS, &gate.address().to_string());
    let folder = Folder::new();
    let file = folder.file("example.py", &program);
    let told = Sdk::Python.run_file(&file, &[]).await;
    // Forty pieces of eight bytes, as the model's name says.
    assert_eq!(told.len(), 40 * 8, "{told}");
    gate.until_metric("tidegate_requests_total", &[("class", "completed")], 1.0)
        .await;
}

#[tokio::test]
async fn readme_the_program_of_node_prints_the_same() {
    let Some(place) = Sdk::Node.place() else {
        return;
    };
    let gate = Start::bare().start().await;
    let program = block("js").replace(ADDRESS, &gate.address().to_string());
    // It finds the packages beside it, as in any application.
    let folder = Folder::new();
    let packages = place.join("node_modules");
    symlink(packages, folder.path().join("node_modules")).unwrap();
    let file = folder.file("example.mjs", &program);
    let told = Sdk::Node.run_file(&file, &[]).await;
    assert_eq!(told.len(), 40 * 8, "{told}");
    gate.until_metric("tidegate_requests_total", &[("class", "completed")], 1.0)
        .await;
}

#[tokio::test]
async fn readme_the_configuration_is_right() {
    let folder = Folder::new();
    let file = folder.file("tidegate.toml", &block("toml"));
    let check = Start::command(&["check", "--config", &file.display().to_string()])
        .env("OPENAI_API_KEY", "sk-example");
    let (status, stdout, stderr) = check.run().await;
    assert!(status.success(), "{stdout}{stderr}");
}
