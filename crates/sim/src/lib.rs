//! The simulated model: a provider without a network, a key or chance.
//!
//! Promises: (1) the model's name says what happens, or a rule of a script, and the same calls in
//! the same order get the same bytes; (2) every answer that is not a fault is a legal OpenAI answer;
//! (3) seen = completed + aborted + open in every snapshot, also for calls dropped half-way.
//! It does not understand the prompt, nor know the gateway that may hold it.

mod answer;
mod ask;
mod delay;
mod draw;
mod errand;
mod flow;
mod name;
mod pages;
mod pattern;
mod plan;
mod record;
mod refusal;
mod rules;
mod said;
mod schema;
mod script;
mod serve;
mod speech;
mod stream;
mod tally;
mod tools;
mod turn;
mod unary;
mod vector;
mod voice;

pub use answer::Sim;
pub use rules::{MAX_SCRIPT, Problem, RuleStats, Rules};
pub use script::{Broken, Script};
pub use serve::serve;
pub use tally::{ModelStats, Stats};

#[cfg(test)]
mod tests;
