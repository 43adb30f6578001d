//! How much there is of a document, for those who promise to do only so much.
//! It counts values; how long their texts are is no matter of it.

use serde_json::Value;

/// Values inside `value` and itself; it stops counting at `most`.
pub(crate) fn weigh(value: &Value, most: usize) -> usize {
    let (mut count, mut next) = (0, vec![value]);
    while let Some(value) = next.pop() {
        count += 1;
        if count >= most {
            break;
        }
        match value {
            Value::Array(items) => next.extend(items),
            Value::Object(members) => next.extend(members.values()),
            _ => {}
        }
    }
    count
}

/// Containers inside one another in `value`.
pub(crate) fn nests(value: &Value) -> usize {
    let (mut most, mut next) = (0, vec![(value, 0)]);
    while let Some((value, depth)) = next.pop() {
        match value {
            Value::Array(items) => {
                most = most.max(depth + 1);
                next.extend(items.iter().map(|item| (item, depth + 1)));
            }
            Value::Object(members) => {
                most = most.max(depth + 1);
                next.extend(members.values().map(|value| (value, depth + 1)));
            }
            _ => {}
        }
    }
    most
}
