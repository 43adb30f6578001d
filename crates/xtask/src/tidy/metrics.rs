//! Rule: a metric stands in a line of its crate's `src/names.rs`, under a name
//! of its own that begins with `tidegate_`, ends in `_total` exactly if it only
//! grows, and carries its unit; its text opens with that unit and is a sentence.
//!
//! What ships holds no such name anywhere else, so that no metric has two
//! texts. Tests and the development crates name what they look for.

use std::collections::BTreeMap;

use super::Violation;
use super::source::Source;
use super::tree::Tree;
use crate::metrics::{self, Metric};

/// The beginning of every name, as it stands in a source.
const OPENING: &str = concat!("\"tide", "gate_");

/// A unit as names have it, and how a text opens that says how much of it.
const UNITS: &[(&str, &[&str])] = &[
    ("bytes", &["Bytes "]),
    ("seconds", &["Seconds ", "Whole seconds "]),
    ("microseconds", &["Microseconds "]),
];

/// Crates made for development.
const NOT_SHIPPED: &[&str] = &["crates/e2e/", "crates/testkit/", "crates/xtask/"];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut places = BTreeMap::new();
    for file in tree.files.iter().filter(|file| is_table(&file.path)) {
        let tell = |line, what: String| Violation::new(&file.path, line, what);
        match metrics::table(&file.text) {
            Err(why) => found.push(tell(1, why)),
            Ok(table) => {
                for metric in table {
                    let name = metric.name.clone();
                    found.extend(wrong(&metric).map(|what| tell(metric.line, what)));
                    if let Some(first) = places.insert(name, file.path.clone()) {
                        let what = format!("`{}` stands in {first} too", metric.name);
                        found.push(tell(metric.line, what));
                    }
                }
            }
        }
    }
    found.extend(tree.sources.iter().flat_map(|source| strays(tree, source)));
    found
}

fn is_table(path: &str) -> bool {
    path.starts_with("crates/") && path.ends_with(metrics::PLACE)
}

/// What is wrong with it, if something is.
fn wrong(metric: &Metric) -> Option<String> {
    let Metric {
        kind, name, help, ..
    } = metric;
    let fine = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '_';
    if !name.starts_with("tidegate_") || !name.chars().all(fine) {
        return Some(format!("`{name}` is not `tidegate_` and small letters"));
    }
    let (stem, grows) = match name.strip_suffix("_total") {
        Some(stem) => (stem, true),
        None => (name.as_str(), false),
    };
    if grows != (kind == "Counter") {
        return Some(format!("`{name}` is a {kind}; `_total` is for counters"));
    }
    for (unit, openings) in UNITS {
        let opens = openings.iter().any(|opening| help.starts_with(opening));
        if opens && !stem.split('_').any(|word| word == *unit) {
            return Some(format!("`{name}` does not say that it is in {unit}"));
        }
        if !opens && stem.rsplit('_').next() == Some(unit) {
            return Some(format!("the text of `{name}` does not open with {unit}"));
        }
    }
    (!help.ends_with('.')).then(|| format!("the text of `{name}` is no sentence"))
}

/// Names outside the tables.
fn strays(tree: &Tree, source: &Source) -> Vec<Violation> {
    let ships = source.path.contains("/src/")
        && !source.is_test
        && !is_table(&source.path)
        && !NOT_SHIPPED
            .iter()
            .any(|crates| source.path.starts_with(crates));
    let file = tree.file(&source.path).filter(|_| ships);
    let lines = file.into_iter().flat_map(|file| file.lines());
    lines
        .filter(|(number, line)| {
            line.contains(OPENING) && !source.tests.iter().any(|test| test.contains(number))
        })
        .map(|(number, _)| {
            let what = "a metric's name stands in `src/names.rs` only";
            Violation::new(&source.path, number, what)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: &str) -> Vec<String> {
        let text = format!("tidegate_kernel::metrics! {{\n{lines}\n}}\n");
        let found = check(&Tree::sample(&[("crates/a/src/names.rs", &text)]));
        found.into_iter().map(|one| one.to_string()).collect()
    }

    #[test]
    fn good_lines_are_fine() {
        let lines = r#"
            A: Counter "tidegate_a_seconds_total" [reason] "Whole seconds of a, by reason.";
            B: Gauge "tidegate_b_bytes_limit" [] "Bytes that may be held.";
            C: Counter "tidegate_c_bytes_refused_total" [] "Requests that found no room.";
            D: Gauge "tidegate_d" [] "How many there are.";"#;
        assert_eq!(found(lines), Vec::<String>::new());
    }

    #[test]
    fn each_wrong_line_is_told_with_its_place() {
        for (line, why) in [
            (r#"A: Gauge "a" [] "A.";"#, "`tidegate_`"),
            (r#"A: Gauge "tidegate_A" [] "A.";"#, "small letters"),
            (r#"A: Counter "tidegate_a" [] "A.";"#, "`_total`"),
            (r#"A: Gauge "tidegate_a_total" [] "A.";"#, "`_total`"),
            (r#"A: Gauge "tidegate_a" [] "Bytes of a.";"#, "in bytes"),
            (r#"A: Gauge "tidegate_a" [] "Seconds of a.";"#, "in seconds"),
            (
                r#"A: Gauge "tidegate_a_bytes" [] "The a.";"#,
                "open with bytes",
            ),
            (r#"A: Gauge "tidegate_a" [] "A";"#, "no sentence"),
            (r#"A: Gauge "tidegate_a" "A.";"#, "is no metric"),
        ] {
            let found = found(line);
            assert_eq!(found.len(), 1, "{line}: {found:?}");
            assert!(found[0].contains(why), "{line}: {found:?}");
        }
    }

    #[test]
    fn a_name_stands_in_one_table_once() {
        let line = r#"metrics! { A: Gauge "tidegate_a" [] "A."; }"#;
        let (one, other) = ("crates/a/src/names.rs", "crates/b/src/names.rs");
        let found = check(&Tree::sample(&[(one, line), (other, line)]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, other);
        assert!(found[0].what.contains(one));
    }

    #[test]
    fn a_name_outside_the_tables_is_told_where_it_ships() {
        let text = format!("const A: &str = {OPENING}a\";\n");
        let count = |path: &str| check(&Tree::sample(&[(path, &text)])).len();
        assert_eq!(count("crates/a/src/b.rs"), 1);
        assert_eq!(count("crates/a/src/b/tests.rs"), 0);
        assert_eq!(count("crates/a/tests/b.rs"), 0);
        assert_eq!(count("crates/e2e/src/b.rs"), 0);
    }
}
