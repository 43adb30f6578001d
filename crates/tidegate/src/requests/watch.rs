//! The requests as they change: the server's events, drawn or printed.
//!
//! Promises: 1. a snapshot replaces all that was known, so that a gap heals;
//! 2. a server that says nothing, not even a comment, is told as such; 3. a
//! watch that is lost is tried again (see `again`), and both is said.

use std::time::Duration;

use http::Method;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tidegate_kernel::{Clock, Deadline, Dice, Instant};
use tidegate_wire::sse::Framer;

use super::again::{self, Again};
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

/// Why there is no watch.
enum End {
    /// The server, or the way to it, is gone, perhaps for a moment.
    Lost(Fault),
    /// Another try ends in the same way.
    Final(Fault),
}

struct Watch<'a> {
    server: &'a Server,
    reply: Reply,
    framer: Framer,
    /// By when something must have come.
    due: Instant,
}

impl<'a> Watch<'a> {
    async fn open(server: &'a Server) -> Result<Self, End> {
        let deadline = Deadline::after(Clock, PATIENCE);
        let asking = Asking::page(Method::GET, WATCH);
        let reply = server.send(asking, deadline).await.map_err(End::Lost)?;
        if reply.status() != 200 {
            let page = reply.whole(deadline, server).await.map_err(End::Lost)?;
            let fault = server.refusal(&page, Whose::Operators);
            return Err(match page.status {
                // It starts or drains, or a proxy does not find it.
                500.. => End::Lost(fault),
                _ => End::Final(fault),
            });
        }
        let kind = reply.header("content-type").unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            return Err(End::Final(server.not_a_tidegate("a watch").help(
                "an older one has none: `tidegate requests` without --watch shows one moment",
            )));
        }
        Ok(Self {
            server,
            reply,
            framer: Framer::new(MOST_EVENT),
            due: Clock.after(SILENCE),
        })
    }

    /// Waits for what comes until `tick`, and shows the events in it.
    async fn next(&mut self, tick: Instant, shown: &mut Shown) -> Result<(), End> {
        let next = self.reply.next(Deadline::at(self.due), self.server);
        let Ok(came) = Deadline::at(tick).bound(next).await else {
            return Ok(());
        };
        let Some(bytes) = came else {
            let fault = Fault::running("the server ended the watch");
            return Err(End::Lost(
                fault.help("it is stopping, as a rule; watch again when it is back"),
            ));
        };
        self.framer.push(&bytes.map_err(End::Lost)?);
        self.due = Clock.after(SILENCE);
        let odd = || End::Final(self.server.not_a_tidegate("a watch"));
        while let Some(event) = self.framer.next() {
            let event = event.map_err(|_| odd())?;
            let data = event.data();
            if data.is_empty() {
                continue;
            }
            let data: &RawValue = serde_json::from_slice(&data).map_err(|_| odd())?;
            let name = String::from_utf8_lossy(event.name());
            shown.event(&name, data).map_err(End::Final)?;
        }
        self.framer.drain();
        Ok(())
    }
}

/// How the requests are shown.
pub(super) enum Shown {
    /// One JSON object a line for each event.
    Lines,
    /// A table that is drawn anew.
    Table {
        board: Board,
        screen: Screen,
        paint: Paint,
    },
}

impl Shown {
    pub(super) fn table() -> Self {
        Self::Table {
            board: Board::default(),
            screen: Screen::default(),
            paint: Paint::stdout(),
        }
    }

    fn event(&mut self, name: &str, data: &RawValue) -> Result<(), Fault> {
        match self {
            // As the server wrote it, in its order.
            Self::Lines if !data.get().contains('\n') => {
                let name = Value::from(name);
                say::result(format_args!(r#"{{"event":{name},"data":{data}}}"#))?;
            }
            Self::Lines => {
                let data: Option<Value> = serde_json::from_str(data.get()).ok();
                say::result(json!({ "event": name, "data": data }))?;
            }
            Self::Table { board, .. } => {
                let now = Clock.now();
                let data = serde_json::from_str(data.get()).unwrap_or_default();
                match name {
                    "snapshot" => {
                        board.snapshot(&data, now);
                    }
                    "request" => board.request(&data, now),
                    "ended" => board.ended(&data),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Draws what there is to draw; until when that is right.
    fn draw(&mut self) -> Result<Instant, Fault> {
        let Self::Table {
            board,
            screen,
            paint,
        } = self
        else {
            return Ok(Clock.after(SILENCE * 2));
        };
        let (columns, lines) = screen::size();
        // In the last column the cursor waits on the character, which would be
        // erased with the rest of the line.
        let columns = columns.saturating_sub(1);
        let mut table = board.lines(Clock.now(), columns, *paint);
        // The summary, and the line that the cursor stands on.
        table.truncate(lines.saturating_sub(2).max(1));
        let summary: String = board.summary().chars().take(columns).collect();
        table.push(paint.faint(&summary));
        screen.draw(&table)?;
        Ok(Clock.after(TICK))
    }

    /// Says something between two drawings: the next stands below it.
    fn note(&mut self, text: &str) {
        say::note(text);
        if let Self::Table { screen, .. } = self {
            *screen = Screen::default();
        }
    }
}

/// Shows what happens until that is over for good; says why.
pub(super) async fn watch(server: &Server, mut shown: Shown) -> Fault {
    // Watchers who lost the same server do not all come at once.
    let seed = Clock.unix_millis() ^ u64::from(std::process::id());
    let mut again = Again::new(Dice::seeded(seed));
    let most = again::MOST.as_secs();
    let mut is_told = false;
    loop {
        let end = match Watch::open(server).await {
            Ok(watch) => {
                if is_told {
                    shown.note(&format!("watching {} again", server.address()));
                }
                again.opened(Clock.now());
                is_told = false;
                follow(watch, &mut shown).await
            }
            Err(end) => end,
        };
        let fault = match end {
            End::Lost(fault @ Fault::Running(_)) => fault,
            End::Lost(fault) | End::Final(fault) => return fault,
        };
        let Some(pause) = again.pause(Clock.now()) else {
            return match again.is_lost() {
                true => fault.help(format!("it was away for {most} s; watch when it is back")),
                false => fault,
            };
        };
        if !is_told {
            is_told = true;
            let what = fault.what().unwrap_or_default();
            shown.note(&format!("{what}; trying again for {most} s"));
        }
        Clock.sleep(pause).await;
    }
}

async fn follow(mut watch: Watch<'_>, shown: &mut Shown) -> End {
    loop {
        let tick = match shown.draw() {
            Ok(tick) => tick,
            Err(fault) => return End::Final(fault),
        };
        if let Err(end) = watch.next(tick, shown).await {
            return end;
        }
    }
}
