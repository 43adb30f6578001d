//! What `choices` and `usage` say, in stream chunks and whole answers alike.
//!
//! It measures text and never keeps it.

use tidegate_types::Usage;

use crate::json::{Kind, Scanner, Violation};

/// What was found in `choices`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found {
    /// Choices there are.
    pub(super) count: usize,
    /// Some text, tool call, refusal or reasoning is not empty.
    pub(super) content: bool,
    /// Bytes of the text found.
    pub(super) text_bytes: u64,
    /// Some `finish_reason` is given.
    pub(super) finish: bool,
    /// The choices there are, a bit each by their indices.
    pub(super) seen: u64,
    /// Those of them whose `finish_reason` is given.
    pub(super) ended: u64,
    /// Some function is called: its name or arguments are there.
    pub(super) calls: bool,
    /// Where the text that was read last stands, between its quotes.
    pub(super) last_text: Span,
}

/// Where something stands in what was scanned: its first byte, and the one
/// behind it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Found {
    /// Reads the value of `choices`; the text is in the member `holder` of
    /// each (`delta`, `message`), or in its `text`.
    pub(super) fn read(&mut self, scan: &mut Scanner<'_>, holder: &str) -> Result<(), Violation> {
        if scan.kind()? != Kind::Array {
            return scan.skip();
        }
        scan.array(|scan| {
            self.count += 1;
            if scan.kind()? != Kind::Object {
                return scan.skip();
            }
            let (mut index, mut ended) = (0, false);
            scan.object(|scan, key| {
                match key.decode().as_ref() {
                    "text" => self.content(scan)?,
                    "finish_reason" => ended |= given(scan)?,
                    "index" => index = scan.whole()?.unwrap_or(0),
                    name if name == holder => self.holder(scan)?,
                    _ => scan.skip()?,
                }
                Ok::<(), Violation>(())
            })?;
            // Beyond the bits they are not told apart, and end together.
            let bit = 1 << index.min(u64::from(u64::BITS) - 1);
            self.finish |= ended;
            self.seen |= bit;
            self.ended |= if ended { bit } else { 0 };
            Ok(())
        })
    }

    /// Reads a `delta` or `message`.
    fn holder(&mut self, scan: &mut Scanner<'_>) -> Result<(), Violation> {
        if scan.kind()? != Kind::Object {
            return scan.skip();
        }
        scan.object(|scan, key| match key.decode().as_ref() {
            "content" | "refusal" | "reasoning" | "reasoning_content" | "reasoning_details"
            | "thinking" | "audio" => self.content(scan),
            "tool_calls" => self.tool_calls(scan),
            "function_call" => self.function(scan),
            _ => scan.skip(),
        })
    }

    /// Reads something that is content if it is not empty. Text counts as
    /// decoded; parts in a list or object count as they stand.
    fn content(&mut self, scan: &mut Scanner<'_>) -> Result<(), Violation> {
        let bytes = match scan.kind()? {
            Kind::String => {
                let text = scan.string()?;
                let end = scan.at() - 1;
                let start = end - text.raw().len();
                self.last_text = Span { start, end };
                text.len()
            }
            Kind::Object | Kind::Array => composite(scan)?,
            Kind::Number | Kind::Bool | Kind::Null => return scan.skip(),
        };
        self.add(bytes);
        Ok(())
    }

    fn add(&mut self, bytes: usize) {
        self.content |= bytes > 0;
        self.text_bytes = self.text_bytes.saturating_add(bytes as u64);
    }

    fn tool_calls(&mut self, scan: &mut Scanner<'_>) -> Result<(), Violation> {
        if scan.kind()? != Kind::Array {
            return scan.skip();
        }
        scan.array(|scan| {
            self.content = true;
            if scan.kind()? != Kind::Object {
                return scan.skip();
            }
            scan.object(|scan, key| match key.decode().as_ref() {
                "function" => self.function(scan),
                _ => scan.skip(),
            })
        })
    }

    /// Reads the name and arguments of a called function.
    fn function(&mut self, scan: &mut Scanner<'_>) -> Result<(), Violation> {
        if scan.kind()? != Kind::Object {
            return scan.skip();
        }
        scan.object(|scan, key| match key.decode().as_ref() {
            "name" | "arguments" => {
                self.calls = true;
                self.content(scan)
            }
            _ => scan.skip(),
        })
    }
}

/// The length of an object or array as it stands, 0 if it has nothing in it.
fn composite(scan: &mut Scanner<'_>) -> Result<usize, Violation> {
    let span = scan.span()?;
    let inner = span
        .get(1..span.len().saturating_sub(1))
        .unwrap_or_default();
    Ok(if inner.trim_ascii().is_empty() {
        0
    } else {
        span.len()
    })
}

/// Whether the value says something: not null, not false, not empty. This is
/// how the official SDK tells an error from none.
pub(crate) fn given(scan: &mut Scanner<'_>) -> Result<bool, Violation> {
    match scan.kind()? {
        Kind::String => Ok(!scan.string()?.raw().is_empty()),
        Kind::Object | Kind::Array => Ok(composite(scan)? > 0),
        Kind::Bool => scan.bool(),
        Kind::Number => scan.skip().map(|()| true),
        Kind::Null => scan.skip().map(|()| false),
    }
}

/// Reads the value of `usage`; `None` if it counts nothing.
pub(crate) fn usage(scan: &mut Scanner<'_>) -> Result<Option<Usage>, Violation> {
    if scan.kind()? != Kind::Object {
        scan.skip()?;
        return Ok(None);
    }
    let (mut input, mut output) = (None, None);
    scan.object(|scan, key| {
        match key.decode().as_ref() {
            "prompt_tokens" | "input_tokens" => input = scan.whole()?.or(input),
            "completion_tokens" | "output_tokens" => output = scan.whole()?.or(output),
            _ => scan.skip()?,
        }
        Ok::<(), Violation>(())
    })?;
    if input.is_none() && output.is_none() {
        return Ok(None);
    }
    let (input, output) = (input.unwrap_or(0), output.unwrap_or(0));
    Ok(Some(Usage {
        input,
        output,
        estimated: false,
    }))
}
