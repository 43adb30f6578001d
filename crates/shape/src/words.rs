//! What the library says of a document, in our words.
//!
//! It judges nothing: it takes the library's errors and says them again. Of an
//! `anyOf` or `oneOf` that nothing fits it says, besides, what the alternative
//! lacks that was meant most likely.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::{Map, Value};

use crate::pointer::{member, place};
use crate::violation::{Violation, short};

/// The most that is shown of a value, in characters.
const VALUE: usize = 80;
/// Alternatives inside alternatives that are looked into.
const INTO: usize = 4;

/// Adds what `error` says of `document`.
pub(crate) fn tell(error: &ValidationError<'_>, document: &Value, into: &mut Vec<Violation>) {
    tell_at(error, document, INTO, into);
}

fn tell_at(
    error: &ValidationError<'_>,
    document: &Value,
    deeper: usize,
    into: &mut Vec<Violation>,
) {
    let pointer = error.instance_path().as_str();
    let mut add = |keyword: &'static str, message: String| {
        into.push(Violation::new(pointer, keyword, &message));
    };
    let at = place(pointer);
    match error.kind() {
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            add("required", required(pointer, name));
        }
        Kind::AdditionalProperties { unexpected } => {
            for name in unexpected {
                add("additionalProperties", not_allowed(pointer, name));
            }
        }
        Kind::UnevaluatedProperties { unexpected } => {
            for name in unexpected {
                add("unevaluatedProperties", not_allowed(pointer, name));
            }
        }
        // The library's word where no property at all is allowed.
        Kind::FalseSchema
            if error
                .schema_path()
                .as_str()
                .ends_with("/additionalProperties") =>
        {
            let members = document.pointer(pointer).and_then(Value::as_object);
            for name in members.into_iter().flat_map(Map::keys) {
                add("additionalProperties", not_allowed(pointer, name));
            }
        }
        Kind::AnyOf { context } => alternatives("anyOf", error, context, document, deeper, into),
        Kind::OneOfNotValid { context } => {
            alternatives("oneOf", error, context, document, deeper, into)
        }
        Kind::PropertyNames { error } => {
            let name = short(&error.instance().to_string(), VALUE);
            add(
                "propertyNames",
                format!("{at} must not have a property of the name {name}"),
            );
        }
        kind => {
            let (keyword, says) = simple(kind);
            add(keyword, format!("{at} {says}"));
        }
    }
}

/// What is said with the place in front of it.
fn simple(kind: &Kind) -> (&'static str, String) {
    match kind {
        Kind::Type { kind } => ("type", must_be(&type_names(kind))),
        Kind::Enum { options } => (
            "enum",
            one_of(options.as_array().map_or(&[], Vec::as_slice)),
        ),
        Kind::Constant { expected_value } => {
            ("const", format!("must be {}", value(expected_value)))
        }
        Kind::Minimum { limit } => ("minimum", format!("must be at least {limit}")),
        Kind::Maximum { limit } => ("maximum", format!("must be at most {limit}")),
        Kind::ExclusiveMinimum { limit } => {
            ("exclusiveMinimum", format!("must be greater than {limit}"))
        }
        Kind::ExclusiveMaximum { limit } => {
            ("exclusiveMaximum", format!("must be less than {limit}"))
        }
        Kind::MultipleOf { multiple_of } => {
            ("multipleOf", format!("must be a multiple of {multiple_of}"))
        }
        Kind::MinLength { limit } => ("minLength", min_length(*limit)),
        Kind::MaxLength { limit } => ("maxLength", max_length(*limit)),
        Kind::MinItems { limit } => ("minItems", min_items(*limit)),
        Kind::MaxItems { limit } => ("maxItems", max_items(*limit)),
        Kind::AdditionalItems { limit } => ("additionalItems", max_items(*limit as u64)),
        Kind::MinProperties { limit } => (
            "minProperties",
            format!("must have at least {limit} properties"),
        ),
        Kind::MaxProperties { limit } => ("maxProperties", max_properties(*limit)),
        Kind::Pattern { pattern } => (
            "pattern",
            format!("must match pattern: {}", short(pattern, VALUE)),
        ),
        Kind::Format { format } => (
            "format",
            format!("must be a valid {}", short(format, VALUE)),
        ),
        Kind::UniqueItems => ("uniqueItems", "must contain unique items".to_owned()),
        Kind::Contains => (
            "contains",
            "must contain an item of the required kind, as often as is asked".to_owned(),
        ),
        Kind::FalseSchema => ("false", "is not allowed".to_owned()),
        Kind::Not { .. } => (
            "not",
            "matches a schema that it should not match".to_owned(),
        ),
        Kind::OneOfMultipleValid { .. } => ("oneOf", MORE_THAN_ONE.to_owned()),
        Kind::UnevaluatedItems { .. } => (
            "unevaluatedItems",
            "has items that are not allowed".to_owned(),
        ),
        Kind::ContentEncoding { content_encoding } => (
            "contentEncoding",
            format!("must be encoded in {}", short(content_encoding, VALUE)),
        ),
        Kind::FromUtf8 { .. } => ("contentEncoding", "must be text when decoded".to_owned()),
        Kind::ContentMediaType { content_media_type } => (
            "contentMediaType",
            format!("must be valid {}", short(content_media_type, VALUE)),
        ),
        _ => ("schema", "does not fit the schema".to_owned()),
    }
}

/// What is said of a value that more than one alternative takes.
pub(crate) const MORE_THAN_ONE: &str =
    "matches more than one schema when it should match exactly one";
/// What is said of a value that no alternative takes.
pub(crate) const NONE: &str = "does not match any of the required schemas";

pub(crate) fn required(pointer: &str, name: &str) -> String {
    format!("property {} is required", member(pointer, name))
}

pub(crate) fn not_allowed(pointer: &str, name: &str) -> String {
    format!("property {} is not allowed", member(pointer, name))
}

pub(crate) fn one_of(options: &[Value]) -> String {
    let mut shown = String::new();
    for option in options {
        if shown.len() > 2 * VALUE {
            shown.push_str(", …");
            break;
        }
        if !shown.is_empty() {
            shown.push_str(", ");
        }
        shown.push_str(&value(option));
    }
    format!("must be one of: {shown}")
}

pub(crate) fn must_be(names: &[&str]) -> String {
    let article = |name: &str| match name {
        "array" | "integer" | "object" => format!("an {name}"),
        "null" => "null".to_owned(),
        name => format!("a {name}"),
    };
    let names: Vec<_> = names.iter().map(|name| article(name)).collect();
    format!("must be {}", names.join(" or "))
}

pub(crate) fn min_length(limit: u64) -> String {
    format!("must be at least {limit} characters long")
}

pub(crate) fn max_length(limit: u64) -> String {
    format!("must be at most {limit} characters long")
}

pub(crate) fn min_items(limit: u64) -> String {
    format!("must contain at least {limit} items")
}

pub(crate) fn max_items(limit: u64) -> String {
    format!("must contain no more than {limit} items")
}

pub(crate) fn max_properties(limit: u64) -> String {
    format!("must have at most {limit} properties")
}

/// A value as it is shown: a string without its quotes.
fn value(value: &Value) -> String {
    match value {
        Value::String(text) => short(text, VALUE),
        Value::Array(_) | Value::Object(_) => "a value of the schema".to_owned(),
        value => short(&value.to_string(), VALUE),
    }
}

fn type_names(kind: &TypeKind) -> Vec<&str> {
    match kind {
        TypeKind::Single(one) => vec![one.as_str()],
        TypeKind::Multiple(set) => set.iter().map(|one| one.as_str()).collect(),
    }
}

fn alternatives(
    keyword: &'static str,
    error: &ValidationError<'_>,
    context: &[Vec<ValidationError<'static>>],
    document: &Value,
    deeper: usize,
    into: &mut Vec<Violation>,
) {
    let pointer = error.instance_path().as_str();
    let message = format!("{} {NONE}", place(pointer));
    into.push(Violation::new(pointer, keyword, &message));
    // Meant was the one whose kind and name fit; of several, the one that lacks least.
    let meant = context
        .iter()
        .filter(|errors| !errors.is_empty() && !errors.iter().any(|error| is_other(pointer, error)))
        .min_by_key(|errors| errors.len());
    if let (Some(meant), true) = (meant, deeper > 0) {
        for error in meant {
            tell_at(error, document, deeper - 1, into);
        }
    }
}

/// Whether the error says that another kind of thing was meant: the type is wrong,
/// or a name that tells the alternatives apart.
fn is_other(pointer: &str, error: &ValidationError<'_>) -> bool {
    match error.kind() {
        Kind::Type { .. } | Kind::FalseSchema => error.instance_path().as_str() == pointer,
        Kind::Constant { .. } | Kind::Enum { .. } => true,
        _ => false,
    }
}
