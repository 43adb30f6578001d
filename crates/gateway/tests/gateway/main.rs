//! The gateway as its server uses it: whole requests, from the ticket to the
//! last byte, over the simulated provider or over scripted upstreams.

#![expect(clippy::unwrap_used, reason = "a test panics with the reason")]

mod attempts;
mod between;
mod cache;
mod catalogue;
mod dialects;
mod ends;
mod errands;
mod house;
mod keys;
mod lent;
mod looks;
mod messages;
mod neighbours;
mod outage;
mod pipeline;
mod reload;
mod responses;
mod routes;
mod routes_order;
mod scripted;
mod upstreams;
mod watching;
