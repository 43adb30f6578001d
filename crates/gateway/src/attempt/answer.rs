//! What an attempt makes of a good answer: understood, counted, and in the form
//! in which its caller reads it.
//!
//! An answer that came whole where a stream was asked for becomes one (failures
//! row 17).

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};
use kernel::{Alarm, Instant};
use tidegate_kernel as kernel;
use tidegate_types::{Code, Usage};
use tidegate_wire::chat::Malformed;
use tidegate_wire::openai::{self, Answer as Look, ErrorBody, look_answer, to_stream};
use tidegate_wire::{anthropic, responses};

use super::{Attempt, Good, GoodBody, Head};
use crate::endpoint::{Endpoint, Manner};
use crate::failure::Failure;
use crate::request::Ticket;
use crate::stage::Stage;
use crate::stream::{Flow, Odd, Reads};
use crate::translate::{Translated, Translation};
use crate::upstream::{Source, classify, headers};

/// The fields of a request that were not told to its provider.
const DROPPED: HeaderName = HeaderName::from_static("x-tidegate-dropped");

impl Attempt<'_> {
    /// The reading of a stream that is in its caller's dialect.
    pub(super) fn same(&self) -> Reads {
        Reads::Same {
            manner: self.asked.manner,
            withhold_usage: !self.asked.wants_usage,
        }
    }

    pub(super) async fn json(
        &self,
        ticket: &mut Ticket,
        mut alarm: Alarm,
        mut head: Head,
        endpoint: Endpoint,
    ) -> Result<Good, Failure> {
        ticket.enter(Stage::Streaming);
        let (most, idle) = (self.asked.bounds.response, self.asked.timeouts.idle);
        let body = self
            .whole(ticket, &mut alarm, &mut head.source, most, idle)
            .await?;
        // With its usage, which the flow counts and withholds as any other.
        let events = match self.asked.stream {
            true => Some(self.as_events(endpoint, &body)),
            false => None,
        };
        let (body, usage) = match self.understood(body) {
            Ok(understood) => understood,
            Err(Malformed::Error(said)) => {
                ticket.uses(None);
                return Err(self.failed(said));
            }
            Err(Malformed::Frame) => {
                return Err(Failure::new(
                    Code::UpstreamProtocol,
                    "The provider's answer is not the JSON object that its API promises.",
                ));
            }
        };
        ticket.uses(usage);
        let body = match events {
            None => {
                ticket.release();
                GoodBody::Whole(body)
            }
            Some(Ok(events)) => {
                GoodBody::Stream(self.as_stream(ticket, alarm, events, head.sent).await?)
            }
            Some(Err(Malformed::Error(said))) => return Err(self.failed(said)),
            Some(Err(Malformed::Frame)) => {
                return Err(Failure::new(
                    Code::UpstreamProtocol,
                    "The provider answered a stream with other JSON.",
                ));
            }
        };
        Ok(self.good(head.status, &head.headers, body))
    }

    /// What the upstream, or who reads it, says of its answer.
    fn failed(&self, said: ErrorBody) -> Failure {
        let failure = classify::by_error(said, &self.asked.provider.secrets);
        match self.asked.translation {
            Some(_) => classify::without_words(failure),
            None => failure,
        }
    }

    /// A whole answer as its caller understands it, and what it cost.
    fn understood(&self, body: Bytes) -> Result<(Bytes, Option<Usage>), Malformed> {
        let estimate = |text_bytes| Usage::estimate(self.asked.load.len() as u64, text_bytes);
        if let Some(translation) = &self.asked.translation {
            let Translated { body, usage } = translation.answer(&body)?;
            let usage = usage.unwrap_or_else(|| estimate(body.len() as u64));
            return Ok((body, Some(usage)));
        }
        let looked = match self.asked.manner {
            Manner::OpenAi => look_answer(&body),
            // Nothing was written, and nothing is paid.
            Manner::Anthropic if self.asked.subject.counts() => {
                return anthropic::read_count(&body).map(|_| (body, None));
            }
            Manner::Anthropic => anthropic::look_answer(&body),
            Manner::Responses => responses::look_answer(&body),
        };
        match looked {
            Look::Ok { usage, text_bytes } => {
                let usage = usage.unwrap_or_else(|| estimate(text_bytes));
                Ok((body, Some(usage)))
            }
            Look::Error(said) => Err(Malformed::Error(said)),
            Look::Malformed => Err(Malformed::Frame),
        }
    }

    pub(super) fn good(&self, status: StatusCode, upstream: &HeaderMap, body: GoodBody) -> Good {
        let mut headers = headers::passed(upstream, &self.asked.provider.secrets);
        let translation = self.asked.translation.as_ref();
        if let Some(dropped) = translation.and_then(Translation::dropped) {
            headers.insert(DROPPED, dropped.clone());
        }
        Good {
            status,
            headers,
            body,
        }
    }

    /// A whole completion where a stream was asked for (failures row 17).
    async fn as_stream(
        &self,
        ticket: &mut Ticket,
        alarm: Alarm,
        events: Bytes,
        sent: Instant,
    ) -> Result<Box<Flow>, Failure> {
        let source = Source::Whole(Some(events));
        self.house.oddities.count(Odd::NotStreamed);
        self.flow(ticket, alarm, source, sent, self.same()).await
    }

    /// A whole answer as a stream in the caller's dialect.
    ///
    /// # Errors
    /// If it is none, or has what no stream carries.
    fn as_events(&self, endpoint: Endpoint, body: &[u8]) -> Result<Bytes, Malformed> {
        if let Some(translation) = &self.asked.translation {
            return translation.as_events(body);
        }
        let endpoint = match endpoint {
            Endpoint::Chat => openai::Endpoint::Chat,
            Endpoint::Completions => openai::Endpoint::Completions,
            Endpoint::Messages => {
                let events = anthropic::to_stream(body).ok_or(Malformed::Frame);
                return events.map(Bytes::from);
            }
            Endpoint::Responses => {
                let events = responses::to_stream(body).ok_or(Malformed::Frame);
                return events.map(Bytes::from);
            }
            Endpoint::Embeddings | Endpoint::CountTokens => return Err(Malformed::Frame),
        };
        to_stream(endpoint, body, true).ok_or(Malformed::Frame)
    }
}
