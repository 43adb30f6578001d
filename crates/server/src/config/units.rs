//! Durations and sizes as people write them: `"500ms"`, `"2m"`, `"256MiB"`.
//!
//! Promises: 1. what one of the two `show` functions writes, its parser reads
//! back to the same value; 2. nothing overflows: a number that does not fit is
//! not a value. No fractions and no compounds: one number, one unit.

use std::time::Duration;

pub(super) const TIME_UNITS: [(&str, u64); 4] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// Largest first, so that showing finds the shortest form; the decimal units
/// are read but never written.
pub(super) const SIZE_UNITS: [(&str, u64); 10] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Reads `"30s"`; `None` when it is not a number with `ms`, `s`, `m` or `h`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let (_, millis) = TIME_UNITS.iter().find(|(name, _)| *name == unit)?;
    Some(Duration::from_millis(number.checked_mul(*millis)?))
}

/// Writes whole milliseconds in the largest unit that divides them.
pub fn show_duration(value: Duration) -> String {
    let millis = u64::try_from(value.as_millis()).unwrap_or(u64::MAX);
    let fits = |unit: u64| millis != 0 && millis.is_multiple_of(unit);
    match TIME_UNITS.iter().rev().find(|(_, unit)| fits(*unit)) {
        Some((name, unit)) => format!("{}{name}", millis / unit),
        None => "0s".to_owned(),
    }
}

/// Reads `"256MiB"`; a number without a unit is bytes.
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    if unit.is_empty() {
        return Some(number);
    }
    let (_, bytes) = SIZE_UNITS.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*bytes)
}

/// Writes bytes in the largest binary unit that divides them.
pub fn show_size(bytes: u64) -> String {
    let binary = &SIZE_UNITS[..4];
    match binary
        .iter()
        .find(|(_, unit)| bytes != 0 && bytes.is_multiple_of(*unit))
    {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}B"),
    }
}

/// A number and what follows it, apart from spaces.
fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_written_forms_are_read() {
        assert_eq!(parse_duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_duration("2m"), Some(Duration::from_secs(120)));
        assert_eq!(parse_duration("1h"), Some(Duration::from_secs(3600)));
        assert_eq!(parse_size("256MiB"), Some(256 << 20));
        assert_eq!(parse_size("1GB"), Some(1_000_000_000));
        assert_eq!(parse_size("7"), Some(7));
        for wrong in [
            "",
            "s",
            "10",
            "10 sec",
            "-1s",
            "1.5s",
            "1s1",
            "18446744073709551615h",
        ] {
            assert_eq!(parse_duration(wrong), None, "{wrong:?}");
        }
        for wrong in ["", "MiB", "10mib", "1e3", "-1", "18446744073709551615TiB"] {
            assert_eq!(parse_size(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn p1_durations_round_trip(millis in any::<u64>()) {
            let value = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&show_duration(value)), Some(value));
        }

        #[test]
        fn p1_sizes_round_trip(number in 0..(1_u64 << 24), shift in 0..40_u32) {
            let bytes = number << shift;
            prop_assert_eq!(parse_size(&show_size(bytes)), Some(bytes));
        }

        #[test]
        fn p2_any_text_is_a_value_or_not(text in "\\PC*") {
            let _ = (parse_duration(&text), parse_size(&text));
        }
    }
}
