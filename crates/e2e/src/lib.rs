//! The scene that the black-box tests share: one scripted upstream, one gate.
//!
//! What is right stands in `tests/`, one file per theme, each named after the
//! rows and invariants that it proves. This crate holds only what every test
//! asks after its request: what was the caller told, how was it counted, and
//! is everything given back.

mod answer;
pub mod form;
pub mod leave;
pub mod natives;
pub mod pages;
pub mod pairs;
mod scene;
pub mod sdk;
pub mod tries;
pub mod voices;

pub use answer::{is_ours, transcript};
pub use scene::Scene;
