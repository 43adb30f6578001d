//! `cargo xtask tidy`: the house rules, held by a machine. `RULES` is the list;
//! each rule is a file of its name with a sample that breaks it.
//!
//! Promises: (1) every violation is told in one run, with its place and what to
//! do; (2) files that git does not track yet are held as well. It repairs
//! nothing, and what it does not check is advice, not a rule (STYLE.md).

mod edges;
mod heads;
mod leftovers;
mod lexer;
mod manifests;
mod metrics;
mod names;
mod pages;
mod places;
mod reasons;
mod sizes;
mod source;
mod table;
mod tree;
mod unused;

use std::fmt;

use self::tree::Tree;
use crate::workspace::{Outcome, Workspace};

/// The rules, in the order of STYLE.md.
const RULES: &[Rule] = &[
    Rule {
        name: "sizes",
        check: sizes::check,
    },
    Rule {
        name: "heads",
        check: heads::check,
    },
    Rule {
        name: "names",
        check: names::check,
    },
    Rule {
        name: "metrics",
        check: metrics::check,
    },
    Rule {
        name: "edges",
        check: edges::check,
    },
    Rule {
        name: "manifests",
        check: manifests::check,
    },
    Rule {
        name: "unused",
        check: unused::check,
    },
    Rule {
        name: "reasons",
        check: reasons::check,
    },
    Rule {
        name: "leftovers",
        check: leftovers::check,
    },
    Rule {
        name: "places",
        check: places::check,
    },
    Rule {
        name: "pages",
        check: pages::check,
    },
];

struct Rule {
    name: &'static str,
    check: fn(&Tree) -> Vec<Violation>,
}

/// A place where the tree breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    path: String,
    /// Counted from 1.
    line: usize,
    /// What is wrong and what to do, in one line.
    what: String,
}

impl Violation {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Checks the tree and prints what breaks a rule, then the table of sizes.
pub(crate) fn run(workspace: &Workspace) -> Outcome {
    let tree = Tree::read(workspace)?;
    let found = check(&tree);
    for (rule, violation) in &found {
        println!("{violation} [{rule}]");
    }
    println!("{}", table::of(&tree));
    match found.len() {
        0 => {
            println!(
                "tidy: {} rules hold in {} files",
                RULES.len(),
                tree.files.len()
            );
            Ok(())
        }
        1 => Err("1 violation".to_owned()),
        count => Err(format!("{count} violations")),
    }
}

/// All violations with the names of their rules, in the order of the files.
fn check(tree: &Tree) -> Vec<(&'static str, Violation)> {
    let mut found: Vec<_> = RULES
        .iter()
        .flat_map(|rule| {
            (rule.check)(tree)
                .into_iter()
                .map(|violation| (rule.name, violation))
        })
        .collect();
    found.sort_by(|one, other| one.1.cmp(&other.1));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_violations_come_in_one_run_in_the_order_of_the_files() {
        let later = ("crates/b/src/lib.rs", "mod utils;\n");
        let sooner = ("crates/a/src/lib.rs", "fn helper() {}\n");
        let tree = Tree::sample(&[later, sooner]);
        let found: Vec<(&str, String)> = check(&tree)
            .into_iter()
            .map(|(rule, violation)| (rule, format!("{}:{}", violation.path, violation.line)))
            .collect();
        assert!(
            found.contains(&("names", "crates/a/src/lib.rs:1".to_owned())),
            "{found:?}"
        );
        assert!(
            found.contains(&("heads", "crates/b/src/lib.rs:1".to_owned())),
            "{found:?}"
        );
        assert!(
            found.is_sorted_by_key(|(_, place)| place.clone()),
            "{found:?}"
        );
    }

    #[test]
    fn every_rule_stands_in_the_style_guide() {
        let guide = include_str!("../../../../STYLE.md");
        for rule in RULES {
            assert!(
                guide.contains(&format!("`tidy {}`", rule.name)),
                "{} is not told",
                rule.name
            );
        }
    }
}
