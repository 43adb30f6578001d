//! Readers of texts that a function turns into a value, or refuses.
//!
//! The addresses and names that more than one key has stand here, once.

use std::net::SocketAddr;

use super::super::form::{Form, Text};
use super::super::reading::Reading;
use super::super::table::{Node, Reader, Shown};

/// A text that a function turns into a value, or refuses.
pub(in crate::config) struct Parsed<T> {
    pub(in crate::config) form: Text,
    pub(in crate::config) parse: fn(&str) -> Option<T>,
    /// The text that is read to this value.
    pub(in crate::config) show: fn(&T) -> Option<String>,
}

impl<T> Reader<T> for Parsed<T> {
    fn form(&self) -> Form {
        Form::Text(self.form)
    }

    fn show(&self, value: &T) -> Shown {
        (self.show)(value).map_or(Shown::Unset, Shown::Text)
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<T> {
        cx.plain(node);
        let value = node
            .get_ref()
            .as_str()
            .and_then(|text| (self.parse)(text.trim()));
        if value.is_none() {
            cx.unfit(node, self.form.expected);
        }
        value
    }
}

/// `address:port`.
pub(in crate::config) const ADDRESS: Parsed<SocketAddr> = Parsed {
    form: Text {
        expected: "an IP address with a port, such as \"127.0.0.1:7070\"",
        pattern: r"^\s*([0-9]{1,3}(\.[0-9]{1,3}){3}|\[[0-9A-Fa-f:.]+(%[0-9]+)?\]):[0-9]+\s*$",
        examples: &["127.0.0.1:7070", "0.0.0.0:7070", "[::1]:0"],
        is_wide: true,
    },
    parse: |text| text.parse().ok(),
    show: |address| Some(address.to_string()),
};

/// The same, with the port of operators in its examples.
pub(in crate::config) const ADMIN_ADDRESS: Parsed<SocketAddr> = Parsed {
    form: Text {
        expected: "an IP address with a port, such as \"127.0.0.1:7071\"",
        examples: &["127.0.0.1:7071", "0.0.0.0:7071", "[::1]:0"],
        ..ADDRESS.form
    },
    ..ADDRESS
};

/// What a name for people and metrics matches.
pub(in crate::config) const NAME_PATTERN: &str = r"^[A-Za-z0-9_.-]{1,64}$";

/// The name of a provider, where one may be absent.
pub(in crate::config) const PROVIDER_NAME: Parsed<Option<String>> = Parsed {
    form: Text {
        expected: "the name of a provider",
        pattern: r"^\s*[A-Za-z0-9_.-]{1,64}\s*$",
        examples: &["openai"],
        is_wide: false,
    },
    parse: |text| is_name(text).then(|| Some(text.to_owned())),
    show: Clone::clone,
};

/// A name for people and metrics.
pub(in crate::config) const NAME: Parsed<String> = Parsed {
    form: Text {
        expected: "a name of at most 64 letters, digits, `-`, `_` or `.`",
        pattern: r"^\s*[A-Za-z0-9_.-]{1,64}\s*$",
        examples: &["main"],
        is_wide: false,
    },
    parse: |text| is_name(text).then(|| text.to_owned()),
    show: |name| Some(name.clone()),
};

/// A model's name or a glob.
pub(in crate::config) const MODEL: Parsed<String> = Parsed {
    form: Text {
        expected: "a model's name such as \"gpt-4o\", or a pattern such as \"gpt-*\"",
        pattern: r"^\s*[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]{0,254}[^\s\u0000-\u001f\u007f-\u009f])?\s*$",
        examples: &["gpt-4o", "gpt-*"],
        is_wide: false,
    },
    parse: |text| {
        let fits = (1..=256).contains(&text.chars().count()) && !text.contains(char::is_control);
        fits.then(|| text.to_owned())
    },
    show: |name| Some(name.clone()),
};

/// Whether a text can be a provider's name: it stands before a `/` in a
/// model's name and in every metric.
pub(in crate::config) fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=64).contains(&text.len()) && text.chars().all(fits)
}
