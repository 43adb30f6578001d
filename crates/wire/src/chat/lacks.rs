//! What a target cannot express.
//!
//! Promise: bounded, whatever a stranger puts into a request.

use std::fmt::Display;

/// Names at the most; more are only counted.
const MOST: usize = 32;

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
        let field = field.to_string();
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
