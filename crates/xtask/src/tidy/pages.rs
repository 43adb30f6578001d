//! Rule: the pages that everybody reads are there and stay short: README.md 120
//! lines, ARCHITECTURE.md 300, STYLE.md 100.
//!
//! What does not fit is either not needed by everybody or belongs to the head
//! of a file.

use super::Violation;
use super::tree::Tree;

const PAGES: &[(&str, usize)] = &[
    ("README.md", 120),
    ("ARCHITECTURE.md", 300),
    ("STYLE.md", 100),
];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for &(path, most) in PAGES {
        match tree.file(path).map(|file| file.lines().count()) {
            None => found.push(Violation::new(path, 1, "the page is missing; write it")),
            Some(count) if count > most => {
                let what = format!("{count} lines, at most {most}; shorten it");
                found.push(Violation::new(path, most + 1, what));
            }
            Some(_) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_may_be_full_and_not_fuller() {
        let full: Vec<(&str, String)> = PAGES
            .iter()
            .map(|&(path, most)| (path, "a\n".repeat(most)))
            .collect();
        let borrowed: Vec<(&str, &str)> = full
            .iter()
            .map(|(path, text)| (*path, text.as_str()))
            .collect();
        assert_eq!(check(&Tree::sample(&borrowed)), []);
        for &(path, most) in PAGES {
            let text = "a\n".repeat(most + 1);
            let mut longer = borrowed.clone();
            longer.retain(|one| one.0 != path);
            assert_eq!(
                check(&Tree::sample(&longer))[0].what,
                "the page is missing; write it"
            );
            longer.push((path, &text));
            assert_eq!(check(&Tree::sample(&longer))[0].line, most + 1);
        }
    }
}
