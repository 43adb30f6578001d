//! The edges of Tidegate: configuration, listening, HTTP, wiring, drain.
//!
//! [`Server`] is the life of the process: `config` says what it should be,
//! `wiring` turns that into what the parts below are told, `listen` owns the
//! sockets and `http` the routes. Nothing below knows any of it.

mod certificate;
mod checks;
pub mod config;
mod http;
pub mod listen;
mod names;
mod overload;
mod process;
mod reload;
mod wiring;

pub use process::{DrainReport, Server, StartError};
pub use reload::{Following, Reloader};
