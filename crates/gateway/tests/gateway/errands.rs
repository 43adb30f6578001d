//! Calls that are carried and not understood: what is done twice and what is
//! not, and how an upload or a download ends that was cut.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http_body::{Body, Frame};
use kernel::{Halt, Overflow, Why};
use tidegate_gateway::{
    Call, Cut, Errand, ErrandKind, Failure, Pick, Reply, Subject, TargetView, Unsent, Upload,
};
use tidegate_kernel as kernel;
use tidegate_testkit::{Script, Upstream, openai, until};
use tidegate_types::Code;

use crate::house::{House, Plan, frame, pool};

fn errand(kind: ErrandKind, upload: Option<Upload>) -> Call {
    let errand = Errand {
        kind,
        method: Method::POST,
        target: "/things?a=b".to_owned(),
        content_type: None,
        provider: Some("up".to_owned()),
    };
    Call {
        subject: Subject::Errand(Arc::new(errand)),
        upload,
        body: Bytes::from_static(b"{}"),
        ..House::call("any", false)
    }
}

/// An upload of these pieces.
struct Pieces(VecDeque<Result<&'static [u8], Unsent>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Unsent;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Unsent>>> {
        let piece = self.0.pop_front();
        Poll::Ready(piece.map(|one| one.map(|bytes| Frame::data(Bytes::from_static(bytes)))))
    }
}

fn upload(pieces: impl IntoIterator<Item = Result<&'static [u8], Unsent>>) -> Call {
    let pieces = Pieces(pieces.into_iter().collect());
    errand(ErrandKind::Upload, Some(Upload::new(pieces)))
}

async fn read(mut reply: Reply) -> Result<String, Cut> {
    let mut all = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut reply).poll_frame(cx)).await {
        all.extend_from_slice(&frame?.into_data().unwrap_or_default());
    }
    Ok(String::from_utf8_lossy(&all).into_owned())
}

fn error(status: u16) -> Script {
    Script::json(status, &openai::error("some_error", "x", "no"))
}

/// What is told, and how often the upstream was asked, if it fails once.
async fn after(first: Script, call: Call) -> (Result<Reply, Failure>, usize) {
    let upstream = Upstream::start().await;
    upstream.next(first);
    upstream.always(Script::json(200, "{}"));
    let house = House::new(Plan::trying(), Some(&upstream));
    (house.send(call).await, upstream.count())
}

#[tokio::test]
async fn what_may_have_been_done_is_not_done_again() {
    for (kind, status, asked) in [
        (ErrandKind::Change, 500, 1),
        (ErrandKind::Change, 503, 2),
        (ErrandKind::Make, 500, 2),
        (ErrandKind::Look, 500, 2),
        (ErrandKind::Download, 500, 2),
    ] {
        let (told, count) = after(error(status), errand(kind, None)).await;
        assert_eq!(count, asked, "{kind:?} {status}");
        assert_eq!(told.is_ok(), asked == 2, "{kind:?} {status}");
    }
}

#[tokio::test]
async fn what_went_up_does_not_go_up_again() {
    let (told, count) = after(error(503), upload([Ok(&b"x"[..])])).await;
    let failure = told.err().unwrap();
    assert_eq!((failure.code, count), (Code::UpstreamOverloaded, 1));
}

#[tokio::test]
async fn who_leaves_within_his_upload_is_cancelled_and_blames_nobody() {
    let upstream = Upstream::start().await;
    let house = House::new(Plan::trying(), Some(&upstream));
    let told = house.send(upload([Ok(&b"x"[..]), Err(Unsent::Gone)])).await;
    assert_eq!(told.err().unwrap().code, Code::BadFraming);
    let usable = house.samples().sum("tidegate_target_usable", &["-", "k0"]);
    assert_eq!((usable, upstream.count()), (1.0, 0));
    assert_eq!(house.outcome().await, ("cancelled".into(), "caller".into()));
}

#[tokio::test]
async fn an_upload_that_is_refused_in_the_middle_is_told_as_what_it_is() {
    let upstream = Upstream::start().await;
    let house = House::new(Plan::trying(), Some(&upstream));
    let refused = Failure::new(Code::RequestTooLarge, "too large");
    let pieces = [Ok(&b"x"[..]), Err(Unsent::Refused(refused))];
    let told = house.send(upload(pieces)).await;
    assert_eq!(told.err().unwrap().code, Code::RequestTooLarge);
    let outcome = house.outcome().await;
    assert_eq!(outcome, ("failed".into(), "request_too_large".into()));
}

#[tokio::test]
async fn inv_trunc_a_download_that_is_cut_is_no_end() {
    let upstream = Upstream::start().await;
    let head = Script::chunked(200, &[("content-type", "audio/mpeg")]);
    upstream.next(head.clone().bytes("abc"));
    upstream.next(head.bytes("abc").fin());
    let house = House::new(Plan::trying(), Some(&upstream));
    let call = || errand(ErrandKind::Make, None);
    let whole = read(house.send(call()).await.unwrap()).await;
    assert_eq!(whole.unwrap(), "abc");
    let cut = read(house.send(call()).await.unwrap()).await;
    assert!(cut.is_err(), "{cut:?}");
    let outcomes = house.outcomes().await;
    let completed = ("completed".into(), "completed".into(), 1);
    let failed = ("failed".into(), "upstream_disconnected".into(), 1);
    assert_eq!(outcomes, [completed, failed]);
}

/// Attempts that run and those that wait for their callers, of each key.
fn counts(house: &House) -> Vec<(u32, u32)> {
    let pools = house.gateway.pools();
    let up = pools.iter().find(|pool| &*pool.provider == "up").unwrap();
    let of = |target: &TargetView| (target.pending, target.paused);
    up.targets.iter().map(of).collect()
}

/// An upload whose second piece comes when it is told to.
struct Slow {
    first: bool,
    end: Arc<Halt>,
}

impl Body for Slow {
    type Data = Bytes;
    type Error = Unsent;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Unsent>>> {
        if std::mem::take(&mut self.first) {
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))));
        }
        self.end.poll_halted(cx).map(|_| None)
    }
}

/// What an upload's caller takes his time for is no load of the key, neither
/// meanwhile nor afterwards: the next one goes there as if he had been quick.
#[tokio::test]
async fn who_uploads_slowly_does_not_make_his_key_look_busy() {
    let upstream = Upstream::start().await;
    upstream.always(Script::json(200, "{}"));
    let plan = Plan {
        keys: 2,
        pick: Pick::Load,
        ..Plan::default()
    };
    let house = House::new(plan, Some(&upstream));
    let end = Arc::new(Halt::new());
    let slow = Upload::new(Slow {
        first: true,
        end: Arc::clone(&end),
    });
    let slow = house.send(errand(ErrandKind::Upload, Some(slow)));
    let busy = async {
        until("its caller is waited for", || {
            (counts(&house).iter().max() == Some(&(1, 1))).then_some(())
        })
        .await;
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(3)).await;
        tokio::time::resume();
        end.pull(Why::Caller);
    };
    let (told, ()) = tokio::join!(slow, busy);
    assert!(told.is_ok());
    // The other key was never asked: it weighs less than 3 s, and more than this one.
    house.send(upload([Ok(&b"x"[..])])).await.unwrap();
    let keys = upstream.requests();
    let keys: Vec<_> = keys.iter().map(|one| one.header("authorization")).collect();
    assert_eq!((keys.len(), &keys[0]), (2, &keys[1]));
    assert_eq!(counts(&house), [(0, 0), (0, 0)]);
}

#[tokio::test]
async fn who_reads_a_download_slowly_does_not_make_his_key_look_busy() {
    let upstream = Upstream::start().await;
    let head = Script::chunked(200, &[("content-type", "audio/mpeg")]);
    upstream.next(head.bytes("abc").wait(Duration::from_secs(60)).bytes("def"));
    let house = House::new(Plan::trying(), Some(&upstream));
    let mut reply = house.send(errand(ErrandKind::Make, None)).await.unwrap();
    assert_eq!(counts(&house), [(1, 0)]);
    assert_eq!(frame(&mut reply).await.as_deref(), Some("abc"));
    assert_eq!(counts(&house), [(1, 1)], "nobody asks for more");
    let asked = poll_fn(|cx| Poll::Ready(Pin::new(&mut reply).poll_frame(cx).is_pending()));
    assert!(asked.await);
    assert_eq!(counts(&house), [(1, 0)], "the upstream is waited for");
    drop(reply);
    assert_eq!(counts(&house), [(0, 0)]);
}

/// An upload that never ends, and counts what is taken of it.
struct Endless(Arc<AtomicUsize>);

impl Body for Endless {
    type Data = Bytes;
    type Error = Unsent;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Unsent>>> {
        self.0.fetch_add(10_000, Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 10_000])))))
    }
}

/// Of an upload in the queue a little is read, to see its caller's end behind
/// it; that is counted, and comes back.
#[tokio::test]
async fn an_upload_in_the_queue_is_read_ahead_within_a_bound() {
    let upstream = Upstream::start().await;
    upstream.always(Script::raw("").wait(Duration::from_secs(60)));
    let plan = Plan {
        pool: pool(1, 4, Overflow::Block),
        ..Plan::default()
    };
    let house = House::new(plan, Some(&upstream));
    let mut first = pin!(house.send(errand(ErrandKind::Change, None)));
    assert!(poll_once(first.as_mut()).await);
    let taken = Arc::new(AtomicUsize::new(0));
    let endless = Upload::new(Endless(Arc::clone(&taken)));
    let mut queued = Box::pin(house.send(errand(ErrandKind::Upload, Some(endless))));
    for _ in 0..3 {
        assert!(poll_once(queued.as_mut()).await);
    }
    let taken = taken.load(Ordering::Relaxed);
    assert!(
        (256 << 10..(256 << 10) + 10_000).contains(&taken),
        "{taken}"
    );
    let bodies = || house.gateway.steward().bodies().0;
    let held = bodies();
    drop(queued);
    assert_eq!(held - bodies(), 256 << 10);
}

/// Whether it is pending.
async fn poll_once<F: Future>(mut work: Pin<&mut F>) -> bool {
    poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx).is_pending())).await
}

/// Of what was made now; a look at a job tells what that took before.
#[tokio::test]
async fn the_usage_that_an_answer_tells_is_counted_once() {
    let upstream = Upstream::start().await;
    let told = r#"{"text":"Hi.","usage":{"input_tokens":14,"output_tokens":2}}"#;
    upstream.always(Script::json(200, told));
    let house = House::new(Plan::trying(), Some(&upstream));
    for kind in [ErrandKind::Make, ErrandKind::Look, ErrandKind::Change] {
        read(house.send(errand(kind, None)).await.unwrap())
            .await
            .unwrap();
        let tokens = |way| {
            let samples = house.samples();
            samples.sum("tidegate_tokens_total", &["up", way])
        };
        assert_eq!((tokens("input"), tokens("output")), (14.0, 2.0), "{kind:?}");
    }
    let samples = house.samples();
    assert_eq!(samples.sum("tidegate_usage_estimated_total", &["up"]), 0.0);
}
