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
