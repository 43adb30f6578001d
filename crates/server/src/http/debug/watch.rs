//! `/debug/requests?watch=1`: what happens to requests, as server-sent events.
//!
//! First `snapshot`, all in flight; then `request` for each that is new or has
//! changed and `ended` for each that has its outcome; a new `snapshot` where
//! events were missed, and a comment after 15 s of silence. An `id` given back as
//! `last-event-id` goes on behind it, if all since then is still known. It ends
//! at once with the drain, for one who does not read too, and within a second when
//! a reload takes a key away: whoever still has one comes back.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use http_body::Frame;
use kernel::Relay;
use serde::Serialize;
use tidegate_gateway::{Failure, Mark, Notice, Told, Watcher};
use tidegate_kernel as kernel;
use tidegate_wire::sse;

use super::super::access::Leave;
use super::super::app::App;
use super::super::reply::Out;
use super::requests::{List, One};
use crate::listen::PollHalt;

/// What is ready together goes out together, up to about this.
const MERGE: usize = 16 << 10;

/// The body of such an answer.
pub(crate) struct Watch {
    watcher: Watcher,
    leave: Leave,
    ended: bool,
}

/// A watch from here on, or behind the event that was seen last.
pub(super) fn watch(app: &App, asked: &HeaderMap) -> Result<Response<Out>, Failure> {
    let last = asked
        .get("last-event-id")
        .and_then(|value| Mark::parse(value.to_str().ok()?));
    let watcher = app.gateway.watch(last)?;
    let body = Watch {
        watcher,
        leave: app.access.leave(),
        ended: false,
    };
    let mut response = Response::new(Out::Watch(Box::new(body)));
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(response)
}

impl Watch {
    pub(crate) fn is_end(&self) -> bool {
        self.ended
    }

    /// How its connection learns that it ended, while its reader stands still.
    pub(crate) fn halt(&self) -> Arc<dyn PollHalt> {
        Arc::new(Ended(self.watcher.relay().clone()))
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut text = Vec::new();
        self.ended |= self.leave.is_over();
        while !self.ended && text.len() < MERGE {
            match self.watcher.poll_told(cx) {
                Poll::Ready(Some(told)) => write(&mut text, &told),
                Poll::Ready(None) => self.ended = true,
                Poll::Pending if text.is_empty() => return Poll::Pending,
                Poll::Pending => {
                    self.watcher.rest();
                    break;
                }
            }
        }
        Poll::Ready((!text.is_empty()).then(|| Ok(Frame::data(text.into()))))
    }
}

/// The drain wakes every connection, and ends the relay before.
struct Ended(Relay<Notice>);

impl PollHalt for Ended {
    fn poll_halt(&self, _: &mut Context<'_>) -> Poll<()> {
        match self.0.ended() {
            Some(_) => Poll::Ready(()),
            None => Poll::Pending,
        }
    }
}

#[derive(Serialize)]
struct Over<'a> {
    id: String,
    /// As in the ledger: `completed`, the code of a failure, or who cancelled.
    outcome: &'a str,
    class: &'a str,
    total_ms: u128,
}

fn write(text: &mut Vec<u8>, told: &Told) {
    match told {
        Told::Alive => text.extend_from_slice(sse::PING),
        Told::State(mark, views) => {
            let requests = views.iter().map(One::from).collect();
            event(text, mark, "snapshot", &List { requests });
        }
        Told::Notice(mark, notice) => match &**notice {
            Notice::Changed(view) => event(text, mark, "request", &One::from(view)),
            Notice::Ended {
                id,
                class,
                outcome,
                total,
            } => {
                let over = Over {
                    id: id.to_string(),
                    outcome,
                    class: class.as_str(),
                    total_ms: total.as_millis(),
                };
                event(text, mark, "ended", &over);
            }
        },
    }
}

/// One event; JSON has no line ends of its own.
fn event(text: &mut Vec<u8>, mark: &Mark, name: &str, data: &impl Serialize) {
    text.extend_from_slice(format!("id: {mark}\nevent: {name}\ndata: ").as_bytes());
    // Neither a Vec nor these members can fail.
    let _ = serde_json::to_writer(&mut *text, data);
    text.extend_from_slice(b"\n\n");
}
