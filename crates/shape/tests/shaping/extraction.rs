//! Which document is taken out of an answer, and at what cost.
//!
//! The named cases are those that other extractors are known by: what they take for
//! the answer and should not, and where they are slow.

use std::fmt::Write;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::Value;
use tidegate_shape::{extract, mend};

/// The text of the document in `answer`, or nothing.
fn taken(answer: &str) -> &str {
    extract(answer).map_or("", |found| found.text)
}

#[test]
fn an_answer_that_is_one_document_is_that_document() {
    for text in [
        "{}",
        "[1]",
        "\"a\"",
        "42",
        "-0.5e3",
        "null",
        "true",
        "{\"a\":1}",
    ] {
        for (before, behind) in [("", ""), ("\n\t ", " \r\n"), ("\u{feff} ", "")] {
            let answer = format!("{before}{text}{behind}");
            let found = extract(&answer).unwrap();
            assert_eq!((found.text, found.whole), (text, true), "{answer:?}");
        }
    }
}

#[test]
fn prose_is_not_the_answer() {
    for (answer, expected) in [
        // Of several documents that stand one behind the other, the first.
        (r#"{"first": true} {"second": true}"#, r#"{"first": true}"#),
        (
            r#"Invalid JSON here { not valid } {"valid": true} {"also": "valid"}"#,
            r#"{"valid": true}"#,
        ),
        // What is written wrong is not guessed at, and nothing inside of it is taken.
        (r#"{"name": "John", "age": 30, }"#, ""),
        (r#"Here: {"of": {"inner": 1}, }"#, ""),
        (r"{'name': 'John', 'age': 30}", ""),
        (r#"{"key":}"#, ""),
        (r#"{"key1": true "key2": false}"#, ""),
        (r#""key": "value""#, ""),
        ("", ""),
        ("no document at all", ""),
        // What is empty is an example, if there is something else.
        (r#"Instead of {} I say {"a": 1}."#, r#"{"a": 1}"#),
        (r#"[] or {}? [{"a": 1}]"#, r#"[{"a": 1}]"#),
        ("Nothing was found: {}.", "{}"),
        // Arrays are documents; words in brackets are not.
        ("The list: [1, [2, 3]].", "[1, [2, 3]]"),
        (r#"[see below] {"a": 1}"#, r#"{"a": 1}"#),
        (r#"As [1] says: {"a": [2]}"#, "[1]"),
        // Text in strings is text.
        (r#"So: {"a": "} ] ``` {"}!"#, r#"{"a": "} ] ``` {"}"#),
        (
            r#"{"text": "Unicode: 你好, ñ, é, ß, 🚀"} ñ"#,
            r#"{"text": "Unicode: 你好, ñ, é, ß, 🚀"}"#,
        ),
        (
            r#"é {"text": "Escaped: \"quotes\" and \\ and \u00F1"} é"#,
            r#"{"text": "Escaped: \"quotes\" and \\ and \u00F1"}"#,
        ),
    ] {
        assert_eq!(taken(answer), expected, "{answer}");
    }
}

#[test]
fn blocks_come_before_prose_and_json_before_other_blocks() {
    let json = r#"{"real": true}"#;
    for answer in [
        format!("```json\n{json}\n```"),
        format!("```\n{json}\n```"),
        format!("~~~~ JSON title=x\r\n{json}\r\n~~~~"),
        format!("Sure!\n\n```json\n{json}\n```\nAnything else?"),
        format!("Like {{\"example\": 1}}:\n```json\n{json}\n```"),
        format!("```python\nd = {{\"python\": 1}}\n```\nand\n```json\n{json}\n```"),
        format!("Log:\n```\n{{\"log\": 1}}\n```\n  ```json\n  {json}\n  ```"),
        format!("```\nA block with text and JSON:\n```json\n{json}\n```\n```"),
        format!("```json\n{{}}\n```\n```json\n{json}\n```"),
        format!("```python\nd = {{\"python\": 1}}\n```\nwhich prints {json}"),
        format!("Say `{{}}` or {json}"),
    ] {
        assert_eq!(taken(&answer), json, "{answer}");
    }
    assert_eq!(taken("```python\n{\"python\": 1}\n```"), "");
}

#[test]
fn an_answer_that_begins_as_an_object_is_that_object_or_none() {
    for answer in [
        r#"{"a": 1, oops} {"a": 2}"#,
        "{\"a\": 1 no\n```json\n{\"a\": 2}\n```",
        "```json\n{\"a\": 1 no}\n```\n```json\n{\"a\": 2}\n```",
        r#"[{"a": 1}, oops] {"a": 2}"#,
    ] {
        assert_eq!(taken(answer), "", "{answer}");
    }
    let first = "{\"a\": 1} no:\n```json\n{\"a\": 2}\n```";
    assert_eq!(taken(first), r#"{"a": 1}"#);
}

#[test]
fn a_cut_document_is_closed_and_no_more() {
    for (answer, expected) in [
        (r#"{"a": "half a sen"#, r#"{"a": "half a sen"}"#),
        (r#"{"a": "so \"#, r#"{"a": "so "}"#),
        (r#"{"a": "so \u00"#, r#"{"a": "so "}"#),
        (r#"{"a": "so \ud83d\ude"#, r#"{"a": "so "}"#),
        (r#"{"a": "so \ud83d\ude00"#, r#"{"a": "so \ud83d\ude00"}"#),
        (r#"{"a": [1, 2"#, r#"{"a": [1]}"#),
        (r#"{"a": [1, 2, "#, r#"{"a": [1, 2]}"#),
        (r#"{"a": 1, "b"#, r#"{"a": 1}"#),
        (r#"{"a": 1, "b":"#, r#"{"a": 1}"#),
        (r#"{"a": 1, "b": -1.5e"#, r#"{"a": 1}"#),
        (r#"{"a": {"b": tr"#, r#"{"a": {"b": true}}"#),
        (r#"{"a": [[{"#, r#"{"a": [[{}]]}"#),
        ("Here:\n```json\n[{\"a\": nul", "[{\"a\": null}]"),
        ("{", "{}"),
    ] {
        assert_eq!(mend(answer).as_deref(), Some(expected), "{answer}");
        assert_eq!(extract(answer), None, "{answer}");
    }
    for whole in ["{}", "no document", r#"{"a": 1} and more"#, r#"{"a": oops"#] {
        assert_eq!(mend(whole), None, "{whole}");
    }
}

/// The work grows with the text, whatever the text: 20,000 `{` took another
/// extractor 154 ms, and four times as long for twice as many. The bound is a
/// thousand times what is measured, and a hundredth of what a square would take.
#[test]
fn hostile_text_costs_what_text_costs() {
    const SIZE: usize = 1 << 20;
    let parts = [
        "{",
        "[",
        "\"",
        "{\"",
        "{\"a\":",
        "[[",
        "{}",
        "[1],",
        "```json\n",
        "~~~\n",
        "\\",
        "{\"a\":x",
        "[\"",
        "{\"a\":\"",
        "`",
        "}",
        "{\"a\":{\"b\":1},x}",
        "  \n```\n{",
    ];
    for part in parts {
        let text = part.repeat(SIZE / part.len());
        let begun = now();
        let _ = (extract(&text), mend(&text));
        let took = begun.elapsed();
        assert!(took < Duration::from_secs(5), "{part:?} took {took:?}");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a bound on real work, far from what is measured"
)]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn large_documents_are_found_too() {
    let mut json = String::from("{\"items\": [");
    for n in 0..1000 {
        let comma = if n > 0 { "," } else { "" };
        write!(
            json,
            "{comma}{{\"id\":{n},\"value\":\"{}\"}}",
            "item data ".repeat(20)
        )
        .unwrap();
    }
    json.push_str("]}");
    assert_eq!(taken(&json), json);
    assert_eq!(taken(&format!("Here it is:\n{json}\nThat was it.")), json);
}

/// The first document in `text`, tried from each bracket on: what is taken from a
/// text without blocks in which no broken document stands.
fn naive(text: &str) -> Option<&str> {
    let whole = text.trim_matches([' ', '\n']);
    if serde_json::from_str::<Value>(whole).is_ok() {
        return Some(whole);
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].find(['{', '[']) {
        at += next;
        let mut documents = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
        match documents.next() {
            Some(Ok(value)) => {
                let end = at + documents.byte_offset();
                let empty = value == serde_json::json!({}) || value == serde_json::json!([]);
                found.push((empty, &text[at..end]));
                at = end;
            }
            // It goes on where the broken one broke.
            Some(Err(error)) if !error.is_eof() => at += (error.column() - 1).max(1),
            _ => break,
        }
    }
    found.sort_by_key(|(empty, _)| *empty);
    found.first().map(|(_, text)| *text)
}

proptest! {
    /// Without colons nothing is broken that had begun as an object.
    #[test]
    fn what_is_taken_is_what_a_naive_search_takes(text in r#"[\[\]{}1,a" ]{0,14}"#) {
        let text = text.replace("\"", "");
        prop_assert_eq!(extract(&text).map(|found| found.text), naive(&text));
    }

    /// JSON is what another reader takes for it, but for the nesting.
    #[test]
    fn a_document_is_what_another_reader_takes(
        text in r#"([\[\]{}:,]|"(a|\\\\|\\"|\\u(d83d|de00|00e4|0g))*"|-?[0-9.]{1,3}(e[+-]?[0-9])?|true|nul|null|[ \n\u{b}]){0,12}"#,
    ) {
        let whole = extract(&text).is_some_and(|found| found.whole);
        prop_assert_eq!(whole, serde_json::from_str::<Value>(&text).is_ok(), "{}", text);
    }

    #[test]
    fn what_is_taken_is_json_and_stands_in_the_answer(text in r#"[\[\]{}:1,"a\\ `\njson]{0,60}"#) {
        if let Some(found) = extract(&text) {
            prop_assert!(text.contains(found.text));
            prop_assert!(serde_json::from_str::<Value>(found.text).is_ok());
        }
        if let Some(mended) = mend(&text) {
            prop_assert!(serde_json::from_str::<Value>(&mended).is_ok(), "{}", mended);
        }
    }
}
