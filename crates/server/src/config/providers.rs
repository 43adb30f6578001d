//! The `[providers.x]` tables: upstreams by name, and the simulated one.
//!
//! Promises: 1. the order is the file's, since it decides who lists a name
//! first; 2. `sim` is built in: only its script, its pool, its timers
//! and whether it is there can be set.

use toml::de::DeValue;

use super::bedrock;
use super::form::{Form, Named};
use super::keys::{Provider, Sim};
use super::presets;
use super::read::{NAME, NAME_PATTERN, is_name};
use super::reading::Reading;
use super::table::{Node, Reader, Shown, Table, in_order, read_table};

/// The name of the built-in provider.
pub const SIM: &str = "sim";

/// All that `[providers]` holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Providers {
    /// Upstreams, in the order of the file.
    pub(super) named: Vec<Provider>,
    /// The simulated provider.
    pub(super) sim: Sim,
}

/// Reads them.
pub(super) struct ProviderTables;

impl Reader<Providers> for ProviderTables {
    fn form(&self) -> Form {
        Form::Named(Named {
            keys: Provider::keys(),
            name: NAME_PATTERN,
            names: "has at most 64 letters, digits, `-`, `_` or `.`",
            fixed: Some((SIM, Sim::keys())),
        })
    }

    fn show(&self, value: &Providers) -> Shown {
        let named = value.named.iter();
        let named = named.map(|one| (one.name.clone(), Shown::Table(one.show())));
        let sim = (SIM.to_owned(), Shown::Table(value.sim.show()));
        Shown::Table(named.chain([sim]).collect())
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<Providers> {
        let DeValue::Table(tables) = node.get_ref() else {
            cx.wrong_type(node, &self.form().expected());
            return None;
        };
        let mut providers = Providers::default();
        for (name, table) in in_order(tables) {
            cx.within(name.get_ref(), |cx| {
                cx.remember(table.span());
                if name.get_ref() == SIM {
                    providers.sim = read_table(table, cx).unwrap_or_default();
                    return;
                }
                if !is_name(name.get_ref()) {
                    cx.error(name.span(), "is not a name")
                        .expected(NAME.form.expected);
                }
                let mut read: Option<Provider> = read_table(table, cx);
                if let Some(provider) = &mut read {
                    presets::fill(provider, cx);
                    bedrock::fill(provider, cx);
                }
                let name = name.get_ref().to_string();
                providers
                    .named
                    .extend(read.map(|provider| Provider { name, ..provider }));
            });
        }
        Some(providers)
    }
}
