//! A text that a `pattern` of a JSON Schema takes, the same one each time.
//!
//! Promises: (1) what is made was matched by the pattern, or nothing is made; (2) it has at most
//! [`LONGEST`] bytes, however often the pattern repeats. Short texts are tried first, and of a class
//! of characters a letter or a digit.

use regex_lite::Regex;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// The longest text.
const LONGEST: usize = 4_096;
/// How much more often than it must a part is repeated, until the length is right.
const MORE: [u32; 5] = [0, 1, 3, 12, 60];

/// A text with so many characters, if one is found.
pub(crate) fn matching(pattern: &str, least: u64, most: u64) -> Option<String> {
    // Without Unicode a class is one of bytes, and its tables are not needed.
    let parsed = ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .build()
        .parse(pattern)
        .ok()?;
    let regex = Regex::new(pattern).ok()?;
    let fits = |text: &String| {
        let length = text.chars().count() as u64;
        (least..=most).contains(&length) && regex.is_match(text)
    };
    let made = |more: u32| {
        let mut bytes = Vec::new();
        write(&parsed, more, &mut bytes)?;
        String::from_utf8(bytes).ok()
    };
    MORE.into_iter().filter_map(made).find(fits)
}

/// `None` when it becomes too long, or nothing fits. The parser bounds the depth.
fn write(part: &Hir, more: u32, out: &mut Vec<u8>) -> Option<()> {
    if out.len() > LONGEST {
        return None;
    }
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.extend_from_slice(&literal.0),
        HirKind::Class(class) => out.push(member(class)?),
        HirKind::Capture(capture) => write(&capture.sub, more, out)?,
        HirKind::Concat(parts) => {
            for part in parts {
                write(part, more, out)?;
            }
        }
        HirKind::Alternation(branches) => write(branches.first()?, more, out)?,
        HirKind::Repetition(repeated) => {
            let most = repeated.max.unwrap_or(u32::MAX);
            for _ in 0..repeated.min.saturating_add(more).min(most) {
                let before = out.len();
                write(&repeated.sub, more, out)?;
                if out.len() == before {
                    break;
                }
            }
        }
    }
    Some(())
}

/// A letter or a digit if there is one, else the first printable character.
fn member(class: &Class) -> Option<u8> {
    let holds = |byte: u8| match class {
        Class::Bytes(class) => class
            .iter()
            .any(|range| (range.start()..=range.end()).contains(&byte)),
        Class::Unicode(class) => {
            let character = char::from(byte);
            class
                .iter()
                .any(|range| (range.start()..=range.end()).contains(&character))
        }
    };
    let usual = (b'a'..=b'z').chain(b'A'..=b'Z').chain(b'0'..=b'9');
    usual.chain(b' '..=b'~').find(|byte| holds(*byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_as_schemas_have_them() {
        for (pattern, text) in [
            (r"^\d{4}-\d{2}$", "0000-00"),
            (r"^[A-Z]{3}$", "AAA"),
            (r"^(red|green)$", "red"),
            (r"^#[0-9a-f]{6}$", "#aaaaaa"),
            (r"^\+?[1-9]\d{1,14}$", "10"),
            (r"^[^@\s]+@[^@\s]+\.com$", "a@a.com"),
            ("", ""),
            ("é", "é"),
        ] {
            assert_eq!(matching(pattern, 0, 99).as_deref(), Some(text), "{pattern}");
        }
        assert_eq!(matching("^a+$", 3, 5).as_deref(), Some("aaaa"));
        assert_eq!(matching("^a?$", 3, 5), None);
        assert_eq!(matching("(", 0, 9), None);
        assert_eq!(matching("^(a{900}){900}$", 0, u64::MAX), None);
        assert_eq!(matching(r"^(\b)*$", 0, 9).as_deref(), Some(""));
    }

    proptest! {
        #[test]
        fn any_pattern_is_matched_or_given_up(pattern in "[a-c.*+?(){}|\\[\\]^$\\\\dws0-9,-]{0,20}") {
            if let Some(text) = matching(&pattern, 0, 50) {
                prop_assert!(Regex::new(&pattern).expect("it compiled").is_match(&text));
            }
        }
    }
}
