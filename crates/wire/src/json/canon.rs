//! One form for all texts that say the same: members sorted by their names, no
//! white space, each string written in one way.
//!
//! 1. Two texts have the same form only if they say the same: numbers stay as they
//!    are written, so that none is rounded into another; of a member that stands
//!    twice both stay, in their order.
//! 2. It recurses as deep as the limits allow, and no deeper.

use std::borrow::Cow;

use super::{Kind, Limits, Scanner, Violation, utf8, write_string};

/// A body in that form, and what it names that lies elsewhere.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Canon {
    /// The text.
    pub text: Vec<u8>,
    /// It names something by an address, whose content can change.
    pub refers: bool,
}

/// The form of `body`.
///
/// # Errors
/// What is wrong with it.
pub fn canon(body: &[u8], limits: &Limits) -> Result<Canon, Violation> {
    let mut scan = Scanner::of_caller(utf8(body)?, limits);
    let mut canon = Canon {
        text: Vec::with_capacity(body.len()),
        refers: false,
    };
    canon.value(&mut scan, limits)?;
    scan.end()?;
    Ok(canon)
}

impl Canon {
    fn value(&mut self, scan: &mut Scanner<'_>, limits: &Limits) -> Result<(), Violation> {
        match scan.kind()? {
            Kind::Object => self.object(scan, limits),
            Kind::Array => {
                self.text.push(b'[');
                let mut first = true;
                scan.array(|scan| {
                    if !std::mem::take(&mut first) {
                        self.text.push(b',');
                    }
                    self.value(scan, limits)
                })?;
                self.text.push(b']');
                Ok(())
            }
            Kind::String => {
                if let Some(text) = scan.text()? {
                    let text = text.decode();
                    self.refers |= is_address(&text);
                    write_string(&mut self.text, &text);
                }
                Ok(())
            }
            Kind::Number | Kind::Bool | Kind::Null => {
                self.text.extend_from_slice(scan.span()?.as_bytes());
                Ok(())
            }
        }
    }

    /// The members are written where they stand, and then put in order.
    fn object(&mut self, scan: &mut Scanner<'_>, limits: &Limits) -> Result<(), Violation> {
        let start = self.text.len();
        let mut members: Vec<(Cow<'_, str>, std::ops::Range<usize>)> = Vec::new();
        scan.object(|scan, key| {
            let name = key.decode();
            let at = self.text.len();
            write_string(&mut self.text, &name);
            self.text.push(b':');
            self.value(scan, limits)?;
            members.push((name, at..self.text.len()));
            Ok::<(), Violation>(())
        })?;
        members.sort_by(|one, other| one.0.cmp(&other.0));
        let mut sorted = Vec::with_capacity(self.text.len() - start + members.len() + 2);
        sorted.push(b'{');
        for (number, (_, range)) in members.into_iter().enumerate() {
            if number > 0 {
                sorted.push(b',');
            }
            sorted.extend_from_slice(self.text.get(range).unwrap_or_default());
        }
        sorted.push(b'}');
        self.text.truncate(start);
        self.text.append(&mut sorted);
        Ok(())
    }
}

/// Whether a text is an address and nothing else: of a picture, for instance.
fn is_address(text: &str) -> bool {
    let begins = |with: &str| {
        let front = text.get(..with.len());
        front.is_some_and(|front| front.eq_ignore_ascii_case(with))
    };
    let is = begins("http://") || begins("https://") || begins("gs://") || begins("s3://");
    is && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn of(text: &str) -> String {
        let canon = canon(text.as_bytes(), &Limits::default()).unwrap();
        String::from_utf8(canon.text).unwrap()
    }

    #[test]
    fn promise_1_what_says_the_same_has_one_form_and_nothing_else_has() {
        let one = of(r#"{ "b" : [1, {"y":null,"x":true}], "a":"\u0041/" }"#);
        assert_eq!(one, r#"{"a":"A/","b":[1,{"x":true,"y":null}]}"#);
        assert_eq!(of(&one), one);
        for (text, other) in [
            ("1", "1.0"),
            ("12345678901234567890123", "12345678901234567890124"),
            (r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#),
            ("[1,2]", "[2,1]"),
            (r#"{"a":{}}"#, r#"{"a":[]}"#),
            (r#""a b""#, r#""ab""#),
        ] {
            assert_ne!(of(text), of(other));
        }
    }

    #[test]
    fn what_lies_elsewhere_is_told() {
        for (text, refers) in [
            (r#"{"url":"https://a/b.png"}"#, true),
            (r#"["HTTP://a"]"#, true),
            (r#"{"url":"data:image/png;base64,AAAA"}"#, false),
            (r#"{"content":"look at https://a/b.png"}"#, false),
            (r#"{"content":"https://a says so"}"#, false),
        ] {
            let canon = canon(text.as_bytes(), &Limits::default()).unwrap();
            assert_eq!(canon.refers, refers, "{text}");
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-d]{1,2}", inner, 0..4)
                    .prop_map(|map| map.into_iter().collect::<Value>()),
            ]
        })
    }

    proptest! {
        #[test]
        fn promise_1_the_form_says_what_the_text_said(one in json(), other in json()) {
            let pretty = serde_json::to_string_pretty(&one).unwrap();
            let form = of(&pretty);
            prop_assert_eq!(&serde_json::from_str::<Value>(&form).unwrap(), &one);
            prop_assert_eq!(&form, &of(&one.to_string()));
            prop_assert_eq!(one == other, form == of(&other.to_string()));
        }
    }
}
