//! Where the code and where the comments of a Rust file stand, found from its
//! tokens.
//!
//! Promises: (1) a line counts as code exactly if a token other than a comment
//! stands on it; (2) code inside macro calls is seen like any other. It knows
//! tokens, not types, so it needs no parser of the whole language.

use std::ops::Range;

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};

/// What stands on the lines of a file.
#[derive(Default)]
pub(super) struct Lines {
    /// For each line, from line 1 at index 1, whether code stands on it.
    code: Vec<bool>,
    /// Comments, documentation among them: line and text.
    pub(super) comments: Vec<(usize, String)>,
}

impl Lines {
    /// Reads the layout of `text`, whose tokens are `tokens`.
    pub(super) fn of(text: &str, tokens: &TokenStream) -> Self {
        let mut covered = Vec::new();
        let mut lines = Self {
            code: vec![false; text.lines().count() + 2],
            comments: Vec::new(),
        };
        lines.mark(text, tokens, &mut covered);
        covered.sort_unstable_by_key(|range: &Range<usize>| range.start);
        let mut end = 0;
        for range in covered {
            lines.comment(text, end..range.start);
            end = end.max(range.end);
        }
        lines.comment(text, end..text.len());
        lines
    }

    /// Lines of code within `range`.
    pub(super) fn code_in(&self, range: Range<usize>) -> usize {
        range
            .filter(|line| self.code.get(*line).copied().unwrap_or_default())
            .count()
    }

    /// Lines of code in the whole file.
    pub(super) fn code(&self) -> usize {
        self.code_in(1..self.code.len())
    }

    fn mark(&mut self, text: &str, tokens: &TokenStream, covered: &mut Vec<Range<usize>>) {
        for token in tokens.clone() {
            if is_comment(text, token.span()) {
                // Documentation comes as an attribute; it is left uncovered.
                continue;
            }
            if let TokenTree::Group(group) = &token {
                if group.delimiter() != Delimiter::None {
                    self.cover(group.span_open(), covered);
                    self.cover(group.span_close(), covered);
                }
                self.mark(text, &group.stream(), covered);
            } else {
                self.cover(token.span(), covered);
            }
        }
    }

    fn cover(&mut self, span: Span, covered: &mut Vec<Range<usize>>) {
        covered.push(span.byte_range());
        for line in span.start().line..=span.end().line {
            if let Some(code) = self.code.get_mut(line) {
                *code = true;
            }
        }
    }

    /// Takes what stands between two tokens: spaces and comments.
    fn comment(&mut self, text: &str, gap: Range<usize>) {
        let Some(between) = text.get(gap.clone()) else {
            return;
        };
        if between.trim().is_empty() {
            return;
        }
        let first = text
            .get(..gap.start)
            .unwrap_or_default()
            .matches('\n')
            .count()
            + 1;
        for (index, line) in between.lines().enumerate() {
            if !line.trim().is_empty() {
                self.comments.push((first + index, line.trim().to_owned()));
            }
        }
    }
}

/// Whether this token was made from a documentation comment.
fn is_comment(text: &str, span: Span) -> bool {
    let start = text.get(span.byte_range().start..).unwrap_or_default();
    start.starts_with("//") || start.starts_with("/*")
}

/// An attribute: its content in brackets and the index behind it.
pub(super) fn attribute(tokens: &[TokenTree], at: usize) -> Option<(&Group, usize)> {
    let TokenTree::Punct(hash) = tokens.get(at)? else {
        return None;
    };
    if hash.as_char() != '#' {
        return None;
    }
    let next = match tokens.get(at + 1)? {
        TokenTree::Punct(bang) if bang.as_char() == '!' => at + 2,
        _ => at + 1,
    };
    match tokens.get(next)? {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
            Some((group, next + 1))
        }
        _ => None,
    }
}

/// The index of the brace group or semicolon that ends the item at `from`.
pub(super) fn end_of_item(tokens: &[TokenTree], from: usize) -> Option<usize> {
    let rest = tokens.get(from..)?;
    let end = rest.iter().position(|token| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    })?;
    Some(from + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Lines {
        Lines::of(text, &text.parse().unwrap())
    }

    #[test]
    fn only_lines_with_tokens_are_code() {
        let lines =
            lines("//! Head.\n\n/// Doc.\nfn a() { // why\n    /* b\n c */\n    let ä = 1;\n}\n");
        assert_eq!(lines.code(), 3);
        assert_eq!(lines.code_in(4..5), 1);
        let comments: Vec<_> = lines
            .comments
            .iter()
            .map(|(line, text)| (*line, text.as_str()))
            .collect();
        assert_eq!(
            comments,
            [
                (1, "//! Head."),
                (3, "/// Doc."),
                (4, "// why"),
                (5, "/* b"),
                (6, "c */")
            ]
        );
    }

    #[test]
    fn slashes_in_a_string_are_no_comment_and_its_lines_are_code() {
        let lines = lines("const A: &str = \"// no\n// comment\";\nm! { // yes\n x }\n");
        assert_eq!(lines.code(), 4);
        assert_eq!(lines.comments, [(3, "// yes".to_owned())]);
    }
}
