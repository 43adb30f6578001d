//! The cases that every pair of dialects must carry: what is asked and what is
//! answered in each, one thing at a time.
//!
//! Said is a list, in words of our own: `["system" | "user" | "assistant", text]`,
//! `["image", kind, data]`, `["call", name, arguments]`, `["result", name, text]`.

use serde_json::{Value, json};

use crate::talk::{ARGUMENTS, SCHEMA};

/// One thing that can be asked, and its answer.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) said: Vec<Value>,
    /// How many of the tools are offered.
    pub(crate) tools: usize,
    /// Whether the answer shall keep to [`SCHEMA`].
    pub(crate) format: bool,
    pub(crate) answer: Said,
}

/// What is answered.
pub(crate) struct Said {
    pub(crate) text: &'static str,
    /// Names and arguments.
    pub(crate) calls: &'static [(&'static str, &'static str)],
    /// The bound on tokens came first.
    pub(crate) cut: bool,
}

impl Said {
    const fn text(text: &'static str) -> Self {
        Self {
            text,
            calls: &[],
            cut: false,
        }
    }

    /// `calls`, `length` or `end`.
    pub(crate) fn stop(&self) -> &'static str {
        match (self.cut, self.calls.is_empty()) {
            (true, _) => "length",
            (false, false) => "calls",
            (false, true) => "end",
        }
    }

    /// The text in two pieces; none if there is no text.
    pub(crate) fn pieces(&self) -> Vec<&'static str> {
        halves(self.text)
    }
}

/// A text in two pieces, cut at a character; none if it is empty.
pub(crate) fn halves(text: &'static str) -> Vec<&'static str> {
    let middle = (text.len() / 2..).find(|at| text.is_char_boundary(*at));
    let (one, two) = text.split_at(middle.unwrap());
    [one, two]
        .into_iter()
        .filter(|half| !half.is_empty())
        .collect()
}

fn case(name: &'static str, said: Value, tools: usize, answer: Said) -> Case {
    Case {
        name,
        said: serde_json::from_value(said).unwrap(),
        tools,
        format: false,
        answer,
    }
}

/// All of them.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = conversations();
    cases.extend(answers());
    cases
}

fn hi() -> Value {
    json!([["user", "Grüezi!"]])
}

/// What is asked in several ways.
fn conversations() -> Vec<Case> {
    let arguments: Value = serde_json::from_str(ARGUMENTS).unwrap();
    vec![
        case("text", hi(), 0, Said::text("Hoi \"Du\"\n\u{1f30a}")),
        case(
            "multi-turn",
            json!([
                ["system", "Be brief."],
                ["user", "One?"],
                ["assistant", "One."],
                ["user", "Two?"],
                ["assistant", "Two."],
                ["user", "Three?"],
            ]),
            0,
            Said::text("Three."),
        ),
        case(
            "image",
            json!([
                ["user", "What is it?"],
                ["image", "image/png", "iVBORw0KGgo="]
            ]),
            0,
            Said::text("A tide."),
        ),
        case(
            "parallel tools",
            json!([
                ["user", "Both?"],
                ["assistant", "I look."],
                ["call", "weather", arguments],
                ["call", "time", {}],
                ["result", "weather", "17 °C"],
                ["result", "time", "12:00"],
            ]),
            2,
            Said {
                calls: &[("weather", ARGUMENTS), ("time", "{\"zone\":\"UTC\"}")],
                ..Said::text("And again.")
            },
        ),
    ]
}

/// What is answered in several ways, of whatever is asked.
fn answers() -> Vec<Case> {
    vec![
        case(
            "one tool",
            hi(),
            1,
            Said {
                calls: &[("weather", ARGUMENTS)],
                ..Said::text("")
            },
        ),
        Case {
            format: true,
            ..case(
                "structured output",
                hi(),
                0,
                Said::text("{\"city\": \"Z\\u00fcrich\"}"),
            )
        },
        case(
            "stop by length",
            hi(),
            0,
            Said {
                cut: true,
                ..Said::text("It is a long")
            },
        ),
    ]
}

/// The tools that a case offers: name, description, schema.
pub(crate) fn tools(case: &Case) -> Vec<(&'static str, &'static str, Value)> {
    let mut tools = vec![
        ("weather", "The weather.", schema()),
        (
            "time",
            "The time.",
            json!({"type": "object", "properties": {}}),
        ),
    ];
    tools.truncate(case.tools);
    tools
}

pub(crate) fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// What is said, by turns: those that follow each other and have one role by
/// `role`, which is told the kind.
pub(crate) fn turns(
    case: &Case,
    role: fn(&str) -> &'static str,
) -> Vec<(&'static str, Vec<&[Value]>)> {
    let mut turns: Vec<(&'static str, Vec<&[Value]>)> = Vec::new();
    for said in &case.said {
        let said = said.as_array().unwrap().as_slice();
        let role = role(said[0].as_str().unwrap());
        match turns.last_mut() {
            Some((last, all)) if *last == role => all.push(said),
            _ => turns.push((role, vec![said])),
        }
    }
    turns
}
