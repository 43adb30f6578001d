//! Rule: each lint that a file silences says why, with `reason = "..."`.
//!
//! `expect` is better than `allow`, since it ends itself when it is no longer
//! needed; both are held to their reason.

use super::Violation;
use super::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let silences = tree.sources.iter().flat_map(|source| {
        let bare = source.silences.iter().filter(|silence| !silence.has_reason);
        bare.map(|silence| {
            let what = "a lint is silenced without a reason; add `reason = \"...\"`";
            Violation::new(&source.path, silence.line, what)
        })
    });
    silences.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_without_a_reason_is_told_with_its_line() {
        let text =
            "#[expect(dead_code, reason = \"b\")]\nfn a() {}\n#[expect(dead_code)]\nfn c() {}\n";
        let found = check(&Tree::sample(&[("crates/a/src/lib.rs", text)]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 3);
    }
}
