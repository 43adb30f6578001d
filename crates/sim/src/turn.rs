//! One plan carried out for one request: the text endpoints and the embeddings.
//!
//! Promises: (1) what the request bounds (`n`, `stop`, `max_tokens`) is bounded, whatever the plan;
//! (2) a unary answer comes when the last chunk of the same stream would have come; (3) delays are
//! drawn from the request's `seed`, else from the number of the call, so that the same calls in the
//! same order take the same time.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, HeaderValue};
use http::{Response, StatusCode};
use tidegate_kernel::Instant;

use crate::answer::{json, refused, respond};
use crate::ask::Ask;
use crate::delay::{Delay, Gaps};
use crate::draw::{Draw, hash};
use crate::name::{Flaw, MAX_ANSWER_BYTES};
use crate::plan::{Plan, Says};
use crate::refusal::Refusal;
use crate::said::{ARGUMENT_BYTES, Content, Dialect, Finish, Said, ToolCall, Usage};
use crate::script::Script;
use crate::speech::{Cut, Speech};
use crate::stream::Stream;
use crate::tally::Call;
use crate::tools;
use crate::unary::{self, Document};
use crate::vector;
use crate::voice::Voice;

/// What a document says that is to be cut inside a character.
const TORN: &str = "the tide brings wåter";
/// The most choices of one answer, as OpenAI has it.
const MAX_CHOICES: u32 = 128;
/// How much of a text stands in an object that only has to be one.
const OPENING: usize = 80;

/// An answer, and when its head comes if that is not at once.
pub(crate) struct Turn {
    pub(crate) due: Option<Instant>,
    pub(crate) answer: Response<Script>,
}

impl Turn {
    fn now(answer: Response<Script>) -> Self {
        Self { due: None, answer }
    }
}

/// The times of one answer.
struct Times {
    ttft: Duration,
    gaps: Gaps,
}

impl Times {
    fn draw(plan: &Plan, ask: &Ask<'_>, call: &Call) -> Self {
        let mut draw = match (plan.ttft, plan.gap) {
            // Nothing will be drawn.
            (Delay::Fixed(_), Delay::Fixed(_)) => Draw::new(0),
            _ => chance(ask, call),
        };
        let ttft = plan.ttft.draw(&mut draw);
        let gaps = Gaps::new(plan.gap, draw);
        Self { ttft, gaps }
    }

    /// From the call to the end of an answer of so many pieces.
    fn whole(&self, pieces: impl FnOnce() -> u32) -> Duration {
        let mut gaps = self.gaps;
        if gaps.are_none() {
            return self.ttft;
        }
        self.ttft + gaps.skip(pieces())
    }
}

/// Where the delays of one call are drawn from.
fn chance(ask: &Ask<'_>, call: &Call) -> Draw {
    let seed = ask.seed.map_or(call.number(), i64::cast_unsigned);
    Draw::new(hash(ask.model.bytes().chain(seed.to_le_bytes())))
}

/// One delay of a call.
pub(crate) fn drawn(delay: Delay, ask: &Ask<'_>, call: &Call) -> Duration {
    delay.draw(&mut chance(ask, call))
}

/// A chat or a completion.
pub(crate) fn text(call: Call, dialect: Dialect, ask: &Ask<'_>, plan: &Plan) -> Turn {
    let said = match say(dialect, ask, plan) {
        Ok(said) => said,
        Err(refusal) => return Turn::now(refused(call, &refusal)),
    };
    let (number, start) = (call.number(), call.start());
    let usage = usage(dialect, ask, plan, &said);
    let times = Times::draw(plan, ask, &call);
    let name = escaped(&ask.model);
    if ask.streams() {
        let counted = ask.wants_usage();
        let field = said.content.field(dialect);
        let stream = Stream {
            voice: Voice::new(dialect, field, number, &name, counted),
            said,
            first: start + times.ttft,
            waits: !times.ttft.is_zero(),
            gaps: times.gaps,
            usage: counted.then_some(usage),
        };
        let script = match plan.flaw {
            Some(flaw) => stream.flawed(call, flaw, plan.after),
            None => stream.sound(call),
        };
        let kind = "text/event-stream; charset=utf-8";
        let mut answer = respond(StatusCode::OK, kind, number, script);
        let no_cache = HeaderValue::from_static("no-cache");
        answer.headers_mut().insert(CACHE_CONTROL, no_cache);
        return Turn::now(answer);
    }
    let whole = times.whole(|| said.content.count());
    let document = Document {
        dialect,
        number,
        name: &name,
        usage,
        said: &said,
    };
    let script = match plan.flaw {
        Some(flaw) => unary::flawed(call, document.whole(), start + whole, flaw),
        None => document.sound(call),
    };
    let due = (!whole.is_zero()).then(|| start + whole);
    let answer = json(StatusCode::OK, number, script);
    Turn { due, answer }
}

/// Vectors.
pub(crate) fn embeddings(call: Call, ask: &Ask<'_>, plan: &Plan) -> Turn {
    let vectors: Bytes = match vector::document(ask, &escaped(&ask.model)) {
        Ok(vectors) => vectors,
        Err(refusal) => return Turn::now(refused(call, &refusal)),
    };
    let (number, start) = (call.number(), call.start());
    let whole = Times::draw(plan, ask, &call).whole(|| match plan.says {
        Says::Tide { chunks, .. } => chunks,
        _ => 0,
    });
    let script = match plan.flaw {
        Some(flaw) => unary::flawed(call, vectors, start + whole, flaw),
        None => unary::sound(call, vectors),
    };
    let due = (!whole.is_zero()).then(|| start + whole);
    let answer = json(StatusCode::OK, number, script);
    Turn { due, answer }
}

fn say(dialect: Dialect, ask: &Ask<'_>, plan: &Plan) -> Result<Said, Refusal> {
    let choices = ask.n.unwrap_or(1);
    if !(1..=MAX_CHOICES).contains(&choices) {
        let message = format!("`n` is from 1 to {MAX_CHOICES}.");
        return Err(Refusal::value("n", message));
    }
    let (content, mut finish) = content(dialect, ask, plan)?;
    if let Content::Text(speech) | Content::Refusal(speech) = &content
        && speech.len() * u64::from(choices) > MAX_ANSWER_BYTES
    {
        let message = format!("All choices together have at most {MAX_ANSWER_BYTES} bytes.");
        return Err(Refusal::value("n", message));
    }
    finish = plan.finish.unwrap_or(finish);
    Ok(Said {
        content,
        finish,
        choices,
    })
}

fn content(dialect: Dialect, ask: &Ask<'_>, plan: &Plan) -> Result<(Content, Finish), Refusal> {
    let cut = plan.cut.unwrap_or(Cut::Words);
    let mut speech = match &plan.says {
        Says::Text(text) => Speech::text(text.as_str(), cut),
        Says::Refusal(text) => {
            let speech = Speech::text(text.as_str(), cut);
            return Ok((Content::Refusal(speech), Finish::Stop));
        }
        Says::Calls(wishes) if dialect == Dialect::Chat => {
            return Ok(called(tools::wished(ask, wishes)?, plan));
        }
        Says::Calls(_) => Speech::text("", cut),
        Says::Fitting | Says::Tide { .. } | Says::Echo | Says::Tools(_) => {
            let wanted = match plan.says {
                Says::Tools(count) => count,
                _ => 0,
            };
            if dialect == Dialect::Chat {
                let calls = tools::calls(ask, wanted)?;
                if !calls.is_empty() {
                    return Ok(called(calls, plan));
                }
            }
            spoken(dialect, ask, plan, cut)?
        }
    };
    let mut finish = Finish::Stop;
    speech.stop_before(&ask.stops());
    if let Some(most) = ask.most_tokens()
        && speech.stop_after(most)
    {
        finish = Finish::Length;
    }
    Ok((Content::Text(speech), finish))
}

fn called(calls: Vec<ToolCall>, plan: &Plan) -> (Content, Finish) {
    let bytes = match (plan.cut, &plan.says) {
        (Some(Cut::Bytes(bytes)), _) => bytes,
        (None, Says::Tide { bytes, .. }) => *bytes,
        _ => ARGUMENT_BYTES,
    };
    (Content::Calls { calls, bytes }, Finish::ToolCalls)
}

/// The words of a plan that leaves them to the request.
fn spoken(dialect: Dialect, ask: &Ask<'_>, plan: &Plan, cut: Cut) -> Result<Speech, Refusal> {
    let plain = match &plan.says {
        Says::Tide { .. } if plan.flaw == Some(Flaw::CutMidEvent) && !ask.streams() => {
            Speech::text(TORN, cut)
        }
        Says::Tide { chunks, bytes } => match plan.cut {
            None => Speech::paced(*chunks, *bytes),
            Some(cut) => Speech::text(Speech::paced(*chunks, *bytes).opening(usize::MAX), cut),
        },
        Says::Tools(_) => match ask.tool_result() {
            Some(result) => Speech::text(result, cut),
            None => Speech::text(ask.last_words(), cut),
        },
        _ => Speech::text(ask.last_words(), cut),
    };
    if dialect == Dialect::Completion {
        return Ok(plain);
    }
    let Some(json) = tools::structured(ask, || plain.opening(OPENING))? else {
        return Ok(plain);
    };
    let cut = match (plan.cut, &plan.says) {
        (Some(cut), _) => cut,
        (None, Says::Tide { bytes, .. }) => Cut::Bytes(*bytes),
        _ => Cut::Bytes(ARGUMENT_BYTES),
    };
    Ok(Speech::text(json, cut))
}

fn usage(dialect: Dialect, ask: &Ask<'_>, plan: &Plan, said: &Said) -> Usage {
    let told = plan.told;
    let exact = said.content.words() * u64::from(said.choices);
    let reasoning = told.reasoning.unwrap_or(0);
    Usage {
        dialect,
        prompt: told.prompt.unwrap_or_else(|| ask.prompt_words()),
        completion: told.completion.unwrap_or(exact.saturating_add(reasoning)),
        cached: told.cached.unwrap_or(0),
        reasoning,
    }
}

/// A model's name as it stands inside of a JSON string.
pub(crate) fn escaped(name: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    if name.bytes().all(plain) {
        return Cow::Borrowed(name);
    }
    // A string always has a JSON form.
    let quoted = serde_json::to_string(name).unwrap_or_default();
    let inside = quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    Cow::Owned(inside.unwrap_or_default().to_owned())
}
