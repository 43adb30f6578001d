//! The part of a request that the simulated model looks at.
//!
//! Borrowed from the body where JSON allows it; every other field is skipped unread. Nothing here
//! recurses, so a deep body costs no stack.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;
use tidegate_types::Code;

use crate::refusal::Refusal;
use crate::speech::words;

/// A chat, completion or embedding request.
#[derive(Deserialize)]
pub(crate) struct Ask<'a> {
    #[serde(borrow, default)]
    pub(crate) model: Cow<'a, str>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    #[serde(borrow, default)]
    pub(crate) messages: Vec<Message<'a>>,
    #[serde(borrow, default)]
    pub(crate) prompt: Inputs<'a>,
    #[serde(borrow, default)]
    pub(crate) input: Inputs<'a>,
    #[serde(borrow, default)]
    pub(crate) encoding_format: Text<'a>,
    pub(crate) dimensions: Option<usize>,
    pub(crate) n: Option<u32>,
    #[serde(borrow, default)]
    stop: Inputs<'a>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    pub(crate) seed: Option<i64>,
    #[serde(borrow)]
    pub(crate) tools: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) tool_choice: Option<&'a RawValue>,
    parallel_tool_calls: Option<bool>,
    #[serde(borrow)]
    pub(crate) response_format: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Deserialize)]
pub(crate) struct Message<'a> {
    #[serde(borrow, default)]
    role: Cow<'a, str>,
    #[serde(borrow, default)]
    content: Text<'a>,
}

impl<'a> Ask<'a> {
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Refusal> {
        let ask: Self = serde_json::from_slice(body).map_err(|why| {
            let code = if why.is_data() {
                Code::InvalidValue
            } else {
                Code::InvalidJson
            };
            Refusal::coded(code, format!("The body cannot be read: {why}."))
        })?;
        if ask.model.is_empty() {
            return Err(Refusal::missing("model"));
        }
        Ok(ask)
    }

    pub(crate) fn streams(&self) -> bool {
        self.stream.unwrap_or(false)
    }

    pub(crate) fn wants_usage(&self) -> bool {
        self.stream_options
            .as_ref()
            .and_then(|options| options.include_usage)
            .unwrap_or(false)
    }

    /// Whether the last message is what a tool gave.
    pub(crate) fn follows_a_tool(&self) -> bool {
        self.messages.last().is_some_and(|last| last.role == "tool")
    }

    /// What the last tool gave, if nothing was said since.
    pub(crate) fn tool_result(&self) -> Option<&str> {
        let last = self.messages.last().filter(|last| last.role == "tool");
        last.map(|last| &*last.content.0)
    }

    /// Whether several tools may be called at once.
    pub(crate) fn parallel(&self) -> bool {
        self.parallel_tool_calls.unwrap_or(true)
    }

    /// The texts before which an answer ends.
    pub(crate) fn stops(&self) -> Vec<&str> {
        let texts = self.stop.0.iter().map(Input::text);
        texts.flatten().collect()
    }

    /// After how many tokens an answer ends; of two fields that say it, the newer.
    pub(crate) fn most_tokens(&self) -> Option<u64> {
        self.max_completion_tokens.or(self.max_tokens)
    }

    /// What a chat or a completion was asked, in tokens.
    pub(crate) fn prompt_words(&self) -> u64 {
        let messages: u64 = self
            .messages
            .iter()
            .map(|message| words(message.content.bytes()))
            .sum();
        messages + self.prompt.words()
    }

    /// What an echo repeats: the last user message, or the last prompt.
    pub(crate) fn last_words(&self) -> String {
        let user = self
            .messages
            .iter()
            .rev()
            .find(|message| message.role == "user");
        let text = user
            .map(|message| &*message.content.0)
            .or_else(|| self.prompt.last_text());
        text.unwrap_or_default().to_owned()
    }
}

/// A string, or an array of content parts whose `text` fields are put together; null is empty.
#[derive(Default)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl Text<'_> {
    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Part<'a> {
            #[serde(borrow, default)]
            text: Cow<'a, str>,
        }
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Cow<'de, str>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of content parts")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(""))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                let mut text = String::new();
                while let Some(part) = parts.next_element::<Part<'de>>()? {
                    text.push_str(&part.text);
                }
                Ok(Cow::Owned(text))
            }
        }
        from.deserialize_any(Reader).map(Text)
    }
}

/// One thing to complete or to embed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Input<'a> {
    Text(Cow<'a, str>),
    Tokens(Vec<u32>),
}

impl Input<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Tokens(_) => None,
        }
    }

    pub(crate) fn words(&self) -> u64 {
        match self {
            Self::Text(text) => words(text.as_bytes()),
            Self::Tokens(tokens) => tokens.len() as u64,
        }
    }
}

/// A string, an array of strings, an array of tokens, or an array of arrays of tokens.
#[derive(Default)]
pub(crate) struct Inputs<'a>(pub(crate) Vec<Input<'a>>);

impl Inputs<'_> {
    pub(crate) fn words(&self) -> u64 {
        self.0.iter().map(Input::words).sum()
    }

    fn last_text(&self) -> Option<&str> {
        self.0.iter().rev().find_map(Input::text)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Inputs<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Vec<Input<'de>>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, or an array of strings or of tokens")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(vec![Input::Text(Cow::Borrowed(text))])
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(vec![Input::Text(Cow::Owned(text.to_owned()))])
            }
            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Vec::new())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let (mut inputs, mut tokens) = (Vec::new(), Vec::new());
                while let Some(element) = seq.next_element::<Element<'de>>()? {
                    match element {
                        Element::Token(token) => tokens.push(token),
                        Element::Input(input) => inputs.push(input),
                    }
                }
                match (inputs.is_empty(), tokens.is_empty()) {
                    (false, false) => Err(A::Error::custom("texts and tokens in one array")),
                    (true, false) => Ok(vec![Input::Tokens(tokens)]),
                    _ => Ok(inputs),
                }
            }
        }
        from.deserialize_any(Reader).map(Inputs)
    }
}

enum Element<'a> {
    Token(u32),
    Input(Input<'a>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Element<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Element<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, a token or an array of tokens")
            }
            fn visit_u64<E: Error>(self, token: u64) -> Result<Self::Value, E> {
                u32::try_from(token)
                    .map(Element::Token)
                    .map_err(|_| E::custom("a token does not fit 32 bits"))
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Element::Input(Input::Text(Cow::Borrowed(text))))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Element::Input(Input::Text(Cow::Owned(text.to_owned()))))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut tokens = Vec::new();
                while let Some(token) = seq.next_element::<u32>()? {
                    tokens.push(token);
                }
                Ok(Element::Input(Input::Tokens(tokens)))
            }
        }
        from.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(json: &str) -> Option<Vec<Input<'_>>> {
        serde_json::from_str::<Inputs<'_>>(json)
            .ok()
            .map(|inputs| inputs.0)
    }

    #[test]
    fn the_four_forms_of_an_input() {
        let text = |text: &'static str| Input::Text(text.into());
        assert_eq!(inputs(r#""a b""#), Some(vec![text("a b")]));
        assert_eq!(
            inputs(r#"["a","\u00e9"]"#),
            Some(vec![text("a"), text("é")])
        );
        assert_eq!(inputs("[1,2]"), Some(vec![Input::Tokens(vec![1, 2])]));
        assert_eq!(
            inputs("[[1],[2,3]]"),
            Some(vec![Input::Tokens(vec![1]), Input::Tokens(vec![2, 3])])
        );
        assert_eq!(inputs("[]"), Some(vec![]));
        for wrong in [
            "3",
            "{}",
            r#"["a",1]"#,
            "[-1]",
            "[4294967296]",
            "[[\"a\"]]",
            "[true]",
        ] {
            assert_eq!(inputs(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_last_user_message_in_both_forms_of_content() {
        let read = |messages: &str| {
            let body = format!(r#"{{"model":"echo","messages":{messages},"tools":[[[]]]}}"#);
            let ask = Ask::read(body.as_bytes()).expect("readable");
            (ask.last_words(), ask.prompt_words())
        };
        let (text, words) = read(
            r#"[{"role":"user","content":"one"},{"role":"user","content":"two \u00e9"},
                {"role":"assistant","content":null}]"#,
        );
        assert_eq!((text.as_str(), words), ("two é", 3));
        let (text, words) = read(
            r#"[{"role":"user","content":[{"type":"text","text":"a "},
                {"type":"image_url","image_url":{"url":"x"}},{"type":"text","text":"b"}]}]"#,
        );
        assert_eq!((text.as_str(), words), ("a b", 2));
    }

    #[test]
    fn what_is_borrowed_stays_in_the_body() {
        let body = br#"{"model":"echo","messages":[{"role":"user","content":"plain"}]}"#;
        let ask = Ask::read(body).expect("readable");
        assert!(matches!(ask.model, Cow::Borrowed(_)));
        assert!(matches!(ask.messages[0].content.0, Cow::Borrowed("plain")));
    }

    #[test]
    fn a_deep_field_that_nobody_reads_costs_no_stack() {
        let deep = "[".repeat(200_000) + &"]".repeat(200_000);
        let body = format!(r#"{{"model":"echo","x":{deep}}}"#);
        assert!(Ask::read(body.as_bytes()).is_ok());
    }
}
