//! The closing table of tidy: how large files and functions are.
//!
//! It only tells; the limits are held by the rule `sizes`. Tests are told on
//! their own lines, since they are read differently.

use super::sizes;
use super::tree::Tree;

/// The table as text.
pub(super) fn of(tree: &Tree) -> String {
    let files = |tests: bool| {
        let of_kind = tree
            .sources
            .iter()
            .filter(move |source| source.is_test == tests);
        of_kind.map(super::source::Source::size).collect::<Vec<_>>()
    };
    let functions = |tests: bool| {
        let all = tree.sources.iter().flat_map(|source| &source.functions);
        all.filter(|one| one.is_test == tests)
            .map(|one| one.size)
            .collect::<Vec<_>>()
    };
    let mut text = format!(
        "\n{:<22}{:>7}{:>8}{:>6}{:>6}{:>7}\n",
        "lines of code", "count", "median", "p90", "max", "limit"
    );
    for (name, sizes, limit) in [
        ("files", files(false), sizes::FILE),
        ("files of tests", files(true), sizes::FILE),
        ("functions", functions(false), sizes::FUNCTION),
        ("functions of tests", functions(true), sizes::FUNCTION),
    ] {
        text += &line(name, sizes, limit);
    }
    text
}

fn line(name: &str, mut sizes: Vec<usize>, limit: usize) -> String {
    sizes.sort_unstable();
    let (count, max) = (sizes.len(), sizes.last().copied().unwrap_or_default());
    let (median, p90) = (share(&sizes, 50), share(&sizes, 90));
    format!("{name:<22}{count:>7}{median:>8}{p90:>6}{max:>6}{limit:>7}\n")
}

/// The smallest size that `percent` of the sizes do not exceed (nearest rank).
fn share(sorted: &[usize], percent: usize) -> usize {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_nearest_ranks() {
        let sizes: Vec<usize> = (1..=10).collect();
        assert_eq!((share(&sizes, 50), share(&sizes, 90)), (5, 9));
        assert_eq!((share(&[7], 50), share(&[], 90)), (7, 0));
    }

    #[test]
    fn tests_stand_on_their_own_lines() {
        let text = "fn a() {\n}\n#[cfg(test)]\nmod tests {\n    fn b() {\n    }\n}\n";
        let table = of(&Tree::sample(&[("crates/a/src/lib.rs", text)]));
        let line = |start: &str| {
            table
                .lines()
                .find(|line| line.starts_with(start))
                .unwrap()
                .to_owned()
        };
        let columns = line("files  ")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert_eq!(columns, "files 1 2 2 2 500");
        assert!(line("functions of tests").contains(" 1 "));
    }
}
