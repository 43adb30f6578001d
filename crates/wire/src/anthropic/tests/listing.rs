//! Counts of tokens and lists of models, as SDKs read them.
//!
//! Dates are held against known ones, leap days among them.

use serde_json::{Value, json};

use super::super::{Listed, read_count, write_count, write_model, write_models};

#[test]
fn a_count_is_written_and_read() {
    assert_eq!(write_count(17), br#"{"input_tokens":17}"#);
    assert_eq!(read_count(&write_count(u64::MAX)).ok(), Some(u64::MAX));
    for body in [
        "",
        "{}",
        "[]",
        r#"{"input_tokens":-1}"#,
        r#"{"input_tokens":"1"}"#,
    ] {
        assert!(read_count(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn models_are_listed_on_one_page() {
    let model = |id, name, created| Listed { id, name, created };
    let body = write_models(&[
        model("a", Some("A model"), Some(1_759_104_000)),
        model("b", None, None),
    ]);
    let wanted = json!({
        "data": [
            {"type": "model", "id": "a", "display_name": "A model", "created_at": "2025-09-29T00:00:00Z"},
            {"type": "model", "id": "b", "display_name": "b", "created_at": "1970-01-01T00:00:00Z"},
        ],
        "has_more": false,
        "first_id": "a",
        "last_id": "b",
    });
    assert_eq!(
        serde_json::from_slice::<Value>(&body).expect("JSON"),
        wanted
    );
    let one: Value = serde_json::from_slice(&write_model(&model("b", None, None))).expect("JSON");
    assert_eq!(one, wanted["data"][1]);
    let none: Value = serde_json::from_slice(&write_models(&[])).expect("JSON");
    assert_eq!(
        none,
        json!({"data": [], "has_more": false, "first_id": null, "last_id": null})
    );
}

#[test]
fn dates_are_those_of_the_calendar() {
    for (seconds, wanted) in [
        (951_782_400, "2000-02-29T00:00:00Z"),
        (951_868_799, "2000-02-29T23:59:59Z"),
        (951_868_800, "2000-03-01T00:00:00Z"),
        (1_709_164_800, "2024-02-29T00:00:00Z"),
        (1_735_689_599, "2024-12-31T23:59:59Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
        (u64::MAX, "9999-12-31T23:59:59Z"),
    ] {
        let listed = Listed {
            id: "m",
            name: None,
            created: Some(seconds),
        };
        let body: Value = serde_json::from_slice(&write_models(&[listed])).expect("JSON");
        assert_eq!(body["data"][0]["created_at"], wanted);
    }
}
