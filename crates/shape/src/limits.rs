//! How large a schema may be. A caller writes it, and each of these bounds what
//! reading it, or a document by it, can cost.
//!
//! They are not settings: no schema that was written by people, or made from their
//! types, comes near.

/// Bytes of a schema's text.
pub const SCHEMA_BYTES: usize = 256 << 10;
/// Subschemas of a schema.
pub const SUBSCHEMAS: usize = 10_000;
/// References and alternatives inside one another at one value.
pub const IN_PLACE: usize = 20;
/// Subschemas that look at one value, each time counted.
pub(crate) const LOOKS: u64 = 2_000;
/// Ways from the root to one subschema, beyond which errors are not listed by the
/// library, which would go each of them.
pub(crate) const WAYS: u64 = 10_000;
/// The same of all subschemas together: counting them takes that long.
pub(crate) const ALL_LOOKS: u64 = 500_000;
/// Ways that lead together to one part of a document.
pub(crate) const GROWTH: u64 = 100_000;
/// Values in all `enum` and `const` together; an array or an object counts as 32.
pub const OPTIONS: usize = 5_000;
/// Patterns of a schema.
pub const PATTERNS: usize = 256;
/// Bytes of one pattern.
pub const PATTERN_BYTES: usize = 4 << 10;
/// Bytes that a compiled pattern takes.
pub(crate) const PATTERN_SIZE: usize = 256 << 10;
