//! The `[catalogue.NAME]` tables: what the writer knows of models, over what is
//! known of them anyway (contracts 15).
//!
//! Promise: only what is written says something; no field has a default.

use toml::de::DeValue;

use super::azure::DEPLOYMENTS;
use super::form::{Form, Named};
use super::keys::ModelFacts;
use super::reading::Reading;
use super::table::{Node, Reader, Shown, Table, in_order, read_table};

/// Reads them, in the order of the file.
pub(super) struct CatalogueTables;

impl Reader<Vec<(String, ModelFacts)>> for CatalogueTables {
    fn form(&self) -> Form {
        Form::Named(Named {
            keys: ModelFacts::keys(),
            name: DEPLOYMENTS.name,
            names: "is a model's name such as `\"gpt-4.1\"`, or with its provider's before it, \
                    `\"mine/gpt-4.1\"`",
            fixed: None,
        })
    }

    fn show(&self, value: &Vec<(String, ModelFacts)>) -> Shown {
        let all = value.iter();
        let all = all.map(|(name, facts)| (name.clone(), Shown::Table(facts.show())));
        Shown::Table(all.collect())
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<Vec<(String, ModelFacts)>> {
        let DeValue::Table(tables) = node.get_ref() else {
            cx.wrong_type(node, &self.form().expected());
            return None;
        };
        let mut all = Vec::new();
        for (name, table) in in_order(tables) {
            cx.within(name.get_ref(), |cx| {
                cx.remember(table.span());
                if !(DEPLOYMENTS.is_name)(name.get_ref()) {
                    cx.error(name.span(), "is not a name")
                        .expected(DEPLOYMENTS.names);
                }
                let read: Option<ModelFacts> = read_table(table, cx);
                all.extend(read.map(|facts| (name.get_ref().to_string(), facts)));
            });
        }
        Some(all)
    }
}
