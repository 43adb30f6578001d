//! The one handler of every call: decode, ask, encode.
//!
//! Promise: the ledger's entry is opened before anything is checked, so that
//! every refusal of a call is counted. What the call means is the gateway's.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode, request};
use http_body::Body;
use kernel::Priority;
use tidegate_gateway::{
    Answer, Call, Endpoint, ErrandKind, FORWARDED, Failure, Manner, Reply, Subject, Ticket,
};
use tidegate_kernel as kernel;
use tidegate_types::{Code, RequestId};

use super::app::App;
use super::body::{Takes, Unread};
use super::entrance::say_last;
use super::errand::{self, Decoded};
use super::reply::Out;
use super::{body, errors, ids};

/// The times that most calls of a quick upstream have: a value each, without
/// an allocation.
const SHORT: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

const QUEUE_MS: HeaderName = HeaderName::from_static("x-tidegate-queue-ms");
const UPSTREAM_MS: HeaderName = HeaderName::from_static("x-tidegate-upstream-ms");
const TOTAL_MS: HeaderName = HeaderName::from_static("x-tidegate-total-ms");
const PRIORITY: HeaderName = HeaderName::from_static("x-tidegate-priority");
const SESSION: HeaderName = HeaderName::from_static("x-tidegate-session");
const FALLBACKS: HeaderName = HeaderName::from_static("x-tidegate-fallbacks");
const PATIENCE: HeaderName = HeaderName::from_static("x-request-timeout-ms");

/// Headers that name one thing or several, as features of an API.
const LISTS: [HeaderName; 2] = [
    HeaderName::from_static("openai-beta"),
    HeaderName::from_static("anthropic-beta"),
];

/// The longest that a caller can ask us to wait.
const MOST_PATIENCE: Duration = Duration::from_secs(3600);

/// Bytes of the name of a session.
const MOST_SESSION: usize = 256;

/// Models that one call can name beside its own.
const MOST_FALLBACKS: usize = 8;

/// What is asked for, as the route table has it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asking {
    Model(Endpoint),
    /// With the path of its route.
    Errand(ErrandKind, &'static str),
}

impl Asking {
    /// The endpoint's name: its path behind `/v1`.
    fn name(self) -> &'static str {
        match self {
            Self::Model(endpoint) => endpoint.path(),
            Self::Errand(_, path) => path.strip_prefix("/v1").unwrap_or(path),
        }
    }

    /// How its caller is told of failures.
    fn manner(self) -> Manner {
        match self {
            Self::Model(endpoint) => endpoint.manner(),
            Self::Errand(..) => Manner::OpenAi,
        }
    }

    /// Set once an upload has come to its end; nothing for what is read whole.
    fn whole(self) -> Option<Arc<AtomicBool>> {
        match self {
            Self::Errand(ErrandKind::Upload, _) => Some(Arc::default()),
            _ => None,
        }
    }
}

pub(crate) async fn ask<B>(
    app: &App,
    id: RequestId,
    asking: Asking,
    parts: &request::Parts,
    body: B,
    peer: Option<IpAddr>,
) -> Response<Out>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Error + 'static,
{
    let ticket = app.gateway.admit_as(id, asking.name());
    let whole = asking.whole();
    // Without a body there is nothing to read.
    let read = AtomicBool::new(body.is_end_stream());
    let asked = Asked {
        asking,
        parts,
        peer,
        whole: whole.as_ref(),
        read: &read,
    };
    let started = ticket.request().map(|request| request.started);
    let (mut response, spent, stream) = match answer(app, ticket, asked, body).await {
        Ok(answer) => (
            encode(answer.status, answer.headers, answer.stream, answer.reply),
            answer.spent,
            answer.stream,
        ),
        Err(failure) => {
            let response = errors::tell(&failure, asking.manner(), Some(id));
            (response, failure.spent, false)
        }
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-store"),
    );
    headers.insert(QUEUE_MS, millis(spent.queued));
    headers.insert(UPSTREAM_MS, millis(spent.upstream));
    let cut = whole.is_some_and(|whole| !whole.load(Ordering::Relaxed));
    if cut || !read.load(Ordering::Relaxed) {
        say_last(headers);
    }
    if let (Some(started), false) = (started, stream) {
        headers.insert(TOTAL_MS, millis(app.clock.now().duration_since(started)));
    }
    ids::sign(&mut response, id, asking.manner(), &parts.headers);
    response
}

/// A request without its body.
struct Asked<'a> {
    asking: Asking,
    parts: &'a request::Parts,
    peer: Option<IpAddr>,
    whole: Option<&'a Arc<AtomicBool>>,
    /// Set once its body is read, or goes up.
    read: &'a AtomicBool,
}

async fn answer<B>(
    app: &App,
    mut ticket: Ticket,
    asked: Asked<'_>,
    body: B,
) -> Result<Answer, Failure>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Error + 'static,
{
    match decode(app, &mut ticket, asked, body).await {
        Ok(call) => app.gateway.ask(ticket, call).await,
        Err(Unread::Refused(failure)) => {
            ticket.fail(&failure);
            Err(failure)
        }
        // The ticket's drop says whose end it was; the answer is for who only
        // closed its sending side.
        Err(Unread::Gone) => {
            let text = "The request's body ended early.";
            Err(Failure::new(Code::BadFraming, text))
        }
    }
}

async fn decode<B>(
    app: &App,
    ticket: &mut Ticket,
    asked: Asked<'_>,
    body: B,
) -> Result<Call, Unread>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Error + 'static,
{
    let parts = asked.parts;
    let tenant = app.access.check(&parts.uri, &parts.headers, asked.peer)?;
    let said = Said::of(&parts.headers);
    let patience = patience(said.patience)?;
    let priority = priority(said.priority)?;
    let control = said.cache_control.and_then(|value| value.to_str().ok());
    let session = said.session.map(session).transpose()?;
    let fallbacks = said
        .fallbacks
        .map(fallbacks)
        .transpose()?
        .unwrap_or_default();
    if let Err(failure) = app.gateway.takes(priority) {
        body::discard(body, &app.body_limits, app.clock, ticket).await?;
        asked.read.store(true, Ordering::Relaxed);
        return Err(failure.into());
    }
    app.gateway.charge(ticket, tenant);
    let decoded = match asked.asking {
        Asking::Model(endpoint) => {
            let (headers, limits) = (&parts.headers, &app.body_limits);
            let body = body::read(headers, Takes::Json, body, limits, app.clock, ticket).await?;
            Decoded {
                subject: Subject::Model(endpoint),
                body,
                upload: None,
            }
        }
        Asking::Errand(kind, _) => {
            errand::decode(app, ticket, kind, parts, body, asked.whole).await?
        }
    };
    asked.read.store(true, Ordering::Relaxed);
    Ok(Call {
        subject: decoded.subject,
        body: decoded.body,
        upload: decoded.upload,
        forwarded: said.forwarded,
        patience,
        tenant,
        priority,
        said: tidegate_gateway::Said {
            session,
            fallbacks,
            cache_control: control.map(str::to_owned),
        },
    })
}

/// The headers of a call that mean something here. They are found in one pass:
/// few calls have one of them, and to look for a name that is not there costs
/// as much as to find it. Of several of a name the first one counts, but each of
/// those that are lists.
#[derive(Default)]
struct Said<'a> {
    priority: Option<&'a HeaderValue>,
    patience: Option<&'a HeaderValue>,
    session: Option<&'a HeaderValue>,
    fallbacks: Option<&'a HeaderValue>,
    cache_control: Option<&'a HeaderValue>,
    forwarded: HeaderMap,
}

impl<'a> Said<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let mut said = Self::default();
        for (name, value) in headers {
            if *name == PRIORITY {
                said.priority.get_or_insert(value);
            } else if *name == PATIENCE {
                said.patience.get_or_insert(value);
            } else if *name == SESSION {
                said.session.get_or_insert(value);
            } else if *name == FALLBACKS {
                said.fallbacks.get_or_insert(value);
            } else if *name == header::CACHE_CONTROL {
                said.cache_control.get_or_insert(value);
            } else if FORWARDED.contains(name)
                && (LISTS.contains(name) || !said.forwarded.contains_key(name))
            {
                said.forwarded.append(name.clone(), value.clone());
            }
        }
        said
    }
}

/// How urgent the caller says that it is; nobody outside is `control`.
fn priority(said: Option<&HeaderValue>) -> Result<Priority, Failure> {
    match said.map(HeaderValue::as_bytes) {
        None | Some(b"interactive") => Ok(Priority::Interactive),
        Some(b"batch") => Ok(Priority::Batch),
        Some(_) => {
            let text = "`x-tidegate-priority` must be `interactive` or `batch`.";
            Err(Failure::new(Code::InvalidHeader, text))
        }
    }
}

/// Whose conversation it is: any text that can be read.
fn session(said: &HeaderValue) -> Result<String, Failure> {
    let text = said.to_str().map(str::trim).unwrap_or_default();
    match (1..=MOST_SESSION).contains(&text.len()) {
        true => Ok(text.to_owned()),
        false => {
            let text = "`x-tidegate-session` must have 1 to 256 ASCII characters.";
            Err(Failure::new(Code::InvalidHeader, text))
        }
    }
}

/// The models that are asked when the one of the body cannot answer.
fn fallbacks(said: &HeaderValue) -> Result<Vec<String>, Failure> {
    let names = said.to_str().unwrap_or_default().split(',').map(str::trim);
    let names: Vec<_> = names.map(str::to_owned).collect();
    let fits = |name: &String| (1..=256).contains(&name.len());
    match names.len() <= MOST_FALLBACKS && names.iter().all(fits) {
        true => Ok(names),
        false => {
            let text = "`x-tidegate-fallbacks` must have 1 to 8 names of models, with commas between them.";
            Err(Failure::new(Code::InvalidHeader, text))
        }
    }
}

fn patience(said: Option<&HeaderValue>) -> Result<Option<Duration>, Failure> {
    let Some(value) = said else {
        return Ok(None);
    };
    let millis = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse::<u64>().ok());
    match millis {
        Some(millis @ 1..) => Ok(Some(Duration::from_millis(millis).min(MOST_PATIENCE))),
        _ => {
            let text = "`x-request-timeout-ms` must be a whole number of milliseconds above 0.";
            Err(Failure::new(Code::InvalidHeader, text))
        }
    }
}

fn encode(status: StatusCode, headers: HeaderMap, stream: bool, reply: Reply) -> Response<Out> {
    let mut response = Response::new(Out::Reply(Box::new(reply)));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    let kind = match stream {
        true => "text/event-stream; charset=utf-8",
        false => "application/json",
    };
    let headers = response.headers_mut();
    if headers.contains_key(header::CONTENT_TYPE) {
        // It was carried, and has the type that it has. A page among a
        // provider's files is no page of ours: a browser runs nothing of it.
        let nosniff = HeaderValue::from_static("nosniff");
        let sandbox = HeaderValue::from_static("sandbox");
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
        headers.insert(header::CONTENT_SECURITY_POLICY, sandbox);
    } else {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    response
}

fn millis(time: Duration) -> HeaderValue {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let short = usize::try_from(millis).ok().and_then(|n| SHORT.get(n));
    short.map_or_else(
        || HeaderValue::from(millis),
        |text| HeaderValue::from_static(text),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An SDK may name its features one by one, each in a header of its own; of what
    /// is one thing the first counts, and nothing else goes on.
    #[test]
    fn each_header_of_a_list_counts_and_the_first_of_any_other() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("anthropic-beta", "a"),
            ("anthropic-beta", "b"),
            ("openai-beta", "c"),
            ("openai-beta", "d"),
            ("anthropic-version", "e"),
            ("anthropic-version", "f"),
            ("x-tidegate-priority", "batch"),
            ("x-tidegate-priority", "interactive"),
            ("x-other", "g"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        let said = Said::of(&headers);
        let told = |name| said.forwarded.get_all(name).iter().collect::<Vec<_>>();
        assert_eq!(told("anthropic-beta"), ["a", "b"]);
        assert_eq!(told("openai-beta"), ["c", "d"]);
        assert_eq!(told("anthropic-version"), ["e"]);
        assert_eq!(said.forwarded.len(), 5);
        assert_eq!(said.priority.unwrap(), "batch");
    }
}
