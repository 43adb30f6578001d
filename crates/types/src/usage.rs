//! What a call cost, in tokens, as the provider reports it.
//!
//! Where it reports nothing the numbers are an estimate, and say so.

/// Token counts of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens of the prompt.
    pub input: u64,
    /// Tokens of the answer.
    pub output: u64,
    /// True when the provider told nothing and the numbers are our estimate.
    pub estimated: bool,
}

impl Usage {
    /// Bytes of English-like text that make one token, the usual rule of thumb
    /// of byte-pair vocabularies; only ever used for estimates flagged as such.
    pub const BYTES_PER_TOKEN: u64 = 4;

    /// An estimate from the sizes of prompt and answer in bytes.
    pub fn estimate(input_bytes: u64, output_bytes: u64) -> Self {
        Self {
            input: input_bytes.div_ceil(Self::BYTES_PER_TOKEN),
            output: output_bytes.div_ceil(Self::BYTES_PER_TOKEN),
            estimated: true,
        }
    }

    /// The tokens of both, an estimate if one of them is.
    pub fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            estimated: self.estimated || other.estimated,
        }
    }
}
