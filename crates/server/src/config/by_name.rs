//! Tables of free names, each with a table of the same keys: `[catalogue.NAME]`,
//! `[routes.NAME]`.
//!
//! Promises: 1. the order is the file's; 2. a wrong name or value is told under its
//! name, and the others are still read.

use toml::de::DeValue;

use super::form::{Form, Named};
use super::reading::Reading;
use super::table::{Node, Reader, Shown, Table, in_order, read_table};

/// See the module's text.
pub(super) struct ByName {
    /// What a name matches.
    pub(super) name: &'static str,
    pub(super) is_name: fn(&str) -> bool,
    /// What a name is, for people.
    pub(super) names: &'static str,
    /// The same in short, as the end of the sentence "expected ...".
    pub(super) expected: &'static str,
}

impl<T: Table> Reader<Vec<(String, T)>> for ByName {
    fn form(&self) -> Form {
        Form::Named(Named {
            keys: T::keys(),
            name: self.name,
            names: self.names,
            fixed: None,
        })
    }

    fn show(&self, value: &Vec<(String, T)>) -> Shown {
        let all = value.iter();
        let all = all.map(|(name, table)| (name.clone(), Shown::Table(table.show())));
        Shown::Table(all.collect())
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<Vec<(String, T)>> {
        let DeValue::Table(tables) = node.get_ref() else {
            cx.wrong_type(node, &Reader::<Vec<(String, T)>>::form(self).expected());
            return None;
        };
        let mut all = Vec::new();
        for (name, table) in in_order(tables) {
            cx.within(name.get_ref(), |cx| {
                cx.remember(table.span());
                if !(self.is_name)(name.get_ref()) {
                    cx.error(name.span(), "is not a name")
                        .expected(self.expected);
                }
                let read: Option<T> = read_table(table, cx);
                all.extend(read.map(|table| (name.get_ref().to_string(), table)));
            });
        }
        Some(all)
    }
}
