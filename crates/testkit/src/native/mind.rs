//! What is answered to what was heard, the same in every dialect.
//!
//! 1. A model `fails-STATUS` fails with that status, `breaks-STATUS` with the
//!    same in the middle of a stream.
//! 2. Of offered tools those are called that the user's last words name; with a
//!    schema the answer fits it; else it is the digest of all that was heard,
//!    and with a bound so many words of it. Tokens are words.

use serde_json::Value;

use super::fill::{fill, spaced};
use super::heard::{Choose, Heard, Said};

/// What is thought, where that is asked for, and the proof of it.
pub(crate) const THOUGHT: &str = "Hm, \u{6f6e}.";
pub(crate) const PROOF: &str = "bmF0aXZlLXByb29m";

/// Of the prompt's tokens, read from a cache.
pub(crate) const CACHED: usize = 1;

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) model: String,
    /// In front of all.
    pub(crate) thought: Option<&'static str>,
    pub(crate) text: String,
    pub(crate) calls: Vec<Call>,
    pub(crate) stop: Stop,
    /// Words of the prompt.
    pub(crate) input: usize,
    /// Words of the answer.
    pub(crate) output: usize,
    /// A stream ends with this failure behind the text.
    pub(crate) breaks: Option<u16>,
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Arguments as text, in a form that no writer of JSON would choose.
    pub(crate) arguments: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    End,
    Length,
    Calls,
}

/// What a failure says.
pub(crate) const FAILED: &str = "The upstream failed as it was asked to.";

/// The answer, or the status of a failure.
pub(crate) fn answer(heard: &Heard) -> Result<Answer, u16> {
    let status = |prefix: &str| heard.model.strip_prefix(prefix)?.parse::<u16>().ok();
    if let Some(status) = status("fails-") {
        return Err(status);
    }
    let breaks = status("breaks-");
    if let (Some(status), false) = (breaks, heard.stream) {
        return Err(status);
    }
    let digest = heard.digest();
    let calls = calls(heard);
    let text = match &heard.form {
        _ if !calls.is_empty() => String::new(),
        Some(schema) => fill(schema, schema).to_string(),
        None => digest.clone(),
    };
    let words = text.split(' ').count();
    let (text, stop) = match heard.most {
        Some(most) if most < words && calls.is_empty() => {
            let begun: Vec<&str> = text.split(' ').take(most).collect();
            (begun.join(" "), Stop::Length)
        }
        _ if calls.is_empty() => (text, Stop::End),
        _ => (text, Stop::Calls),
    };
    let spoken: usize = calls.iter().map(|call| words_of(&call.arguments)).sum();
    Ok(Answer {
        model: heard.model.clone(),
        thought: heard.thinks.then_some(THOUGHT),
        output: spoken + words_of(&text),
        input: words_of(&digest),
        text,
        calls,
        stop,
        breaks,
    })
}

/// Its words, which stand for tokens.
pub(crate) fn words_of(text: &str) -> usize {
    text.split(' ').filter(|word| !word.is_empty()).count()
}

fn calls(heard: &Heard) -> Vec<Call> {
    let has_results = matches!(heard.said.last(), Some(Said::Result { .. }));
    let asked = heard.asked();
    let named = |name: &str| match &heard.choose {
        Choose::Never => false,
        Choose::Named(only) => only == name,
        Choose::Auto | Choose::Any => !has_results && asked.contains(name),
    };
    let mut tools: Vec<_> = heard
        .tools
        .iter()
        .filter(|tool| named(&tool.name))
        .collect();
    if tools.is_empty() && heard.choose == Choose::Any {
        tools.extend(heard.tools.first());
    }
    if !heard.parallel {
        tools.truncate(1);
    }
    let call = |(place, tool): (usize, &&super::heard::Tool)| Call {
        id: format!("call_native_{}_{place}", heard.said.len()),
        name: tool.name.clone(),
        arguments: match fill(&tool.schema, &tool.schema) {
            Value::Object(arguments) => spaced(&arguments),
            _ => "{}".to_owned(),
        },
    };
    tools.iter().enumerate().map(call).collect()
}

impl Answer {
    /// The text in pieces of a word.
    pub(crate) fn pieces(&self) -> Vec<&str> {
        self.text.split_inclusive(' ').collect()
    }
}

impl Call {
    /// The arguments in pieces of five characters, wherever that cuts.
    pub(crate) fn pieces(&self) -> Vec<String> {
        let letters: Vec<char> = self.arguments.chars().collect();
        letters
            .chunks(5)
            .map(|piece| piece.iter().collect())
            .collect()
    }
}

/// Whether a proof that came back is that which was given.
pub(crate) fn proven(proof: &str) -> Result<(), String> {
    match proof == PROOF {
        true => Ok(()),
        false => Err(format!("Invalid `signature` of a thought: {proof:?}")),
    }
}

/// The vector of a text: three numbers that tell it from others, or as many as
/// are asked for.
pub(crate) fn vector(text: &str, dimensions: Option<usize>) -> Vec<f32> {
    let letters = text.chars().count() as f32;
    let words = words_of(text) as f32;
    let numbers = [letters / 64.0, words / 64.0, 0.5];
    numbers
        .into_iter()
        .cycle()
        .take(dimensions.unwrap_or(3))
        .collect()
}
