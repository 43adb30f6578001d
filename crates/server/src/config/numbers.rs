//! Regular expressions for numbers between two others, with and without units.
//!
//! A JSON Schema has no other way to bound a number inside of a text. Promise:
//! exactly the texts match that `units` reads to a value of the range; leading
//! zeros and spaces are free, as they are there.

use super::form::{Measure, Range};
use super::units::{SIZE_UNITS, TIME_UNITS};

/// What a text of this range matches; counts have none.
pub(super) fn pattern(range: &Range) -> String {
    let units: &[(&str, u64)] = match range.measure {
        Measure::Time => &TIME_UNITS,
        Measure::Size | Measure::Count => &SIZE_UNITS,
    };
    let mut parts = Vec::new();
    for (name, factor) in units {
        // A number of bytes needs no unit.
        let name = if *name == "B" { "B?" } else { name };
        let (least, most) = (range.min.div_ceil(*factor), range.max / factor);
        if least <= most {
            parts.push(format!("{}\\s*{name}", between(least, most)));
        }
        if range.or_zero && least > 0 {
            parts.push(format!("0+\\s*{name}"));
        }
    }
    format!("^\\s*({})\\s*$", parts.join("|"))
}

/// Decimal numbers from `least` to `most`.
fn between(least: u64, most: u64) -> String {
    let mut parts = Vec::new();
    let mut low = least;
    loop {
        // As many of one length as there are.
        let length = low.to_string().len();
        let longest = 10_u64
            .checked_pow(length as u32)
            .map_or(u64::MAX, |n| n - 1);
        let high = longest.min(most);
        parts.extend(spans(
            low.to_string().as_bytes(),
            high.to_string().as_bytes(),
        ));
        if high == most {
            break;
        }
        low = high + 1;
    }
    format!("0*({})", parts.join("|"))
}

/// Numbers of one length, digit by digit.
fn spans(low: &[u8], high: &[u8]) -> Vec<String> {
    let (Some((&first, low_rest)), Some((&last, high_rest))) =
        (low.split_first(), high.split_first())
    else {
        return vec![String::new()];
    };
    let rest = low_rest.len();
    let (zeros, nines) = (vec![b'0'; rest], vec![b'9'; rest]);
    let after = |digit: u8, tails: Vec<String>| {
        let digit = char::from(digit);
        tails.into_iter().map(move |tail| format!("{digit}{tail}"))
    };
    if first == last && (low_rest != zeros || high_rest != nines) {
        return after(first, spans(low_rest, high_rest)).collect();
    }
    let mut parts = Vec::new();
    let (mut from, mut to) = (first, last);
    if low_rest != zeros {
        parts.extend(after(first, spans(low_rest, &nines)));
        from += 1;
    }
    if high_rest != nines {
        to -= 1;
    }
    if from <= to {
        parts.push(format!("{}{}", digits(from, to), any(rest)));
    }
    if high_rest != nines {
        parts.extend(after(last, spans(&zeros, high_rest)));
    }
    parts
}

fn digits(from: u8, to: u8) -> String {
    let (from, to) = (char::from(from), char::from(to));
    match from == to {
        true => from.to_string(),
        false => format!("[{from}-{to}]"),
    }
}

fn any(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => "[0-9]".to_owned(),
        _ => format!("[0-9]{{{count}}}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pattern_is_short_where_the_range_is_round() {
        assert_eq!(between(0, 9), "0*([0-9])");
        assert_eq!(between(7, 120), "0*([7-9]|[1-9][0-9]|1[0-1][0-9]|120)");
        assert_eq!(between(1000, 9999), "0*([1-9][0-9]{3})");
        assert_eq!(between(5, 5), "0*(5)");
        assert!(
            between(0, u64::MAX).ends_with("18446744073709551610|1844674407370955161[1-5])")
                || between(0, u64::MAX).contains("1844674407370955161[0-5]")
        );
    }

    proptest! {
        #[test]
        fn exactly_the_numbers_of_the_range_match(a in 0..3000_u64, b in 0..3000_u64, n in 0..4000_u64) {
            let (least, most) = (a.min(b), a.max(b));
            let pattern = format!("^{}$", between(least, most));
            let schema = serde_json::json!({ "pattern": pattern });
            let fits = jsonschema::is_valid(&schema, &serde_json::json!(n.to_string()));
            prop_assert_eq!(fits, least <= n && n <= most, "{}", pattern);
        }
    }
}
