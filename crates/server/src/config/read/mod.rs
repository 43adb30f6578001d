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
use super::form::{Form, Measure, Range, Text};
use super::reading::{Finding, Reading, nearest};
use super::source::Seen;
use super::table::{Node, Reader, Shown, Table, read_table};
use super::units::{parse_duration, parse_size};

/// A kind of number: how it is written and shown.
pub(super) trait Unit {
    type Value: Copy + PartialOrd;
    const MEASURE: Measure;
    fn parse(node: &Node<'_>) -> Result<Self::Value, Unfit>;
    /// In things, bytes or milliseconds.
    fn whole(value: Self::Value) -> u64;
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

impl Unit for Count {
    type Value = u64;
    const MEASURE: Measure = Measure::Count;

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

    fn whole(value: u64) -> u64 {
        value
    }
}

impl Unit for Bytes {
    type Value = u64;
    const MEASURE: Measure = Measure::Size;

    fn parse(node: &Node<'_>) -> Result<u64, Unfit> {
        match node.get_ref() {
            DeValue::String(text) => parse_size(text).ok_or(Unfit::Form),
            _ => Count::parse(node),
        }
    }

    fn whole(value: u64) -> u64 {
        value
    }
}

impl Unit for Time {
    type Value = Duration;
    const MEASURE: Measure = Measure::Time;

    fn parse(node: &Node<'_>) -> Result<Duration, Unfit> {
        node.get_ref()
            .as_str()
            .and_then(parse_duration)
            .ok_or(Unfit::Form)
    }

    fn whole(value: Duration) -> u64 {
        u64::try_from(value.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A number between two others, perhaps with a narrower recommended range.
pub(super) struct Bounded<U: Unit> {
    min: U::Value,
    max: U::Value,
    advised: Option<(U::Value, U::Value)>,
    unit: PhantomData<U>,
}

fn bounded<U: Unit>(min: U::Value, max: U::Value) -> Bounded<U> {
    Bounded {
        min,
        max,
        advised: None,
        unit: PhantomData,
    }
}

pub(super) fn count(min: u64, max: u64) -> Bounded<Count> {
    bounded(min, max)
}

pub(super) fn size(min: u64, max: u64) -> Bounded<Bytes> {
    bounded(min, max)
}

pub(super) fn time(min: Duration, max: Duration) -> Bounded<Time> {
    bounded(min, max)
}

impl<U: Unit> Bounded<U> {
    pub(super) fn advised(mut self, min: U::Value, max: U::Value) -> Self {
        self.advised = Some((min, max));
        self
    }

    fn range(&self, or_zero: bool) -> Range {
        Range {
            measure: U::MEASURE,
            min: U::whole(self.min),
            max: U::whole(self.max),
            advised: self
                .advised
                .map(|(min, max)| (U::whole(min), U::whole(max))),
            or_zero,
        }
    }

    fn read_value(&self, node: &Node<'_>, or_zero: bool, cx: &mut Reading<'_>) -> Option<U::Value> {
        cx.plain(node);
        let fits = |value: U::Value| {
            (self.min <= value && value <= self.max) || (or_zero && U::whole(value) == 0)
        };
        let value = match U::parse(node) {
            Ok(value) if fits(value) => value,
            Ok(_) | Err(Unfit::Range) => {
                cx.error(node.span(), "is out of range")
                    .found(shown(node))
                    .expected(Form::Range(self.range(or_zero)).expected());
                return None;
            }
            Err(Unfit::Form) => {
                cx.unfit(node, &Form::Range(self.range(or_zero)).expected());
                return None;
            }
        };
        if let Some((min, max)) = self.advised
            && !(min <= value && value <= max)
        {
            let show = |value| U::MEASURE.show(U::whole(value));
            cx.warning(node.span(), "is outside the recommended range")
                .found(show(value))
                .expected(format!("{} to {}", show(min), show(max)));
        }
        Some(value)
    }
}

/// A number of things as a value of the file.
fn show_whole(measure: Measure, value: u64) -> Shown {
    match measure {
        Measure::Count => Shown::Count(value),
        Measure::Size | Measure::Time => Shown::Text(measure.show(value)),
    }
}

impl<T: TryFrom<u64> + TryInto<u64> + Copy> Reader<T> for Bounded<Count> {
    fn form(&self) -> Form {
        Form::Range(self.range(false))
    }

    fn show(&self, value: &T) -> Shown {
        show_whole(Measure::Count, (*value).try_into().unwrap_or(u64::MAX))
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<T> {
        // The key's range lies within its type.
        self.read_value(node, false, cx)
            .and_then(|value| T::try_from(value).ok())
    }
}

impl<T: TryFrom<u64> + TryInto<u64> + Copy> Reader<T> for Bounded<Bytes> {
    fn form(&self) -> Form {
        Form::Range(self.range(false))
    }

    fn show(&self, value: &T) -> Shown {
        show_whole(Measure::Size, (*value).try_into().unwrap_or(u64::MAX))
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<T> {
        self.read_value(node, false, cx)
            .and_then(|value| T::try_from(value).ok())
    }
}

impl Reader<Duration> for Bounded<Time> {
    fn form(&self) -> Form {
        Form::Range(self.range(false))
    }

    fn show(&self, value: &Duration) -> Shown {
        show_whole(Measure::Time, Time::whole(*value))
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<Duration> {
        self.read_value(node, false, cx)
    }
}

/// A number whose zero means that there is none.
pub(super) struct OffAtZero<U: Unit>(pub(super) Bounded<U>);

impl<U: Unit> Reader<Option<U::Value>> for OffAtZero<U> {
    fn form(&self) -> Form {
        Form::Range(self.0.range(true))
    }

    fn show(&self, value: &Option<U::Value>) -> Shown {
        show_whole(U::MEASURE, value.map_or(0, U::whole))
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<Option<U::Value>> {
        let value = self.0.read_value(node, true, cx)?;
        Some(Some(value).filter(|value| U::whole(*value) != 0))
    }
}

/// A part of a whole, from 0 to 1.
pub(super) struct Ratio;

impl Reader<f64> for Ratio {
    fn form(&self) -> Form {
        Form::Ratio
    }

    fn show(&self, value: &f64) -> Shown {
        Shown::Ratio(*value)
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<f64> {
        cx.plain(node);
        let number = match node.get_ref() {
            DeValue::Float(number) => number.as_str().parse().ok(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
            _ => None,
        };
        let Some(number) = number else {
            cx.unfit(node, &Form::Ratio.expected());
            return None;
        };
        if !(0.0..=1.0).contains(&number) {
            cx.error(node.span(), "is out of range")
                .found(shown(node))
                .expected(Form::Ratio.expected());
            return None;
        }
        Some(number)
    }
}

/// A text that a function turns into a value, or refuses.
pub(super) struct Parsed<T> {
    pub(super) form: Text,
    pub(super) parse: fn(&str) -> Option<T>,
    /// The text that is read to this value.
    pub(super) show: fn(&T) -> Option<String>,
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
pub(super) const ADDRESS: Parsed<SocketAddr> = Parsed {
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
pub(super) const ADMIN_ADDRESS: Parsed<SocketAddr> = Parsed {
    form: Text {
        expected: "an IP address with a port, such as \"127.0.0.1:7071\"",
        examples: &["127.0.0.1:7071", "0.0.0.0:7071", "[::1]:0"],
        ..ADDRESS.form
    },
    ..ADDRESS
};

/// What a name for people and metrics matches.
pub(super) const NAME_PATTERN: &str = r"^[A-Za-z0-9_.-]{1,64}$";

/// The name of a provider, where one may be absent.
pub(super) const PROVIDER_NAME: Parsed<Option<String>> = Parsed {
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
pub(super) const NAME: Parsed<String> = Parsed {
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
pub(super) const MODEL: Parsed<String> = Parsed {
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
pub(super) fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=64).contains(&text.len()) && text.chars().all(fits)
}

/// `true` or `false`.
pub(super) struct Flag;

impl Reader<bool> for Flag {
    fn form(&self) -> Form {
        Form::Flag
    }

    fn show(&self, value: &bool) -> Shown {
        Shown::Flag(*value)
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

impl<T: Copy + PartialEq> Reader<T> for Choice<T> {
    fn form(&self) -> Form {
        Form::Choice(self.words)
    }

    fn show(&self, value: &T) -> Shown {
        let words = self.words.iter().zip(self.values);
        let word = words.into_iter().find(|(_, known)| *known == value);
        word.map_or(Shown::Unset, |(word, _)| Shown::Text((*word).to_owned()))
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
        Form::Text(Text {
            expected: "a URL such as \"https://api.openai.com/v1\"",
            pattern: r"^\s*[Hh][Tt][Tt][Pp][Ss]?://[^@?#\s]+\s*$",
            examples: &["https://api.openai.com/v1", "http://127.0.0.1:9100/v1"],
            is_wide: true,
        })
    }

    fn show(&self, value: &BaseUrl) -> Shown {
        Shown::Text(value.to_string())
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
pub(super) struct ExistingFile {
    pub(super) examples: &'static [&'static str],
}

impl Reader<Option<PathBuf>> for ExistingFile {
    fn form(&self) -> Form {
        Form::Text(Text {
            expected: "the path of a file",
            pattern: "^[^\\u0000]+$",
            examples: self.examples,
            is_wide: true,
        })
    }

    fn show(&self, value: &Option<PathBuf>) -> Shown {
        // Whole, so that it is found from wherever it is read again.
        let whole = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let path = value.as_ref().map(whole);
        path.map_or(Shown::Unset, |path| {
            Shown::Text(path.to_string_lossy().into_owned())
        })
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<Option<PathBuf>> {
        cx.plain(node);
        let Some(text) = node.get_ref().as_str() else {
            cx.unfit(node, "the path of a file");
            return None;
        };
        let path = cx.folder.join(text);
        // Before anybody uses it: what changes meanwhile is news afterwards.
        cx.named.push(Seen::now(path.clone()));
        // Looked at before it is opened: a pipe would be waited for.
        let plain = path.metadata().and_then(|found| match found.is_file() {
            true => std::fs::File::open(&path).map(|_| true),
            false => Ok(false),
        });
        match plain {
            Ok(true) => Some(Some(path)),
            Ok(false) => {
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

    fn show(&self, value: &T) -> Shown {
        Shown::Table(value.show())
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

    fn show(&self, value: &Vec<T>) -> Shown {
        match value.is_empty() {
            true => Shown::Unset,
            false => Shown::List(value.iter().map(|one| self.0.show(one)).collect()),
        }
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

    fn show(&self, value: &T) -> Shown {
        self.0.show(value)
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
