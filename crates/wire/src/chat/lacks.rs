//! What a target cannot express, and what of it the answer does not depend on.
//!
//! Promise: bounded, whatever a stranger puts into a request.

use std::fmt::Display;

/// Names at the most; more are only counted.
const MOST: usize = 32;

/// The longest name that is kept, in characters; what is cut is no hint.
const LONGEST: usize = 100;

/// Fields that ask for nothing that an answer shows: who asks, what to keep for
/// later, how closely to look. The last part of a path counts.
const HINTS: &[&str] = &[
    "cache_control",
    "detail",
    "is_error",
    "metadata",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_content",
    "redacted_thinking",
    "safety_identifier",
    "service_tier",
    "store",
    "strict",
    "summary",
    "user",
];

/// Whether nothing of an answer depends on a field, by its name in [`Lacks`].
pub fn is_hint(field: &str) -> bool {
    let last = field.rsplit('.').next().unwrap_or(field);
    HINTS.contains(&last)
}

/// Fields of a request that have no place in the target's dialect, by their
/// names in OpenAI's form where it has one, such as `logit_bias` or `input_audio`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lacks {
    fields: Vec<String>,
    more: usize,
}

impl Lacks {
    /// Notes one field; a second time says nothing new.
    pub fn add(&mut self, field: impl Display) {
        let mut field = field.to_string();
        if let Some((end, _)) = field.char_indices().nth(LONGEST) {
            field.truncate(end);
            field.push_str("...");
        }
        if self.fields.contains(&field) {
            return;
        }
        match self.fields.len() < MOST {
            true => self.fields.push(field),
            false => self.more += 1,
        }
    }

    /// Notes `field` if it is given.
    pub fn given<T>(&mut self, value: Option<T>, field: impl Display) {
        if value.is_some() {
            self.add(field);
        }
    }

    /// Whether nothing is lacking.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The names, in the order in which they were met.
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// How many more there were.
    pub fn more(&self) -> usize {
        self.more
    }
}

#[cfg(test)]
mod tests {
    use super::is_hint;

    #[test]
    fn the_last_part_of_a_path_says_whether_it_is_a_hint() {
        for hint in ["user", "image_url.detail", "messages[0].reasoning_content"] {
            assert!(is_hint(hint), "{hint}");
        }
        for needed in ["seed", "user.seed", "detail[0]", "messages[2].role", ""] {
            assert!(!is_hint(needed), "{needed}");
        }
    }
}
