//! The model's name in a body that is passed on and not understood: images,
//! audio, fine-tuning and whatever else the API has beside completions.
//!
//! 1. A body that is no JSON object within the limits is refused.
//! 2. The name, if there is one, stands once: two readers never see two.
//! 3. Only the name is ever replaced; every other byte stays where it was.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use super::request::{Refused, check_taken, model};
use crate::json::{Limits, Scanner, utf8, write_string};

/// A model's name, and where it stands in its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<'a> {
    /// As the caller gave it: not empty, at most 256 bytes, no control
    /// characters.
    pub model: Cow<'a, str>,
    pub(super) place: Range<usize>,
    pub(super) written: Written,
}

/// How a name is written where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// As JSON, quotes included.
    Quoted,
    /// As it is.
    Plain,
}

impl Named<'_> {
    /// `body`, which must be the one that was scanned, with this name in the
    /// place of its own; without a copy where that is the same.
    pub fn replace(&self, body: &Bytes, name: &str) -> Bytes {
        if self.model == name {
            return body.clone();
        }
        let mut out = Vec::with_capacity(body.len() + name.len() + 2);
        out.extend_from_slice(body.get(..self.place.start).unwrap_or_default());
        match self.written {
            Written::Quoted => write_string(&mut out, name),
            Written::Plain => out.extend_from_slice(name.as_bytes()),
        }
        out.extend_from_slice(body.get(self.place.end..).unwrap_or_default());
        Bytes::from(out)
    }
}

/// Reads a JSON body for its `model`; `None` if it names none.
///
/// # Errors
/// [`Refused`], as [`scan`](super::scan) does.
pub fn scan_named<'a>(body: &'a [u8], limits: &Limits) -> Result<Option<Named<'a>>, Refused> {
    let mut scan = Scanner::of_caller(utf8(body)?, limits);
    let mut seen = false;
    let mut found = None;
    scan.object(|scan, key| {
        let name = key.decode();
        if name != "model" {
            check_taken(&name)?;
            return Ok(scan.skip()?);
        }
        if std::mem::replace(&mut seen, true) {
            return Err(Refused::twice("model"));
        }
        scan.kind()?;
        let start = scan.at();
        if scan.null()? {
            return Ok(());
        }
        found = Some(Named {
            model: model(scan)?,
            place: start..scan.at(),
            written: Written::Quoted,
        });
        Ok::<(), Refused>(())
    })?;
    scan.end()?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tidegate_types::Code;

    use super::*;

    fn named(body: &str) -> Result<Option<Named<'_>>, Refused> {
        scan_named(body.as_bytes(), &Limits::default())
    }

    #[test]
    fn the_name_is_found_wherever_it_stands_and_only_at_the_top() {
        for (body, name) in [
            (r#"{"model":"dall-e-3","prompt":"x"}"#, Some("dall-e-3")),
            (r#"{ "input" : "x" , "model" : "t\u0074s" }"#, Some("tts")),
            (r#"{"input":{"model":"other"}}"#, None),
            (r#"{"model":null}"#, None),
            ("{}", None),
        ] {
            let found = named(body).unwrap();
            assert_eq!(found.as_ref().map(|named| &*named.model), name, "{body}");
        }
    }

    #[test]
    fn what_two_readers_could_read_in_two_ways_is_refused() {
        for (body, code) in [
            (r#"{"model":"a","model":"b"}"#, Code::InvalidValue),
            (r#"{"model":null,"m\u006fdel":"b"}"#, Code::InvalidValue),
            (r#"{"model":7}"#, Code::InvalidValue),
            (r#"{"model":""}"#, Code::InvalidValue),
            (r#"{"Api_Base":"x"}"#, Code::UnsupportedParameter),
            (r#"["model"]"#, Code::InvalidJson),
            (r#"{"model":"a"} x"#, Code::InvalidJson),
            ("", Code::InvalidJson),
        ] {
            assert_eq!(named(body).unwrap_err().code, code, "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = scan_named(&body, &Limits::default());
        }

        /// Only the name changes, and what stands there then is the new one.
        #[test]
        fn a_replaced_name_is_read_back(
            before in "[a-z]{1,8}", old in "[ -~]{1,20}", new in "[^\\p{Cc}]{1,20}", rest in "\\PC{0,20}",
        ) {
            prop_assume!(!old.trim().is_empty() && !new.trim().is_empty() && before != "model");
            let body = serde_json::json!({ &before: &rest, "model": &old }).to_string();
            let bytes = Bytes::from(body.clone());
            let Ok(Some(named)) = scan_named(&bytes, &Limits::default()) else {
                return Err(TestCaseError::fail(body));
            };
            let spliced = named.replace(&bytes, &new);
            let read: serde_json::Value = serde_json::from_slice(&spliced).unwrap();
            prop_assert_eq!(read, serde_json::json!({ &before: &rest, "model": &new }));
        }
    }
}
