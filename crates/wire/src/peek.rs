//! What every look at a caller's request does alike, whatever its dialect: see
//! that a field that counts stands once, and read the plain ones.

use std::borrow::Cow;

use crate::json::{Kind, Scanner, Text};
use crate::openai::{Refused, check_taken};

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
