//! `tidegate requests`: what is in flight, once or as it changes.
//!
//! The page is the server's; nothing is counted or measured here, but the ages
//! of a table that is drawn again go on by themselves.

mod again;
mod board;
mod screen;
mod watch;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use http::Method;
use serde_json::Value;
use tidegate_kernel::Clock;

use crate::cli::Requests;
use crate::client::{Server, Whose};
use crate::fault::{Fault, end};
use crate::paint::Paint;
use crate::{reader, runtime, say};
use board::Board;
use watch::Shown;

const PAGE: &str = "/debug/requests";

pub(crate) fn run(args: &Requests) -> ExitCode {
    end(match args.watch {
        false => list(args),
        true => watched(args),
    })
}

fn list(args: &Requests) -> Result<ExitCode, Fault> {
    let server = Server::of(&args.reach)?;
    let (page, now) = runtime::talk(async {
        let page = server.page(Method::GET, PAGE).await?;
        Ok((page, Clock.now()))
    })?;
    if page.status != 200 {
        return Err(server.refusal(&page, Whose::Operators));
    }
    let json: Option<Value> = serde_json::from_slice(&page.body).ok();
    let mut board = Board::default();
    if !json.is_some_and(|json| board.snapshot(&json, now)) {
        return Err(server.not_a_tidegate("a list of requests"));
    }
    if args.json {
        say::bytes(page.body.trim_ascii_end())?;
        say::result("")?;
    } else if board.is_empty() {
        say::note("no request is in flight");
    } else {
        let lines = board.lines(now, usize::MAX, Paint::stdout());
        say::result(lines.join("\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn watched(args: &Requests) -> Result<ExitCode, Fault> {
    let server = Server::of(&args.reach)?;
    let draws = !args.json && std::io::stdout().is_terminal() && screen::can_draw();
    let shown = match draws {
        true => Shown::table(),
        false => Shown::Lines,
    };
    runtime::talk(async {
        Err(tokio::select! {
            ended = watch::watch(&server, shown) => ended,
            () = reader::gone() => Fault::NobodyReads,
        })
    })
}
