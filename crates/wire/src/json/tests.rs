//! The scanner against serde_json as an oracle, the limits at their edges, and
//! every promise of `limits.rs` under its number.

use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::*;

fn check_text(text: &str) -> Result<(), Violation> {
    check(text.as_bytes(), &Limits::default())
}

#[test]
fn promise_1_what_is_json_passes() {
    for text in [
        "null",
        " true\n",
        "false",
        "0",
        "-0",
        "12",
        "-1.5e+10",
        "1E-2",
        "0.0",
        "\"\"",
        "{}",
        "[]",
        "[ ]",
        "{ }",
        "[1,[2,{}],[]]",
        r#"{"a":{"b":[{}]},"c":null}"#,
        r#""\"\\\/\b\f\n\r\t\u00e4\uD834\udd1e""#,
        "\"Würze €𝄞\"",
        "\"\u{7f}\"",
    ] {
        assert_eq!(check_text(text), Ok(()), "{text}");
    }
}

#[test]
fn promise_1_and_3_what_is_not_json_is_refused_at_its_byte() {
    for (text, offset) in [
        ("", 0),
        ("  ", 2),
        ("nul", 0),
        ("truee", 4),
        ("True", 0),
        ("01", 1),
        ("-", 1),
        ("1.", 2),
        (".5", 0),
        ("1e", 2),
        ("1e+", 3),
        ("+1", 0),
        ("NaN", 0),
        ("\"", 1),
        ("\"a", 2),
        ("\"a\nb\"", 2),
        ("\"\t\"", 1),
        (r#""\x""#, 2),
        (r#""\u12""#, 3),
        (r#""\u12g4""#, 3),
        ("{", 1),
        ("}", 0),
        ("[1,]", 3),
        ("[1 2]", 3),
        ("[", 1),
        ("[1", 2),
        (r#"{"a"}"#, 4),
        (r#"{"a":}"#, 5),
        (r#"{"a":1,}"#, 7),
        ("{1:2}", 1),
        (r#"{"a":1]"#, 6),
        ("[1}", 2),
        ("1 2", 2),
        ("{} x", 3),
        ("\u{feff}1", 0),
        ("'a'", 0),
    ] {
        match check_text(text) {
            Err(Violation::Syntax { offset: at, .. }) => assert_eq!(at, offset, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
        assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
    }
}

#[test]
fn promise_2_text_that_is_no_text_is_refused() {
    let nul = |offset| Err(Violation::Nul { offset });
    let lone = |offset| Err(Violation::LoneSurrogate { offset });
    assert_eq!(
        check(b"[\"a\xff\"]", &Limits::default()),
        Err(Violation::Utf8 { offset: 3 })
    );
    assert_eq!(check_text("\"a\0\""), nul(2));
    assert_eq!(check_text("[\0]"), nul(1));
    assert_eq!(check_text(r#"["\u0000"]"#), nul(2));
    assert_eq!(check_text(r#""x\ud834""#), lone(2));
    assert_eq!(check_text(r#""\udd1e""#), lone(1));
    assert_eq!(check_text(r#""\ud834\u0041""#), lone(1));
    assert_eq!(check_text(r#""\ud834\n""#), lone(1));
    assert_eq!(check_text(r#"{"\ud834":1}"#), lone(2));
}

#[test]
fn promise_2_each_limit_holds_at_its_edge() {
    let limits = Limits {
        depth: 3,
        array: 4,
        keys: 2,
        string: 5,
        number: 6,
    };
    let check = |text: &str| check(text.as_bytes(), &limits);
    for text in [
        "[[[1]]]",
        r#"{"a":[{}]}"#,
        "[1,2,3,4]",
        r#"{"a":1,"b":2}"#,
        "\"12345\"",
        "123456",
    ] {
        assert_eq!(check(text), Ok(()), "{text}");
    }
    let large = |what, limit, offset| {
        Err(Violation::TooLarge {
            what,
            limit,
            offset,
        })
    };
    assert_eq!(
        check("[[[[]]]]"),
        Err(Violation::TooDeep {
            limit: 3,
            offset: 3
        })
    );
    assert_eq!(
        check(r#"{"a":[{"b":{}}]}"#),
        Err(Violation::TooDeep {
            limit: 3,
            offset: 11
        })
    );
    assert_eq!(check("[1,2,3,4,5]"), large("array", 4, 9));
    assert_eq!(check(r#"{"a":1,"b":2,"c":3}"#), large("object", 2, 13));
    assert_eq!(check("\"123456\""), large("string", 5, 7));
    assert_eq!(check(r#"{"123456":1}"#), large("string", 5, 8));
    assert_eq!(check("1234567"), large("number", 6, 7));
    // Counts are of one container: those inside and behind it begin anew.
    assert_eq!(check("[[1,2,3,4],[1,2,3,4],3,4]"), Ok(()));
    assert_eq!(check("[[1,2,3,4],[1,2,3,4],3,4,5]"), large("array", 4, 25));
}

#[test]
fn a_bomb_of_brackets_costs_nothing() {
    for bomb in ["[".repeat(10 << 20), "{\"a\":".repeat(2 << 20)] {
        let deepest = Limits {
            depth: usize::MAX,
            ..Limits::default()
        };
        let violation = check(bomb.as_bytes(), &deepest);
        assert!(matches!(
            violation,
            Err(Violation::TooDeep {
                limit: MAX_DEPTH,
                ..
            })
        ));
    }
    let deep = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert_eq!(
        check(
            deep.as_bytes(),
            &Limits {
                depth: MAX_DEPTH,
                ..Limits::default()
            }
        ),
        Ok(())
    );
}

#[test]
fn refusals_say_what_and_where() {
    let said = |text| check_text(text).map_err(|violation| violation.to_string());
    assert_eq!(
        said("[1 2]"),
        Err(
            "The body is not valid JSON at byte 3: expected a comma or the closing bracket.".into()
        )
    );
    let limits = Limits {
        keys: 1,
        ..Limits::default()
    };
    let two = check(br#"{"a":1,"b":2}"#, &limits).map_err(|violation| violation.to_string());
    assert_eq!(
        two,
        Err("An object of the body has more than 1 members, at byte 7.".into())
    );
}

/// JSON texts, and texts that were JSON before something happened to them.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:e}")),
        string(),
    ];
    let value = leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6)
                .prop_map(|list| format!("[{}]", list.join(" ,\n"))),
            prop::collection::vec((string(), inner), 0..6).prop_map(|list| {
                let members: Vec<_> = list.iter().map(|(k, v)| format!("{k} : {v}")).collect();
                format!("{{{}}}", members.join(", "))
            }),
        ]
    });
    let harm = prop::collection::vec((any::<prop::sample::Index>(), harm()), 0..3);
    (value, harm).prop_map(|(text, harm)| {
        let mut bytes = text.into_bytes();
        for (index, harm) in harm {
            let at = index.index(bytes.len() + 1);
            match harm {
                Harm::Insert(new) => drop(bytes.splice(at..at, new)),
                Harm::Remove => drop(bytes.drain(at..bytes.len().min(at + 1))),
                Harm::Cut => bytes.truncate(at),
            }
        }
        bytes
    })
}

#[derive(Debug, Clone)]
enum Harm {
    Insert(Vec<u8>),
    Remove,
    Cut,
}

fn harm() -> impl Strategy<Value = Harm> {
    let piece = prop::sample::select(vec![
        "\"", "\\", "[", "]", "{", "}", ",", ":", "0", "-", ".", "e", "\n", "\0", "\u{1f}", "ä",
        "\\u", "\\ud83d", "\\ude00", "\\u0000", "t", "null",
    ]);
    prop_oneof![
        4 => piece.prop_map(|piece| Harm::Insert(piece.into())),
        1 => any::<u8>().prop_map(|byte| Harm::Insert(vec![byte])),
        2 => Just(Harm::Remove),
        1 => Just(Harm::Cut),
    ]
}

/// A JSON string with its quotes, with plain stretches of many lengths.
fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z ]{0,20}",
        1 => "[äß€𝄞\u{7f}]{1,3}",
        1 => prop::sample::select(vec![
            r#"\""#, r"\\", r"\/", r"\n", r"\t", r"\b", r"\u00e4", r"\u20AC", r"\ud83d\ude00",
        ]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

proptest! {
    #[test]
    fn promise_1_validity_is_that_of_serde_json(bytes in texts()) {
        let text = std::str::from_utf8(&bytes);
        let valid = text.is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
        match check(&bytes, &Limits::default()) {
            Ok(()) => prop_assert!(valid),
            Err(Violation::Syntax { .. } | Violation::Utf8 { .. }) => prop_assert!(!valid),
            // The stated differences, each with a witness.
            Err(Violation::Nul { .. }) => {
                prop_assert!(text.is_ok_and(|text| text.contains('\0') || text.contains("\\u0000")));
            }
            Err(Violation::LoneSurrogate { .. }) => {
                prop_assert!(serde_json::from_slice::<Value>(&bytes).is_err());
            }
            Err(violation) => prop_assert!(false, "{}", violation),
        }
    }

    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let valid = std::str::from_utf8(&bytes)
            .is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
        prop_assert_eq!(check(&bytes, &Limits::default()).is_ok(), valid);
    }

    #[test]
    fn strings_are_read_as_serde_json_reads_them(text in string()) {
        let expected: String = serde_json::from_str(&text)?;
        let read = Scanner::of_upstream(&text).string().map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(read.decode(), expected.as_str());
        prop_assert_eq!(read.len(), expected.len());
    }

    #[test]
    fn what_is_written_reads_back(text in any::<String>()) {
        let mut written = Vec::new();
        write_string(&mut written, &text);
        prop_assert_eq!(serde_json::from_slice::<String>(&written)?, text);
    }

    #[test]
    fn the_end_of_a_plain_run_is_exact(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let slow = bytes.iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\'));
        prop_assert_eq!(super::text::plain_run(&bytes), slow.unwrap_or(bytes.len()));
    }

    #[test]
    fn the_end_of_a_long_plain_run_is_exact(
        plain in prop::collection::vec(b'#'..=b'[', 0..200),
        end in prop::sample::select(b"\"\\\0\x1f".to_vec()),
        rest in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let bytes = [&plain[..], &[end], &rest].concat();
        prop_assert_eq!(super::text::plain_run(&bytes), plain.len());
        prop_assert_eq!(super::text::plain_run(&plain), plain.len());
    }
}

#[test]
fn halves_of_a_pair_from_an_upstream_become_replacement_characters() {
    for text in [
        r#""\ud83d""#,
        r#""\ude00""#,
        r#""\ud83dx""#,
        r#""\ud83d\u0041""#,
    ] {
        let read = Scanner::of_upstream(text)
            .string()
            .expect("an upstream may");
        assert!(read.decode().starts_with('\u{fffd}'), "{text}");
        assert_eq!(read.decode().len(), read.len());
    }
}
