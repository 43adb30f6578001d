//! What only Azure has: a version of its paths, and deployments of models.
//!
//! Promise: what is taken here can stand in a path as it is. Which paths these
//! are is the gateway's.

use super::form::Text;
use super::read::{Pairs, Parsed};

/// A date, or the word of an age.
pub(super) const API_VERSION: Parsed<Option<String>> = Parsed {
    form: Text {
        expected: "a version such as \"2024-10-21\" or \"preview\"",
        pattern: r"^\s*[A-Za-z0-9][A-Za-z0-9.-]{0,31}\s*$",
        examples: &["2024-10-21"],
        is_wide: false,
    },
    parse: |text| {
        let fits = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
        let whole = (1..=32).contains(&text.len()) && text.chars().all(fits);
        let begun = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        (whole && begun).then(|| Some(text.to_owned()))
    },
    show: Clone::clone,
};

/// From a model's name to its deployment's.
pub(super) const DEPLOYMENTS: Pairs = Pairs {
    name: r"^[!-)+-~]{1,256}$",
    is_name: |text| {
        let fits = |c: char| c.is_ascii_graphic() && c != '*';
        (1..=256).contains(&text.len()) && text.chars().all(fits)
    },
    names: "a model's name",
    value: Text {
        expected: "the name of a deployment: letters, digits, `-`, `_` or `.`",
        pattern: r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$",
        examples: &["my-deployment"],
        is_wide: false,
    },
    is_value: |text| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        (1..=64).contains(&text.len()) && text.chars().all(fits) && !text.starts_with('.')
    },
    example: ("gpt-4o", "my-deployment"),
};
