//! Secrets of the configuration: literal, or the name of a variable.
//!
//! Promises: 1. a secret is never part of a problem, of `Debug` or of an echo;
//! 2. a secret that could not stand in a header is refused here, not at the
//! first request. Rotation and storage are not its business.

use secrecy::SecretString;
use toml::de::DeValue;

use super::form::Form;
use super::reading::Reading;
use super::table::{Node, Reader, Shown};

/// A secret and where it came from.
#[derive(Debug, Clone)]
pub struct Secret {
    /// The secret itself; `Debug` does not show it.
    pub value: SecretString,
    /// Where it came from, which may be told.
    pub source: SecretSource,
}

/// Where a secret came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// It stands in the file.
    Literal,
    /// It is the value of this environment variable.
    Env(String),
}

/// What is shown for a secret that stands in the file. It is no key: who uses a
/// printed configuration again must not serve under three asterisks.
pub(super) const HIDDEN: &str = "***";

impl Secret {
    /// What stands in for a secret that a problem keeps from being read.
    pub(super) fn unset() -> Self {
        Self {
            value: SecretString::default(),
            source: SecretSource::Literal,
        }
    }

    /// A usable secret, or what is wrong with it.
    pub(super) fn new(text: &str, source: SecretSource) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.is_empty() {
            return Err("is empty");
        }
        if text == HIDDEN {
            return Err("stands for a key that was hidden; put the key itself here");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("has a space or a character that cannot stand in a header");
        }
        Ok(Self {
            value: text.into(),
            source,
        })
    }
}

/// Reads a literal or `env:NAME`; with an example of it.
pub(super) struct SecretText(pub(super) &'static str);

pub(super) const EXPECTED: &str = "a key, or \"env:NAME\" to take it from the environment";

impl Reader<Secret> for SecretText {
    fn form(&self) -> Form {
        Form::Secret(self.0)
    }

    fn show(&self, value: &Secret) -> Shown {
        Shown::Text(match &value.source {
            SecretSource::Env(name) => format!("env:{name}"),
            SecretSource::Literal => HIDDEN.to_owned(),
        })
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<Secret> {
        let DeValue::String(text) = node.get_ref() else {
            cx.wrong_type(node, EXPECTED);
            return None;
        };
        let read = match text.strip_prefix("env:") {
            Some(name) => from_env(name, node, cx)?,
            None => {
                tell_other_forms(text, node, cx);
                Secret::new(text, SecretSource::Literal)
            }
        };
        read.map_err(|why| {
            cx.error(node.span(), why).expected(EXPECTED);
        })
        .ok()
    }
}

/// Other programs write a variable in other ways; here they would be the key.
fn tell_other_forms(text: &str, node: &Node<'_>, cx: &mut Reading<'_>) {
    let name = text.strip_prefix('$').or_else(|| {
        let (word, name) = text.split_at_checked("env:".len())?;
        word.eq_ignore_ascii_case("env:").then_some(name)
    });
    let name = name.map(|name| name.trim_matches(['{', '}']));
    if name.is_some_and(is_variable) {
        cx.warning(
            node.span(),
            "is taken for the key itself, and looks like a variable",
        )
        .expected(EXPECTED)
        .hint("write \"env:NAME\" for the value of the variable NAME");
    }
}

/// Whether this can be the name of a variable.
fn is_variable(name: &str) -> bool {
    let mut letters = name.chars();
    let starts = letters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    starts && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn from_env(
    name: &str,
    node: &Node<'_>,
    cx: &mut Reading<'_>,
) -> Option<Result<Secret, &'static str>> {
    if !is_variable(name) {
        cx.error(node.span(), "does not name an environment variable")
            .expected(EXPECTED);
        return None;
    }
    cx.plain(node);
    let Some(value) = cx.env.get(name) else {
        cx.error(node.span(), format!("names {name}, which is not set"))
            .expected("the name of a variable that is set")
            .hint(format!(
                "export {name}=... before starting, or write another name"
            ));
        return None;
    };
    let secret = Secret::new(&value, SecretSource::Env(name.to_owned()));
    match secret {
        Ok(secret) => Some(Ok(secret)),
        Err(why) => {
            cx.error(node.span(), format!("names {name}, whose value {why}"));
            None
        }
    }
}
