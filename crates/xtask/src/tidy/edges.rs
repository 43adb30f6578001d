//! Rule: the crates may use only those below them, and each keeps out of the
//! worlds it must not know. `HOUSE` is the table, from the top of the house.
//!
//! Promises: (1) a crate that is not in the table is a violation; (2) nothing
//! that ships uses a crate made for development; (3) tests may use the testkit
//! and nothing else beyond what their crate may use.

use cargo_metadata::DependencyKind;

use super::Violation;
use super::tree::{Member, Need, Tree};

/// A crate, what it may use, and which worlds it must not know.
struct Room {
    name: &'static str,
    uses: &'static [&'static str],
    not: &'static [&'static str],
}

const HTTP: &[&str] = &["axum", "http", "hyper", "hyper-util"];
const ROUTES: &[&str] = &["axum"];
const INPUT_OUTPUT: &[&str] = &[
    "axum",
    "hyper",
    "hyper-util",
    "socket2",
    "tokio",
    "tokio-util",
];

/// All that ships below the edges.
const BELOW_THE_SERVER: &[&str] = &[
    "files", "gateway", "jobs", "kernel", "memory", "plans", "sessions", "shape", "sim", "store",
    "types", "wire",
];

const HOUSE: &[Room] = &[
    Room {
        name: "server",
        uses: BELOW_THE_SERVER,
        not: &[],
    },
    Room {
        name: "sessions",
        uses: &["gateway", "kernel", "memory", "store", "types", "wire"],
        not: ROUTES,
    },
    Room {
        name: "gateway",
        uses: &["kernel", "shape", "sim", "store", "types", "wire"],
        not: ROUTES,
    },
    Room {
        name: "memory",
        uses: &["kernel", "store", "types"],
        not: HTTP,
    },
    Room {
        name: "plans",
        uses: &["kernel", "store", "types"],
        not: HTTP,
    },
    Room {
        name: "jobs",
        uses: &["kernel", "store", "types"],
        not: HTTP,
    },
    Room {
        name: "files",
        uses: &["kernel", "types"],
        not: HTTP,
    },
    Room {
        name: "wire",
        uses: &["types"],
        not: INPUT_OUTPUT,
    },
    Room {
        name: "shape",
        uses: &["types"],
        not: INPUT_OUTPUT,
    },
    Room {
        name: "sim",
        uses: &["kernel", "types", "wire"],
        not: ROUTES,
    },
    Room {
        name: "store",
        uses: &["kernel", "types"],
        not: HTTP,
    },
    Room {
        name: "kernel",
        uses: &[],
        not: &[
            "axum",
            "http",
            "hyper",
            "rusqlite",
            "serde",
            "serde_json",
            "sqlx",
        ],
    },
    Room {
        name: "types",
        uses: &[],
        not: INPUT_OUTPUT,
    },
];

/// The one binary: it may use everything that ships.
const BINARY: &str = "tidegate";
/// Crates that never ship; they may use everything but one another.
const DEVELOPMENT: &[&str] = &["e2e", "testkit", "xtask"];
/// The one of them that others may use in their tests.
const TESTKIT: &str = "testkit";

pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for member in &tree.members {
        let manifest = format!("{}/Cargo.toml", member.folder);
        let name = short(&member.package);
        if !is_known(name) {
            found.push(Violation::new(
                &manifest,
                1,
                format!("the crate `{name}` is not in the house; add it to the tables of crates/xtask/src/tidy/edges.rs and ARCHITECTURE.md"),
            ));
        }
        for need in &member.needs {
            if let Some(what) = judge(tree, member, need) {
                let line = tree.line_of(&manifest, &need.package);
                found.push(Violation::new(&manifest, line, what));
            }
        }
    }
    found
}

fn is_known(name: &str) -> bool {
    name == BINARY || DEVELOPMENT.contains(&name) || HOUSE.iter().any(|room| room.name == name)
}

/// What is wrong with this need, if something is.
fn judge(tree: &Tree, member: &Member, need: &Need) -> Option<String> {
    let from = short(&member.package);
    let to = short(&need.package);
    let room = HOUSE.iter().find(|room| room.name == from);
    let in_tests = need.kind == DependencyKind::Development;
    if !tree
        .members
        .iter()
        .any(|member| member.package == need.package)
    {
        let forbidden = room.is_some_and(|room| room.not.contains(&need.package.as_str()));
        return (forbidden && !in_tests)
            .then(|| format!("`{from}` must not know `{to}`; keep that in a crate above it"));
    }
    let is_allowed = match room {
        _ if to == TESTKIT => in_tests || (DEVELOPMENT.contains(&from) && from != TESTKIT),
        _ if DEVELOPMENT.contains(&to) => false,
        Some(room) => room.uses.contains(&to),
        None if from == BINARY || DEVELOPMENT.contains(&from) => true,
        // Told already: the crate is not in the table.
        None => true,
    };
    (!is_allowed).then(|| {
        format!("`{from}` may not use `{to}`; put a trait into `{from}` and its adapter into server/src/wiring")
    })
}

fn short(package: &str) -> &str {
    package.strip_prefix("tidegate-").unwrap_or(package)
}

#[cfg(test)]
mod tests {
    use DependencyKind::{Development, Normal};

    use super::*;

    fn found(folder: &str, kind: DependencyKind, need: &str) -> Vec<String> {
        let tree = Tree::sample(&[]).with(folder, kind, &[need]);
        let others = [
            "crates/kernel",
            "crates/gateway",
            "crates/server",
            "crates/testkit",
        ];
        let tree = others
            .iter()
            .fold(tree, |tree, other| tree.with(other, Normal, &[]));
        check(&tree).into_iter().map(|one| one.what).collect()
    }

    #[test]
    fn edges_go_down_only() {
        assert_eq!(
            found("crates/sim", Normal, "tidegate-kernel"),
            Vec::<String>::new()
        );
        assert!(found("crates/sim", Normal, "tidegate-gateway")[0].contains("may not use"));
        assert!(found("crates/memory", Normal, "tidegate-gateway")[0].contains("may not use"));
        assert!(found("crates/wire", Development, "tidegate-server")[0].contains("may not use"));
        assert_eq!(
            found("crates/tidegate", Normal, "tidegate-server"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn development_stays_out_of_what_ships() {
        assert!(found("crates/sim", Normal, "tidegate-testkit")[0].contains("may not use"));
        assert!(found("crates/tidegate", Normal, "tidegate-testkit")[0].contains("may not use"));
        assert_eq!(
            found("crates/sim", Development, "tidegate-testkit"),
            Vec::<String>::new()
        );
        assert_eq!(
            found("crates/e2e", Normal, "tidegate-testkit"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_crate_keeps_out_of_the_worlds_it_must_not_know() {
        assert!(found("crates/types", Normal, "tokio")[0].contains("must not know `tokio`"));
        assert!(found("crates/store", Normal, "hyper")[0].contains("must not know"));
        assert_eq!(
            found("crates/wire", Development, "tokio"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn an_unknown_crate_is_told() {
        assert!(found("crates/extras", Normal, "serde")[0].contains("not in the house"));
    }

    #[test]
    fn the_house_itself_has_no_circle() {
        for (at, room) in HOUSE.iter().enumerate() {
            for used in room.uses {
                let below = HOUSE.iter().position(|other| other.name == *used).unwrap();
                // `sim` stands on `wire`, so the order is only needed between floors.
                let back = HOUSE[below].uses.contains(&room.name);
                assert!(
                    below != at && !back,
                    "{} and {used} use each other",
                    room.name
                );
            }
        }
    }
}
