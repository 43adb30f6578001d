//! A table of free names, each with one text.
//!
//! Promise: a name is told in full, since it is plain; a wrong value is told
//! under its name, and the others are still read.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::super::form::{Form, Text};
use super::super::reading::Reading;
use super::super::table::{Node, Reader, Shown, in_order};

/// See the module's text.
pub(in crate::config) struct Pairs {
    /// What a name matches.
    pub(in crate::config) name: &'static str,
    pub(in crate::config) is_name: fn(&str) -> bool,
    /// What a name is, for people.
    pub(in crate::config) names: &'static str,
    pub(in crate::config) value: Text,
    pub(in crate::config) is_value: fn(&str) -> bool,
    pub(in crate::config) example: (&'static str, &'static str),
}

impl Reader<BTreeMap<String, String>> for Pairs {
    fn form(&self) -> Form {
        Form::Pairs {
            name: self.name,
            names: self.names,
            value: self.value,
            example: self.example,
        }
    }

    fn show(&self, value: &BTreeMap<String, String>) -> Shown {
        let entries = value.iter();
        let entries = entries.map(|(name, text)| (name.clone(), Shown::Text(text.clone())));
        match value.is_empty() {
            true => Shown::Unset,
            false => Shown::Table(entries.collect()),
        }
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<BTreeMap<String, String>> {
        let DeValue::Table(entries) = node.get_ref() else {
            cx.wrong_type(node, &self.form().expected());
            return None;
        };
        let mut pairs = BTreeMap::new();
        for (name, value) in in_order(entries) {
            cx.within(name.get_ref(), |cx| {
                cx.remember(value.span());
                cx.plain(value);
                if !(self.is_name)(name.get_ref()) {
                    cx.error(name.span(), "is not a name").expected(self.names);
                }
                match value
                    .get_ref()
                    .as_str()
                    .filter(|text| (self.is_value)(text))
                {
                    Some(text) => drop(pairs.insert(name.get_ref().to_string(), text.to_owned())),
                    None => drop(cx.unfit(value, self.value.expected)),
                }
            });
        }
        Some(pairs)
    }
}
