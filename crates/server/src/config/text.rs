//! The text of the file: where a byte stands, and how a line may be shown.
//!
//! Promise: a line is shown without anything that could be a secret. Of a line
//! that TOML could read, only what a reader declared plain is shown of its
//! strings; of a line that it could not, everything after the first key that
//! is not known to be plain is masked. Comments are masked always.

use std::collections::HashSet;
use std::ops::Range;

use super::report::Echo;

const MASK: &str = "***";
/// Characters of a line that are shown, around the caret.
const WIDTH: usize = 140;

/// A file's text with its line starts.
pub(super) struct Text<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Text<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0)
            .chain(breaks.map(|(at, _)| at + 1))
            .collect();
        Self { text, starts }
    }

    /// The index of the line that holds a byte, from 0.
    pub(super) fn line_of(&self, at: usize) -> usize {
        self.starts
            .partition_point(|start| *start <= at)
            .saturating_sub(1)
    }

    /// Line and column of a byte, from 1, the column in characters.
    pub(super) fn position(&self, at: usize) -> (usize, usize) {
        let line = self.line_of(at);
        let range = self.range(line);
        let before = self
            .text
            .get(range.start..at.clamp(range.start, range.end))
            .unwrap_or("");
        (line + 1, before.chars().count() + 1)
    }

    /// The text of a line, without its end.
    pub(super) fn line(&self, line: usize) -> &'a str {
        self.text.get(self.range(line)).unwrap_or("")
    }

    /// Whether a byte is the first of its line that is not a space.
    pub(super) fn opens(&self, at: usize) -> bool {
        let start = self.range(self.line_of(at)).start;
        self.text
            .get(start..at)
            .is_some_and(|before| before.trim().is_empty())
    }

    fn range(&self, line: usize) -> Range<usize> {
        let start = self.starts.get(line).copied().unwrap_or(self.text.len());
        let end = self
            .starts
            .get(line + 1)
            .map_or(self.text.len(), |next| next - 1);
        let trimmed = self
            .text
            .get(start..end)
            .unwrap_or("")
            .trim_end_matches('\r')
            .len();
        start..start + trimmed
    }

    /// The line of `span` with the `masks` covered and the span marked.
    pub(super) fn echo(
        &self,
        span: &Range<usize>,
        masks: impl IntoIterator<Item = Range<usize>>,
    ) -> Echo {
        let line = self.range(self.line_of(span.start));
        let mut out = Shown::default();
        let mut at = line.start;
        let mut masks: Vec<_> = masks
            .into_iter()
            .map(|mask| mask.start.max(line.start)..mask.end.min(line.end))
            .filter(|mask| mask.start < mask.end)
            .collect();
        masks.sort_by_key(|mask| mask.start);
        for mask in masks {
            out.add(self.text, at.min(mask.start)..mask.start, span);
            if mask.end > at {
                out.cover(&mask, span);
            }
            at = at.max(mask.end);
        }
        out.add(self.text, at..line.end.max(at), span);
        out.finish()
    }

    /// The comment of a line: the first `#` outside of every value, to the end.
    pub(super) fn comment(&self, line: usize, values: &[Range<usize>]) -> Option<Range<usize>> {
        let range = self.range(line);
        let signs = self
            .line(line)
            .match_indices('#')
            .map(|(at, _)| range.start + at);
        let outside = |at: &usize| !values.iter().any(|value| value.contains(at));
        signs.filter(outside).map(|at| at..range.end).next()
    }

    /// What to mask of a line that could not be read: all from the first thing
    /// on that is not a plain key with one plain value.
    pub(super) fn mask_unread(&self, line: usize, plain: &HashSet<&str>) -> Option<Range<usize>> {
        let range = self.range(line);
        let text = self.line(line);
        if is_header(text, plain) {
            return None;
        }
        let shown = shown_len(text, plain);
        (shown < text.len()).then_some(range.start + shown..range.end)
    }
}

fn is_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-.".contains(c)
}

/// `[a.b]` or `[[a.b]]`, perhaps without its end, where `a` is a known table.
fn is_header(text: &str, plain: &HashSet<&str>) -> bool {
    let text = text.trim();
    let name = text.trim_start_matches('[').trim_end_matches(']').trim();
    let first = name.split('.').next().unwrap_or("");
    text.starts_with('[') && name.chars().all(is_key) && plain.contains(first)
}

/// How much of an unread line consists of plain keys with one value each.
fn shown_len(text: &str, plain: &HashSet<&str>) -> usize {
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or("");
        let key_start = at + rest.len() - rest.trim_start_matches(|c| " \t{}[],".contains(c)).len();
        let rest = text.get(key_start..).unwrap_or("");
        let after_key = rest.trim_start_matches(is_key);
        let key = rest.strip_suffix(after_key).unwrap_or("");
        let Some(value) = after_key.trim_start().strip_prefix('=') else {
            return key_start;
        };
        at = text.len() - value.len();
        if !key
            .rsplit('.')
            .next()
            .is_some_and(|last| plain.contains(last))
        {
            return at;
        }
        at += plain_value_len(value);
    }
}

/// The length of the one value at the start of a text, none if it opens a list
/// or a table.
fn plain_value_len(text: &str) -> usize {
    let value = text.trim_start();
    let space = text.len() - value.len();
    let Some(quote) = value.chars().next().filter(|c| "\"'".contains(*c)) else {
        return space
            + value
                .find(|c: char| " \t,{}[]\"'#".contains(c))
                .unwrap_or(value.len());
    };
    match value.get(1..).and_then(|inside| inside.find(quote)) {
        Some(end) => space + end + 2,
        // The quote that is missing: the rest of the line, if it is one value.
        None if value.contains(['=', ',']) => 0,
        None => text.len(),
    }
}

/// A line while it is put together, watching where the caret comes.
#[derive(Default)]
struct Shown {
    text: Vec<char>,
    caret: Option<usize>,
    end: usize,
}

impl Shown {
    fn add(&mut self, text: &str, range: Range<usize>, span: &Range<usize>) {
        let Some(part) = text.get(range.clone()) else {
            return;
        };
        for (offset, c) in part.char_indices() {
            self.mark(
                range.start + offset..range.start + offset + c.len_utf8(),
                1,
                span,
            );
            self.text.push(c);
        }
    }

    fn cover(&mut self, mask: &Range<usize>, span: &Range<usize>) {
        self.mark(mask.clone(), MASK.len(), span);
        self.text.extend(MASK.chars());
    }

    fn mark(&mut self, piece: Range<usize>, width: usize, span: &Range<usize>) {
        let first = piece.start <= span.start && span.start < piece.end;
        if first {
            self.caret = Some(self.text.len());
        }
        if first || (self.caret.is_some() && piece.start < span.end) {
            self.end = self.text.len() + width;
        }
    }

    fn finish(self) -> Echo {
        let caret = self.caret.unwrap_or(self.text.len());
        let end = self.end.max(caret + 1);
        let from = caret.saturating_sub(WIDTH / 2);
        let cut: String = self.text.iter().skip(from).take(WIDTH).collect();
        let before = if from == 0 { "" } else { "..." };
        let after = if self.text.len() > from + WIDTH {
            "..."
        } else {
            ""
        };
        Echo {
            line: format!("{before}{cut}{after}"),
            caret: caret - from + before.len(),
            width: (end - caret).clamp(1, WIDTH / 2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under_caret(echo: &Echo) -> String {
        echo.line
            .chars()
            .skip(echo.caret)
            .take(echo.width)
            .collect()
    }

    #[test]
    fn positions_count_characters_and_know_line_ends() {
        let text = Text::new("a = 1\r\nö = 22\n");
        assert_eq!(text.position(4), (1, 5));
        assert_eq!(text.position(12), (2, 5));
        assert_eq!(text.position(15), (3, 1));
        assert_eq!(text.position(999), (3, 1));
        assert_eq!(text.line(0), "a = 1");
    }

    #[test]
    fn the_caret_moves_with_the_mask() {
        let source = r#"keys = [{ value = "sk-very-long-secret" }], size = 0"#;
        let text = Text::new(source);
        let secret = source.find('"').unwrap()..source.rfind('"').unwrap() + 1;
        let zero = source.len() - 1..source.len();
        let echo = text.echo(&zero, [secret.clone()]);
        assert_eq!(echo.line, "keys = [{ value = *** }], size = 0");
        assert_eq!(under_caret(&echo), "0");
        assert_eq!(under_caret(&text.echo(&secret, [secret.clone()])), "***");
    }

    #[test]
    fn a_comment_begins_outside_of_values() {
        let source = r##"name = "a#b" # was sk-abc"##;
        let text = Text::new(source);
        let value = 7..12;
        assert_eq!(
            text.comment(0, std::slice::from_ref(&value)),
            Some(13..source.len())
        );
        assert_eq!(Text::new("a = 1").comment(0, &[]), None);
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let source = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        let echo = Text::new(&source).echo(&(500..501), []);
        assert!(echo.line.len() < WIDTH + 10);
        assert_eq!(under_caret(&echo), "X");
    }

    #[test]
    fn a_line_that_could_not_be_read_shows_plain_keys_only() {
        let plain = HashSet::from(["size", "pool", "listen", "name", "providers"]);
        let shown = |line: &str| {
            let text = Text::new(line);
            text.echo(&(0..1), text.mask_unread(0, &plain)).line
        };
        assert_eq!(shown("pool = { size = 10x"), "pool = { size = 10x");
        assert_eq!(shown("size == 10"), "size == ***");
        assert_eq!(
            shown(r#"listen = "127.0.0.1:7070"#),
            r#"listen = "127.0.0.1:7070"#
        );
        assert_eq!(shown(r#" { "sk-abc" }]  # or value = "x""#), " { ***");
        assert_eq!(
            shown(r#"name = "main", value "sk-abc""#),
            r#"name = "main", ***"#
        );
        assert_eq!(shown(r#"name = "main, value = sk-abc"#), "name = ***");
        assert_eq!(shown("name = main sk-abc"), "name = main ***");
        assert_eq!(shown("[sk-abc]"), "[***");
        assert_eq!(shown("value = sk-abc, size = 3"), "value =***");
        assert_eq!(shown(r#"keys = [{ name = "sk-abc"#), "keys =***");
        assert_eq!(shown(r#"  "sk-abc","#), "  ***");
        assert_eq!(shown("# sk-abc"), "***");
        assert_eq!(shown("[providers.mock"), "[providers.mock");
    }
}
