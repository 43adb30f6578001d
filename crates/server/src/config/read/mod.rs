//! The readers: one for each kind of value that a key can have.
//!
//! Promises: 1. a reader never guesses: what it cannot take exactly is an
//! error that says what it takes; 2. a value outside its recommended range is
//! taken, with a warning (R-D6). What several keys mean together is `check`'s.
//! Here are those of words and of what is made of others.

mod numbers;
mod pairs;
mod places;
mod texts;

use toml::de::DeValue;

pub(super) use self::numbers::{OffAtZero, Price, Ratio, count, size, time};
pub(super) use self::pairs::Pairs;
pub(super) use self::places::{ExistingFile, Url};
pub(super) use self::texts::{
    ADDRESS, ADMIN_ADDRESS, MODEL, NAME, NAME_PATTERN, PROVIDER_NAME, Parsed, is_name,
};
use super::form::Form;
use super::reading::{Finding, Reading, nearest};
use super::table::{Node, Reader, Shown, Table, read_table};

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

/// A value that is none where nothing is written.
pub(super) struct Perhaps<R>(pub(super) R);

impl<T, R: Reader<T>> Reader<Option<T>> for Perhaps<R> {
    fn form(&self) -> Form {
        self.0.form()
    }

    fn show(&self, value: &Option<T>) -> Shown {
        value.as_ref().map_or(Shown::Unset, |one| self.0.show(one))
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<Option<T>> {
        self.0.read(node, cx).map(Some)
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
