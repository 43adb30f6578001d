//! What an attempt does for an errand: it waits for an upload to be taken, and
//! passes down what comes.
//!
//! JSON and text are gathered as a model's answer is, so that a cut keeps a
//! status of its own; any other answer flows.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::header::{self, HeaderValue};
use kernel::Alarm;
use tidegate_kernel as kernel;
use tidegate_types::Code;
use tidegate_wire::openai::look_usage;

use super::{Attempt, Good, GoodBody, Head, foreign, redirected};
use crate::errand::ErrandKind;
use crate::failure::Failure;
use crate::request::Ticket;
use crate::stage::Stage;
use crate::stream::{Download, DownloadSettings};
use crate::upstream::classify::{self, Carried};
use crate::upstream::{Course, headers};
use crate::wait::{Ended, until_by};

impl Attempt<'_> {
    /// Waits for `work`, which sends an upload and reads the answer's head; the
    /// upstream has to go on taking it.
    pub(super) async fn rises<F: Future>(
        &self,
        ticket: &Ticket,
        alarm: &mut Alarm,
        course: &Arc<Course>,
        work: Pin<&mut F>,
    ) -> Result<F::Output, Failure> {
        let (idle, total) = (self.asked.timeouts.idle, self.asked.total);
        let due = || {
            ticket.enter_once(match course.is_over() {
                true => Stage::Waiting,
                false => Stage::Sending,
            });
            ticket.beat();
            course.due(idle).map_or(total, |due| due.min(total))
        };
        match until_by(self.halt(ticket)?, alarm, due, work).await {
            Ok(output) => Ok(output),
            Err(Ended::Due) if self.house.clock.now() < total => {
                let text = "The provider took nothing of the upload for `timeouts.idle`.";
                Err(Failure::new(Code::UpstreamTimeout, text))
            }
            Err(ended) => Err(self.asked.ended(ended)),
        }
    }

    /// What an upload ended with, if it was not the upstream's fault.
    pub(super) fn unsent(&self, ticket: &Ticket, course: &Course) -> Option<Failure> {
        Some(course.unsent()?.told(ticket))
    }

    /// The answer of an errand.
    pub(super) async fn carried(
        &self,
        ticket: &mut Ticket,
        mut alarm: Alarm,
        mut head: Head,
        kind: ErrandKind,
    ) -> Result<Good, Failure> {
        let carried = match classify::carried(head.status, &head.headers, kind) {
            Carried::Flow | Carried::Events if head.source.is_over() => Carried::Whole,
            other => other,
        };
        let body = match carried {
            Carried::Whole => {
                ticket.enter(Stage::Streaming);
                let (most, idle) = (self.asked.bounds.response, self.asked.timeouts.idle);
                let whole = self.whole(ticket, &mut alarm, &mut head.source, most, idle);
                let whole = whole.await?;
                // Of what is made now: a look at a job tells what that took before.
                if matches!(kind, ErrandKind::Make | ErrandKind::Form) {
                    ticket.uses(look_usage(&whole));
                }
                ticket.release();
                GoodBody::Whole(whole)
            }
            Carried::Flow | Carried::Events => {
                ticket.enter(Stage::Prefill);
                let settings = DownloadSettings {
                    idle: self.asked.timeouts.idle,
                    total: self.asked.total,
                    shortened: self.asked.shortened,
                    events: carried == Carried::Events,
                };
                let clock = self.house.clock;
                let burden = Arc::clone(&self.target.burden);
                let download = Download::new(settings, head.source, alarm, burden, clock);
                GoodBody::Download(Box::new(download))
            }
            Carried::Error => return Err(self.error(ticket, alarm, head).await),
            Carried::Redirect => return Err(redirected()),
            Carried::Foreign => return Err(foreign()),
        };
        let mut headers = headers::carried(&head.headers, &self.asked.provider.secrets);
        if let GoodBody::Download(_) = &body {
            let unknown = HeaderValue::from_static("application/octet-stream");
            headers.entry(header::CONTENT_TYPE).or_insert(unknown);
        }
        Ok(Good {
            status: head.status,
            headers,
            body,
        })
    }
}
