//! Rule: a dependency that a crate declares occurs in its sources: a normal one
//! in what ships or in its benches' subject, a dev one anywhere, a build one in
//! `build.rs`.
//!
//! It looks for the crate's name as an identifier, so a use inside a macro
//! counts; that a use is dead code, clippy tells.

use cargo_metadata::DependencyKind;

use super::Violation;
use super::source::Source;
use super::tree::{Member, Need, Tree};

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for member in &tree.members {
        let manifest = format!("{}/Cargo.toml", member.folder);
        for need in &member.needs {
            let used = tree.sources.iter().any(|source| {
                is_place(member, source, need) && source.idents.contains(&need.ident)
            });
            if !used {
                let line = tree.line_of(&manifest, &need.package);
                let place = match need.kind {
                    DependencyKind::Normal => "src",
                    DependencyKind::Build => "build.rs",
                    _ => "the crate",
                };
                let what = format!("`{}` is not used in {place}; remove it", need.package);
                found.push(Violation::new(&manifest, line, what));
            }
        }
    }
    found
}

/// Whether a use of `need` may stand in `source`.
fn is_place(member: &Member, source: &Source, need: &Need) -> bool {
    let Some(path) = source.path.strip_prefix(&format!("{}/", member.folder)) else {
        return false;
    };
    match need.kind {
        DependencyKind::Normal => path.starts_with("src/"),
        DependencyKind::Build => path == "build.rs",
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use DependencyKind::{Development, Normal};

    use super::*;

    fn found(path: &str, kind: DependencyKind) -> usize {
        let text = "use some_crate::a;\n";
        let tree = Tree::sample(&[(path, text)]).with("crates/a", kind, &["some-crate"]);
        check(&tree).len()
    }

    #[test]
    fn a_use_counts_where_its_kind_allows_it() {
        assert_eq!(found("crates/a/src/b.rs", Normal), 0);
        assert_eq!(
            found("crates/a/tests/b.rs", Normal),
            1,
            "that is a dev-dependency"
        );
        assert_eq!(found("crates/a/tests/b.rs", Development), 0);
        assert_eq!(
            found("crates/b/src/lib.rs", Normal),
            1,
            "another crate's use"
        );
        assert_eq!(found("crates/a/src/lib.rs", DependencyKind::Build), 1);
    }

    #[test]
    fn a_name_in_a_comment_is_no_use() {
        let tree = Tree::sample(&[("crates/a/src/lib.rs", "// some_crate\n")]);
        let tree = tree.with("crates/a", Normal, &["some-crate"]);
        assert_eq!(
            check(&tree)[0].what,
            "`some-crate` is not used in src; remove it"
        );
    }
}
