//! The readers: one for each kind of value that a key can have.
//!
//! Promises: 1. a reader never guesses: what it cannot take exactly is an
//! error that says what it takes; 2. a value outside its recommended range is
//! taken, with a warning (R-D6). What several keys mean together is `check`'s.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;

use super::base_url::{self, BaseUrl};
use super::reading::{Finding, Reading, nearest};
use super::table::{Form, Node, Reader, Table, read_table};
use super::units::{parse_duration, parse_size, show_duration, show_size};

/// A kind of number: how it is written and shown.
pub(super) trait Unit {
    type Value: Copy + PartialOrd;
    /// What it is, with an example.
    const NAME: &'static str;
    fn parse(node: &Node<'_>) -> Result<Self::Value, Unfit>;
    fn show(value: Self::Value) -> String;
}

/// Why a value is not a number of its kind.
pub(super) enum Unfit {
    /// Another type, or a text of another form.
    Form,
    /// The right form, and below zero or beyond 64 bits.
    Range,
}

/// Whole numbers.
pub(super) struct Count;
/// Bytes.
pub(super) struct Bytes;
/// Durations.
pub(super) struct Time;
/// Parts of a whole.
pub(super) struct Ratio;

impl Unit for Count {
    type Value = u64;
    const NAME: &'static str = "a whole number";

    fn parse(node: &Node<'_>) -> Result<u64, Unfit> {
        let DeValue::Integer(number) = node.get_ref() else {
            return Err(Unfit::Form);
        };
        u64::from_str_radix(number.as_str(), number.radix()).map_err(|error| {
            let below_zero = number.as_str().starts_with('-');
            let beyond = *error.kind() == std::num::IntErrorKind::PosOverflow;
            if below_zero || beyond {
                Unfit::Range
            } else {
                Unfit::Form
            }
        })
    }

    fn show(value: u64) -> String {
        value.to_string()
    }
}

impl Unit for Bytes {
    type Value = u64;
    const NAME: &'static str = "a size such as \"64KiB\" or a number of bytes";

    fn parse(node: &Node<'_>) -> Result<u64, Unfit> {
        match node.get_ref() {
            DeValue::String(text) => parse_size(text).ok_or(Unfit::Form),
            _ => Count::parse(node),
        }
    }

    fn show(value: u64) -> String {
        show_size(value)
    }
}

impl Unit for Time {
    type Value = Duration;
    const NAME: &'static str = "a duration such as \"10s\" or \"500ms\"";

    fn parse(node: &Node<'_>) -> Result<Duration, Unfit> {
        node.get_ref()
            .as_str()
            .and_then(parse_duration)
            .ok_or(Unfit::Form)
    }

    fn show(value: Duration) -> String {
        show_duration(value)
    }
}

impl Unit for Ratio {
    type Value = f64;
    const NAME: &'static str = "a number";

    fn parse(node: &Node<'_>) -> Result<f64, Unfit> {
        let number = match node.get_ref() {
            DeValue::Float(number) => number.as_str(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            _ => return Err(Unfit::Form),
        };
        number.parse().map_err(|_| Unfit::Form)
    }

    fn show(value: f64) -> String {
        value.to_string()
    }
}

/// A number between two others, perhaps with a narrower recommended range.
pub(super) struct Bounded<U: Unit> {
    min: U::Value,
    max: U::Value,
    advised: Option<(U::Value, U::Value)>,
    unit: PhantomData<U>,
}

pub(super) fn count(min: u64, max: u64) -> Bounded<Count> {
    Bounded {
        min,
        max,
        advised: None,
        unit: PhantomData,
    }
}

pub(super) fn size(min: u64, max: u64) -> Bounded<Bytes> {
    Bounded {
        min,
        max,
        advised: None,
        unit: PhantomData,
    }
}

pub(super) fn time(min: Duration, max: Duration) -> Bounded<Time> {
    Bounded {
        min,
        max,
        advised: None,
        unit: PhantomData,
    }
}

/// A part of a whole.
pub(super) fn ratio() -> Bounded<Ratio> {
    Bounded {
        min: 0.0,
        max: 1.0,
        advised: None,
        unit: PhantomData,
    }
}

impl<U: Unit> Bounded<U> {
    pub(super) fn advised(mut self, min: U::Value, max: U::Value) -> Self {
        self.advised = Some((min, max));
        self
    }

    fn expected(&self) -> String {
        format!(
            "{} from {} to {}",
            U::NAME,
            U::show(self.min),
            U::show(self.max)
        )
    }

    fn read_value(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<U::Value> {
        cx.plain(node);
        let value = match U::parse(node) {
            Ok(value) if self.min <= value && value <= self.max => value,
            Ok(_) | Err(Unfit::Range) => {
                cx.error(node.span(), "is out of range")
                    .found(shown(node))
                    .expected(self.expected());
                return None;
            }
            Err(Unfit::Form) => {
                cx.unfit(node, &self.expected());
                return None;
            }
        };
        if let Some((min, max)) = self.advised
            && !(min <= value && value <= max)
        {
            let range = format!("{} to {}", U::show(min), U::show(max));
            cx.warning(node.span(), "is outside the recommended range")
                .found(U::show(value))
                .expected(range);
        }
        Some(value)
    }
}

impl<T: TryFrom<u64>> Reader<T> for Bounded<Count> {
    fn form(&self) -> Form {
        Form::Plain(self.expected())
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<T> {
        // The key's range lies within its type.
        self.read_value(node, cx)
            .and_then(|value| T::try_from(value).ok())
    }
}

impl<T: TryFrom<u64>> Reader<T> for Bounded<Bytes> {
    fn form(&self) -> Form {
        Form::Plain(self.expected())
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<T> {
        self.read_value(node, cx)
            .and_then(|value| T::try_from(value).ok())
    }
}

impl Reader<Duration> for Bounded<Time> {
    fn form(&self) -> Form {
        Form::Plain(self.expected())
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<Duration> {
        self.read_value(node, cx)
    }
}

impl Reader<f64> for Bounded<Ratio> {
    fn form(&self) -> Form {
        Form::Plain(self.expected())
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<f64> {
        self.read_value(node, cx)
    }
}

/// A number whose zero means that there is none.
pub(super) struct OffAtZero<R>(pub(super) R);

impl<T: Default + PartialEq, R: Reader<T>> Reader<Option<T>> for OffAtZero<R> {
    fn form(&self) -> Form {
        self.0.form()
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<Option<T>> {
        let value = self.0.read(node, cx)?;
        Some(Some(value).filter(|value| *value != T::default()))
    }
}

/// A text that a function turns into a value, or refuses.
pub(super) struct Parsed<T> {
    pub(super) expected: &'static str,
    pub(super) parse: fn(&str) -> Option<T>,
}

impl<T> Reader<T> for Parsed<T> {
    fn form(&self) -> Form {
        Form::Plain(self.expected.to_owned())
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<T> {
        cx.plain(node);
        let value = node
            .get_ref()
            .as_str()
            .and_then(|text| (self.parse)(text.trim()));
        if value.is_none() {
            cx.unfit(node, self.expected);
        }
        value
    }
}

/// `address:port`.
pub(super) const ADDRESS: Parsed<SocketAddr> = Parsed {
    expected: "an IP address with a port, such as \"127.0.0.1:7070\"",
    parse: |text| text.parse().ok(),
};

/// The name of a provider, where one may be absent.
pub(super) const PROVIDER_NAME: Parsed<Option<String>> = Parsed {
    expected: "the name of a provider",
    parse: |text| is_name(text).then(|| Some(text.to_owned())),
};

/// A name for people and metrics.
pub(super) const NAME: Parsed<String> = Parsed {
    expected: "a name of at most 64 letters, digits, `-`, `_` or `.`",
    parse: |text| is_name(text).then(|| text.to_owned()),
};

/// A model's name or a glob.
pub(super) const MODEL: Parsed<String> = Parsed {
    expected: "a model's name such as \"gpt-4o\", or a pattern such as \"gpt-*\"",
    parse: |text| {
        let fits = (1..=256).contains(&text.len()) && !text.contains(char::is_control);
        fits.then(|| text.to_owned())
    },
};

/// Whether a text can be a provider's name: it stands before a `/` in a
/// model's name and in every metric.
pub(super) fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=64).contains(&text.len()) && text.chars().all(fits)
}

/// `true` or `false`.
pub(super) struct Flag;

impl Reader<bool> for Flag {
    fn form(&self) -> Form {
        Form::Plain("true or false".to_owned())
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<bool> {
        cx.plain(node);
        let value = node.get_ref().as_bool();
        if value.is_none() {
            cx.unfit(node, "true or false");
        }
        value
    }
}

/// One of a few words.
pub(super) struct Choice<T: 'static> {
    pub(super) words: &'static [&'static str],
    /// What each word means, in the same order.
    pub(super) values: &'static [T],
}

impl<T: Copy> Reader<T> for Choice<T> {
    fn form(&self) -> Form {
        Form::Choice(self.words)
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<T> {
        cx.plain(node);
        let word = node.get_ref().as_str();
        let index = word.and_then(|word| self.words.iter().position(|known| *known == word));
        let value = index.and_then(|index| self.values.get(index)).copied();
        if value.is_none() {
            let near = word.and_then(|word| nearest(word, self.words.iter().copied()));
            cx.unfit(node, &Form::Choice(self.words).expected())
                .near(near);
        }
        value
    }
}

/// The base of an upstream's API.
pub(super) struct Url;

impl Reader<BaseUrl> for Url {
    fn form(&self) -> Form {
        Form::Plain("a URL such as \"https://api.openai.com/v1\"".to_owned())
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<BaseUrl> {
        let expected = Reader::<BaseUrl>::form(self).expected();
        let Some(text) = node.get_ref().as_str() else {
            cx.wrong_type(node, &expected);
            return None;
        };
        if !base_url::may_hold_secret(text) {
            cx.plain(node);
        }
        match BaseUrl::parse(text.trim()) {
            Ok(url) => Some(url),
            Err(why) => {
                cx.error(node.span(), why).expected(expected);
                None
            }
        }
    }
}

/// A file that must be there; a relative path starts at the configuration's folder.
pub(super) struct ExistingFile;

impl Reader<Option<PathBuf>> for ExistingFile {
    fn form(&self) -> Form {
        Form::Plain("the path of a file".to_owned())
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<Option<PathBuf>> {
        cx.plain(node);
        let Some(text) = node.get_ref().as_str() else {
            cx.unfit(node, "the path of a file");
            return None;
        };
        let path = cx.folder.join(text);
        match std::fs::File::open(&path).and_then(|file| file.metadata()) {
            Ok(found) if found.is_file() => Some(Some(path)),
            Ok(_) => {
                cx.error(node.span(), "is not a file")
                    .expected("the path of a file");
                None
            }
            Err(error) => {
                let expected = "the path of a file that can be read";
                cx.error(node.span(), "cannot be read")
                    .found(error.to_string())
                    .expected(expected);
                None
            }
        }
    }
}

/// A nested table.
pub(super) struct Section;

impl<T: Table> Reader<T> for Section {
    fn form(&self) -> Form {
        Form::Table(T::keys())
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<T> {
        read_table(node, cx)
    }
}

/// A list of at least one such value.
pub(super) struct List<R>(pub(super) R);

impl<T, R: Reader<T>> Reader<Vec<T>> for List<R> {
    fn form(&self) -> Form {
        Form::List(Box::new(self.0.form()))
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<Vec<T>> {
        let DeValue::Array(items) = node.get_ref() else {
            cx.wrong_type(node, &Reader::<Vec<T>>::form(self).expected());
            return None;
        };
        if items.is_empty() {
            cx.error(node.span(), "is empty")
                .expected(format!("at least one value: {}", self.0.form().expected()))
                .hint("leave the key out if it is not meant");
            return None;
        }
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let read = cx.within(&format!("[{index}]"), |cx| {
                cx.remember(item.span());
                self.0.read(item, cx)
            });
            values.extend(read);
        }
        Some(values)
    }
}

/// A key that cannot be left out.
pub(super) struct Required<R>(pub(super) R);

impl<T, R: Reader<T>> Reader<T> for Required<R> {
    const REQUIRED: bool = true;

    fn form(&self) -> Form {
        self.0.form()
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<T> {
        self.0.read(node, cx)
    }
}

impl Reading<'_> {
    /// A plain value that its reader cannot take.
    fn unfit(&mut self, node: &Node<'_>, expected: &str) -> &mut Finding {
        let what = match node.get_ref() {
            DeValue::String(_) => "cannot be read",
            _ => "has the wrong type",
        };
        self.error(node.span(), what)
            .found(shown(node))
            .expected(expected)
    }
}

/// A plain scalar as "found ..." tells it.
fn shown(node: &Node<'_>) -> String {
    match node.get_ref() {
        DeValue::String(text) => {
            let short: String = text.chars().take(60).collect();
            format!("string {short:?}")
        }
        DeValue::Integer(number) => format!("integer {number}"),
        other => other.type_str().to_owned(),
    }
}
