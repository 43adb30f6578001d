//! `tidegate ask`: one question, and the answer as it comes.
//!
//! Promises: 1. what came is on standard output before the next bytes are
//! waited for; 2. an answer that is not whole ends with a text that says so and
//! exit code 1; 3. the first Ctrl-C closes the connection, which cancels the
//! request up to the provider, and what there was is still accounted for; so
//! does a reader of standard output who leaves, of whom nothing is said.

mod answer;
mod question;
mod report;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use serde_json::{Value, json};
use tidegate_kernel::{Clock, Deadline};
use tidegate_wire::sse::Framer;

use crate::cli::Ask;
use crate::client::{Asking, Reply, Server, Whose};
use crate::fault::{Fault, end};
use crate::interrupt::{INTERRUPTED, Interrupt};
use crate::{models, reader, runtime, say};
use answer::{Answer, Took};
use report::Report;

/// The provider that is asked only where there is no other.
const SIMULATED: &str = "sim";
/// How long the server may say nothing, not even that it is still there. Its
/// own timers are shorter as a rule, and say more.
const SILENCE: Duration = Duration::from_secs(600);
/// What is left to a server that was told `--timeout` to say itself that the
/// time is over.
const GRACE: Duration = Duration::from_secs(2);
/// One event is not longer than this, in bytes.
const MOST_EVENT: usize = 16 << 20;

pub(crate) fn run(args: &Ask) -> ExitCode {
    end(ask(args))
}

fn ask(args: &Ask) -> Result<ExitCode, Fault> {
    let server = Server::of(&args.reach)?;
    if args.model.as_deref() == Some("") {
        return Err(Fault::usage("--model is empty").help(
            "name one that `tidegate models` lists; without --model the first of them is asked",
        ));
    }
    // Before Ctrl-C is listened for: there is nothing to cancel yet.
    let question = question::read(args.question.as_deref())?;
    runtime::run(async {
        let mut interrupt = Interrupt::listen()?;
        let mut report = Report::new(Clock.now());
        let mut answer = Answer::new(args.json);
        let ended = tokio::select! {
            ended = converse(&server, args, &question, &mut answer, &mut report) => Some(ended),
            () = interrupt.came() => None,
            // It is paid for by the token.
            () = reader::gone() => Some(Err(Fault::NobodyReads)),
        };
        report.ended(Clock.now());
        finish(args, ended, &answer, &report)
    })
}

/// Says what is left to say, and with which code to end.
fn finish(
    args: &Ask,
    ended: Option<Result<(), Fault>>,
    answer: &Answer,
    report: &Report,
) -> Result<ExitCode, Fault> {
    if matches!(ended, Some(Err(Fault::NobodyReads))) {
        return Err(Fault::NobodyReads);
    }
    if args.json {
        let usage = matches!(ended, Some(Err(Fault::Usage(_))));
        if !usage {
            say::json(&report.told(ended.as_ref(), answer))?;
        }
    } else if answer.wants_line_end() {
        say::result("")?;
    }
    let code = match ended {
        None => ExitCode::from(INTERRUPTED),
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(fault)) => fault.tell(),
    };
    if let Some(why) = answer.cut_short() {
        say::note(why);
    }
    if args.stats {
        say::err(report.line(answer));
    }
    Ok(code)
}

async fn converse(
    server: &Server,
    args: &Ask,
    question: &str,
    answer: &mut Answer,
    report: &mut Report,
) -> Result<(), Fault> {
    let model = match &args.model {
        Some(model) => model.clone(),
        None => choose(server, args.json).await?,
    };
    let asking = Asking {
        method: Method::POST,
        path: "/v1/chat/completions",
        body: body(&model, args.system.as_deref(), question),
        headers: args.timeout.map(timeout).into_iter().collect(),
    };
    let time = args
        .timeout
        .map(|seconds| Duration::from_secs(seconds.into()) + GRACE);
    let last = Deadline::after(Clock, time.unwrap_or(Duration::MAX));
    report.sent(Clock.now());
    let reply = server.send(asking, wait(last)).await?;
    report.head(&reply);
    if reply.status() != 200 {
        let page = reply.whole(wait(last), server).await?;
        answer.refused(&page.body);
        return Err(server.refusal(&page, Whose::Callers));
    }
    let kind = reply.header("content-type").unwrap_or_default();
    match kind.starts_with("text/event-stream") {
        true => stream(server, reply, last, answer, report).await,
        false => whole(server, reply, last, answer, report).await,
    }
}

fn wait(last: Deadline) -> Deadline {
    last.earlier(Deadline::after(Clock, SILENCE))
}

/// The first listed model, of a real provider if there is one.
async fn choose(server: &Server, quiet: bool) -> Result<String, Fault> {
    let (_, models) = models::list(server).await?;
    let real = models.iter().find(|model| model.provider != SIMULATED);
    let Some(model) = real.or(models.first()) else {
        return Err(
            Fault::usage("the server lists no model to choose from").help("name one with --model")
        );
    };
    let name = match model.provider.as_str() {
        "" => model.name.clone(),
        provider => format!("{provider}/{}", model.name),
    };
    if !quiet {
        let shown = say::one_line(&name);
        say::note(format!("asking {shown}; choose another with --model"));
    }
    Ok(name)
}

fn body(model: &str, system: Option<&str>, question: &str) -> Vec<u8> {
    let message = |role: &str, content: &str| json!({ "role": role, "content": content });
    let mut messages = Vec::new();
    messages.extend(system.map(|system| message("system", system)));
    messages.push(message("user", question));
    let body = json!({
        "model": model,
        "messages": messages,
        "stream": true,
        "stream_options": { "include_usage": true },
    });
    body.to_string().into_bytes()
}

fn timeout(seconds: u32) -> (HeaderName, HeaderValue) {
    let name = HeaderName::from_static("x-request-timeout-ms");
    (name, HeaderValue::from(u64::from(seconds) * 1000))
}

async fn stream(
    server: &Server,
    mut reply: Reply,
    last: Deadline,
    answer: &mut Answer,
    report: &mut Report,
) -> Result<(), Fault> {
    let shown = Shown::new();
    let mut framer = Framer::new(MOST_EVENT);
    while let Some(bytes) = reply.next(wait(last), server).await {
        framer.push(&bytes?);
        let mut text = String::new();
        let took = events(&mut framer, answer, &mut text);
        framer.drain();
        if !text.is_empty() {
            report.content(Clock.now());
            shown.print(answer, &text)?;
        }
        if took? == Took::End {
            return Ok(());
        }
    }
    Err(answer::unfinished())
}

/// All whole events that are there; their text is worth showing whatever the
/// last of them was.
fn events(framer: &mut Framer, answer: &mut Answer, text: &mut String) -> Result<Took, Fault> {
    while let Some(event) = framer.next() {
        let event = event.map_err(|_| answer::unreadable("an event that is too long"))?;
        if answer.take(&event.data(), text)? == Took::End {
            return Ok(Took::End);
        }
    }
    Ok(Took::More)
}

/// A provider that does not stream answers all at once.
async fn whole(
    server: &Server,
    reply: Reply,
    last: Deadline,
    answer: &mut Answer,
    report: &mut Report,
) -> Result<(), Fault> {
    let page = reply.whole(wait(last), server).await?;
    let json: Value =
        serde_json::from_slice(&page.body).map_err(|_| server.not_a_tidegate("a completion"))?;
    let mut text = String::new();
    answer.take_whole(&json, &mut text)?;
    report.content(Clock.now());
    Shown::new().print(answer, &text)
}

/// How the text of the answer is shown.
struct Shown {
    harmless: bool,
}

impl Shown {
    fn new() -> Self {
        Self {
            harmless: std::io::stdout().is_terminal(),
        }
    }

    fn print(&self, answer: &mut Answer, text: &str) -> Result<(), Fault> {
        if !answer.print(text) {
            return Ok(());
        }
        match self.harmless {
            true => say::bytes(say::harmless(text).as_bytes())?,
            false => say::bytes(text.as_bytes())?,
        }
        Ok(())
    }
}
