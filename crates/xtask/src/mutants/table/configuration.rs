//! Mutants of what a file says of providers and models, and of what it leaves to
//! the environment.

use super::{Mutant, piece, served};

pub(super) const ALL: &[Mutant] = &[
    Mutant {
        name: "bedrock: a credential is put together from two places",
        file: "crates/server/src/config/bedrock.rs",
        before: "    if !parts.chain(said).any(|key| written(key, cx))",
        after: "    if !parts.chain(said).all(|key| written(key, cx))",
        caught_by: &[served("config::tests::bedrock::what_the_file_says_wins")],
        why: "config::bedrock promise 1: each signature is wrong, or another account pays",
    },
    Mutant {
        name: "bedrock: a region may leave its host",
        file: "crates/server/src/config/bedrock.rs",
        before: "        let whole = (1..=32).contains(&text.len()) && text.chars().all(fits);",
        after: "        let whole = (1..=32).contains(&text.len()) && text.chars().any(fits);",
        caught_by: &[served(
            "config::tests::bedrock::what_is_missing_is_told_with_what_would_give_it",
        )],
        why: "presets promise 3: a signed request goes to whoever a variable names",
    },
    Mutant {
        name: "catalogue: a price holds wherever the model is",
        file: "crates/gateway/src/catalogue/mod.rs",
        before: "known.host.as_deref() == host && host.is_some()",
        after: "known.host.is_some()",
        caught_by: &[piece(
            "catalogue::tests::p2_p3_the_configuration_wins_and_a_price_is_the_makers",
        )],
        why: "catalogue promise 3: what a call costs is told, and is another's price",
    },
];
