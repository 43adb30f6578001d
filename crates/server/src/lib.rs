//! The edges of Tidegate: configuration, HTTP, access rules, drain.

pub mod config;
pub mod listen;
