//! What every dialect of embeddings says, in one form, as [`chat`](crate::chat)
//! is for conversations.
//!
//! A dialect reads its form into this one and writes it out of it. Numbers are
//! 32 bits wide: so the models make them, and so base64 carries them.

/// A request for embeddings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Embed {
    /// The model's name; the caller's when it was read, the upstream's when it
    /// is written.
    pub model: String,
    /// One vector is asked for each, in order.
    pub inputs: Vec<String>,
    /// The length of the vectors, where it is not the model's own.
    pub dimensions: Option<u32>,
    /// The caller wants base64 in place of lists of numbers.
    pub base64: bool,
    /// The caller's own user.
    pub user: Option<String>,
    /// Names of fields that were given, mean something and have no place here,
    /// as in [`chat::Request`](crate::chat::Request).
    pub others: Vec<String>,
}

/// The vectors of a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Embedded {
    /// The upstream's own name of the model; empty where it tells none.
    pub model: String,
    /// In the order of the inputs; every number is finite.
    pub vectors: Vec<Vec<f32>>,
    /// Of all inputs, where it is told.
    pub tokens: Option<u64>,
}

impl Embedded {
    /// Whether this answers `asked`: a vector for each input, and numbers that
    /// JSON can say.
    pub fn answers(&self, asked: &Embed) -> bool {
        let good = |vector: &Vec<f32>| {
            !vector.is_empty() && vector.iter().all(|number| number.is_finite())
        };
        self.vectors.len() == asked.inputs.len() && self.vectors.iter().all(good)
    }
}
