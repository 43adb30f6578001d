//! One value as another kind, case or format: what is meant by a text that stands
//! where a number should, and the like.
//!
//! 1. Nothing is lost: no digit is dropped, no fraction cut, no time of day left out.
//! 2. What can be meant in two ways is left as it is. A text that is JSON means that
//!    before it means anything else.

use serde_json::{Number, Value};

use crate::graph::{Types, is_whole, same};
use crate::read;

/// Digits that a float keeps of any number.
const KEPT: usize = 15;
/// From here on a float is more than one integer: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// `value`, whose kind is not among `types`, as one of them. `digits` is how a
/// number was written. A value that only an array lacks around it is not turned here.
pub(crate) fn turn(value: &Value, types: Types, digits: Option<&str>) -> Option<Value> {
    match value {
        Value::String(text) => text_as(text.trim(), types),
        Value::Number(number) => number_as(number, types, digits),
        Value::Bool(bool) if types.holds(Types::STRING) => Some(Value::String(bool.to_string())),
        _ => None,
    }
}

fn text_as(text: &str, types: Types) -> Option<Value> {
    if let Some(value) = json(text) {
        match value {
            // `null` is a word like others, unless nothing else can stand there.
            Value::Null if types != Types::NULL => {}
            Value::String(_) => {}
            Value::Number(number)
                if is_whole(&number)
                    && types.holds(Types::INTEGER)
                    && !types.holds(Types::NUMBER) =>
            {
                return whole(number);
            }
            value if types.take(&value) => return Some(value),
            _ => {}
        }
    }
    if types.holds(Types::BOOLEAN) {
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => return Some(Value::Bool(true)),
            "false" | "no" | "0" => return Some(Value::Bool(false)),
            _ => {}
        }
    }
    let nothing = text.is_empty() || text.eq_ignore_ascii_case("null");
    (nothing && types == Types::NULL).then_some(Value::Null)
}

/// The text as JSON, if a value holds all that it says and says it once.
fn json(text: &str) -> Option<Value> {
    let document = read::read(text).ok()?;
    let kept = document.digits.values().all(|text| digits_of(text) <= KEPT);
    (kept && document.twice.is_none()).then_some(document.value)
}

fn digits_of(text: &str) -> usize {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    mantissa.bytes().filter(u8::is_ascii_digit).count()
}

/// A whole number as an integer, if it is one integer and no other.
fn whole(number: Number) -> Option<Value> {
    if !number.is_f64() {
        return Some(Value::Number(number));
    }
    let float = number.as_f64().filter(|float| float.abs() < EXACT)?;
    // The text of a whole float of this size is its digits and nothing else.
    let integer: i64 = format!("{float:.0}").parse().ok()?;
    Some(Value::from(integer))
}

fn number_as(number: &Number, types: Types, digits: Option<&str>) -> Option<Value> {
    if types.holds(Types::INTEGER) && is_whole(number) {
        return whole(number.clone());
    }
    if types.holds(Types::STRING) {
        let text = digits.map_or_else(|| number.to_string(), str::to_owned);
        return Some(Value::String(text));
    }
    if types.holds(Types::BOOLEAN) {
        return match number.as_f64() {
            Some(1.0) => Some(Value::Bool(true)),
            Some(0.0) => Some(Value::Bool(false)),
            _ => None,
        };
    }
    None
}

/// The one of `options` that `value` means, in another case or as another kind.
pub(crate) fn option<'o>(
    value: &Value,
    options: &'o [Value],
    digits: Option<&str>,
) -> Option<&'o Value> {
    let (text, is_text) = match value {
        Value::String(text) => (text.trim().to_owned(), true),
        Value::Number(number) => {
            let text = digits.map_or_else(|| number.to_string(), str::to_owned);
            (text, false)
        }
        Value::Bool(bool) => (bool.to_string(), false),
        _ => return None,
    };
    let exactly = |option: &&Value| option.as_str() == Some(text.as_str());
    let lower: String = text.chars().flat_map(char::to_lowercase).collect();
    let nearly = |option: &&Value| {
        let option = option
            .as_str()
            .map(|option| option.chars().flat_map(char::to_lowercase));
        option.is_some_and(|option| option.eq(lower.chars()))
    };
    let meant = read::read(&text).ok().filter(|_| is_text);
    let as_json = |option: &&Value| {
        meant.as_ref().is_some_and(|meant| {
            let scalar = matches!(meant.value, Value::Number(_) | Value::Bool(_) | Value::Null);
            scalar && same(option, &meant.value)
        })
    };
    only(options, exactly)
        .or_else(|| only(options, nearly))
        .or_else(|| only(options, as_json))
}

/// The option that alone is so.
fn only(options: &[Value], is: impl Fn(&&Value) -> bool) -> Option<&Value> {
    let mut found = options.iter().filter(is);
    let first = found.next()?;
    // The same text may stand there twice.
    found.all(|other| other == first).then_some(first)
}

/// The text in its format, where that is one text and no other.
pub(crate) fn formatted(text: &str, format: &str) -> Option<String> {
    let text = text.trim();
    match format {
        "email" | "idn-email" => Some(address(text).to_owned()),
        "uuid" => uuid(text),
        "date" => date(text),
        "date-time" => date_time(text),
        _ => Some(text.to_owned()),
    }
}

/// `Name <address>` and `mailto:address`.
fn address(text: &str) -> &str {
    let inner = text
        .strip_suffix('>')
        .and_then(|text| text.rsplit_once('<'));
    let address = inner.map_or(text, |(_, address)| address);
    address.strip_prefix("mailto:").unwrap_or(address).trim()
}

/// With or without hyphens, braces and `urn:uuid:`.
fn uuid(text: &str) -> Option<String> {
    let text = text.strip_prefix("urn:uuid:").unwrap_or(text);
    let text = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'))
        .unwrap_or(text);
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    Some(
        parts
            .map(|part| &digits[part])
            .join("-")
            .to_ascii_lowercase(),
    )
}

/// Year first, whatever stands between; a time of day only if it is midnight's.
fn date(text: &str) -> Option<String> {
    let (date, rest) = text.split_at_checked(10)?;
    let date = date.replace(['/', '.'], "-");
    let midnight = rest.trim_start_matches(['T', 't', ' ']);
    let midnight = midnight.strip_prefix("00:00:00").map(|rest| {
        let rest = rest.strip_prefix('.').unwrap_or(rest);
        rest.trim_start_matches('0')
    });
    (rest.is_empty() || matches!(midnight, Some("" | "Z" | "z"))).then_some(date)
}

/// A space in the place of the `T`; its offset from UTC must be there.
fn date_time(text: &str) -> Option<String> {
    let (date, rest) = text.split_at_checked(10)?;
    let time = rest.strip_prefix([' ', 'T', 't'])?;
    let time = time
        .replace(" UTC", "Z")
        .replace(" Z", "Z")
        .replace(" +", "+")
        .replace(" -", "-");
    Some(format!("{}T{time}", date.replace('/', "-")))
}
