//! How a table of the file becomes a struct: one line a key.
//!
//! The `table!` macro makes, from one line each, the field, its documentation,
//! its default and its reader, and a list of keys that errors name and that a
//! schema can be generated from. The lines themselves stand in `keys`.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::form::Form;
use super::reading::{Origin, Reading};

/// A value of the file, or of a flag or variable, with its place.
pub(super) type Node<'a> = Spanned<DeValue<'a>>;

/// A key of a table.
pub(super) struct Key {
    pub(super) name: &'static str,
    /// What it is for, the first line of its documentation.
    pub(super) help: &'static str,
    pub(super) required: bool,
    pub(super) form: Form,
    /// What it is where nothing is written; a required key has none.
    pub(super) default: Shown,
}

/// A value as the file would have it, for whoever prints or describes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shown {
    /// There is none.
    Unset,
    Flag(bool),
    Count(u64),
    Ratio(f64),
    /// A text; a secret is shown as where it comes from.
    Text(String),
    List(Vec<Shown>),
    /// The entries, in the order of the keys, or of the file where names are free.
    Table(Vec<(String, Shown)>),
}

/// A struct that is read from a table.
pub(super) trait Table: Default {
    /// The keys, in the order of the source.
    fn keys() -> Vec<Key>;
    /// Reads one key; `false` when there is none of that name.
    fn take(&mut self, key: &str, value: &Node<'_>, cx: &mut Reading<'_>) -> bool;
    /// Every key with its value, in the order of the source.
    fn show(&self) -> Vec<(String, Shown)>;
}

/// Reads one value; a problem is told to `cx` and gives `None`.
pub(super) trait Reader<T> {
    const REQUIRED: bool = false;
    fn form(&self) -> Form;
    /// The value as it would be read again.
    fn show(&self, value: &T) -> Shown;
    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<T>;
}

/// Reads every key of a table, then names those that are missing.
pub(super) fn read_table<T: Table>(node: &Node<'_>, cx: &mut Reading<'_>) -> Option<T> {
    let DeValue::Table(entries) = node.get_ref() else {
        cx.wrong_type(node, &Form::Table(T::keys()).expected());
        return None;
    };
    let mut table = T::default();
    read_entries(&mut table, entries, cx);
    for key in T::keys()
        .iter()
        .filter(|key| key.required && !entries.contains_key(key.name))
    {
        cx.within(key.name, |cx| cx.missing(node.span(), key));
    }
    Some(table)
}

/// Reads the entries over what the struct already holds.
pub(super) fn read_entries<T: Table>(into: &mut T, entries: &DeTable<'_>, cx: &mut Reading<'_>) {
    for (name, value) in in_order(entries) {
        cx.within(name.get_ref(), |cx| {
            cx.remember(value.span());
            if !into.take(name.get_ref(), value, cx) {
                let keys = T::keys();
                cx.unknown(name, keys.iter().map(|key| key.name));
            }
        });
    }
}

/// A table's entries as the file has them; the map sorts by name.
pub(super) fn in_order<'t, 'a>(
    entries: &'t DeTable<'a>,
) -> Vec<(&'t Spanned<std::borrow::Cow<'a, str>>, &'t Node<'a>)> {
    let mut list: Vec<_> = entries.iter().collect();
    list.sort_by_key(|(name, _)| name.span().start);
    list
}

/// Sets one top key from a flag or a variable, through the key's own reader.
pub(super) fn read_override<T: Table>(
    into: &mut T,
    key: &'static str,
    origin: Origin,
    text: &str,
    cx: &mut Reading<'_>,
) {
    let node = Spanned::new(0..0, DeValue::String(text.into()));
    cx.from(origin, |cx| {
        cx.within(key, |cx| {
            cx.remember(0..0);
            into.take(key, &node, cx);
        });
    });
}

/// One line a key: `name: Type = default, reader;`, its documentation above.
/// Fields under `beside` are not keys.
macro_rules! table {
    (
        $(#[$about:meta])*
        $vis:vis struct $table:ident {
            $(#[doc = $help:literal] $key:ident: $type:ty = $default:expr, $reader:expr;)*
            $(beside { $(#[doc = $also:literal] $field:ident: $beside:ty;)* })?
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone)]
        $vis struct $table {
            $($(#[doc = $also] pub $field: $beside,)*)?
            $(#[doc = $help] pub $key: $type,)*
        }

        impl Default for $table {
            fn default() -> Self {
                Self { $($($field: Default::default(),)*)? $($key: $default,)* }
            }
        }

        impl $crate::config::table::Table for $table {
            fn keys() -> Vec<$crate::config::table::Key> {
                vec![$($crate::config::table::key::<$type, _>(
                    stringify!($key), $help.trim_ascii(), &$reader, &$default,
                )),*]
            }

            fn show(&self) -> Vec<(String, $crate::config::table::Shown)> {
                vec![$((
                    stringify!($key).to_owned(),
                    $crate::config::table::Reader::show(&$reader, &self.$key),
                )),*]
            }

            fn take(
                &mut self,
                key: &str,
                value: &$crate::config::table::Node<'_>,
                cx: &mut $crate::config::reading::Reading<'_>,
            ) -> bool {
                match key {
                    $(stringify!($key) => {
                        if let Some(read) = $crate::config::table::Reader::read(&$reader, value, cx) {
                            self.$key = read;
                        }
                    })*
                    _ => return false,
                }
                true
            }
        }
    };
}
pub(super) use table;

/// A line of `table!` as a value.
pub(super) fn key<T, R: Reader<T>>(
    name: &'static str,
    help: &'static str,
    reader: &R,
    default: &T,
) -> Key {
    Key {
        name,
        help,
        required: R::REQUIRED,
        form: reader.form(),
        default: match R::REQUIRED {
            true => Shown::Unset,
            false => reader.show(default),
        },
    }
}
