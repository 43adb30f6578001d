//! Rule: nothing half-done and nothing forgotten is in the tree: no marks of
//! work to come in comments and pages, no debugging macros, no editor, patch or
//! log files.
//!
//! Work to come is an issue, where somebody sees it.

use super::Violation;
use super::source::holds_word;
use super::tree::Tree;

// Written in two parts so that this file does not break its own rule.
const MARKS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    concat!("HA", "CK"),
];
const MACROS: &[&str] = &["dbg", "todo", "unimplemented"];
const ENDINGS: &[&str] = &[
    ".orig",
    ".rej",
    ".log",
    ".bak",
    ".swp",
    ".tmp",
    "~",
    ".DS_Store",
    ".pyc",
];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut mark = |path: &str, line: usize, text: &str| {
        if let Some(mark) = MARKS.iter().find(|mark| holds_word(text, mark)) {
            let what = format!("{mark} is work to come; do it or file an issue");
            found.push(Violation::new(path, line, what));
        }
    };
    for source in &tree.sources {
        for (line, comment) in &source.lines.comments {
            mark(&source.path, *line, comment);
        }
    }
    // In other files every line may be prose or a comment.
    let others = [".md", ".py", ".sh", ".toml", ".txt", ".yml", ".yaml"];
    for file in &tree.files {
        let is_script = file.text.starts_with("#!/");
        if is_script || others.iter().any(|ending| file.path.ends_with(ending)) {
            file.lines()
                .for_each(|(number, line)| mark(&file.path, number, line));
        }
    }
    for source in &tree.sources {
        for (name, line) in source
            .macros
            .iter()
            .filter(|one| MACROS.contains(&one.0.as_str()))
        {
            found.push(Violation::new(
                &source.path,
                *line,
                format!("`{name}!` is a leftover; remove it"),
            ));
        }
    }
    for file in &tree.files {
        if ENDINGS.iter().any(|ending| file.path.ends_with(ending))
            || file.name().starts_with("NOTES")
        {
            found.push(Violation::new(
                &file.path,
                1,
                "a leftover file; remove it or ignore it",
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        check(&Tree::sample(&[(path, text)]))
            .into_iter()
            .map(|one| one.line)
            .collect()
    }

    #[test]
    fn marks_are_found_in_comments_and_pages_as_words() {
        for mark in MARKS {
            assert_eq!(
                found(
                    "crates/a/src/lib.rs",
                    &format!("\nfn a() {{}} // {mark}: b\n")
                ),
                [2]
            );
            assert_eq!(found("README.md", &format!("{mark} write this\n")), [1]);
            assert_eq!(found(".ci/run", &format!("#!/bin/sh\n# {mark}\n")), [2]);
            assert_eq!(
                found(
                    "crates/a/src/lib.rs",
                    &format!("const A: &str = \"{mark}\";\n")
                ),
                [0; 0]
            );
            assert_eq!(found("README.md", &format!("{mark}LIST\n")), [0; 0]);
        }
    }

    #[test]
    fn debugging_macros_and_stray_files_are_found() {
        assert_eq!(
            found(
                "crates/a/src/lib.rs",
                "fn a() {\n    dbg!(1);\n    todo!()\n}\n"
            ),
            [2, 3]
        );
        assert_eq!(found("crates/a/src/lib.rs.orig", ""), [1]);
        assert_eq!(found("NOTES.md", "a\n"), [1]);
    }
}
