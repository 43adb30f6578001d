//! The tables of metrics, as they stand in each crate's `src/names.rs`: read
//! from their tokens, for the rule of tidy and the page of `docs`.
//!
//! Promises: (1) every line of every `metrics!` is read, or it is said which
//! one is not understood; (2) a crate is no dependency of this program for it.

use std::fs;

use proc_macro2::{Delimiter, Literal, TokenStream, TokenTree};

use crate::workspace::{Outcome, Workspace};

/// Where a crate keeps its table, below its folder.
pub(crate) const PLACE: &str = "src/names.rs";

/// A metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Metric {
    /// `Counter` or `Gauge`.
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) labels: Vec<String>,
    pub(crate) help: String,
    /// Where it stands, counted from 1.
    pub(crate) line: usize,
}

/// All metrics of the workspace, by name.
pub(crate) fn all(workspace: &Workspace) -> Outcome<Vec<Metric>> {
    let mut all = Vec::new();
    for member in &workspace.members {
        let place = member.manifest_path.with_file_name(PLACE);
        if let Ok(text) = fs::read_to_string(&place) {
            let told = |why| format!("{place}: {why}");
            all.extend(table(&text).map_err(told)?);
        }
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

/// The metrics of one file.
pub(crate) fn table(text: &str) -> Outcome<Vec<Metric>> {
    let tokens: TokenStream = text.parse().map_err(|error| format!("{error}"))?;
    let mut tokens = tokens.into_iter();
    let mut found = Vec::new();
    while let Some(token) = tokens.next() {
        if is(&token, "metrics") && tokens.next().is_some_and(|next| is(&next, "!")) {
            let Some(TokenTree::Group(lines)) = tokens.next() else {
                continue;
            };
            let lines: Vec<TokenTree> = lines.stream().into_iter().collect();
            for line in lines.split_inclusive(|token| is(token, ";")) {
                let place = line.first().map_or(0, |token| token.span().start().line);
                let read = line.split_last().filter(|(end, _)| is(end, ";"));
                let read = read.and_then(|(_, line)| metric(line));
                found.push(read.ok_or_else(|| format!("line {place} is no metric"))?);
            }
        }
    }
    Ok(found)
}

/// `CONSTANT: Kind "name" [label label] "help"`, up to its semicolon.
fn metric(tokens: &[TokenTree]) -> Option<Metric> {
    use TokenTree::{Group, Ident, Literal};
    let [
        Ident(constant),
        colon,
        Ident(kind),
        Literal(name),
        Group(labels),
        Literal(help),
    ] = tokens
    else {
        return None;
    };
    let labels = (labels.delimiter() == Delimiter::Bracket).then(|| labels.stream())?;
    is(colon, ":").then(|| Metric {
        kind: kind.to_string(),
        name: said(name),
        labels: labels.into_iter().map(|label| label.to_string()).collect(),
        help: said(help),
        line: constant.span().start().line,
    })
}

/// What a string literal says; the tables escape nothing but quotes.
fn said(literal: &Literal) -> String {
    let text = literal.to_string();
    text.trim_matches('"').replace("\\\"", "\"")
}

fn is(token: &TokenTree, text: &str) -> bool {
    !matches!(token, TokenTree::Group(_)) && token.to_string() == text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read_with_its_place() {
        let text = "//! Names.\n\nkernel::metrics! {\n    A: Gauge \"a_bytes\" [] \"Bytes.\";\n    \
                    B: Counter \"b_total\" [to reason] \"B, by \\\"x\\\".\";\n}\n";
        let found = table(text).unwrap();
        let metric = |kind: &str, name: &str, labels: &[&str], help: &str, line| Metric {
            kind: kind.into(),
            name: name.into(),
            labels: labels.iter().map(|label| (*label).into()).collect(),
            help: help.into(),
            line,
        };
        assert_eq!(
            found,
            [
                metric("Gauge", "a_bytes", &[], "Bytes.", 4),
                metric("Counter", "b_total", &["to", "reason"], "B, by \"x\".", 5),
            ]
        );
    }

    #[test]
    fn what_is_not_understood_is_told() {
        for line in [
            "A Gauge \"a\" [] \"A.\";",
            "A: Gauge \"a\" \"A.\";",
            "A: Gauge \"a\" (x) \"A.\";",
            "A: Gauge \"a\" [] \"A.\" x;",
            "A: Gauge a [] \"A.\";",
            "A: Gauge \"a\" [] \"A.\"",
        ] {
            let found = table(&format!("metrics! {{\n{line}\n}}"));
            assert_eq!(found, Err("line 2 is no metric".to_owned()), "{line}");
        }
        assert_eq!(table("fn metrics() {}"), Ok(Vec::new()));
    }
}
