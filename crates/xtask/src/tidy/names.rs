//! Rule: no `utils`, `common`, `helpers`, `manager`, in the names of files,
//! modules, types and functions, or in names that comments and pages mention.
//!
//! Such a name says that nobody decided what belongs there. The words
//! themselves may be spoken of, and names of other people's crates are theirs.

use super::Violation;
use super::source::Kind;
use super::tree::{TextFile, Tree};

const BANNED: &[&str] = &["util", "utils", "helper", "helpers", "manager", "managers"];
/// Banned for files, modules and types; a function may say `common_prefix`.
const BANNED_PLACE: &str = "common";

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in &tree.files {
        for part in file.path.split('/') {
            let stem = part.split('.').next().unwrap_or(part);
            if let Some(word) = banned(stem, true) {
                found.push(violation(&file.path, 1, "file", part, word));
            }
        }
        if file.path.ends_with(".md") {
            found.extend(
                file.lines()
                    .flat_map(|(number, line)| in_prose(file, number, line)),
            );
        }
    }
    for source in &tree.sources {
        for name in &source.names {
            let is_place = name.kind != Kind::Function || name.text == BANNED_PLACE;
            if let Some(word) = banned(&name.text, is_place) {
                let kind = match name.kind {
                    Kind::Module => "module",
                    Kind::Type => "type",
                    Kind::Function => "function",
                };
                found.push(violation(&source.path, name.line, kind, &name.text, word));
            }
        }
        let Some(file) = tree.file(&source.path) else {
            continue;
        };
        for (number, comment) in &source.lines.comments {
            found.extend(in_prose(file, *number, comment));
        }
    }
    found
}

fn violation(path: &str, line: usize, kind: &str, name: &str, word: &str) -> Violation {
    Violation::new(
        path,
        line,
        format!("the {kind} `{name}` says \"{word}\"; name it after what it does or holds"),
    )
}

/// Names between backticks that carry a banned word as a part.
fn in_prose(file: &TextFile, number: usize, line: &str) -> Vec<Violation> {
    let spans = line.split('`').skip(1).step_by(2);
    let names = spans.flat_map(|span| {
        span.split(|sign: char| !sign.is_alphanumeric() && !matches!(sign, '_' | '-'))
    });
    let judged = names.filter(|name| !BANNED.contains(name) && !name.ends_with("-util"));
    judged
        .filter_map(|name| {
            Some(violation(
                &file.path,
                number,
                "name",
                name,
                banned(name, false)?,
            ))
        })
        .collect()
}

/// The banned word in a name of any case, if there is one.
fn banned(name: &str, is_place: bool) -> Option<&'static str> {
    let parts = words(name);
    let is_foreign = ["tokio_util", "hyper_util", "http_body_util"].contains(&name);
    let all = BANNED.iter().chain(is_place.then_some(&BANNED_PLACE));
    all.copied()
        .find(|word| !is_foreign && parts.iter().any(|part| part == word))
}

/// The words of a snake, kebab or camel case name, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for sign in name.chars() {
        let begins = !sign.is_alphanumeric() || (sign.is_uppercase() && after_lower);
        if begins {
            words.push(String::new());
        }
        if sign.is_alphanumeric()
            && let Some(last) = words.last_mut()
        {
            last.extend(sign.to_lowercase());
        }
        after_lower = sign.is_lowercase() || sign.is_ascii_digit();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let tree = Tree::sample(&[(path, text)]);
        check(&tree)
            .into_iter()
            .map(|one| format!("{}: {}", one.line, one.what))
            .collect()
    }

    #[test]
    fn banned_words_are_found_in_every_kind_of_name() {
        assert!(found("crates/a/src/http_utils.rs", "")[0].contains("file `http_utils.rs`"));
        assert!(found("crates/common/src/lib.rs", "")[0].contains("file `common`"));
        assert!(found("crates/a/src/lib.rs", "mod helpers;")[0].contains("module `helpers`"));
        assert!(
            found("crates/a/src/lib.rs", "\nstruct PoolManager;")[0].starts_with("2: the type")
        );
        assert!(found("crates/a/src/lib.rs", "fn test_helper() {}")[0].contains("function"));
        assert!(
            found("crates/a/src/lib.rs", "// see `PoolManager::new`\n")[0].contains("PoolManager")
        );
        assert!(
            found("ARCHITECTURE.md", "In `src/http_utils.rs` it is.")[0].contains("http_utils")
        );
    }

    #[test]
    fn the_words_may_be_spoken_of_and_foreign_crates_are_foreign() {
        assert_eq!(
            found("STYLE.md", "No `utils`, `common`, `hyper-util`."),
            Vec::<String>::new()
        );
        let text = "use tokio_util::x; // of `tokio_util`\nfn common_prefix() {}\nstruct Utility;";
        assert_eq!(found("crates/a/src/lib.rs", text), Vec::<String>::new());
    }

    #[test]
    fn names_fall_into_words() {
        assert_eq!(words("HttpUtils2"), ["http", "utils2"]);
        assert_eq!(words("a_b-cD"), ["a", "b", "c", "d"]);
    }
}
