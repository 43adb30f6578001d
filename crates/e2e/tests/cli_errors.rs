//! Every error text of the command line, in one table: arguments, environment
//! and the state of the server on one side, exit code and standard error on the
//! other (`cli_errors.txt`).
//!
//! When a text changes on purpose, the failed test says where the new table is.

use std::fmt::Write as _;
use std::path::Path;

use tidegate_testkit::gate::{Folder, Start};
use tidegate_testkit::{Certificate, Gate, Script, Upstream, openai, port};

const TABLE: &str = include_str!("cli_errors.txt");

/// Names that stand for what differs from run to run, and their values.
#[derive(Default)]
struct Names(Vec<(&'static str, String)>);

impl Names {
    fn add(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push((name, value.into()));
    }

    fn filled(&self, text: &str) -> String {
        let fill = |text: String, (name, value): &(&str, String)| text.replace(name, value);
        self.0.iter().fold(text.to_owned(), fill)
    }

    fn hidden(&self, text: &str) -> String {
        let hide = |text: String, (name, value): &(&str, String)| text.replace(value, name);
        self.0.iter().fold(text.to_owned(), hide)
    }
}

/// The servers that the table needs, each in a state of its own.
struct Servers {
    names: Names,
    _gates: Vec<Gate>,
    _upstreams: Vec<Upstream>,
    _folder: Folder,
}

async fn servers() -> Servers {
    let mut names = Names::default();
    let (mut gates, mut upstreams) = (Vec::new(), Vec::new());
    for (name, text) in [
        ("<gate>", "[providers.sim]\nenabled = true\n"),
        ("<locked>", "[auth]\nkeys = [\"tg-good-0123456789\"]\n"),
        (
            "<empty>",
            "default_provider = \"mock\"\n[providers.sim]\nenabled = false\n[providers.mock]\n\
             kind = \"openai\"\nbase_url = \"http://127.0.0.1:9/v1\"\nmodels = [\"*\"]\n\
             retry = { attempts = 1 }\n",
        ),
    ] {
        let text = format!("checks = \"off\"\n{text}");
        let gate = Start::with_text(&text).start().await;
        names.add(name, gate.address().to_string());
        gates.push(gate);
    }
    for (name, script) in scripts() {
        let upstream = Upstream::start().await;
        upstream.always(script);
        names.add(name, upstream.address().to_string());
        upstreams.push(upstream);
    }
    for (name, certificate) in [
        ("<secure>", Certificate::good()),
        ("<expired>", Certificate::expired()),
    ] {
        let upstream = Upstream::start_tls(&certificate).await;
        names.add(name, upstream.address().to_string());
        upstreams.push(upstream);
    }
    names.add("<nobody>", port::refused().to_string());
    let folder = Folder::new();
    for (name, text) in FILES {
        folder.file(name, text);
    }
    names.add("<dir>", folder.path().display().to_string());
    Servers {
        names,
        _gates: gates,
        _upstreams: upstreams,
        _folder: folder,
    }
}

/// What those say who are no Tidegate, or a broken one.
fn scripts() -> Vec<(&'static str, Script)> {
    let chat = || Script::sse().event(&openai::content_chunk("half"));
    vec![
        (
            "<page>",
            Script::whole(200, &[("content-type", "text/html")], b"<p>hello"),
        ),
        (
            "<broken>",
            Script::whole(502, &[("content-type", "text/html")], b"<p>bad gateway"),
        ),
        (
            "<moved>",
            Script::whole(
                301,
                &[("location", "https://gate.example/v1/models")],
                b"moved",
            ),
        ),
        ("<nohttp>", Script::raw("220 mail ready\r\n")),
        ("<closing>", Script::raw("").fin()),
        ("<dying>", chat().fin()),
        ("<cut>", chat().event(&openai::finish_chunk())),
        (
            "<failing>",
            chat().event(&openai::error(
                "server_error",
                "upstream_disconnected",
                "It fell asleep.",
            )),
        ),
        ("<busy>", {
            let body = openai::error("rate_limit_error", "too_many", "Not so fast.");
            Script::whole(429, &[("retry-after", "7")], body.as_bytes())
        }),
        ("<operated>", {
            let body = openai::error(
                "server_error",
                "cancelled_by_operator",
                "An operator ended it.",
            );
            Script::json(503, &body)
        }),
        ("<stale>", Script::json(200, r#"{"requests":[]}"#)),
        (
            "<listless>",
            Script::json(200, r#"{"object":"list","data":[]}"#),
        ),
    ]
}

const FILES: [(&str, &str); 5] = [
    (
        "wrong.toml",
        "listen = \"nowhere\"\n[auth]\nkey = \"tg-good-0123456789\"\n",
    ),
    ("fine.toml", "default_provider = \"sim\"\n"),
    (
        "script.toml",
        "[[rule]]\nmatch = { model = 5 }\nstatus = 99\n",
    ),
    ("none.pem", "no certificate\n"),
    ("lonely.toml", "default_provider = \"mock\"\n"),
];

/// A line of the table: `NAME=value ... tidegate arguments`, words apart by
/// blanks, quoted where they hold some; what stands behind ` < ` is read from
/// standard input.
const CASES: &[&str] = &[
    // Nobody to talk to.
    "tidegate ask why? --model m --url <nobody>",
    "tidegate models --url <nobody>",
    "tidegate requests --url <nobody>",
    "tidegate requests --watch --url <nobody>",
    "tidegate cancel some-id --url <nobody>",
    "tidegate advise --url <nobody>",
    "TIDEGATE_URL=http://<nobody>/v1 tidegate models",
    // Addresses and keys.
    "tidegate models --url ftp://<gate>",
    "TIDEGATE_URL=what? tidegate models",
    "tidegate models --url <gate> --key tg-good-0123456789",
    "tidegate models --url <gate> --key env:NO_SUCH_KEY",
    "tidegate models --url <gate> --key env:",
    "tidegate models --url <gate> --key env:A=B",
    "KEY=a\u{1}b tidegate models --url <gate> --key env:KEY",
    "tidegate ask why? --model echo --url <locked>",
    "tidegate models --url <locked>",
    "tidegate requests --url <locked>",
    "tidegate cancel some-id --url <locked>",
    "tidegate advise --url <locked>",
    "KEY=tg-wrong-0123456789 tidegate ask why? --model echo --url <locked> --key env:KEY",
    "KEY=tg-wrong-0123456789 tidegate models --url <locked> --key env:KEY",
    // Somebody else, or a broken one.
    "tidegate models --url <page>",
    "tidegate requests --url <page>",
    "tidegate requests --watch --url <stale>",
    "tidegate cancel some-id --url <page>",
    "tidegate advise --url <page>",
    "tidegate ask why? --model m --url <page>",
    "tidegate ask why? --model m --url <broken>",
    "tidegate models --url <broken>",
    "tidegate models --url <moved>",
    "tidegate models --url <nohttp>",
    "tidegate models --url <closing>",
    "tidegate models --url https://<gate>",
    "tidegate models --url https://<secure>",
    "tidegate models --url https://<expired> --ca-file <dir>/none.pem",
    "tidegate models --url https://<secure> --ca-file <dir>/nowhere.pem",
    // Questions and answers.
    "tidegate ask --url <gate>",
    "tidegate ask - --url <gate> < \\xff\\xfe",
    "tidegate ask why? --timeout 0",
    "tidegate ask why? again",
    "tidegate ask why? --url <empty>",
    "tidegate ask why? --url <listless>",
    "tidegate ask why? --model nobody --url <gate>",
    "tidegate ask why? --model anything --url <empty>",
    "tidegate ask why? --model= --url <gate>",
    "tidegate ask why? --model m --url <dying>",
    "tidegate ask why? --model m --url <cut>",
    "tidegate ask why? --model m --url <failing>",
    "tidegate ask why? --model m --url <busy>",
    "tidegate ask why? --model m --url <operated>",
    "tidegate ask why? --model m --url <nobody> --json",
    // Ids.
    "tidegate cancel",
    "tidegate cancel a/b --url <gate>",
    "tidegate cancel some-id --url <gate>",
    // Advice.
    "tidegate advise --url <gate> --provider nobody",
    "tidegate advise --url <gate>",
    "tidegate advise --url <gate> --json",
    // Servers and files.
    "tidegate fly",
    "tidegate serve --lisen x",
    "tidegate serve --config <dir>/nowhere.toml",
    "tidegate serve --config <dir>/wrong.toml",
    "tidegate serve --config <dir>/lonely.toml",
    "tidegate serve --listen here",
    "tidegate serve --listen 0.0.0.0:0",
    "tidegate serve --listen <gate>",
    "tidegate serve --log loud",
    "tidegate check --config <dir>/nowhere.toml",
    "tidegate check --config <dir>/wrong.toml",
    "TIDEGATE_LISTN=x tidegate check --config <dir>/fine.toml",
    "TIDEGATE_URL=x tidegate check --config <dir>/fine.toml",
    "tidegate check --config <dir>/wrong.toml --print",
    "tidegate check --schema --print",
    "tidegate sim --port 70000",
    "tidegate sim --script <dir>/nowhere.toml",
    "tidegate sim --script <dir>/script.toml",
    "tidegate sim --script <dir>/script.toml --check",
    "tidegate sim --check",
    "tidegate sim --host here",
    // Descriptions.
    "tidegate completions tcsh",
    "tidegate man --out <dir>/nowhere",
];

/// How a case is started.
fn start(case: &str, names: &Names) -> Start {
    let (case, input) = case.split_once(" < ").unwrap_or((case, ""));
    let words: Vec<String> = case.split(' ').map(|word| names.filled(word)).collect();
    let at = words.iter().position(|word| word == "tidegate");
    let (variables, command) = words.split_at(at.unwrap_or(0));
    let args: Vec<&str> = command.iter().skip(1).map(String::as_str).collect();
    let pairs = variables.iter().filter_map(|word| word.split_once('='));
    let start = pairs.fold(Start::command(&args), |start, (name, value)| {
        start.env(name, value)
    });
    match input {
        "" => start,
        _ => start.stdin([0xff, 0xfe]),
    }
}

/// What a case must say of itself, whatever its text is.
fn look(case: &str, code: i32, stderr: &str) {
    assert!(
        !stderr.contains("tg-good") && !stderr.contains("tg-wrong"),
        "{case}: {stderr}"
    );
    assert!(!stderr.contains("panicked"), "{case}: {stderr}");
    assert!((0..=2).contains(&code), "{case}: {code}");
}

#[tokio::test]
async fn every_error_of_the_command_line_is_in_the_table() {
    let servers = servers().await;
    let mut told = String::new();
    for case in CASES {
        let (status, _, stderr) = start(case, &servers.names).run().await;
        let code = status.code().unwrap_or(-1);
        look(case, code, &stderr);
        let stderr = servers.names.hidden(&stderr);
        let case = case.escape_debug().to_string().replace("\\\\", "\\");
        let _ = writeln!(told, "$ {case}\n{}[exit {code}]\n", stable(&stderr));
    }
    if told == TABLE {
        return;
    }
    let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli_errors.txt");
    std::fs::write(&new, &told).unwrap();
    let mut pairs = told.lines().zip(TABLE.lines());
    let first = pairs.find(|(now, then)| now != then);
    panic!(
        "the table differs or is longer, first here: {first:#?}\nif the new texts are right, copy {} over it",
        new.display()
    );
}

/// Log lines without the moment of their writing; everything else as it is.
fn stable(stderr: &str) -> String {
    let mut text = String::new();
    for line in stderr.lines() {
        let line = match line.split_once("{\"timestamp\":\"") {
            Some(("", rest)) => match rest.split_once("\",") {
                Some((_, rest)) => format!("{{{rest}"),
                None => line.to_owned(),
            },
            _ => line.to_owned(),
        };
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
