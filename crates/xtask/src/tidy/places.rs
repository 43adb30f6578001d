//! Rule: the tree holds no path of somebody's machine and no address of a
//! private package registry; a clean clone builds anywhere.
//!
//! Looked for are home, work and build folders in any file, a source other than
//! crates.io in the lock file, and index settings for cargo and pip.

use super::Violation;
use super::tree::{TextFile, Tree};

// Written in two parts so that this file does not break its own rule.
const FOLDERS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/tmp/tar", "get-"),
];
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";
const INDEXES: &[&str] = &[
    concat!("index-", "url"),
    concat!("find-", "links"),
    concat!("replace-", "with"),
    concat!("[regis", "tries"),
    concat!("trusted-", "host"),
];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in &tree.files {
        for (number, line) in file.lines() {
            if let Some(what) = judge(file, line) {
                found.push(Violation::new(&file.path, number, what));
            }
        }
    }
    found
}

fn judge(file: &TextFile, line: &str) -> Option<String> {
    if let Some(folder) = FOLDERS.iter().find(|folder| holds_path(line, folder)) {
        return Some(format!(
            "`{folder}` is a place on one machine; find it at run time"
        ));
    }
    if file.name() == "Cargo.lock" {
        let source = line.strip_prefix("source = \"")?.trim_end_matches('"');
        return (source != CRATES_IO)
            .then(|| format!("`{source}` is not crates.io; use its release"));
    }
    let index = INDEXES.iter().find(|index| line.contains(*index))?;
    Some(format!(
        "`{index}` sets a registry of one place; leave that to each machine"
    ))
}

/// Whether a path in `line` begins with `folder` and goes on below it. The bare
/// folder is no place: code that hides paths must be able to name it.
fn holds_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let (before, from) = line.split_at(at);
        let longer = |sign: char| sign.is_alphanumeric() || "._-/}".contains(sign);
        let below = from.strip_prefix(folder).unwrap_or_default();
        !before.ends_with(longer)
            && below.starts_with(|sign: char| sign.is_alphanumeric() || ".-_".contains(sign))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        check(&Tree::sample(&[(path, text)])).len()
    }

    #[test]
    fn machine_paths_are_found_in_any_file() {
        for folder in FOLDERS {
            assert_eq!(
                found("README.md", &format!("look into `{folder}x`\n")),
                1,
                "{folder}"
            );
            assert_eq!(
                found("a.py", &format!("open('{folder}x')\n")),
                1,
                "{folder}"
            );
            assert_eq!(
                found("a.md", &format!("https://example.org{folder}x\n")),
                0,
                "{folder}"
            );
        }
    }

    #[test]
    fn only_crates_io_is_a_source() {
        assert_eq!(
            found("Cargo.lock", &format!("source = \"{CRATES_IO}\"\n")),
            0
        );
        assert_eq!(
            found("Cargo.lock", "source = \"git+https://example.org/a\"\n"),
            1
        );
        assert_eq!(
            found(
                "Cargo.lock",
                "source = \"registry+https://mirror.example/\"\n"
            ),
            1
        );
    }

    #[test]
    fn private_indexes_are_found() {
        for index in INDEXES {
            assert_eq!(
                found(
                    "requirements.txt",
                    &format!("--{index} https://a.example\n")
                ),
                1
            );
        }
        assert_eq!(found("requirements.txt", "openai==1.0.0\n"), 0);
    }
}
