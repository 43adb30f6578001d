//! From the text of a script to its rules.
//!
//! Promises: (1) all problems are told at once; (2) what is taken works: no hole without a filling,
//! no expression that does not compile, no header that would break the framing of an answer, no
//! two ways to answer in one rule.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use regex_lite::Regex;
use serde_json::json;
use toml::de::DeValue;

use super::document::{Node, Problem, Reading, Section};
use super::respond::respond;
use super::{Answer, Kind, MAX_RULES, MAX_SCRIPT, Rule, Rules, Then, When};
use crate::delay::Delay;
use crate::name::Flaw;
use crate::plan::Told;
use crate::said::Finish;
use crate::speech::Cut;

const RULE: &[&str] = &[
    "name",
    "match",
    "respond",
    "delay",
    "gap",
    "chunks",
    "chunk_bytes",
    "status",
    "error",
    "headers",
    "fault",
    "after",
    "usage",
    "finish",
    "times",
];
const MATCH: &[&str] = &[
    "endpoint",
    "model",
    "contains",
    "regex",
    "headers",
    "tools",
    "tool_result",
    "stream",
    "call",
    "share",
];
const ERROR: &[&str] = &["message", "type", "code", "param"];
const USAGE: &[&str] = &["prompt", "completion", "cached", "reasoning"];
/// What the connection itself says.
const FRAMING: &[&str] = &[
    "connection",
    "content-length",
    "content-type",
    "date",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// The most chunks that a rule cuts a text into, and the largest number of tokens that it tells.
const MAX_CHUNKS: u64 = 100_000;
const MAX_TOKENS: u64 = 1 << 40;

const DELAY: &str = "a duration such as \"300ms\" or \"2s\", at most an hour, or a distribution: \
    \"200ms..400ms\", \"300ms ~ 50ms\" (mean, deviation), \"300ms ~~ 2s\" (median, 99th percentile)";

enum Fault {
    Hang,
    Close,
    Flaw(Flaw),
}

fn fault(name: &str) -> Option<Fault> {
    Some(match name {
        "hang" => Fault::Hang,
        "close" => Fault::Close,
        "stall" => Fault::Flaw(Flaw::Stall),
        "cut" => Fault::Flaw(Flaw::Cut),
        "reset" => Fault::Flaw(Flaw::Reset),
        "half-event" => Fault::Flaw(Flaw::CutMidEvent),
        "bad-json" => Fault::Flaw(Flaw::BadJson),
        "error-event" => Fault::Flaw(Flaw::ErrorEvent),
        "drip" => Fault::Flaw(Flaw::SlowDrip),
        _ => return None,
    })
}

const FAULTS: &str = "\"hang\", \"close\", \"stall\", \"cut\", \"reset\", \"half-event\", \"bad-json\", \"error-event\" or \"drip\"";

pub(super) fn script(source: &str) -> Result<Rules, Vec<Problem>> {
    let mut cx = Reading::new(source);
    if source.len() > MAX_SCRIPT {
        cx.tell(
            0..0,
            "",
            format!("the script is larger than {MAX_SCRIPT} bytes"),
        );
        return Err(cx.finish());
    }
    let document = cx.parse();
    let root = cx.root(&document);
    cx.only(&root, &["rule"]);
    let mut rules = Vec::new();
    if let Some(node) = root.get("rule") {
        match node.get_ref() {
            DeValue::Array(list) => {
                if list.len() > MAX_RULES {
                    cx.tell(
                        node.span(),
                        "rule",
                        format!("there are more than {MAX_RULES} rules"),
                    );
                }
                for (at, node) in list.iter().enumerate() {
                    let path = format!("rule[{at}]");
                    if let Some(section) = cx.table(node, path) {
                        rules.push(rule(&mut cx, &section, at + 1));
                    }
                }
            }
            _ => cx.unfit(node, "rule", "tables, each begun with `[[rule]]`"),
        }
    }
    let problems = cx.finish();
    if problems.is_empty() {
        Ok(Rules {
            source: source.into(),
            rules,
        })
    } else {
        Err(problems)
    }
}

fn rule(cx: &mut Reading<'_>, of: &Section<'_, '_>, number: usize) -> Rule {
    cx.only(of, RULE);
    let name = cx.text(of, "name").map(str::to_owned);
    let mut when = when(cx, of);
    when.times = cx.whole(of, "times", 1..=u64::MAX);
    let then = then(cx, of, &mut when);
    Rule {
        name: name.unwrap_or_else(|| format!("rule {number}")),
        line: cx.place(of.span.start).0,
        when,
        then,
        delay: delay(cx, of, "delay"),
        headers: headers(cx, of),
        met: Default::default(),
        answered: Default::default(),
    }
}

fn when(cx: &mut Reading<'_>, rule: &Section<'_, '_>) -> When {
    let Some(of) = cx.section(rule, "match", MATCH) else {
        return When::default();
    };
    let kinds = "\"chat\", \"completions\" or \"embeddings\"";
    let kind = |text: &str| Kind::ALL.into_iter().find(|(name, _)| *name == text);
    let regex = cx
        .text(&of, "regex")
        .and_then(|text| match Regex::new(text) {
            Ok(regex) => Some(regex),
            Err(why) => {
                let span = of.get("regex").map_or(of.span.clone(), Node::span);
                cx.tell(span, &of.path("regex"), format!("does not compile: {why}"));
                None
            }
        });
    When {
        kind: cx
            .parsed(&of, "endpoint", kinds, kind)
            .map(|(_, kind)| kind),
        model: cx.text(&of, "model").map(str::to_owned),
        contains: cx.text(&of, "contains").map(str::to_owned),
        regex,
        headers: conditions(cx, &of),
        tools: cx.boolean(&of, "tools"),
        tool_result: cx.boolean(&of, "tool_result"),
        stream: cx.boolean(&of, "stream"),
        calls: numbers(cx, &of),
        share: cx.whole(&of, "share", 1..=100),
        times: None,
    }
}

/// `match.headers`: names with patterns.
fn conditions(cx: &mut Reading<'_>, of: &Section<'_, '_>) -> Vec<(HeaderName, String)> {
    let mut all = Vec::new();
    let Some(section) = of
        .get("headers")
        .and_then(|node| cx.table(node, of.path("headers")))
    else {
        return all;
    };
    for (name, node) in section.table.iter() {
        let text: &str = name.get_ref();
        let path = section.path(text);
        match (HeaderName::try_from(text), node.get_ref().as_str()) {
            (Ok(name), Some(glob)) => all.push((name, glob.to_owned())),
            (Err(_), _) => {
                cx.tell(name.span(), &path, "is not a header's name");
            }
            (_, None) => cx.unfit(node, &path, "a text, in which `*` stands for any text"),
        }
    }
    all
}

/// `match.call`: one number or several.
fn numbers(cx: &mut Reading<'_>, of: &Section<'_, '_>) -> Vec<u64> {
    let Some(node) = of.get("call") else {
        return Vec::new();
    };
    let path = of.path("call");
    let one = |cx: &mut Reading<'_>, node: &Node<'_>| cx.whole_of(node, &path, 1..=u64::MAX);
    match node.get_ref() {
        DeValue::Array(list) => list.iter().filter_map(|node| one(cx, node)).collect(),
        _ => one(cx, node).into_iter().collect(),
    }
}

fn then(cx: &mut Reading<'_>, of: &Section<'_, '_>, when: &mut When) -> Then {
    let named = cx.parsed(of, "fault", FAULTS, fault);
    let refusal = refusal(cx, of);
    let answer = answer(cx, of, when);
    let others = [
        "respond",
        "fault",
        "gap",
        "chunks",
        "chunk_bytes",
        "after",
        "usage",
        "finish",
    ];
    if of.has("status") {
        for key in others.iter().filter(|key| of.has(key)) {
            let span = of.get(key).map_or(of.span.clone(), Node::span);
            let problem = cx.tell(span, &of.path(key), "stands beside a `status`");
            problem.hint =
                Some("a rule with a `status` answers with that error and nothing else".to_owned());
        }
    }
    if of.has("after") && !matches!(named, Some(Fault::Flaw(_))) && !of.has("status") {
        let span = of.get("after").map_or(of.span.clone(), Node::span);
        let problem = cx.tell(
            span,
            &of.path("after"),
            "has no `fault` that comes in the middle of an answer",
        );
        problem.hint = Some("it says after how many chunks a `fault` comes".to_owned());
    }
    match (refusal, named) {
        (Some((status, body)), _) => Then::Refuse { status, body },
        (None, Some(Fault::Hang)) => Then::Hang,
        (None, Some(Fault::Close)) => Then::Close,
        (None, Some(Fault::Flaw(flaw))) => Then::Answer(Box::new(Answer {
            flaw: Some(flaw),
            ..answer
        })),
        (None, None) => Then::Answer(Box::new(answer)),
    }
}

fn refusal(cx: &mut Reading<'_>, of: &Section<'_, '_>) -> Option<(StatusCode, Bytes)> {
    let status = cx.whole(of, "status", 400..=599);
    let error = cx.section(of, "error", ERROR);
    if let Some(error) = &error
        && !of.has("status")
    {
        let problem = cx.tell(
            error.span.clone(),
            &of.path("error"),
            "has no `status` beside it",
        );
        problem.hint = Some("say which one, such as `status = 429`".to_owned());
    }
    let status = StatusCode::from_u16(u16::try_from(status?).ok()?).ok()?;
    let mut text = |key: &str| {
        let error = error.as_ref()?;
        cx.text(error, key).map(str::to_owned)
    };
    let (usual_kind, usual_code) = match status.as_u16() {
        429 => ("requests", Some("rate_limit_exceeded")),
        401 => ("invalid_request_error", Some("invalid_api_key")),
        500.. => ("server_error", None),
        _ => ("invalid_request_error", None),
    };
    let message = text("message").unwrap_or_else(|| format!("The script answers with {status}."));
    let kind = text("type").unwrap_or_else(|| usual_kind.to_owned());
    let code = text("code").or_else(|| usual_code.map(str::to_owned));
    let param = text("param");
    let body = json!({"error": {"message": message, "type": kind, "param": param, "code": code}});
    Some((status, body.to_string().into()))
}

fn answer(cx: &mut Reading<'_>, of: &Section<'_, '_>, when: &mut When) -> Answer {
    let (says, like) = respond(cx, of, when);
    let chunks = cx.whole(of, "chunks", 1..=MAX_CHUNKS).map(bounded);
    let bytes = cx
        .whole(of, "chunk_bytes", 1..=MAX_SCRIPT as u64)
        .map(bounded);
    if let Some(node) = of.get("chunk_bytes").filter(|_| of.has("chunks")) {
        cx.tell(
            node.span(),
            &of.path("chunk_bytes"),
            "stands beside `chunks`: a text is cut in one way",
        );
    }
    let finishes = "\"stop\", \"length\", \"tool_calls\" or \"content_filter\"";
    let finish = |text: &str| {
        Finish::ALL
            .into_iter()
            .find(|finish| finish.as_str() == text)
    };
    let told = match cx.section(of, "usage", USAGE) {
        None => Told::default(),
        Some(usage) => {
            let mut count = |key: &str| cx.whole(&usage, key, 0..=MAX_TOKENS);
            Told {
                prompt: count("prompt"),
                completion: count("completion"),
                cached: count("cached"),
                reasoning: count("reasoning"),
            }
        }
    };
    Answer {
        says,
        like,
        gap: delay(cx, of, "gap"),
        cut: chunks.map(Cut::Even).or(bytes.map(Cut::Bytes)),
        flaw: None,
        after: cx.whole(of, "after", 0..=MAX_CHUNKS).map(bounded),
        finish: cx.parsed(of, "finish", finishes, finish),
        told,
    }
}

fn bounded(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn headers(cx: &mut Reading<'_>, rule: &Section<'_, '_>) -> HeaderMap {
    let mut all = HeaderMap::new();
    let Some(section) = rule
        .get("headers")
        .and_then(|node| cx.table(node, rule.path("headers")))
    else {
        return all;
    };
    for (name, node) in section.table.iter() {
        let text: &str = name.get_ref();
        let path = section.path(text);
        let value = node
            .get_ref()
            .as_str()
            .and_then(|value| HeaderValue::from_str(value).ok());
        match (HeaderName::try_from(text), value) {
            (Ok(name), _) if FRAMING.contains(&name.as_str()) => {
                cx.tell(node.span(), &path, "is said by the connection itself");
            }
            (Ok(name), Some(value)) => {
                all.append(name, value);
            }
            (Err(_), _) => {
                cx.tell(name.span(), &path, "is not a header's name");
            }
            (_, None) => cx.unfit(node, &path, "a text that a header can hold"),
        }
    }
    all
}

fn delay(cx: &mut Reading<'_>, of: &Section<'_, '_>, key: &str) -> Option<Delay> {
    cx.parsed(of, key, DELAY, |text| Delay::parse(text, duration))
}

/// `500ms`, `2s`, `1m`, `1h`.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let millis = match unit.trim_start() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    Some(Duration::from_millis(number.checked_mul(millis)?))
}

/// Every key of a script, so that its page can be held against them.
#[cfg(test)]
pub(crate) fn keys() -> Vec<&'static str> {
    [RULE, MATCH, super::respond::RESPOND, ERROR, USAGE].concat()
}
