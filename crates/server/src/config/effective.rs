//! The effective configuration: every value, and where it came from.
//!
//! Promises: 1. what `to_toml` gives is a file; read in the same environment it
//! is the same configuration, unless a secret stood in the file itself; 2. no
//! secret is shown: a variable by its name, another as three asterisks, which
//! no reader takes. Defaults are comments, so that what was written, and is
//! compared with each other, stays apart from what was not.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::keys::Document;
use super::reading::{Origin, Place, Reading};
use super::schema::value;
use super::table::{Shown, Table as _};
use super::text::Text;

/// Where the comments begin, if the line is not longer.
const COLUMN: usize = 44;

/// Every value and its origin; see the module's text.
#[derive(Debug, Clone)]
pub struct Effective {
    file: String,
    tables: Vec<Section>,
}

/// A table with its own values; nested tables have sections of their own.
#[derive(Debug, Clone)]
struct Section {
    names: Vec<String>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    name: String,
    key: String,
    shown: Shown,
    from: From,
    /// For a list: where each of its items is from, and what was not written
    /// of a table that stands in it.
    items: Vec<(From, Vec<String>)>,
}

#[derive(Debug, Clone)]
enum From {
    Default,
    /// The file, by name and line.
    File(String, usize),
    /// A flag, a variable, or that there is no file.
    Other(String),
}

impl Effective {
    pub(super) fn new(document: &Document, file: &str, source: &str, cx: &Reading<'_>) -> Self {
        let text = Text::new(source);
        let from = |key: &str| From::of(cx.place(key), file, &text);
        let mut tables = Vec::new();
        collect(&[], document.show(), &from, &mut tables);
        let file = file.to_owned();
        Self { file, tables }
    }

    /// A file with every value, and a comment that says where it came from.
    pub fn to_toml(&self) -> String {
        let file = match self.file.as_str() {
            "" => "the environment (no file)",
            file => file,
        };
        let mut out = format!(
            "# The effective configuration, from {file}. What begins with `#` is a default.\n"
        );
        for section in &self.tables {
            if !section.names.is_empty() {
                let names: Vec<_> = section.names.iter().map(|name| bare(name)).collect();
                let _ = writeln!(out, "\n[{}]", names.join("."));
            }
            for entry in &section.entries {
                entry.write(&mut out);
            }
        }
        out
    }

    /// An array of `{"key", "value", "from", "line"}`: `value` is null where
    /// nothing is set, `line` where it is not from the file.
    pub fn to_json(&self) -> Value {
        let entries = self.tables.iter().flat_map(|section| &section.entries);
        let one = |entry: &Entry| {
            let line = match entry.from {
                From::File(_, line) => Some(line),
                _ => None,
            };
            json!({
                "key": entry.key,
                "value": value(&entry.shown),
                "from": entry.from.file_or_words(),
                "line": line,
            })
        };
        entries.map(one).collect()
    }
}

impl From {
    fn of(place: Option<Place>, file: &str, text: &Text<'_>) -> Self {
        match place.map(|place| (place.origin, place.span)) {
            Some((Origin::File, span)) => Self::File(file.to_owned(), text.position(span.start).0),
            Some((Origin::Flag(name), _)) => Self::Other(name.to_owned()),
            Some((Origin::Variable(name), _)) => {
                Self::Other(format!("environment variable {name}"))
            }
            Some((Origin::With(name), _)) => Self::Other(format!("default with {name}")),
            Some((Origin::NoFile, _)) => Self::Other("there is no file".to_owned()),
            Some((Origin::Nowhere, _)) | None => Self::Default,
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Default => "default".to_owned(),
            Self::File(name, line) => format!("{name}:{line}"),
            Self::Other(words) => words.clone(),
        }
    }

    fn file_or_words(&self) -> String {
        match self {
            Self::File(name, _) => name.clone(),
            _ => self.words(),
        }
    }
}

/// The values of a table first, then the tables in it.
fn collect(
    names: &[String],
    entries: Vec<(String, Shown)>,
    from: &impl Fn(&str) -> From,
    into: &mut Vec<Section>,
) {
    let path = |name: &String| [names, std::slice::from_ref(name)].concat();
    let is_table = |entry: &(String, Shown)| matches!(entry.1, Shown::Table(_));
    let (tables, values): (Vec<_>, Vec<_>) = entries.into_iter().partition(is_table);
    let entries: Vec<_> = values
        .into_iter()
        .map(|(name, shown)| {
            let key = path(&name).join(".");
            let items = items(&key, &shown, from);
            let from = from(&key);
            Entry {
                name,
                key,
                shown,
                from,
                items,
            }
        })
        .collect();
    if !entries.is_empty() {
        into.push(Section {
            names: names.to_vec(),
            entries,
        });
    }
    for (name, table) in tables {
        if let Shown::Table(entries) = table {
            collect(&path(&name), entries, from, into);
        }
    }
}

fn items(key: &str, shown: &Shown, from: &impl Fn(&str) -> From) -> Vec<(From, Vec<String>)> {
    let Shown::List(items) = shown else {
        return Vec::new();
    };
    let one = |(index, item): (usize, &Shown)| {
        let key = format!("{key}[{index}]");
        let entries = match item {
            Shown::Table(entries) => entries.as_slice(),
            _ => &[],
        };
        let names = entries.iter().map(|(name, _)| name.clone());
        let unwritten =
            names.filter(|name| matches!(from(&format!("{key}.{name}")), From::Default));
        (from(&key), unwritten.collect())
    };
    items.iter().enumerate().map(one).collect()
}

impl Entry {
    fn write(&self, out: &mut String) {
        let Self { shown, from, .. } = self;
        let name = bare(&self.name);
        let _ = match (shown, from) {
            (Shown::Unset, _) => writeln!(out, "# {name} is not set"),
            (Shown::List(items), From::File(..) | From::Other(_))
                if items.iter().any(|item| matches!(item, Shown::Table(_))) =>
            {
                self.write_tables(items, out)
            }
            (_, From::Default) => noted(out, &format!("# {name} = {}", inline(shown, &[])), from),
            _ => noted(out, &format!("{name} = {}", inline(shown, &[])), from),
        };
    }

    /// A list of tables has a line for each of them.
    fn write_tables(&self, items: &[Shown], out: &mut String) -> std::fmt::Result {
        noted(out, &format!("{} = [", bare(&self.name)), &self.from)?;
        for (item, (from, unwritten)) in items.iter().zip(&self.items) {
            let mut from = from.words();
            if let Shown::Table(entries) = item {
                let default = entries.iter().filter(|(name, _)| unwritten.contains(name));
                for (name, shown) in default {
                    let _ = write!(from, ", {name} = {}: default", inline(shown, &[]));
                }
            }
            let line = format!("  {},", inline(item, unwritten));
            noted(out, &line, &From::Other(from))?;
        }
        writeln!(out, "]")
    }
}

fn noted(out: &mut String, line: &str, from: &From) -> std::fmt::Result {
    // The name of a file may hold anything; a comment ends with its line.
    let from: String = from.words().chars().filter(|c| !c.is_control()).collect();
    writeln!(out, "{line:<COLUMN$}  # {from}")
}

/// A value on one line, without these entries of its own table.
fn inline(shown: &Shown, without: &[String]) -> String {
    match shown {
        Shown::Unset => "\"\"".to_owned(),
        Shown::Flag(flag) => flag.to_string(),
        Shown::Count(number) => number.to_string(),
        Shown::Ratio(number) => toml::Value::from(*number).to_string(),
        Shown::Text(text) => toml::Value::from(text.as_str()).to_string(),
        Shown::List(items) => {
            let items: Vec<_> = items.iter().map(|item| inline(item, &[])).collect();
            format!("[{}]", items.join(", "))
        }
        Shown::Table(entries) => {
            let written = entries
                .iter()
                .filter(|(name, shown)| !without.contains(name) && *shown != Shown::Unset);
            let written: Vec<_> = written
                .map(|(name, shown)| format!("{} = {}", bare(name), inline(shown, &[])))
                .collect();
            format!("{{ {} }}", written.join(", "))
        }
    }
}

/// A name as a key of TOML.
fn bare(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match !name.is_empty() && name.chars().all(fits) {
        true => name.to_owned(),
        false => toml::Value::from(name).to_string(),
    }
}
