//! Rule: each crate takes its lints, its edition and the versions of its
//! dependencies from the workspace, so that there is one place for each.
//!
//! It reads the lines of the manifests, because cargo tells only the result.
//! The root's table of dependencies is the one place with versions.

use super::Violation;
use super::tree::{TextFile, Tree};

/// What `[package]` takes from the workspace.
const INHERITED: &[&str] = &[
    "edition",
    "license",
    "publish",
    "repository",
    "rust-version",
    "version",
];

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let manifests = tree
        .files
        .iter()
        .filter(|file| file.name() == "Cargo.toml" && file.path.starts_with("crates/"));
    manifests.flat_map(judge).collect()
}

fn judge(manifest: &TextFile) -> Vec<Violation> {
    let entries = entries(manifest);
    let mut found = Vec::new();
    let mut tell = |line, what: String| found.push(Violation::new(&manifest.path, line, what));
    let holds = |section: &str, key: &str| {
        entries
            .iter()
            .any(|entry| entry.section == section && entry.takes(key))
    };
    if !holds("lints", "workspace") {
        tell(
            1,
            "the lints of the workspace are not taken; add `[lints]` with `workspace = true`"
                .into(),
        );
    }
    for key in INHERITED.iter().filter(|key| !holds("package", key)) {
        tell(
            1,
            format!("`{key}` is not taken from the workspace; write `{key}.workspace = true`"),
        );
    }
    for entry in &entries {
        let (name, is_own) = match entry.section.rsplit_once('.') {
            // `[dependencies.x]`: told once, at its heading.
            Some((table, name)) if table.ends_with("dependencies") => (
                name,
                entry.key.is_empty() && !holds(entry.section, "workspace"),
            ),
            _ if entry.section.ends_with("dependencies") && !entry.key.is_empty() => {
                // `b.workspace`, `b.features` and plain `b` are all about `b`.
                let name = entry.key.split('.').next().unwrap_or(entry.key);
                (name, !holds(entry.section, name))
            }
            _ => continue,
        };
        if is_own {
            tell(
                entry.line,
                format!(
                    "`{name}` has a version of its own; write `{name}.workspace = true` and put the version into the root manifest"
                ),
            );
        }
    }
    found
}

/// `key = value`, or a heading, whose key is empty.
struct Entry<'a> {
    line: usize,
    section: &'a str,
    key: &'a str,
    value: &'a str,
}

impl Entry<'_> {
    /// Whether this entry takes `key` from the workspace.
    fn takes(&self, key: &str) -> bool {
        match self.key.strip_suffix(".workspace") {
            Some(dotted) => dotted == key && self.value == "true",
            None if self.key == "workspace" => key == "workspace" && self.value == "true",
            None => self.key == key && self.value.replace(' ', "").contains("workspace=true"),
        }
    }
}

fn entries(manifest: &TextFile) -> Vec<Entry<'_>> {
    let mut section = "";
    let mut entries = Vec::new();
    for (line, text) in manifest.lines() {
        let text = text.trim();
        if text.starts_with('[') {
            section = text.trim_matches(['[', ']']);
            entries.push(Entry {
                line,
                section,
                key: "",
                value: "",
            });
        } else if !text.starts_with('#')
            && let Some((key, value)) = text.split_once('=')
        {
            entries.push(Entry {
                line,
                section,
                key: key.trim(),
                value: value.trim(),
            });
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[package]\nname = \"a\"\nedition.workspace = true\nlicense.workspace = true\n\
        publish.workspace = true\nrepository.workspace = true\nrust-version.workspace = true\n\
        version.workspace = true\n[lints]\nworkspace = true\n[dependencies]\nb.workspace = true\n\
        c = { workspace = true, features = [\"d\"] }\n# e = \"1\"\n[dependencies.f]\nworkspace = true\n";

    fn found(text: &str) -> Vec<(usize, String)> {
        let tree = Tree::sample(&[("crates/a/Cargo.toml", text)]);
        check(&tree)
            .into_iter()
            .map(|one| (one.line, one.what))
            .collect()
    }

    #[test]
    fn a_manifest_that_takes_all_from_the_workspace_is_fine() {
        assert_eq!(found(GOOD), []);
    }

    #[test]
    fn lints_and_package_keys_are_missed() {
        let without = GOOD.replace("[lints]\nworkspace = true\n", "");
        assert!(found(&without)[0].1.contains("lints"));
        let own = GOOD.replace("version.workspace = true", "version = \"1.0.0\"");
        assert!(
            found(&own).iter().any(|one| one.1.starts_with("`version`")),
            "{:?}",
            found(&own)
        );
    }

    #[test]
    fn versions_of_their_own_are_told_in_every_form() {
        for extra in [
            "g = \"1\"\n",
            "g = { version = \"1\" }\n",
            "[target.'cfg(unix)'.dependencies]\ng = \"1\"\n",
            "[dev-dependencies]\ng = { path = \"../g\" }\n",
            "[build-dependencies.g]\nversion = \"1\"\n",
            "[dependencies.g]\nversion = \"1\"\n[features]\n",
        ] {
            let told = found(&GOOD.replace("[dependencies.f]\nworkspace = true\n", extra));
            assert_eq!(told.len(), 1, "{extra}: {told:?}");
            assert!(told[0].1.contains("has a version of its own"));
        }
    }
}
