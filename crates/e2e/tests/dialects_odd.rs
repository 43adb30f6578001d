//! Golden transcripts: odd upstreams of any dialect whose answers are whole all
//! the same, and upstreams that are not there.
//!
//! Rows 7, 14, 21, 23, 24 and 30 to 36 of the failure matrix, for 3 callers
//! before 6 upstreams; `failures_benign.rs` and its neighbours have them at
//! length for OpenAI.

use std::time::Duration;

use tidegate_e2e::natives::provider;
use tidegate_e2e::pairs::{Pair, Pairs, model};
use tidegate_e2e::voices::Caller;
use tidegate_testkit::client::Event;
use tidegate_testkit::gate::Start;
use tidegate_testkit::native::{Dialect, KEY};
use tidegate_testkit::{RawClient, Reply, Script, Settings, Stopwatch, Upstream, crowd, port};
use tidegate_types::Code;

const WHOLE: (&str, &str) = ("completed", "completed");

/// All pairs are told a whole "a b" by this.
async fn is_whole(
    script: impl Fn(Dialect, &str) -> Option<Script> + Clone + Send + Sync + 'static,
) {
    let pairs = Pairs::start().await;
    let told = |(caller, _): Pair| caller.whole();
    pairs.are_told(true, script, told, WHOLE).await;
}

#[tokio::test]
async fn row_07_nobody_at_the_address() {
    let nobody = port::refused();
    let adjust = move |provider: tidegate_testkit::Provider| provider.address(&nobody.to_string());
    let pairs = Pairs::with(adjust, "").await;
    let code = Code::UpstreamUnreachable;
    for stream in [false, true] {
        let told = |(caller, _): Pair| caller.refused(code);
        let plays = |_: Dialect, _: &str| Some(Script::silent());
        let outcome = ("failed", code.as_str());
        pairs.are_told(stream, plays, told, outcome).await;
    }
}

/// The reason was told, and the dialect's own last frame is missing.
#[tokio::test]
async fn row_14_a_missing_end_behind_the_reason_is_added() {
    is_whole(|dialect, target| {
        let mut frames = dialect.flow(target, "a b");
        match (dialect, target.contains("responses")) {
            // Their last frame is where the reason stands.
            (Dialect::Gemini | Dialect::Ollama, _) | (_, true) => {}
            _ => drop(frames.end.pop()),
        }
        let all = frames.begun.into_iter().chain(frames.end);
        Some(all.fold(dialect.stream_head(), Script::bytes))
    })
    .await;
}

#[tokio::test]
async fn row_21_invalid_utf8_never_reaches_a_caller() {
    let pairs = Pairs::start().await;
    let broken = |dialect: Dialect, target: &str| {
        let mut frames = dialect.flow(target, "aXb b");
        for frame in &mut frames.begun {
            for byte in frame.iter_mut().filter(|byte| **byte == b'X') {
                *byte = 0xff;
            }
            // A checksum that is wrong would tell it first.
            *frame = dialect.sealed(std::mem::take(frame));
        }
        let all = frames.begun.into_iter().chain(frames.end);
        Some(all.fold(dialect.stream_head(), Script::bytes))
    };
    for (pair, reply) in pairs.ask(true, broken).await {
        let text = std::str::from_utf8(reply.body());
        let text = text.unwrap_or_else(|error| panic!("{pair:?}: {error}"));
        let lines = pair.0.transcript(&reply);
        let replaced = text.contains("a\u{fffd}b");
        let refused = lines.last().is_some_and(|line| line.starts_with("error "));
        assert!(replaced || refused, "{pair:?}: {lines:?}");
    }
    assert!(pairs.gate.until_quiet().await.conserved().is_ok());
}

#[tokio::test]
async fn row_30_a_caller_who_does_not_read_holds_any_upstream_back_and_then_both_end() {
    const TABLES: &str = "[limits]\nwrite_stall = \"1s\"";
    let pairs = Pairs::with(|provider| provider, TABLES).await;
    for (place, dialect) in Dialect::ALL.into_iter().enumerate() {
        let upstream = pairs.upstream(dialect);
        // Some 30 MiB, of one long word after another.
        upstream.by(move |request| {
            let long = "x".repeat(16 * 1024);
            let frames = dialect.flow(&request.line().1, &long).begun;
            let (last, begun) = frames.split_last()?;
            let head = begun
                .iter()
                .cloned()
                .fold(dialect.stream_head(), Script::bytes);
            Some(
                (0..2_000)
                    .fold(head, |script, _| script.bytes(last.clone()))
                    .stall(),
            )
        });
        let caller = Caller::ALL[place % 3];
        let before = pairs.gate.usage().rss_kib;
        let mut client = RawClient::connect_narrow(pairs.gate.address(), 4 * 1024).await;
        let start = Stopwatch::start();
        let body = caller.asks(&model(dialect), true);
        client
            .post_with(caller.path(), caller.headers(), &body)
            .await;
        let took = upstream.request(0).await.closed_after(start).await;
        assert!(
            took < Duration::from_secs(8),
            "{caller:?} before {dialect:?}: {took:?}"
        );
        let grown = pairs.gate.usage().rss_kib.saturating_sub(before);
        assert!(
            grown < 8 * 1024,
            "{grown} KiB for {caller:?} before {dialect:?}"
        );
        let rest = client.to_end().await;
        assert!(!rest.ends_with(b"0\r\n\r\n"), "the cut stream looks whole");
    }
    let metrics = pairs.gate.until_quiet().await;
    let cancelled = [("class", "cancelled"), ("label", "caller")];
    assert_eq!(metrics.sum("tidegate_requests_total", &cancelled), 6.0);
}

/// An answer, or a frame of one, with another reason for its end.
fn held_back(dialect: Dialect, target: &str, bytes: Vec<u8>) -> Option<Vec<u8>> {
    let words: &[(&str, &str)] = match dialect {
        _ if target.contains("responses") => &[
            (
                r#""incomplete_details":null"#,
                r#""incomplete_details":{"reason":"content_filter"}"#,
            ),
            (
                r#""status":"completed","store""#,
                r#""status":"incomplete","store""#,
            ),
            ("response.completed", "response.incomplete"),
        ],
        Dialect::OpenAi | Dialect::Azure => &[(r#""stop""#, r#""content_filter""#)],
        Dialect::Anthropic => &[(r#""end_turn""#, r#""refusal""#)],
        Dialect::Gemini => &[(r#""STOP""#, r#""SAFETY""#)],
        Dialect::Bedrock => &[(r#""end_turn""#, r#""guardrail_intervened""#)],
        // It has no such reason.
        Dialect::Ollama => return None,
    };
    Some(words.iter().fold(bytes, |bytes, (from, to)| {
        replaced(&bytes, from.as_bytes(), to.as_bytes())
    }))
}

/// `bytes` with `to` in the place of each `from`.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), bytes);
    while let Some((first, behind)) = rest.split_first() {
        match rest.strip_prefix(from) {
            Some(behind) => {
                out.extend_from_slice(to);
                rest = behind;
            }
            None => {
                out.push(*first);
                rest = behind;
            }
        }
    }
    out
}

#[tokio::test]
async fn row_31_an_answer_that_was_held_back_is_no_error() {
    let pairs = Pairs::start().await;
    let whole = |dialect: Dialect, target: &str| {
        let text = dialect.says(target, "a b").into_bytes();
        let text = held_back(dialect, target, text)?;
        Some(Script::json(200, std::str::from_utf8(&text).ok()?))
    };
    let streamed = |dialect: Dialect, target: &str| {
        let frames = dialect.flow(target, "a b");
        let begun = frames.begun.into_iter();
        let begun = begun.fold(dialect.stream_head(), Script::bytes);
        frames.end.into_iter().try_fold(begun, |script, frame| {
            let frame = held_back(dialect, target, frame)?;
            Some(script.bytes(dialect.sealed(frame)))
        })
    };
    let replies = [
        pairs.ask(false, whole).await,
        pairs.ask(true, streamed).await,
    ];
    for (pair, reply) in replies.into_iter().flatten() {
        assert_eq!(reply.status(), 200, "{pair:?}: {}", reply.text());
        let lines = pair.0.transcript(&reply);
        let has = |stop: &str| lines.iter().any(|line| line == stop);
        let right = match pair.0 {
            // Whoever refused: the provider, or the model itself.
            Caller::Chat => has("stop content_filter") || has("stop stop"),
            Caller::Responses => has("stop incomplete") || has("stop completed") || has("end"),
            Caller::Messages => has("stop refusal"),
        };
        assert!(right, "{pair:?}: {lines:?} {}", reply.text());
    }
    let metrics = pairs.gate.until_quiet().await;
    assert_eq!(
        metrics.sum("tidegate_requests_total", &[("class", "failed")]),
        0.0
    );
}

#[tokio::test]
async fn row_32_nonsense_in_ids_and_times_does_not_break_a_stream() {
    is_whole(|dialect, target| {
        // Responses without an id are none.
        let odd = match dialect {
            _ if target.contains("responses") => vec![("1790000000", "-1e99")],
            Dialect::OpenAi | Dialect::Azure => {
                vec![(r#""chatcmpl-native""#, "null"), ("1790000000", "-1e99")]
            }
            Dialect::Anthropic => vec![(r#""msg_native""#, "null")],
            Dialect::Gemini => vec![(r#""native-response""#, "null")],
            Dialect::Ollama => vec![("2026-09-21T14:13:20", "soon")],
            // It has neither.
            Dialect::Bedrock => Vec::new(),
        };
        let frames = dialect.flow(target, "a b");
        let all = frames.begun.into_iter().chain(frames.end).map(|frame| {
            if odd.is_empty() {
                return frame;
            }
            let text = String::from_utf8_lossy(&frame).into_owned();
            let changed = odd
                .iter()
                .fold(text, |text, (from, to)| text.replace(from, to));
            changed.into_bytes()
        });
        Some(all.fold(dialect.stream_head(), Script::bytes))
    })
    .await;
}

/// The head goes after two seconds, and our pings every fifteen from then on; the
/// content may come later than the timers of other models allow. All at once.
#[tokio::test]
async fn row_33_a_slow_model_is_waited_for_with_pings() {
    let short =
        r#"connect = "1s", first_byte = "2s", first_content = "5s", idle = "10s", total = "10s""#;
    let slow = "slow_models = [\"m-*\"]\nslow_timeout = \"60s\"";
    let pairs = Pairs::with(|provider| provider.timeouts(short).line(slow), "").await;
    for dialect in Dialect::ALL {
        let slow = move |target: &str| {
            let mut frames = dialect.flow(target, "a b");
            // What has no content in it is no sign of it.
            let silent = match dialect {
                Dialect::Gemini | Dialect::Ollama => None,
                _ => Some(frames.begun.remove(0)),
            };
            let head = silent
                .into_iter()
                .fold(dialect.stream_head(), Script::bytes);
            let late = head.wait(Duration::from_secs(19));
            let all = frames.begun.into_iter().chain(frames.end);
            all.fold(late, Script::bytes)
        };
        let upstream = pairs.upstream(dialect);
        upstream.by(move |request| Some(slow(&request.line().1)));
    }
    let address = pairs.gate.address();
    crowd(18, 18, |number| async move {
        let (dialect, caller) = (Dialect::ALL[number / 3], Caller::ALL[number % 3]);
        let mut client = RawClient::connect(address).await;
        let body = caller.asks(&model(dialect), true);
        client
            .post_with(caller.path(), caller.headers(), &body)
            .await;
        let reply = client.reply().await;
        let lines = caller.transcript(&reply);
        assert_eq!(lines, caller.whole(), "{caller:?} before {dialect:?}");
        let events = reply.all_events();
        let pings = events.iter().filter(|event| event.is_comment()).count();
        let text = reply.text();
        assert!(
            (1..=2).contains(&pings),
            "{pings} for {caller:?} before {dialect:?}: {text}"
        );
    })
    .await;
}

#[tokio::test]
async fn row_35_one_of_two_keys_that_is_dead_costs_nobody_an_answer() {
    let retry = r#"attempts = 3, base = "1ms", cap = "10ms", budget = 100, per_second = 1000"#;
    for dialect in Dialect::ALL {
        // The one has a pair of its own, the other none.
        if matches!(dialect, Dialect::Bedrock | Dialect::Ollama) {
            continue;
        }
        let upstream = Upstream::start().await;
        upstream.by(move |request| {
            let head = String::from_utf8_lossy(request.head()).into_owned();
            let target = request.line().1;
            Some(match head.contains("sk-native-dead") {
                true => dialect.failure(401, "bad key"),
                false => Script::json(200, &dialect.says(&target, "a b")),
            })
        });
        let two = provider(dialect, &upstream).keys(&["sk-native-dead", KEY]);
        let settings = Settings::with(two.retry(retry).line("pick = \"round_robin\""));
        let gate = Start::with(&settings.tables("[retry]\nbudget = 100"))
            .start()
            .await;
        for caller in Caller::ALL {
            for _ in 0..3 {
                let body = caller.asks(&model(dialect), false);
                let reply = gate.post_with(caller.path(), caller.headers(), &body).await;
                let text = reply.text();
                assert_eq!(reply.status(), 200, "{caller:?} before {dialect:?}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn row_36_r_d8_a_total_outage_is_answered_at_once() {
    let breaker = r#"breaker = { failures = 3, open = "20s", open_max = "20s" }"#;
    for dialect in Dialect::ALL {
        let upstream = Upstream::start().await;
        upstream.by(move |_| Some(dialect.failure(500, "it broke")));
        let one = provider(dialect, &upstream).line(breaker);
        let gate = Start::with(&Settings::with(one));
        let gate = tidegate_e2e::natives::signing(gate).start().await;
        for caller in Caller::ALL {
            let body = caller.asks(&model(dialect), false);
            let reply = gate.post_with(caller.path(), caller.headers(), &body).await;
            let lines = caller.transcript(&reply);
            assert_eq!(lines, caller.refused(Code::UpstreamError), "{dialect:?}");
        }
        for caller in Caller::ALL {
            let start = Stopwatch::start();
            let body = caller.asks(&model(dialect), true);
            let reply = gate.post_with(caller.path(), caller.headers(), &body).await;
            let lines = caller.transcript(&reply);
            assert_eq!(
                lines,
                caller.refused(Code::UpstreamUnavailable),
                "{dialect:?}"
            );
            assert!(
                reply.header("retry-after").is_some(),
                "{caller:?}: {reply:?}"
            );
            assert!(
                start.elapsed() < Duration::from_secs(2),
                "{:?}",
                start.elapsed()
            );
        }
        assert_eq!(upstream.count(), 3, "{dialect:?} is left alone");
    }
}

/// Row 23: arguments that were cut by the bound on tokens pass as they are, or
/// are told as broken where the caller's dialect wants an object. Of two upstreams
/// calls come whole.
#[tokio::test]
async fn row_23_arguments_that_were_cut_are_never_repaired() {
    let cut = |dialect: Dialect, target: &str| {
        let frames = dialect.cut_call(target)?;
        let all = frames.begun.into_iter().chain(frames.end);
        Some(all.fold(dialect.stream_head(), Script::bytes))
    };
    let pairs = Pairs::start().await;
    for (pair, reply) in pairs.ask(true, cut).await {
        let text = reply.text();
        assert_eq!(reply.status(), 200, "{pair:?}: {text}");
        let lines = pair.0.transcript(&reply);
        assert_eq!(
            arguments(pair.0, &reply),
            r#"{"a": [1,"#,
            "{pair:?}: {text}"
        );
        let stop = match pair.0 {
            Caller::Chat => Some("stop length"),
            Caller::Messages => Some("stop max_tokens"),
            // It is told in the response, with the end.
            Caller::Responses => None,
        };
        let last = stop.into_iter().chain(["end"]).map(str::to_owned);
        assert!(
            lines.ends_with(&last.collect::<Vec<_>>()),
            "{pair:?}: {lines:?}"
        );
        if pair.0 == Caller::Responses {
            assert!(
                text.contains("event: response.incomplete\n"),
                "{pair:?}: {text}"
            );
        }
    }
    assert!(pairs.gate.until_quiet().await.conserved().is_ok());
}

/// The arguments of a call as this caller puts them together.
fn arguments(caller: Caller, reply: &Reply) -> String {
    let events = reply.events();
    let piece = |event: &Event| {
        let json = event.json()?;
        let text = match caller {
            Caller::Chat => json.pointer("/choices/0/delta/tool_calls/0/function/arguments"),
            Caller::Responses => json
                .get("delta")
                .filter(|_| json["type"] == "response.function_call_arguments.delta"),
            Caller::Messages => json.pointer("/delta/partial_json"),
        };
        Some(text?.as_str()?.to_owned())
    };
    events.iter().filter_map(piece).collect()
}

/// Row 24: tokens that nobody told are not made up as told ones.
#[tokio::test]
async fn row_24_a_stream_without_its_tokens_is_whole() {
    is_whole(|dialect, target| {
        let mut frames = dialect.flow(target, "a b");
        let names = ["usage", "usageMetadata", "prompt_eval_count", "metadata"];
        for frame in &mut frames.end {
            // Amazon's last frame tells them and nothing else; it is left out.
            if dialect == Dialect::Bedrock {
                continue;
            }
            let mut text = String::from_utf8_lossy(frame).into_owned();
            for name in names {
                text = text.replace(&format!("\"{name}\""), "\"none\"");
            }
            *frame = text.into_bytes();
        }
        if dialect == Dialect::Bedrock {
            frames.end.pop();
        }
        if matches!(dialect, Dialect::OpenAi | Dialect::Azure) && !target.contains("responses") {
            frames.end.remove(1);
        }
        let all = frames.begun.into_iter().chain(frames.end);
        Some(all.fold(dialect.stream_head(), Script::bytes))
    })
    .await;
}
