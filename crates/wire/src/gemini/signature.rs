//! The signatures by which Gemini knows its own thoughts again.
//!
//! 1. What Gemini signed goes back to it unchanged, if the caller keeps it.
//! 2. What another provider signed never goes to Gemini, which would refuse it.
//!
//! Anthropic's dialect carries them, as blocks of thinking. OpenAI's does not:
//! there the conversation goes on, since Google takes a word in their place,
//! but what the model thought between the calls of a turn is lost to it.

/// In front of a signature in the neutral form, so that it is known again.
const OURS: &str = "gemini:";

/// What Google documents for calls whose signature is not at hand: without one
/// the models from Gemini 3 on refuse the conversation.
pub(super) const UNKNOWN: &str = "skip_thought_signature_validator";

/// As it stands in the neutral form.
pub(super) fn mark(signature: &str) -> String {
    [OURS, signature].concat()
}

/// As Gemini gave it; `None` if another did.
pub(super) fn unmark(signature: &str) -> Option<&str> {
    signature.strip_prefix(OURS).filter(|rest| !rest.is_empty())
}
