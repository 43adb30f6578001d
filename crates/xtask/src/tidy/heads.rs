//! Rule: every Rust file opens with `//!`, 2 to 8 lines: what it is for, what
//! it promises, what it deliberately does not do.
//!
//! Blank `//!` lines are free. Whether the head is true, no machine can say.

use super::Violation;
use super::tree::Tree;

const LEAST: usize = 2;
const MOST: usize = 8;
/// Fewer words are a title, not a sentence.
const WORDS: usize = 6;

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let judged = tree.sources.iter().filter_map(|source| {
        let what = problem(&source.head)?;
        Some(Violation::new(&source.path, 1, what))
    });
    judged.collect()
}

fn problem(head: &[String]) -> Option<String> {
    let count = head.iter().filter(|line| !line.is_empty()).count();
    let text = head.join(" ");
    if head.is_empty() {
        Some(format!(
            "no head; open the file with {LEAST} to {MOST} lines of `//!`: what it is for, what it promises, what it does not do"
        ))
    } else if !(LEAST..=MOST).contains(&count) {
        Some(format!(
            "a head of {LEAST} to {MOST} lines is asked for, this one has {count}"
        ))
    } else if text.split_whitespace().count() < WORDS || !text.contains(['.', ':', '?']) {
        Some("the head is no sentence; say what the file is for".to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let tree = Tree::sample(&[("crates/a/src/lib.rs", text)]);
        check(&tree).into_iter().map(|one| one.what).collect()
    }

    #[test]
    fn a_head_of_two_to_eight_lines_is_asked_for() {
        assert!(found("fn a() {}\n")[0].starts_with("no head"));
        assert!(
            found("\n//! Too late, since it does not open\n//! the file.\n")[0]
                .starts_with("no head")
        );
        assert!(found("//! Only one line, however long it may be.\n")[0].ends_with("has 1"));
        assert!(found(&"//! Too much is said here.\n".repeat(9))[0].ends_with("has 9"));
        assert_eq!(
            found(&"//! Enough is said here.\n//!\n".repeat(8)),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_title_is_no_sentence() {
        assert!(found("//! Pools\n//! Permits\n")[0].contains("no sentence"));
    }
}
