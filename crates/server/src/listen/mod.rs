//! The listen module.
