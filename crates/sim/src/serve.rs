//! The simulated model as an upstream of its own, over HTTP/1.1.
//!
//! Promises: (1) one named task per connection, all gone when [`serve`] returns; (2) what the
//! scripts break is broken on the wire: no end of the body, no answer; (3) a body over
//! [`MAX_BODY`] is refused. It has no keys, no TLS and no timers: it stands on a test bench.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tidegate_kernel::Scope;
use tidegate_types::Code;
use tokio::net::{TcpListener, TcpStream};

use crate::answer::Sim;
use crate::last::Last;
use crate::refusal::Refusal;
use crate::script::{Broken, Script};
use crate::tally::Connection;

/// The largest request body: 64 MiB.
const MAX_BODY: usize = 64 << 20;
/// How long to wait after a connection could not be taken, such as when descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves the API with and without `/v1`, `/stats`, `/stats/last`, `/stats/last/body` and
/// `/livez`, until the scope is cancelled; then every connection is closed at once.
pub async fn serve(listener: TcpListener, sim: Sim, scope: Scope) {
    let connections = scope.child("sim-connections");
    loop {
        let accepted = tokio::select! {
            biased;
            _ = scope.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let open = sim.tally().connect();
                let work = connection(stream, sim.clone(), open);
                // Refused when there are too many: dropping the work closes the connection.
                drop(connections.spawn("sim-connection", work));
            }
            Err(_) => {
                tokio::select! {
                    _ = scope.cancelled() => break,
                    () = sim.clock().sleep(ACCEPT_PAUSE) => {}
                }
            }
        }
    }
    drop(listener);
    connections.close().await;
}

async fn connection(stream: TcpStream, sim: Sim, open: Connection) {
    // A stream whose events wait for each other is no simulation; without the option it works.
    let _slower_without = stream.set_nodelay(true);
    let service = service_fn(|request| respond(&sim, request));
    // One copy into one buffer is cheaper than many slices for events this small.
    let served = http1::Builder::new()
        .header_read_timeout(None)
        .writev(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    // An error is a caller who left or a script that broke off; both are counted.
    drop(served);
    drop(open);
}

async fn respond(sim: &Sim, request: Request<Incoming>) -> Result<Response<Script>, Broken> {
    match request.uri().path() {
        "/livez" => return Ok(plain("text/plain", Bytes::from_static(b"ok\n"))),
        "/stats" => {
            let stats = serde_json::to_vec(&sim.stats()).unwrap_or_default();
            return Ok(plain("application/json", stats.into()));
        }
        "/stats/last" => {
            return Ok(match sim.last() {
                Some(last) => plain("application/json", last.json()),
                None => refuse(&Refusal::path("/stats/last")),
            });
        }
        "/stats/last/body" => {
            return Ok(match sim.last() {
                Some(last) => plain("application/octet-stream", last.body()),
                None => refuse(&Refusal::path("/stats/last/body")),
            });
        }
        _ => {}
    }
    let (parts, body) = request.into_parts();
    // A length that is announced is refused before it is read.
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Ok(too_large());
    }
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(why) if why.is::<LengthLimitError>() => return Ok(too_large()),
        Err(_) => return Err(Broken),
    };
    let method = parts.method.clone();
    let uri = parts.uri.clone();
    sim.remember(Last::new(parts, &body));
    let path = uri.path();
    sim.answer(&method, path.strip_prefix("/v1").unwrap_or(path), body)
        .await
}

fn plain(kind: &'static str, body: Bytes) -> Response<Script> {
    let mut answer = Response::new(Script::whole(body));
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

fn too_large() -> Response<Script> {
    let message = format!("The body is over {MAX_BODY} bytes.");
    refuse(&Refusal::coded(Code::RequestTooLarge, message))
}

fn refuse(refusal: &Refusal) -> Response<Script> {
    let mut answer = plain("application/json", refusal.body());
    *answer.status_mut() = refusal.status;
    answer
}
