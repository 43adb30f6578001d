//! A call by way of the cache: known, on its way, or asked for now.
//!
//! Promises: 1. whoever comes by here has an entry of the ledger as everybody; the
//! call that is made for several is in a ledger of its own, and its tokens are
//! counted once; 2. who leaves, or has less time than the others, ends alone.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, header};
use http_body::Body;
use kernel::{Alarm, End, Instant, Publisher};
use tidegate_kernel as kernel;
use tidegate_types::Code;
use tidegate_wire::sse;

use crate::attempt::ended_failure;
use crate::cache::{
    AT_ONCE, CACHE, Cache, Flight, Head, Key, Known, Met, Question, Seat, TURN, Told, question,
    turn,
};
use crate::failure::Failure;
use crate::gateway::{Answer, Call, Gateway};
use crate::prepare::beside;
use crate::request::Ticket;
use crate::stream::{Follow, Reply};
use crate::wait::Ended;

/// Whoever was left alone begins anew so often.
const MOST_TURNS: usize = 3;

/// The answer to `call`, known or not.
pub(crate) async fn ask(
    gateway: &Gateway,
    cache: &Arc<Cache>,
    mut ticket: Ticket,
    call: Call,
) -> Result<Answer, Failure> {
    let question = match call.body.len() <= gateway.inline_json() {
        true => question(&call, &call.body, &gateway.json_limits()),
        false => match considered(gateway, &ticket, call.again()).await {
            Ok(question) => question,
            Err(failure) => return Err(failed(ticket, failure)),
        },
    };
    let Some(question) = question else {
        cache.count(Met::Bypass);
        let answer = gateway.direct(ticket, call).await;
        return answer.map(|answer| marked(answer, Met::Bypass));
    };
    if question.reads
        && let Some((known, age)) = cache.look(&question)
    {
        cache.count(Met::Hit);
        ticket.let_body_go();
        if let (false, Err(failure)) = (known.stream, ticket.close()) {
            return Err(failed(ticket, failure));
        }
        return Ok(hit(&known, age, ticket, &call));
    }
    if question.only {
        let text =
            "The answer is not known, and `cache-control: only-if-cached` asks for no other.";
        return Err(failed(ticket, Failure::new(Code::NotCached, text)));
    }
    shared(gateway, cache, &question, ticket, call).await
}

/// The answer that is on its way, or that is asked for now, with all who ask the
/// same.
async fn shared(
    gateway: &Gateway,
    cache: &Arc<Cache>,
    question: &Question,
    mut ticket: Ticket,
    call: Call,
) -> Result<Answer, Failure> {
    let began = ticket.request().map(|request| request.started);
    let due = call.patience.and_then(|patience| Some(began? + patience));
    let manner = call.subject.manner();
    for _ in 0..MOST_TURNS {
        let Some(mut seat) = join(gateway, cache, question, call.again()) else {
            break;
        };
        let met = match seat.leads {
            true => Met::Miss,
            false => Met::Shared,
        };
        ticket.follows(gateway.longest());
        let told = match head(&ticket, &mut seat, due).await {
            Some(told) => told,
            None => continue,
        };
        cache.count(met);
        ticket.let_body_go();
        let head = match told {
            Ok(head) => head,
            Err((failure, refused)) => {
                if !refused {
                    ticket.begins();
                }
                return Err(failed(ticket, failure));
            }
        };
        ticket.begins();
        if head.whole.is_some()
            && let Err(failure) = ticket.close()
        {
            return Err(failed(ticket, failure));
        }
        let spent = head.spent;
        let reply = match head.whole {
            Some(whole) => Reply::whole(whole, ticket),
            None => Reply::follows(Follow::new(seat, ticket, due, gateway.house.clock), manner),
        };
        let answer = Answer {
            status: head.status,
            headers: head.headers,
            stream: head.stream,
            spent,
            reply,
        };
        return Ok(marked(answer, met));
    }
    // Too many are on their way: everybody asks for himself.
    cache.count(Met::Bypass);
    let answer = gateway.direct(ticket, call).await;
    answer.map(|answer| marked(answer, Met::Bypass))
}

/// Large bodies are read beside the runtime's workers.
async fn considered(
    gateway: &Gateway,
    ticket: &Ticket,
    call: Call,
) -> Result<Option<Question>, Failure> {
    let limits = gateway.json_limits();
    let work = move || Ok(question(&call, &call.body, &limits));
    beside(&gateway.house, ticket, false, work).await
}

fn failed(mut ticket: Ticket, failure: Failure) -> Failure {
    ticket.let_body_go();
    ticket.fail(&failure);
    failure
}

fn marked(mut answer: Answer, met: Met) -> Answer {
    let met = HeaderValue::from_static(met.as_str());
    answer.headers.insert(CACHE, met);
    answer
}

/// An answer that is there.
fn hit(known: &Arc<Known>, age: Duration, ticket: Ticket, call: &Call) -> Answer {
    let mut headers = known.headers.clone();
    headers.insert(header::AGE, HeaderValue::from(age.as_secs()));
    let reply = match (known.stream, &known.pieces[..]) {
        (false, [whole]) => Reply::whole(whole.clone(), ticket),
        _ => Reply::replays(Arc::clone(known), ticket, call.subject.manner()),
    };
    let answer = Answer {
        status: known.status,
        headers,
        stream: known.stream,
        spent: AT_ONCE,
        reply,
    };
    marked(answer, Met::Hit)
}

/// A seat in the flight of this question; the first one's call begins it.
fn join(gateway: &Gateway, cache: &Arc<Cache>, question: &Question, call: Call) -> Option<Seat> {
    let (key, keeps) = (question.key, question.keeps);
    let theirs = (gateway.clone(), Arc::clone(cache));
    cache.flights.join(key, move |flight, publisher| {
        let (gateway, cache) = theirs;
        let call = Call {
            // Others may have more time than the one that begins.
            patience: None,
            ..call
        };
        let ticket = gateway.inner(call.body.len() as u64);
        Box::pin(async move {
            let flying = Flying {
                cache: &cache,
                key,
                keeps,
                flight: &flight,
            };
            flying.run(&gateway, ticket, call, publisher).await;
        })
    })
}

/// The head of an answer on its way, within this caller's own time; none if it was
/// left alone.
async fn head(ticket: &Ticket, seat: &mut Seat, due: Option<Instant>) -> Option<Told> {
    let mut alarm = Alarm::new();
    poll_fn(|cx| {
        if let Poll::Ready(failure) = ticket.poll_halted(cx) {
            return Poll::Ready(Some(Err((failure, false))));
        }
        if let Poll::Ready(head) = seat.poll_head(cx) {
            return Poll::Ready(head);
        }
        if let Some(due) = due {
            alarm.set(due);
            if alarm.poll_due(cx).is_ready() {
                let late = ended_failure(Ended::Due, true);
                return Poll::Ready(Some(Err((late, false))));
            }
        }
        Poll::Pending
    })
    .await
}

/// The one call that is made for several.
struct Flying<'a> {
    cache: &'a Arc<Cache>,
    key: Key,
    keeps: bool,
    flight: &'a Arc<Flight>,
}

impl Flying<'_> {
    async fn run(
        &self,
        gateway: &Gateway,
        ticket: Result<Ticket, Failure>,
        call: Call,
        publisher: Publisher<Bytes>,
    ) {
        let ticket = match ticket {
            Ok(ticket) => ticket,
            Err(failure) => return self.fails(failure, true, publisher),
        };
        let request = ticket.shared();
        let answer = match gateway.direct(ticket, call).await {
            Ok(answer) => answer,
            Err(failure) => {
                let refused = request.is_some_and(|request| request.was_refused());
                return self.fails(failure, refused, publisher);
            }
        };
        let head = Head {
            status: answer.status,
            headers: answer.headers,
            stream: answer.stream,
            spent: answer.spent,
            whole: None,
        };
        let broke = || request.as_ref().and_then(|request| request.broke());
        if head.stream {
            self.flight.tell(Ok(head.clone()));
            let (publisher, pieces) = self.publish(answer.reply, publisher).await;
            let broke = broke();
            if let (None, Some(pieces)) = (broke, pieces) {
                self.cache.keep(self.key, &head, pieces);
            }
            self.cache.flights.land(&self.key, self.flight);
            publisher.end(match broke {
                None => End::Finished,
                Some(code) => End::Failed(code.as_str().into()),
            });
            return;
        }
        let whole = gathered(answer.reply).await;
        let head = Head {
            whole: Some(whole.clone()),
            ..head
        };
        if self.keeps && broke().is_none() {
            self.cache.keep(self.key, &head, vec![whole]);
        }
        self.cache.flights.land(&self.key, self.flight);
        self.flight.tell(Ok(head));
        publisher.end(End::Finished);
    }

    /// Tells all who wait; whoever asks from here on begins anew.
    fn fails(&self, failure: Failure, refused: bool, publisher: Publisher<Bytes>) {
        self.cache.flights.land(&self.key, self.flight);
        let code = failure.code;
        self.flight.tell(Err((failure, refused)));
        publisher.end(End::Failed(code.as_str().into()));
    }

    /// Hands on what comes; what of it may be kept, if all of it may.
    async fn publish(
        &self,
        mut reply: Reply,
        mut publisher: Publisher<Bytes>,
    ) -> (Publisher<Bytes>, Option<Vec<Bytes>>) {
        let mut pieces = self.keeps.then(Vec::new);
        let (mut size, mut since) = (0, 0);
        while let Some(piece) = piece(&mut reply).await {
            // Each of those who read is told by itself that somebody is there.
            if piece == sse::PING {
                continue;
            }
            let bytes = piece.len();
            size += bytes;
            if size > self.cache.settings.max_entry {
                pieces = None;
            }
            pieces.iter_mut().for_each(|kept| kept.push(piece.clone()));
            if publisher.publish(piece, bytes as u64).is_err() {
                pieces = None;
                break;
            }
            since += bytes;
            if since >= TURN {
                since = 0;
                turn().await;
            }
        }
        (publisher, pieces)
    }
}

/// The next bytes of an answer.
async fn piece(reply: &mut Reply) -> Option<Bytes> {
    let frame = poll_fn(|cx| Pin::new(&mut *reply).poll_frame(cx)).await?;
    frame.ok()?.into_data().ok()
}

async fn gathered(mut reply: Reply) -> Bytes {
    let Some(first) = piece(&mut reply).await else {
        return Bytes::new();
    };
    let mut all = BytesMut::from(&first[..]);
    while let Some(more) = piece(&mut reply).await {
        all.extend_from_slice(&more);
    }
    match all.len() == first.len() {
        true => first,
        false => all.freeze(),
    }
}
