//! Fields that were given and have no place in the neutral form.
//!
//! A null says nothing, and neither does the API's own default: a client that
//! writes out all its settings asks for no more than one that does not.

use super::at::At;
use crate::json::Scanner;
use crate::openai::Refused;

/// Paths that are kept; more would tell nobody more.
const MOST: usize = 64;

/// What the API takes for given, as it stands without white space.
const DEFAULTS: &[(&str, &[&str])] = &[
    ("store", &["false"]),
    ("service_tier", &["\"auto\""]),
    ("verbosity", &["\"medium\""]),
    ("modalities", &["[\"text\"]"]),
    ("metadata", &["{}"]),
    ("logit_bias", &["{}"]),
    ("functions", &["[]"]),
    ("function_call", &["\"none\"", "\"auto\""]),
    ("include_obfuscation", &["true", "false"]),
    ("annotations", &["[]"]),
    ("strict", &["false"]),
];

/// Paths of fields that mean something.
#[derive(Default)]
pub(super) struct Extras(Vec<String>);

impl Extras {
    /// Passes over the value at `at`, a member called `name`, and notes it if it says something.
    pub(super) fn read(
        &mut self,
        at: &At<'_>,
        name: &str,
        scan: &mut Scanner<'_>,
    ) -> Result<(), Refused> {
        let value = scan.span()?;
        let given = DEFAULTS
            .iter()
            .find(|(known, _)| *known == name)
            .is_some_and(|(_, values)| values.iter().any(|default| same(value, default)));
        if value != "null" && !given {
            self.add(at);
        }
        Ok(())
    }

    /// Notes what stands at `at`.
    pub(super) fn add(&mut self, at: &At<'_>) {
        if self.0.len() < MOST {
            self.0.push(at.to_string());
        }
    }

    pub(super) fn into_paths(self) -> Vec<String> {
        self.0
    }
}

/// Whether `value` is `default` but for white space, of which no default has any.
fn same(value: &str, default: &str) -> bool {
    let plain = value.bytes().filter(|byte| !byte.is_ascii_whitespace());
    plain.eq(default.bytes())
}
