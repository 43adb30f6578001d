//! The words of a rule: what stands under `respond`.
//!
//! Promise: a rule has one way to answer at most, and what it says can be filled in.

use regex_lite::Regex;
use toml::de::DeValue;

use super::document::{Node, Reading, Section};
use super::template::Template;
use super::{Kind, When, Words};
use crate::name::Model;
use crate::tools::Wish;

pub(super) const RESPOND: &[&str] = &["text", "json", "tool_call", "arguments", "refusal", "like"];
/// The ways to respond, of which a rule has one at most.
const WAYS: &[&str] = &["text", "json", "tool_call", "refusal", "like"];
/// The most calls that one answer of a rule has.
const MAX_CALLS: usize = 64;

/// The words, and the name whose answer is taken instead of any.
pub(super) fn respond(
    cx: &mut Reading<'_>,
    rule: &Section<'_, '_>,
    when: &mut When,
) -> (Option<Words>, Option<Model>) {
    let Some(of) = cx.section(rule, "respond", RESPOND) else {
        return (None, None);
    };
    let ways: Vec<_> = WAYS.iter().filter(|way| of.has(way)).collect();
    if ways.len() != 1 {
        let problem = cx.tell(
            of.span.clone(),
            &rule.path("respond"),
            "has not exactly one answer",
        );
        problem.expected = Some(format!("one of {}", WAYS.join(", ")));
    }
    if when.kind == Some(Kind::Embedding) && !of.has("like") {
        let problem = cx.tell(
            of.span.clone(),
            &rule.path("respond"),
            "has words for embeddings",
        );
        problem.hint =
            Some("vectors are made from their texts; only `like` has a meaning here".to_owned());
    }
    if let Some(node) = of.get("arguments")
        && !of
            .get("tool_call")
            .is_some_and(|call| call.get_ref().is_str())
    {
        let problem = cx.tell(
            node.span(),
            &of.path("arguments"),
            "belongs to a `tool_call` that is one name",
        );
        problem.hint = Some(
            "for several calls: tool_call = [{ name = \"...\", arguments = { ... } }]".to_owned(),
        );
    }
    let groups = when.regex.as_ref().map_or(0, Regex::captures_len);
    let says = if of.has("text") {
        template(cx, &of, "text", groups).map(Words::Text)
    } else if of.has("refusal") {
        template(cx, &of, "refusal", groups).map(Words::Refusal)
    } else if let Some(node) = of.get("json") {
        match node.get_ref() {
            DeValue::Boolean(true) => Some(Words::Fitting),
            _ => cx
                .json(node, &of.path("json"))
                .map(|value| Words::Json(value.to_string())),
        }
    } else if let Some(node) = of.get("tool_call") {
        // Else the answer to its result would be the same call again, without end.
        when.tool_result = when.tool_result.or(Some(false));
        Some(Words::Calls(wishes(cx, &of, node)))
    } else {
        None
    };
    let known = "a name of the simulated model, such as \"sim-300-40-25-8\" or \"echo\"";
    (says, cx.parsed(&of, "like", known, Model::parse))
}

fn template(
    cx: &mut Reading<'_>,
    of: &Section<'_, '_>,
    key: &str,
    groups: usize,
) -> Option<Template> {
    let text = cx.text(of, key)?;
    match Template::parse(text, groups) {
        Ok(template) => Some(template),
        Err(why) => {
            let span = of.get(key).map_or(of.span.clone(), Node::span);
            cx.tell(span, &of.path(key), why);
            None
        }
    }
}

fn wishes(cx: &mut Reading<'_>, of: &Section<'_, '_>, node: &Node<'_>) -> Vec<Wish> {
    let path = of.path("tool_call");
    let list = match node.get_ref() {
        DeValue::String(name) => {
            let arguments = of
                .get("arguments")
                .and_then(|node| arguments(cx, node, &of.path("arguments")));
            let name = name.clone().into_owned();
            return vec![Wish { name, arguments }];
        }
        DeValue::Array(list) if (1..=MAX_CALLS).contains(&list.len()) => list,
        _ => {
            cx.unfit(
                node,
                &path,
                "the name of a tool, or a list of at most 64 calls",
            );
            return Vec::new();
        }
    };
    let mut all = Vec::new();
    for (at, node) in list.iter().enumerate() {
        let path = format!("{path}[{at}]");
        if let Some(name) = node.get_ref().as_str() {
            all.push(Wish {
                name: name.to_owned(),
                arguments: None,
            });
            continue;
        }
        let Some(call) = cx.table(node, path) else {
            continue;
        };
        cx.only(&call, &["name", "arguments"]);
        match cx.text(&call, "name") {
            Some(name) => {
                let arguments = call
                    .get("arguments")
                    .and_then(|node| arguments(cx, node, &call.path("arguments")));
                all.push(Wish {
                    name: name.to_owned(),
                    arguments,
                });
            }
            None if call.has("name") => {}
            None => {
                cx.tell(call.span.clone(), &call.path("name"), "is missing");
            }
        }
    }
    all
}

/// A table, or a text that stands as it is, also where it is no JSON.
fn arguments(cx: &mut Reading<'_>, node: &Node<'_>, path: &str) -> Option<String> {
    if let Some(text) = node.get_ref().as_str() {
        return Some(text.to_owned());
    }
    if !node.get_ref().is_table() {
        cx.unfit(node, path, "a table, or a text that is sent as it stands");
        return None;
    }
    cx.json(node, path).map(|value| value.to_string())
}
