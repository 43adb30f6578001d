//! What the crate promises, from outside: each test under the id of what it holds,
//! where it has one.
//!
//! Documents, schemas and answers are made up where that says more than a table.

#[cfg(test)]
mod coercion;
#[cfg(test)]
mod extraction;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod prompts;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod watching;
