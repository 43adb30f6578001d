//! Golden transcripts: an upstream of any dialect whose stream fails, is odd or
//! stands still, and what the callers of each dialect are told.
//!
//! Rows 8 to 16, 18 to 20, 22, 26, 27 and 29 of the failure matrix (INV-TRUNC,
//! INV-STREAM), for 3 callers before 6 upstreams; `failures_mid.rs` and its
//! neighbours have them at length for OpenAI.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tidegate_e2e::pairs::{Pair, Pairs, begun, model};
use tidegate_e2e::voices::Caller;
use tidegate_testkit::native::Dialect;
use tidegate_testkit::{Script, Stopwatch, until};
use tidegate_types::Code;

const WHOLE: (&str, &str) = ("completed", "completed");

/// The stream of every pair ends in this way behind "a b", and is told so.
async fn break_off(
    pairs: &Pairs,
    ends: impl Fn(Dialect, &str, Script) -> Option<Script>,
    code: Code,
) {
    let told = |(caller, _): Pair| caller.broken(code);
    pairs
        .are_told_then(ends, told, ("failed", code.as_str()))
        .await;
    pairs.let_go().await;
}

/// Every pair meets this before any content, and is told a plain error.
async fn refuse(
    pairs: &Pairs,
    script: impl Fn(Dialect, &str) -> Option<Script> + Clone + Send + Sync + 'static,
    code: Code,
) {
    let told = |(caller, _): Pair| caller.refused(code);
    pairs
        .are_told(true, script, told, ("failed", code.as_str()))
        .await;
}

/// The end of a stream that said "a b".
fn ended(dialect: Dialect, target: &str, script: Script) -> Script {
    dialect
        .flow(target, "a b")
        .end
        .into_iter()
        .fold(script, Script::bytes)
}

fn whole(dialect: Dialect, target: &str) -> Script {
    ended(dialect, target, begun(dialect, target))
}

#[tokio::test]
async fn a_whole_stream_is_whole() {
    let pairs = Pairs::start().await;
    let told = |(caller, _): Pair| caller.whole();
    let plays = |dialect: Dialect, target: &str| Some(whole(dialect, target));
    pairs.are_told(true, plays, told, WHOLE).await;
}

#[tokio::test]
async fn row_08_r_p3_no_headers_in_time() {
    let pairs = Pairs::with_timeouts(
        r#"connect = "1s", first_byte = "300ms", first_content = "2s", idle = "2s", total = "9s""#,
    )
    .await;
    refuse(&pairs, |_, _| Some(Script::silent()), Code::UpstreamTimeout).await;
    pairs.let_go().await;
}

#[tokio::test]
async fn row_09_r_p8_headers_and_no_first_event() {
    let pairs = Pairs::with_timeouts(
        r#"connect = "1s", first_byte = "5s", first_content = "400ms", idle = "5s", total = "9s""#,
    )
    .await;
    let stalls = |dialect: Dialect, _: &str| Some(dialect.stream_head().stall());
    refuse(&pairs, stalls, Code::UpstreamTimeout).await;
    pairs.let_go().await;
}

#[tokio::test]
async fn row_10_pings_are_no_progress() {
    let pairs = Pairs::with_timeouts(
        r#"connect = "1s", first_byte = "5s", first_content = "500ms", idle = "5s", total = "9s""#,
    )
    .await;
    let pings = |dialect: Dialect, _: &str| {
        let ping = dialect.ping()?;
        let beat = |script: Script, _| script.bytes(ping.clone()).wait(Duration::from_millis(50));
        Some((0..60).fold(dialect.stream_head(), beat))
    };
    refuse(&pairs, pings, Code::UpstreamTimeout).await;
}

#[tokio::test]
async fn row_11_r_p7_a_stall_ends_after_the_idle_time() {
    let pairs = Pairs::with_timeouts(
        r#"connect = "1s", first_byte = "5s", first_content = "5s", idle = "500ms", total = "20s""#,
    )
    .await;
    break_off(
        &pairs,
        |_, _, begun| Some(begun.stall()),
        Code::StreamIdleTimeout,
    )
    .await;
}

#[tokio::test]
async fn row_12_an_error_in_the_stream_is_passed_on_and_nothing_after_it() {
    for (status, code) in [
        (500, Code::UpstreamError),
        (503, Code::UpstreamOverloaded),
        (429, Code::UpstreamRateLimited),
    ] {
        let frame = move |dialect: Dialect, target: &str| match (dialect, status) {
            // Ollama has a text for it and nothing else.
            (Dialect::Ollama, 503 | 429) => None,
            // Anthropic has a status of its own for it.
            (Dialect::Anthropic, 503) => Some(dialect.failing_frame(target, 529)),
            _ => Some(dialect.failing_frame(target, status)),
        };
        let fails = |dialect: Dialect, target: &str, script: Script| {
            let script = script.bytes(frame(dialect, target)?);
            let late = dialect.flow(target, "c").begun;
            Some(late.into_iter().fold(script, Script::bytes))
        };
        let at_once = move |dialect: Dialect, target: &str| {
            Some(dialect.stream_head().bytes(frame(dialect, target)?))
        };
        // Responses that pass as they are have no word for what is overloaded.
        let same = [Dialect::OpenAi, Dialect::Azure].map(|dialect| (Caller::Responses, dialect));
        let left_out = if status == 503 { &same[..] } else { &[] };
        for caller in Caller::ALL {
            let pairs = Pairs::of(caller).await.without(left_out);
            break_off(&pairs, fails, code).await;
            let pairs = Pairs::of(caller).await.without(left_out);
            refuse(&pairs, at_once, code).await;
        }
    }
}

#[tokio::test]
async fn row_13_a_break_before_content_is_a_plain_502() {
    let pairs = Pairs::start().await;
    refuse(
        &pairs,
        |dialect, _| Some(dialect.stream_head().rst()),
        Code::UpstreamDisconnected,
    )
    .await;
    refuse(
        &pairs,
        |dialect, _| Some(dialect.stream_head().fin()),
        Code::UpstreamDisconnected,
    )
    .await;
}

#[tokio::test]
async fn row_13_a_reset_an_end_and_a_cut_frame_behind_content() {
    let pairs = Pairs::start().await;
    let code = Code::UpstreamDisconnected;
    break_off(&pairs, |_, _, begun| Some(begun.rst()), code).await;
    break_off(&pairs, |_, _, begun| Some(begun.fin()), code).await;
    let cut = |dialect: Dialect, target: &str, begun: Script| {
        let frame = dialect.flow(target, "c").begun.pop()?;
        Some(begun.bytes(frame[..frame.len() / 2].to_vec()).fin())
    };
    break_off(&pairs, cut, code).await;
}

#[tokio::test]
async fn row_13_a_cut_whole_answer_is_not_an_answer() {
    let pairs = Pairs::start().await;
    let half = |dialect: Dialect, target: &str| {
        let body = dialect.says(target, "a b");
        let kind = [("content-type", "application/json")];
        let begun = body.as_bytes()[..body.len() / 2].to_vec();
        Some(Script::declared(200, &kind, body.len()).bytes(begun).fin())
    };
    let code = Code::UpstreamDisconnected;
    let told = |(caller, _): Pair| caller.refused(code);
    pairs
        .are_told(false, half, told, ("failed", code.as_str()))
        .await;
}

#[tokio::test]
async fn row_15_inv_trunc_a_clean_end_without_the_dialects_own_is_truncated() {
    let pairs = Pairs::start().await;
    let told = |(caller, _): Pair| caller.broken(Code::StreamTruncated);
    let outcome = ("failed", Code::StreamTruncated.as_str());
    pairs
        .are_told_then(|_, _, begun| Some(begun), told, outcome)
        .await;
    let empty = |dialect: Dialect, _: &str| Some(dialect.stream_head());
    refuse(&pairs, empty, Code::StreamTruncated).await;
}

#[tokio::test]
async fn row_16_an_answer_that_is_not_the_dialects() {
    let pairs = Pairs::start().await;
    let code = Code::UpstreamProtocol;
    let twice = |dialect: Dialect, _: &str, begun: Script| {
        Some(
            begun
                .bytes(dialect.odd_frame())
                .bytes(dialect.odd_frame())
                .stall(),
        )
    };
    break_off(&pairs, twice, code).await;
    for body in ["<html>busy</html>", "{\"choices\":[", ""] {
        let told = |(caller, _): Pair| caller.refused(code);
        let outcome = ("failed", code.as_str());
        let plays = move |_: Dialect, _: &str| Some(Script::json(200, body));
        pairs.are_told(false, plays, told, outcome).await;
    }
}

/// One frame that is no JSON is left out and counted, if nothing was said in it and
/// the next one is good.
#[tokio::test]
async fn row_16_one_stray_frame_is_left_out() {
    let pairs = Pairs::start().await;
    let stray = |dialect: Dialect, target: &str| {
        let script = begun(dialect, target).bytes(dialect.stray_frame());
        Some(ended(dialect, target, script))
    };
    let told = |(caller, _): Pair| caller.whole();
    let asked = pairs.are_told(true, stray, told, WHOLE).await.len();
    let counted = pairs
        .gate
        .until_quiet()
        .await
        .sum("tidegate_upstream_oddities_total", &[("kind", "bad_event")]);
    assert_eq!(counted, asked as f64);
}

/// What was said in it is lost, and so the caller is told.
#[tokio::test]
async fn row_16_one_frame_that_said_something_ends_the_stream() {
    let pairs = Pairs::start().await;
    let cut = |dialect: Dialect, target: &str, begun: Script| {
        let script = begun.bytes(dialect.cut_frame(target));
        Some(ended(dialect, target, script))
    };
    break_off(&pairs, cut, Code::UpstreamProtocol).await;
}

/// It may have been the one that tells the end.
#[tokio::test]
async fn row_16_a_stray_frame_is_not_the_last_one() {
    let pairs = Pairs::start().await;
    let last = |dialect: Dialect, _: &str, begun: Script| Some(begun.bytes(dialect.stray_frame()));
    let told = |(caller, _): Pair| caller.broken(Code::UpstreamProtocol);
    let outcome = ("failed", Code::UpstreamProtocol.as_str());
    pairs.are_told_then(last, told, outcome).await;
}

#[tokio::test]
async fn row_18_a_trickle_without_a_frame_is_idle() {
    let pairs = Pairs::with_timeouts(
        r#"connect = "1s", first_byte = "5s", first_content = "5s", idle = "500ms", total = "20s""#,
    )
    .await;
    let trickle = |dialect: Dialect, target: &str, begun: Script| {
        let frame = dialect.flow(target, "c").begun.pop()?;
        let beat =
            |script: Script, byte: &u8| script.bytes(vec![*byte]).wait(Duration::from_millis(40));
        Some(
            frame[..frame.len() - 2]
                .iter()
                .take(60)
                .fold(begun, beat)
                .stall(),
        )
    };
    break_off(&pairs, trickle, Code::StreamIdleTimeout).await;
}

#[tokio::test]
async fn row_19_a_frame_over_its_limit_ends_the_stream() {
    let pairs = Pairs::with(|provider| provider, "[limits]\nevent = \"64KiB\"").await;
    let long = |dialect: Dialect, target: &str, begun: Script| {
        let frame = dialect.flow(target, &"x".repeat(200 * 1024)).begun.pop()?;
        Some(begun.bytes(frame[..150 * 1024].to_vec()).stall())
    };
    break_off(&pairs, long, Code::EventTooLarge).await;
}

#[tokio::test]
async fn row_19_a_stream_over_its_whole_limit_is_ended() {
    let pairs = Pairs::with(|provider| provider, "[limits]\nresponse = \"64KiB\"").await;
    let endless = |dialect: Dialect, target: &str| {
        let frame = dialect.flow(target, &"x".repeat(8 * 1024)).begun.pop()?;
        let begun = begun(dialect, target);
        let more = (0..20).fold(begun, |script, _| script.bytes(frame.clone()));
        Some(more.stall())
    };
    let code = Code::ResponseTooLarge;
    for (pair, reply) in pairs.ask(true, endless).await {
        let lines = pair.0.transcript(&reply);
        let shown = lines.last().map(String::as_str);
        assert_eq!(shown, Some(pair.0.failed(code).as_str()), "{pair:?}");
        assert!(!lines.contains(&"end".to_owned()), "{pair:?}");
    }
    pairs.let_go().await;
    let metrics = pairs.gate.until_quiet().await;
    let labels = [("class", "failed"), ("label", code.as_str())];
    assert_eq!(metrics.sum("tidegate_requests_total", &labels), 18.0);
}

#[tokio::test]
async fn row_20_inv_stream_any_split_tells_the_same() {
    let pairs = Pairs::start().await;
    for size in [3, 50] {
        let split = move |dialect: Dialect, target: &str| {
            let frames = dialect.flow(target, "a b");
            let bytes = [frames.begun.concat(), frames.end.concat()].concat();
            Some(dialect.stream_head().split(&bytes, size))
        };
        let told = |(caller, _): Pair| caller.whole();
        pairs.are_told(true, split, told, WHOLE).await;
    }
}

#[tokio::test]
async fn row_22_what_follows_the_end_is_passed_over() {
    let pairs = Pairs::start().await;
    let more = |dialect: Dialect, target: &str| {
        // Gemini has no mark of the end but the end: what follows belongs to it.
        (dialect != Dialect::Gemini).then(|| {
            let late = dialect.flow(target, "late").begun;
            late.into_iter().fold(whole(dialect, target), Script::bytes)
        })
    };
    let told = |(caller, _): Pair| caller.whole();
    pairs.are_told(true, more, told, WHOLE).await;
}

/// A chunk of a chunked answer.
fn chunk(bytes: &[u8]) -> Vec<u8> {
    let size = format!("{:x}\r\n", bytes.len());
    [size.as_bytes(), bytes, b"\r\n"].concat()
}

/// An answer behind early hints, with a trailer behind its end.
fn surrounded(kind: &str, frames: &[Vec<u8>]) -> Script {
    let head = format!(
        "HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n\
         HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let body: Vec<u8> = frames.iter().flat_map(|frame| chunk(frame)).collect();
    let trailer = b"0\r\nx-checksum: 1\r\n\r\n";
    Script::raw([head.as_bytes(), &body, trailer].concat())
}

/// GOAWAY and REFUSED_STREAM are frames of HTTP/2, and upstreams are asked by
/// HTTP/1.1.
#[tokio::test]
async fn row_26_early_hints_before_an_answer_and_trailers_behind_it() {
    let pairs = Pairs::start().await;
    let whole = |dialect: Dialect, target: &str| {
        let body = dialect.says(target, "a b").into_bytes();
        Some(surrounded("application/json", &[body]))
    };
    for (pair, reply) in pairs.ask(false, whole).await {
        let lines = pair.0.transcript(&reply);
        let told = lines.get(..2).unwrap_or(&lines);
        assert_eq!(told, ["200 json", "text a b"], "{pair:?}: {}", reply.text());
    }
    let streamed = |dialect: Dialect, target: &str| {
        let frames = dialect.flow(target, "a b");
        let all = [frames.begun, frames.end].concat();
        Some(surrounded(dialect.stream_type(), &all))
    };
    let told = |(caller, _): Pair| caller.whole();
    pairs.are_told(true, streamed, told, WHOLE).await;
}

/// Rows 4, 8, 9, 12, 13, 15 and 16: what fails before any content is asked for once
/// more, and the caller never knows; whatever the two dialects are.
#[tokio::test]
async fn rows_04_to_16_before_any_content_another_attempt_answers() {
    let retry = r#"attempts = 2, base = "1ms", cap = "10ms", budget = 100, per_second = 1000"#;
    let timeouts = r#"connect = "1s", first_byte = "400ms", first_content = "600ms", idle = "5s", total = "20s""#;
    let adjust = |provider: tidegate_testkit::Provider| provider.retry(retry).timeouts(timeouts);
    let faults: [fn(Dialect, &str) -> Script; 7] = [
        |dialect, _| dialect.failure(500, "it broke"),
        |_, _| Script::silent(),
        |dialect, _| dialect.stream_head().stall(),
        |dialect, target| {
            dialect
                .stream_head()
                .bytes(dialect.failing_frame(target, 500))
        },
        |dialect, _| dialect.stream_head().rst(),
        |dialect, _| dialect.stream_head(),
        |dialect, _| {
            let odd = dialect.odd_frame();
            dialect.stream_head().bytes(odd.clone()).bytes(odd).stall()
        },
    ];
    for (fault, caller) in faults
        .into_iter()
        .flat_map(|fault| Caller::ALL.map(|caller| (fault, caller)))
    {
        // One gate each: what was lost in a timer is paid for twice.
        let pairs = Pairs::with(adjust, "[retry]\nbudget = 100").await;
        let pairs = pairs.only(caller);
        let count = Arc::new(AtomicUsize::new(0));
        // The first of two attempts, of calls that come one after the other.
        let plays = move |dialect: Dialect, target: &str| {
            if target.is_empty() {
                return Some(Script::silent());
            }
            Some(match count.fetch_add(1, Ordering::Relaxed) % 2 {
                0 => fault(dialect, target),
                _ => whole(dialect, target),
            })
        };
        let told = |(caller, _): Pair| caller.whole();
        pairs.are_told(true, plays, told, WHOLE).await;
    }
}

#[tokio::test]
async fn row_27_a_rested_connection_that_is_gone_costs_the_caller_nothing() {
    let pairs = Pairs::start().await;
    let good =
        |dialect: Dialect, target: &str| Some(Script::json(200, &dialect.says(target, "a b")));
    for (pair, reply) in pairs.ask(false, good).await {
        assert_eq!(reply.status(), 200, "{pair:?}: {}", reply.text());
    }
    pairs.gate.until_quiet().await;
    // The race: it is closed just as it is used again, once.
    let raced = std::sync::Arc::new(std::sync::Mutex::new(std::collections::HashSet::new()));
    let races = move |dialect: Dialect, target: &str| {
        let first = !target.is_empty()
            && raced
                .lock()
                .is_ok_and(|mut seen| seen.insert(dialect.kind()));
        match first {
            true => Some(Script::raw("").rst()),
            false => good(dialect, target),
        }
    };
    for (pair, reply) in pairs.ask(false, races).await {
        assert_eq!(reply.status(), 200, "{pair:?}: {}", reply.text());
    }
}

#[tokio::test]
async fn row_29_who_leaves_frees_the_upstream() {
    let pairs = Pairs::start().await;
    for dialect in Dialect::ALL {
        let upstream = pairs.upstream(dialect);
        upstream.by(move |request| Some(begun(dialect, &request.line().1).stall()));
        for caller in Caller::ALL {
            let before = upstream.count();
            let mut client = pairs.gate.connect().await;
            let body = caller.asks(&model(dialect), true);
            client
                .post_with(caller.path(), caller.headers(), &body)
                .await;
            client.head().await;
            let left = Stopwatch::start();
            drop(client);
            let seen = upstream.request(before).await;
            let took = seen.closed_after(left).await;
            assert!(
                took < Duration::from_secs(3),
                "{caller:?} before {dialect:?}: {took:?}"
            );
        }
    }
    let metrics = pairs.gate.until_quiet().await;
    let cancelled = [("class", "cancelled")];
    let left = 6 * Caller::ALL.len();
    assert_eq!(
        metrics.sum("tidegate_requests_total", &cancelled),
        left as f64
    );
    until("nothing is open", || {
        pairs
            .upstreams
            .iter()
            .all(|upstream| upstream.open() == 0)
            .then_some(())
    })
    .await;
}

/// Amazon's answers do not name it; what every caller is told has a name.
#[tokio::test]
async fn every_answer_names_its_model() {
    let pairs = Pairs::start().await;
    for stream in [false, true] {
        let plays = move |dialect: Dialect, target: &str| {
            Some(match stream {
                true => whole(dialect, target),
                false => Script::json(200, &dialect.says(target, "a b")),
            })
        };
        for (pair, reply) in pairs.ask(stream, plays).await {
            let text = reply.text();
            assert!(text.contains(r#""model":"m-1""#), "{pair:?}: {text}");
        }
    }
}
