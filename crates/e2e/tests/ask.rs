//! `tidegate ask` with the real gateway behind it, and every way that an
//! answer can end.
//!
//! What the server says to others is tested elsewhere; here is what a person
//! or a script sees of it: streams, exit codes, and who was told to stop.

use std::io::{self, Read as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tidegate_e2e::Scene;
use tidegate_testkit::gate::{Folder, Start, command_output, unread};
use tidegate_testkit::openai::{self, chunk, content_chunk, finish_chunk, role_chunk, usage_chunk};
use tidegate_testkit::port::Unanswered;
use tidegate_testkit::wait::until_async;
use tidegate_testkit::{
    Certificate, Gate, RawClient, Script, Signal, Stopwatch, Upstream, binary, figure, pause, until,
};

/// `tidegate ask` of the scene's gate, for the model `m-1`.
fn ask(gate: &Gate, args: &[&str]) -> Start {
    Start::command(&["ask", "--model", "m-1"])
        .args(args)
        .env("TIDEGATE_URL", &gate.url())
}

/// What a whole run wrote, and its exit code.
async fn run(start: Start) -> (Option<i32>, String, String) {
    let (status, stdout, stderr) = start.run().await;
    (status.code(), stdout, stderr)
}

/// The object that this text is; null when it is none.
fn object(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

#[tokio::test]
async fn an_answer_is_printed_as_it_comes_and_as_it_is() {
    let scene = Scene::start().await;
    let go = Signal::new();
    let begun = Script::sse().event(&role_chunk());
    let begun = begun.event(&content_chunk("# Tide\n")).until(&go);
    let script = begun.event(&content_chunk("`two` **three**"));
    scene.upstream.next(script.event(&finish_chunk()).done());

    let args = ["why?", "--system", "be brief"];
    let mut asked = ask(&scene.gate, &args).begin();
    let shown = || (asked.stdout() == "# Tide\n").then_some(());
    until("the first piece is there before the second", shown).await;
    go.fire();
    assert_eq!(asked.exit().await.code(), Some(0));
    let all = (asked.stdout(), asked.stderr());
    assert_eq!(all, ("# Tide\n`two` **three**\n".to_owned(), String::new()));

    let sent = object(&String::from_utf8_lossy(
        scene.upstream.request(0).await.body(),
    ));
    assert_eq!(
        (&sent["model"], &sent["stream"]),
        (&"m-1".into(), &true.into())
    );
    let told = [
        serde_json::json!({"role": "system", "content": "be brief"}),
        serde_json::json!({"role": "user", "content": "why?"}),
    ];
    assert_eq!(sent["messages"], Value::from(told.to_vec()));
    scene.settled("completed", "completed").await;
}

#[tokio::test]
async fn standard_input_is_the_question_or_what_it_is_about() {
    let scene = Scene::start().await;
    scene.upstream.always(Script::stream_of(&["yes"]));
    let cases: [(&[&str], Option<&str>, &str); 5] = [
        (&[], Some("is it?\n"), "is it?\n"),
        (&["-"], Some("is it?"), "is it?"),
        (
            &["is it?"],
            Some("fn main() {}\n"),
            "is it?\n\nfn main() {}\n",
        ),
        (&["is it?"], Some(""), "is it?"),
        (&["is it?"], None, "is it?"),
    ];
    for (number, (args, input, expected)) in cases.into_iter().enumerate() {
        let start = ask(&scene.gate, args);
        let start = match input {
            Some(input) => start.stdin(input),
            None => start,
        };
        let ended = run(start).await;
        assert_eq!(
            ended,
            (Some(0), "yes\n".to_owned(), String::new()),
            "{args:?}"
        );
        let body = scene.upstream.request(number).await;
        let sent = object(&String::from_utf8_lossy(body.body()));
        assert_eq!(sent["messages"][0]["content"], expected, "{args:?}");
    }
}

#[tokio::test]
async fn without_a_model_the_first_listed_one_is_asked() {
    let gate = Start::bare().start().await;
    let start = Start::command(&["ask", "hello tide", "--url", &gate.url()]);
    let (code, stdout, stderr) = run(start).await;
    assert_eq!((code, &*stdout), (Some(0), "hello tide\n"));
    assert_eq!(
        stderr,
        "note: asking sim/echo; choose another with --model\n"
    );

    let named = |provider: tidegate_testkit::Provider| provider.models(r#"["m-1", "m-*"]"#);
    let scene = Scene::with(named).await;
    scene.upstream.always(Script::stream_of(&["yes"]));
    let start = Start::command(&["ask", "hello", "--url", &scene.gate.url()]);
    let (code, stdout, stderr) = run(start).await;
    assert_eq!((code, &*stdout), (Some(0), "yes\n"));
    assert!(stderr.contains("asking mock/m-1;"), "{stderr}");
}

#[tokio::test]
async fn one_object_says_what_came_and_how_it_ended() {
    let scene = Scene::start().await;
    let script = Script::sse().event(&role_chunk());
    let script = script
        .event(&content_chunk("on"))
        .event(&content_chunk("e\n"));
    let script = script.event(&finish_chunk()).event(&usage_chunk());
    scene.upstream.next(script.done());
    let (code, stdout, stderr) = run(ask(&scene.gate, &["why?", "--json", "--stats"])).await;
    assert_eq!(code, Some(0), "{stderr}");
    let told = object(&stdout);
    for (name, expected) in [
        ("outcome", Value::from("completed")),
        ("content", "one\n".into()),
        ("model", "m-1".into()),
        ("finish_reason", "stop".into()),
        ("error", Value::Null),
    ] {
        assert_eq!(told[name], expected, "{name}: {stdout}");
    }
    assert_eq!(told["usage"]["completion_tokens"], 2, "{stdout}");
    for name in ["first_token_ms", "total_ms", "queue_ms"] {
        assert!(told[name].is_u64(), "{name}: {stdout}");
    }
    assert_eq!(told["id"].as_str().map(str::len), Some(36), "{stdout}");
    assert!(stderr.starts_with("first token after "), "{stderr}");
    assert!(stderr.contains(" ms, 2 tokens in "), "{stderr}");
}

#[tokio::test]
async fn a_failure_in_the_middle_is_told_behind_what_came() {
    let scene = Scene::start().await;
    for args in [&["why?"][..], &["why?", "--json"]] {
        let go = Signal::new();
        let begun = Script::sse().event(&content_chunk("half"));
        scene.upstream.next(begun.until(&go).fin());
        let mut asked = ask(&scene.gate, args).begin();
        until_streaming(&scene.gate).await;
        go.fire();
        assert_eq!(asked.exit().await.code(), Some(1));
        let (stdout, stderr) = (asked.stdout(), asked.stderr());
        assert!(stderr.starts_with("error: "), "{stderr}");
        assert!(stderr.contains("(upstream_disconnected)"), "{stderr}");
        if args.len() == 1 {
            assert_eq!(stdout, "half\n");
        } else {
            let told = object(&stdout);
            let began = (&told["outcome"], &told["content"]);
            assert_eq!(began, (&"failed".into(), &"half".into()));
            assert_eq!(told["error"]["code"], "upstream_disconnected");
        }
    }
}

#[tokio::test]
async fn a_whole_answer_that_is_less_than_it_should_be_says_so() {
    let scene = Scene::start().await;
    let begun = Script::sse().event(&content_chunk("so"));
    scene
        .upstream
        .next(begun.event(&chunk("{}", r#""length""#)).done());
    let (code, stdout, stderr) = run(ask(&scene.gate, &["why?"])).await;
    assert_eq!((code, &*stdout), (Some(0), "so\n"));
    assert!(stderr.contains("finish_reason length"), "{stderr}");
}

/// Somebody else than a Tidegate: a script answers.
async fn answered_by(script: Script) -> (Option<i32>, String, String) {
    let upstream = Upstream::start().await;
    upstream.always(script);
    let start = Start::command(&[
        "ask",
        "why?",
        "--model",
        "m-1",
        "--url",
        &upstream.base_url(),
    ]);
    run(start).await
}

#[tokio::test]
async fn only_an_end_mark_makes_an_answer_whole() {
    let begun = || Script::sse().event(&content_chunk("half"));
    for (script, told) in [
        (
            begun().event(&finish_chunk()),
            "error: the answer was cut off: it is not whole",
        ),
        (
            begun().fin(),
            "closed the connection before the answer was whole",
        ),
        (begun().event("{\"choices\":"), "an event that is no JSON"),
        (
            begun().event(&openai::error("t", "gone", "boom\u{1b}[2J")),
            "error: boom [2J (gone)",
        ),
    ] {
        let (code, stdout, stderr) = answered_by(script).await;
        assert_eq!((code, &*stdout), (Some(1), "half\n"), "{stderr}");
        assert!(stderr.contains(told), "{told}: {stderr}");
    }
    let whole = Script::json(200, &openai::completion("all at once"));
    let ended = answered_by(whole).await;
    assert_eq!(ended, (Some(0), "all at once\n".to_owned(), String::new()));
}

#[tokio::test]
async fn ctrl_c_cancels_up_to_the_upstream_at_every_stage() {
    for (script, stdout) in [
        (Script::silent(), ""),
        (Script::sse().event(&role_chunk()).stall(), ""),
        (Script::sse().event(&content_chunk("half")).stall(), "half"),
    ] {
        let scene = Scene::start().await;
        scene.upstream.next(script);
        let mut asked = ask(&scene.gate, &["why?", "--stats"]).begin();
        let sent = scene.upstream.request(0).await;
        until("what came is shown", || {
            (asked.stdout() == stdout).then_some(())
        })
        .await;
        let since = Stopwatch::start();
        asked.interrupt();
        assert_eq!(asked.exit().await.code(), Some(130));
        let took = sent.closed_after(since).await;
        assert!(took < Duration::from_secs(2), "{took:?}");
        let line_end = if stdout.is_empty() { "" } else { "\n" };
        assert_eq!(asked.stdout(), format!("{stdout}{line_end}"));
        assert!(!asked.stderr().contains("error"), "{}", asked.stderr());
        scene.settled("cancelled", "caller").await;
    }
}

#[tokio::test]
async fn ctrl_c_gives_the_object_of_what_there_was() {
    let scene = Scene::start().await;
    let script = Script::sse().event(&content_chunk("half")).stall();
    scene.upstream.next(script);
    let mut asked = ask(&scene.gate, &["why?", "--json"]).begin();
    until_streaming(&scene.gate).await;
    asked.interrupt();
    assert_eq!(asked.exit().await.code(), Some(130));
    let told = object(&asked.stdout());
    assert_eq!(told["outcome"], "cancelled");
    assert_eq!(told["error"], Value::Null);
    // The signal may be faster than the bytes that are on their way.
    let content = if told["first_token_ms"].is_null() {
        ""
    } else {
        "half"
    };
    assert_eq!(told["content"], content);
    scene.settled("cancelled", "caller").await;
}

/// Until the gateway has passed content on.
async fn until_streaming(gate: &Gate) {
    until_async("the answer flows", || async {
        let requests = gate.debug_requests().await;
        let flows = requests.iter().any(|one| one["stage"] == "streaming");
        flows.then_some(())
    })
    .await;
}

/// A process that ends with the test, whatever the test does.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_second_ctrl_c_ends_it_while_its_reader_stands_still() {
    let scene = Scene::start().await;
    let piece = content_chunk(&"x".repeat(16 << 10));
    let much = (0..64).fold(Script::sse(), |script, _| script.event(&piece));
    scene.upstream.next(much.stall());
    let mut command = Command::new(binary());
    let url = scene.gate.url();
    command.args(["ask", "why?", "--model", "m-1", "--url", &url]);
    command.env_clear().stdin(Stdio::null());
    // A pipe that nobody reads: more than it holds comes, and the write stands.
    let mut asked = Killed(command.stdout(Stdio::piped()).spawn().unwrap());
    let pipe = asked.0.stdout.take().unwrap();
    let mut before = 0;
    until_async("the write stands", || {
        let now = unread(&pipe);
        let stands = now > 0 && now == std::mem::replace(&mut before, now);
        async move {
            pause(Duration::from_millis(100)).await;
            stands.then_some(())
        }
    })
    .await;
    let kill = || {
        Command::new("kill")
            .args(["-INT", &asked.0.id().to_string()])
            .status()
    };
    kill().unwrap();
    pause(Duration::from_millis(50)).await;
    kill().unwrap();
    let status = until("it ends", || asked.0.try_wait().unwrap()).await;
    assert_eq!(status.code(), Some(130));
    scene.settled("cancelled", "caller").await;
}

#[tokio::test]
async fn a_reader_who_leaves_ends_it_quietly() {
    let scene = Scene::start().await;
    let go = Signal::new();
    let begun = Script::sse().event(&content_chunk("first\n")).until(&go);
    let endless = (0..50).fold(begun, |script, _| {
        let script = script.event(&content_chunk("more\n"));
        script.wait(Duration::from_millis(20))
    });
    scene.upstream.next(endless.stall());
    let folder = Folder::new();
    let told = folder.path().join("told");
    let line = format!(
        "({} ask why? --model m-1 --url {} 2>{told}; echo code $? >>{told}) | head -n 1",
        binary().display(),
        scene.gate.url(),
        told = told.display(),
    );
    let mut command = Command::new("sh");
    command
        .args(["-c", &line])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut shell = Killed(command.spawn().unwrap());
    scene.upstream.request(0).await;
    go.fire();
    until("both end", || shell.0.try_wait().unwrap()).await;
    assert_eq!(std::fs::read_to_string(&told).unwrap(), "code 0\n");
    scene.settled("cancelled", "caller").await;
}

#[tokio::test]
async fn a_reader_who_leaves_before_the_answer_ends_it_too() {
    let scene = Scene::start().await;
    scene.upstream.always(Script::silent());
    let line = format!(
        "{} ask why? --model m-1 --url {} | true",
        binary().display(),
        scene.gate.address(),
    );
    let mut command = Command::new("sh");
    command.args(["-c", &line]);
    let (status, told) = command_output(command).await;
    assert!(status.success() && told.is_empty(), "{status} {told}");
    // Whether it had asked already depends on who was quicker.
    scene.gate.until_quiet().await;
}

#[tokio::test]
async fn a_time_that_is_over_is_told_by_the_server() {
    let scene = Scene::start().await;
    scene.upstream.next(Script::silent());
    let (code, stdout, stderr) = run(ask(&scene.gate, &["why?", "--timeout", "1"])).await;
    assert_eq!((code, &*stdout), (Some(1), ""));
    assert!(stderr.contains("timeout"), "{stderr}");
    let sent = scene.upstream.request(0).await;
    assert_eq!(
        sent.header("x-request-timeout-ms"),
        None,
        "it is the gateway's"
    );
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let asked = |url: String| async move {
        let args = [
            "ask",
            "why?",
            "--model",
            "m-1",
            "--timeout",
            "1",
            "--url",
            &url,
        ];
        run(Start::command(&args)).await
    };
    let upstream = Upstream::start().await;
    upstream.always(Script::silent());
    let unanswered = Unanswered::new().await;
    let address = unanswered.address().to_string();
    let (silent, nobody) = tokio::join!(asked(upstream.base_url()), asked(address));
    let (code, _, stderr) = silent;
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains(" said nothing for "), "{stderr}");
    let (code, _, stderr) = nobody;
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("cannot connect to "), "{stderr}");
    assert!(stderr.contains("nobody answered for "), "{stderr}");
    let sent = upstream.request(0).await;
    assert_eq!(sent.header("x-request-timeout-ms").as_deref(), Some("1000"));
}

#[tokio::test]
async fn https_is_spoken_with_whom_we_trust() {
    let certificate = Certificate::good();
    let upstream = Upstream::start_tls(&certificate).await;
    upstream.always(Script::stream_of(&["yes"]));
    let folder = Folder::new();
    let file = folder.file("authority.pem", certificate.authority_pem());
    let file = file.display().to_string();
    let url = upstream.base_url_as("localhost");
    let start = || Start::command(&["ask", "why?", "--model", "m-1", "--url", &url]);
    let (code, stdout, stderr) = run(start().args(&["--ca-file", &file])).await;
    assert_eq!((code, &*stdout, &*stderr), (Some(0), "yes\n", ""));
    let (code, _, stderr) = run(start()).await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains("signed by nobody we trust"), "{stderr}");
    assert!(stderr.contains("--ca-file FILE"), "{stderr}");
    assert_eq!(upstream.count(), 1, "the second was never sent");
}

/// From the start of the process to the first byte of the answer.
fn first_byte(gate: &Gate) -> io::Result<Duration> {
    let url = gate.url();
    let mut command = Command::new(binary());
    command.args(["ask", "hello", "--model", "sim/echo", "--url", &url]);
    command.env_clear().stdin(Stdio::null());
    let watch = Stopwatch::start();
    let mut asked = Killed(command.stdout(Stdio::piped()).spawn()?);
    let read = asked.0.stdout.as_mut().map(|out| out.read_exact(&mut [0]));
    read.transpose()?;
    Ok(watch.elapsed())
}

/// From the request to the first event with content, on a warm connection.
async fn first_event(client: &mut RawClient) -> Duration {
    let watch = Stopwatch::start();
    client
        .post("/v1/chat/completions", &openai::chat("sim/echo", true))
        .await;
    let head = client.head().await;
    while client.event().await.content().is_empty() {}
    let took = watch.elapsed();
    client.rest(head).await;
    took
}

#[tokio::test]
async fn figure_of_what_it_adds_to_the_first_token() {
    const RUNS: usize = 25;
    let gate = Start::bare().start().await;
    let mut client = gate.connect().await;
    let (mut asked, mut raw) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        raw.push(first_event(&mut client).await);
        asked.push(first_byte(&gate).unwrap());
    }
    asked.sort();
    raw.sort();
    let (asked, raw) = (asked[RUNS / 2], raw[RUNS / 2]);
    figure(&format!(
        "first token of `tidegate ask`, from the start of its process: {asked:?}; of a warm raw \
         client: {raw:?}; medians of {RUNS}"
    ));
}
