//! What every look at a caller's request does alike, whatever its dialect: see
//! that a field that counts stands once, read the plain ones, and find those that
//! are Tidegate's own and go to no upstream.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;

use crate::json::{Kind, Scanner, Text};
use crate::openai::{Refused, check_model, check_taken};

/// Models that one call can name beside its own.
const MOST_FALLBACKS: usize = 8;

/// The fields of a body that are Tidegate's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Own {
    /// The models that are asked when the one of the call cannot answer.
    pub fallbacks: Vec<String>,
    /// The members to cut, with the comma before them: that is where the member
    /// before them ended, or 0.
    cuts: Vec<Range<usize>>,
}

impl Own {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.cuts.is_empty()
    }

    /// Reads the member `name`, if it is one of them; `last` is where the member
    /// before it ended, or 0.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn takes(
        &mut self,
        name: &str,
        scan: &mut Scanner<'_>,
        last: usize,
    ) -> Result<bool, Refused> {
        if name != "fallbacks" {
            return Ok(false);
        }
        if !self.cuts.is_empty() {
            return Err(Refused::twice(name));
        }
        if !scan.null()? {
            self.fallbacks = names(scan, name)?;
        }
        self.cuts.push(last..scan.at());
        Ok(true)
    }

    /// `body`, which must be the one that was scanned, without them.
    pub fn strip(&self, body: &Bytes) -> Bytes {
        let mut out = Vec::with_capacity(body.len());
        let mut done = 0;
        for cut in &self.cuts {
            if cut.start > 0 {
                out.extend_from_slice(body.get(done..cut.start).unwrap_or_default());
                done = cut.end;
                continue;
            }
            // It is the first member: the comma behind it goes, not one before it.
            let open = memchr::memchr(b'{', body).map_or(0, |at| at + 1);
            out.extend_from_slice(body.get(done..open).unwrap_or_default());
            let rest = body.get(cut.end..).unwrap_or_default().trim_ascii_start();
            let rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
            done = body.len() - rest.len();
        }
        out.extend_from_slice(body.get(done..).unwrap_or_default());
        Bytes::from(out)
    }
}

/// A list of models' names.
fn names(scan: &mut Scanner<'_>, name: &str) -> Result<Vec<String>, Refused> {
    let wrong = || {
        let message = format!("`{name}` must be a list of 1 to {MOST_FALLBACKS} names of models.");
        Refused::value(name, message)
    };
    if scan.kind()? != Kind::Array {
        return Err(wrong());
    }
    let mut names = Vec::new();
    scan.array(|scan| {
        let text = scan.text()?.ok_or_else(wrong)?;
        let text = text.decode();
        check_model(&text).map_err(|_| wrong())?;
        if names.len() == MOST_FALLBACKS {
            return Err(wrong());
        }
        names.push(text.into_owned());
        Ok(())
    })?;
    match names.is_empty() {
        true => Err(wrong()),
        false => Ok(names),
    }
}

/// Which of the fields that count have come.
#[derive(Default)]
pub(crate) struct Once {
    /// A bit for each, in the order of the dialect's list.
    seen: u32,
}

impl Once {
    /// Whether `name` is one of those that count, which are 32 at the most.
    ///
    /// # Errors
    /// If it has come before, or is none that a caller may send.
    pub(crate) fn counts(&mut self, name: &str, list: &[&str]) -> Result<bool, Refused> {
        let Some(index) = list.iter().position(|one| *one == name) else {
            check_taken(name)?;
            return Ok(false);
        };
        let bit = 1 << index;
        if self.seen & bit != 0 {
            return Err(Refused::twice(name));
        }
        self.seen |= bit;
        Ok(true)
    }
}

/// A field that is true or false.
pub(crate) fn flag(scan: &mut Scanner<'_>, name: &str) -> Result<bool, Refused> {
    if scan.kind()? != Kind::Bool {
        let message = format!("`{name}` must be true or false.");
        return Err(Refused::value(name, message));
    }
    Ok(scan.bool()?)
}

/// A field that bounds something.
pub(crate) fn bound(scan: &mut Scanner<'_>, name: &str) -> Result<Option<u64>, Refused> {
    let message = || format!("`{name}` must be a whole number from 0.");
    let bound = scan.whole()?;
    bound
        .map(Some)
        .ok_or_else(|| Refused::value(name, message()))
}

/// A field that is text; anything else is passed over.
pub(crate) fn text<'a>(scan: &mut Scanner<'a>) -> Result<Option<Cow<'a, str>>, Refused> {
    Ok(scan.text()?.as_ref().map(Text::decode))
}

/// What is said of a field that has to be there.
pub(crate) fn missing(name: &str) -> Refused {
    Refused::value(name, format!("`{name}` is missing."))
}

#[cfg(test)]
mod tests;
