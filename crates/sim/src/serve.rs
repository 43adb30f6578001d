//! The simulated model as an upstream of its own, over HTTP/1.1.
//!
//! Promises: (1) one named task per connection, all gone when [`serve`] returns; (2) what the
//! scripts break is broken on the wire: no end of the body, no answer; (3) a body over
//! [`MAX_BODY`] is refused. It has no keys, no TLS and no timers: it stands on a test bench.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tidegate_kernel::Scope;
use tidegate_types::Code;
use tokio::net::{TcpListener, TcpStream};

use crate::answer::Sim;
use crate::pages::{Page, refuse};
use crate::record;
use crate::refusal::Refusal;
use crate::rules::MAX_SCRIPT;
use crate::script::{Broken, Script};
use crate::tally::Connection;

/// The largest request body: 64 MiB.
const MAX_BODY: usize = 64 << 20;
/// How long to wait after a connection could not be taken, such as when descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves the API with and without `/v1`, and the pages about itself, until the scope is cancelled;
/// then every connection is closed at once.
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
    let reset = AtomicBool::new(false);
    let service = service_fn(|request| respond(&sim, request, &reset));
    // One copy into one buffer is cheaper than many slices for events this small.
    let mut served = http1::Builder::new()
        .header_read_timeout(None)
        .writev(false)
        .serve_connection(TokioIo::new(stream), service);
    // An error is a caller who left or a script that broke off; both are counted.
    let broken = (&mut served).await.is_err();
    if broken && reset.load(Ordering::Relaxed) {
        let stream = served.into_parts().io.into_inner();
        // A socket that does not linger is closed by a reset; without the option by an end.
        let _an_end_without = stream.set_zero_linger();
    }
    drop(open);
}

/// `reset` is told when the answer is to break off with a reset.
async fn respond(
    sim: &Sim,
    request: Request<Incoming>,
    reset: &AtomicBool,
) -> Result<Response<Script>, Broken> {
    let (parts, body) = request.into_parts();
    let page = Page::at(parts.uri.path());
    let most = page.map_or(MAX_BODY, |_| MAX_SCRIPT);
    // A length that is announced is refused before it is read.
    if body.size_hint().lower() > most as u64 {
        return Ok(too_large(most));
    }
    let body = match Limited::new(body, most).collect().await {
        Ok(body) => body.to_bytes(),
        Err(why) if why.is::<LengthLimitError>() => return Ok(too_large(most)),
        Err(_) => return Err(Broken),
    };
    if let Some(page) = page {
        return Ok(page.answer(sim, &parts.method, &parts.uri, &body));
    }
    let path = parts.uri.path();
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let decided = sim.decide(&parts.method, path, &parts.headers, &body);
    sim.remember(record::Request::new(parts, &body), &decided);
    drop(body);
    let answer = sim.carry_out(decided.decision).await?;
    reset.store(answer.body().resets(), Ordering::Relaxed);
    Ok(answer)
}

fn too_large(most: usize) -> Response<Script> {
    let message = format!("The body is over {most} bytes.");
    refuse(&Refusal::coded(Code::RequestTooLarge, message))
}
