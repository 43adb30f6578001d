//! From text to the document: TOML with recovery, then the table of keys.
//!
//! Promises: 1. every line that is not TOML is told, once; 2. what stands
//! after it is still read. The spans of all values go back to the caller, who
//! masks those that no reader declared plain.

use std::collections::HashSet;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::keys::Document;
use super::reading::Reading;
use super::table::{Node, read_entries};
use super::text::Text;

/// Reads the text into the document; gives the spans of all its scalars.
pub(super) fn read(
    source: &str,
    document: &mut Document,
    cx: &mut Reading<'_>,
) -> Vec<Range<usize>> {
    let (root, errors) = DeTable::parse_recoverable(source);
    tell(source, errors, cx);
    let mut scalars = Vec::new();
    collect_scalars(root.get_ref(), &mut scalars);
    read_entries(document, root.get_ref(), cx);
    scalars
}

/// Tells what is not TOML, and leaves out what only follows: a second error of
/// a line, the keys of a table that stands twice, the lines after an open list.
fn tell(source: &str, errors: Vec<toml::de::Error>, cx: &mut Reading<'_>) {
    let text = Text::new(source);
    let mut told = HashSet::new();
    let (mut in_repeated_table, mut in_open_list) = (false, false);
    for error in errors {
        let span = error.span().unwrap_or(source.len()..source.len());
        let line = text.line_of(span.start);
        cx.unreadable(span.clone());
        let duplicate = error.message() == "duplicate key";
        let header = text.line(line).trim_start().starts_with('[');
        let swallowed = error.message().starts_with("missing comma") && text.opens(span.start);
        let follows = (duplicate && in_repeated_table && !header) || (swallowed && in_open_list);
        in_repeated_table = duplicate && (header || in_repeated_table);
        in_open_list |= swallowed;
        if !told.insert(line) || follows {
            continue;
        }
        if duplicate {
            cx.error(span, "this name stands twice")
                .expected("each key and each table once")
                .hint("keep one of them");
        } else if swallowed {
            cx.error(span, "not TOML: this line stands inside of a list")
                .hint("a list above lacks its `]`, or a comma");
        } else {
            cx.error(span, format!("not TOML: {}", error.message()));
        }
    }
}

fn collect_scalars(table: &DeTable<'_>, into: &mut Vec<Range<usize>>) {
    for value in table.values() {
        collect(value, into);
    }
}

// Depth is bounded: the parser refuses to nest further than 80 levels.
fn collect(value: &Node<'_>, into: &mut Vec<Range<usize>>) {
    match value.get_ref() {
        DeValue::Table(table) => collect_scalars(table, into),
        DeValue::Array(items) => items.iter().for_each(|item| collect(item, into)),
        _ => into.push(value.span()),
    }
}
