//! The model's name in a `multipart/form-data` body (RFC 7578), found without
//! taking the form apart.
//!
//! 1. One pass; nothing is copied, and no part's content is looked at but the
//!    model's.
//! 2. What two readers could read in two ways is refused: what looks like a part
//!    outside of the parts, folded or doubled headers, names with a backslash, a
//!    boundary that goes on or has no line end before it, a model encoded or twice.
//! 3. Parts and their headers are bounded.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;

use super::named::{Named, Written};
use super::request::{Refused, check_model, check_taken};

/// Parts of one form.
const MOST_PARTS: usize = 256;
/// Bytes of the headers of one part.
const MOST_HEADERS: usize = 8 << 10;
/// Bytes of a boundary (RFC 2046).
const LONGEST_BOUNDARY: usize = 70;

/// The boundary that a `content-type` tells; `None` if it is no form, or tells
/// none that can be used.
pub fn boundary(content_type: &[u8]) -> Option<&[u8]> {
    let (kind, rest) = split(content_type, b';');
    if !kind
        .trim_ascii()
        .eq_ignore_ascii_case(b"multipart/form-data")
    {
        return None;
    }
    let mut found = None;
    for param in Params(rest) {
        let (name, value) = param.ok()?;
        if value.contains(&b'"') {
            return None;
        }
        if name.eq_ignore_ascii_case(b"boundary") && found.replace(value).is_some() {
            return None;
        }
    }
    found.filter(|text| {
        let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(byte);
        (1..=LONGEST_BOUNDARY).contains(&text.len())
            && text.last() != Some(&b' ')
            && text.iter().all(fits)
    })
}

/// Reads a form for its field `model`; `None` if it has none.
///
/// # Errors
/// [`Refused`] with `invalid_value`, or `unsupported_parameter` for a field
/// that no caller may send.
pub fn scan_form<'a>(boundary: &[u8], body: &'a [u8]) -> Result<Option<Named<'a>>, Refused> {
    let mut line = Vec::with_capacity(boundary.len() + 4);
    line.extend_from_slice(b"\r\n--");
    line.extend_from_slice(boundary);
    let border = memmem::Finder::new(&line);
    let lone = memmem::Finder::new(line.get(2..).unwrap_or_default());
    let mut at = begins(body, &lone)? + line.len() - 2;
    let mut found = None;
    for _ in 0..MOST_PARTS {
        let rest = body.get(at..).unwrap_or_default();
        if let Some(rest) = rest.strip_prefix(b"--") {
            return match rest.is_empty() || rest.starts_with(b"\r\n") {
                true => outside(rest, &lone).map(|()| found),
                false => Err(Refused::body("The last boundary of the form goes on.")),
            };
        }
        let Some(rest) = rest.strip_prefix(b"\r\n") else {
            return Err(Refused::body("A boundary of the form goes on in its line."));
        };
        let (part, headers) = Part::read(rest)?;
        let start = at + 2 + headers;
        let content = body.get(start..).unwrap_or_default();
        let Some(length) = border.find(content) else {
            return Err(Refused::body("The form has no end."));
        };
        // At the front, Go sees the end of an empty part; behind a lone CR or
        // LF, other readers see the end of this one.
        let within = content.get(..length).unwrap_or_default();
        let breaks = |place: usize| match place.checked_sub(1) {
            Some(before) => matches!(within.get(before), Some(b'\r' | b'\n')),
            None => true,
        };
        if lone.find_iter(within).any(breaks) {
            return Err(Refused::body(
                "A boundary of the form has no line end before it.",
            ));
        }
        if part.name == b"model" {
            if found.is_some() {
                return Err(Refused::twice("model"));
            }
            let place = start..start + length;
            found = Some(part.model(within, place)?);
        } else if let Ok(name) = str::from_utf8(part.name) {
            check_taken(name)?;
        }
        at = start + length + line.len();
    }
    let text = format!("The form has more than {MOST_PARTS} parts.");
    Err(Refused::body(text))
}

/// Where the first boundary begins: in front of it may be lines that say
/// nothing (RFC 2046, 5.1.1).
fn begins(body: &[u8], lone: &memmem::Finder<'_>) -> Result<usize, Refused> {
    let first = lone.find(body);
    let first = first.ok_or_else(|| Refused::body("The form has no boundary of its own."))?;
    let preamble = body.get(..first).unwrap_or_default();
    if !preamble.is_empty() && !preamble.ends_with(b"\r\n") {
        return Err(Refused::body(
            "The first boundary of the form does not begin its line.",
        ));
    }
    outside(preamble, lone)?;
    Ok(first)
}

/// What stands in front of the first boundary or behind the last one means
/// nothing; but some readers look for parts there too.
fn outside(text: &[u8], lone: &memmem::Finder<'_>) -> Result<(), Refused> {
    let header = b"content-disposition";
    let heads = |at: usize| {
        let here = text.get(at..at + header.len());
        here.is_some_and(|here| here.eq_ignore_ascii_case(header))
    };
    if lone.find(text).is_some() || memchr::memchr2_iter(b'c', b'C', text).any(heads) {
        return Err(Refused::body(
            "Outside of the form's boundaries stands what looks like a part of it.",
        ));
    }
    Ok(())
}

/// What the headers of a part say.
struct Part<'a> {
    name: &'a [u8],
    /// Whether it is a file, or encoded: no plain text.
    odd: bool,
}

impl<'a> Part<'a> {
    /// Reads the headers at the front of `rest`, and how long they are with the
    /// empty line behind them.
    fn read(rest: &'a [u8]) -> Result<(Self, usize), Refused> {
        let room = rest.get(..MOST_HEADERS).unwrap_or(rest);
        let Some(end) = memmem::find(room, b"\r\n\r\n") else {
            let text =
                format!("A part of the form has no headers, or more than {MOST_HEADERS} bytes.");
            return Err(Refused::body(text));
        };
        let mut name = None;
        let mut odd = false;
        for line in Lines(room.get(..end)) {
            let (key, value) = split(line, b':');
            // A line without a colon, a folded one, or a break of another kind.
            let broken = key.len() == line.len()
                || key.is_empty()
                || key.starts_with(b"--")
                || !key
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
                || line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
            if broken {
                return Err(Refused::body("A header of a part of the form is broken."));
            }
            if key.eq_ignore_ascii_case(b"content-transfer-encoding") {
                odd = true;
            }
            if !key.eq_ignore_ascii_case(b"content-disposition") {
                continue;
            }
            let (own, file) = disposition(value).ok_or_else(unnamed)?;
            if name.replace(own).is_some() {
                return Err(unnamed());
            }
            odd |= file;
        }
        let name = name.ok_or_else(unnamed)?;
        Ok((Self { name, odd }, end + 4))
    }

    fn model<'b>(&self, content: &'b [u8], place: Range<usize>) -> Result<Named<'b>, Refused> {
        let plain = str::from_utf8(content).ok().filter(|_| !self.odd);
        let Some(text) = plain else {
            return Err(Refused::value(
                "model",
                "`model` must be a plain text field.",
            ));
        };
        check_model(text)?;
        Ok(Named {
            model: Cow::Borrowed(text),
            place,
            written: Written::Plain,
        })
    }
}

fn unnamed() -> Refused {
    Refused::body("A part of the form has no plain `content-disposition: form-data; name=...`.")
}

/// The name of a part, and whether it is a file.
fn disposition(value: &[u8]) -> Option<(&[u8], bool)> {
    let (kind, rest) = split(value, b';');
    if !kind.trim_ascii().eq_ignore_ascii_case(b"form-data") {
        return None;
    }
    let (mut name, mut file, mut escaped) = (None, false, false);
    for param in Params(rest) {
        let (key, text) = param.ok()?;
        // Whoever knows no escapes has lost his place by now: nothing that
        // counts may follow.
        if escaped && !key.eq_ignore_ascii_case(b"filename*") {
            return None;
        }
        escaped |= text.contains(&b'"');
        if key.eq_ignore_ascii_case(b"name") {
            if name.replace(text).is_some() || text.contains(&b'\\') {
                return None;
            }
        } else if key
            .get(..5)
            .is_some_and(|key| key.eq_ignore_ascii_case(b"name*"))
        {
            return None;
        } else {
            let own = key.get(..8);
            file |= own.is_some_and(|key| key.eq_ignore_ascii_case(b"filename"));
        }
    }
    Some((name?, file))
}

/// What stands before the first `at`, and what behind it.
fn split(text: &[u8], at: u8) -> (&[u8], &[u8]) {
    match memchr::memchr(at, text) {
        Some(place) => (&text[..place], &text[place + 1..]),
        None => (text, b""),
    }
}

/// Where a quoted text ends. Is a quote behind a backslash its end? RFCs say no,
/// and browsers have none: so it is none, unless a parameter seems to follow it.
fn quote(text: &[u8]) -> Option<usize> {
    let escaped = |at: &usize| {
        let before = text[..*at].iter().rev();
        before.take_while(|byte| **byte == b'\\').count() % 2 == 1
    };
    let end = memchr::memchr_iter(b'"', text).find(|at| !escaped(at))?;
    // From the first quote on a reader without escapes is outside of it.
    let first = memchr::memchr(b'"', text)?;
    memchr::memchr2(b';', b'=', &text[first..end])
        .is_none()
        .then_some(end)
}

/// The lines of a head, without their CRLF.
struct Lines<'a>(Option<&'a [u8]>);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.0?;
        match memmem::find(rest, b"\r\n") {
            Some(end) => {
                self.0 = rest.get(end + 2..);
                rest.get(..end)
            }
            None => self.0.take(),
        }
    }
}

/// `; name=value` one after the other; an error for what is not that.
struct Params<'a>(&'a [u8]);

struct Odd;

impl<'a> Params<'a> {
    fn read(&mut self) -> Result<(&'a [u8], &'a [u8]), Odd> {
        let rest = self.0;
        let equals = memchr::memchr(b'=', rest).ok_or(Odd)?;
        let name = rest[..equals].trim_ascii();
        let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_*".contains(byte);
        if name.is_empty() || !name.iter().all(fits) {
            return Err(Odd);
        }
        let value = &rest[equals + 1..];
        let Some(quoted) = value.strip_prefix(b"\"") else {
            let (value, rest) = split(value, b';');
            self.0 = rest;
            let value = value.trim_ascii();
            let plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"\\,=".contains(byte);
            return match value.iter().all(plain) {
                true => Ok((name, value)),
                false => Err(Odd),
            };
        };
        let end = quote(quoted).ok_or(Odd)?;
        let (between, rest) = split(&quoted[end + 1..], b';');
        self.0 = rest;
        match between.trim_ascii().is_empty() {
            true => Ok((name, &quoted[..end])),
            false => Err(Odd),
        }
    }
}

impl<'a> Iterator for Params<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), Odd>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.trim_ascii().is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.0 = b"";
        }
        Some(read)
    }
}

#[cfg(test)]
mod tests;
