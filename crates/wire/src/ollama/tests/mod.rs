//! Ollama's dialect against examples as its documentation has them.
//!
//! They are made up, in the form that the server gives and takes.

mod embeddings;
mod reading;
mod writing;
