//! What a stranger may send: no body makes the reader panic, and whatever is
//! accepted is named, carried or told back.
//!
//! Bodies are good ones in which something is exchanged for something else.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Some JSON value, often one that stands somewhere in a good request.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("function")),
        Just(json!("data:image/png;base64,")),
        Just(json!({"type": "function", "name": "f"})),
        Just(json!({"type": "input_image"})),
        Just(json!({"type": "reasoning", "summary": [{"text": "a"}]})),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let name = prop_oneof![Just("type".to_owned()), Just("role".to_owned()), ".{0,5}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..4).prop_map(Value::from_iter),
        ]
    })
}

/// All places in `value`, the deepest last.
fn places(value: &Value, path: &str, all: &mut Vec<String>) {
    all.push(path.to_owned());
    match value {
        Value::Array(list) => {
            for (index, inner) in list.iter().enumerate() {
                places(inner, &format!("{path}/{index}"), all);
            }
        }
        Value::Object(members) => {
            for (name, inner) in members {
                places(inner, &format!("{path}/{name}"), all);
            }
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn bytes_of_any_kind_do_no_harm(body in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = read_request(&body);
        let asked = Asked::read(&body, SEED, NOW);
        json(&write_answer(&crate::chat::Answer::default(), &asked));
    }

    #[test]
    fn a_request_with_something_exchanged_is_read_or_refused_by_a_path(
        place in any::<prop::sample::Index>(),
        other in value(),
    ) {
        let mut body = json(include_bytes!("conversation.json"));
        let mut all = Vec::new();
        places(&body, "", &mut all);
        let place = place.get(&all);
        *body.pointer_mut(place).unwrap() = other;
        let bytes = body.to_string();
        match read_request(bytes.as_bytes()) {
            Ok(request) => prop_assert!(!request.model.is_empty()),
            Err(refused) => {
                let path = refused.param.clone().unwrap_or_else(|| "The body".to_owned());
                prop_assert!(refused.message.contains(&path), "{}", refused);
            }
        }
        let asked = Asked::read(bytes.as_bytes(), SEED, NOW);
        let told = json(&write_answer(&crate::chat::Answer::default(), &asked));
        prop_assert_eq!(&told["object"], "response");
    }
}
