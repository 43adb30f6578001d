//! The requests as they change: the server's events, drawn or printed.
//!
//! Promises: 1. a snapshot replaces all that was known, so that a gap heals;
//! 2. a server that says nothing, not even a comment, is told as such.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tidegate_kernel::{Clock, Deadline, Instant};
use tidegate_wire::sse::Framer;

use super::board::Board;
use super::screen::{self, Screen};
use crate::client::{Asking, Reply, Server, Whose};
use crate::fault::Fault;
use crate::paint::Paint;
use crate::say;

const WATCH: &str = "/debug/requests?watch=1";
/// How long the head may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// A comment comes every 15 s.
const SILENCE: Duration = Duration::from_secs(45);
/// How often ages go on.
const TICK: Duration = Duration::from_secs(1);
/// One event is not longer than this, in bytes.
const MOST_EVENT: usize = 64 << 20;

struct Watch<'a> {
    server: &'a Server,
    reply: Reply,
    framer: Framer,
    /// By when something must have come.
    due: Instant,
}

impl<'a> Watch<'a> {
    async fn open(server: &'a Server) -> Result<Self, Fault> {
        let deadline = Deadline::after(Clock, PATIENCE);
        let asking = Asking::page(Method::GET, WATCH);
        let reply = server.send(asking, deadline).await?;
        if reply.status() != 200 {
            let page = reply.whole(deadline, server).await?;
            return Err(server.refusal(&page, Whose::Operators));
        }
        let kind = reply.header("content-type").unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            return Err(server.not_a_tidegate("a watch").help(
                "an older one has none: `tidegate requests` without --watch shows one moment",
            ));
        }
        Ok(Self {
            server,
            reply,
            framer: Framer::new(MOST_EVENT),
            due: Clock.after(SILENCE),
        })
    }

    /// Waits for what comes and calls `each` with the events in it; `false`
    /// when nothing came by `tick`.
    async fn next(
        &mut self,
        tick: Instant,
        mut each: impl FnMut(&str, Value) -> Result<(), Fault>,
    ) -> Result<bool, Fault> {
        let next = self.reply.next(Deadline::at(self.due), self.server);
        let Ok(came) = Deadline::at(tick).bound(next).await else {
            return Ok(false);
        };
        let Some(bytes) = came else {
            return Err(Fault::running("the server ended the watch")
                .help("it is stopping, as a rule; watch again when it is back"));
        };
        self.framer.push(&bytes?);
        self.due = Clock.after(SILENCE);
        while let Some(event) = self.framer.next() {
            let event = event.map_err(|_| self.server.not_a_tidegate("a watch"))?;
            let data = event.data();
            if data.is_empty() {
                continue;
            }
            let json =
                serde_json::from_slice(&data).map_err(|_| self.server.not_a_tidegate("a watch"))?;
            each(&String::from_utf8_lossy(event.name()), json)?;
        }
        self.framer.drain();
        Ok(true)
    }
}

/// One JSON object a line.
pub(super) async fn print(server: &Server) -> Result<(), Fault> {
    let mut watch = Watch::open(server).await?;
    loop {
        let line = |event: &str, data: Value| {
            say::result(json!({ "event": event, "data": data }))?;
            Ok(())
        };
        watch.next(Clock.after(SILENCE * 2), line).await?;
    }
}

/// A table that is drawn anew.
pub(super) async fn draw(server: &Server) -> Result<(), Fault> {
    let mut watch = Watch::open(server).await?;
    let (mut board, mut screen) = (Board::default(), Screen::default());
    let paint = Paint::stdout();
    loop {
        let now = Clock.now();
        let (columns, lines) = screen::size();
        // In the last column the cursor waits on the character, which would be
        // erased with the rest of the line.
        let mut table = board.lines(now, columns - 1, paint);
        // The summary, and the line that the cursor stands on.
        table.truncate(lines.saturating_sub(2).max(1));
        table.push(paint.faint(&board.summary()));
        screen.draw(&table)?;
        let tick = Clock.after(TICK);
        watch
            .next(tick, |event, data| {
                let now = Clock.now();
                match event {
                    "snapshot" => {
                        board.snapshot(&data, now);
                    }
                    "request" => board.request(&data, now),
                    "ended" => board.ended(&data),
                    _ => {}
                }
                Ok(())
            })
            .await?;
    }
}
