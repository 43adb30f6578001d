//! What the rules know of a Rust file: its functions, names, attributes,
//! identifiers and comments, and which lines are tests.
//!
//! Promises: (1) functions inside macro calls are found too; (2) a file that
//! does not lex says so and holds nothing else.

use std::collections::BTreeSet;
use std::ops::Range;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::lexer::{Lines, attribute, end_of_item};

/// What a name names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Module,
    Type,
    Function,
}

/// A name that the file gives.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) kind: Kind,
    pub(super) text: String,
    pub(super) line: usize,
}

/// A function with its size.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) line: usize,
    /// Lines of code from `fn` to its closing brace.
    pub(super) size: usize,
    pub(super) is_test: bool,
}

/// A lint that the file silences.
pub(super) struct Silence {
    pub(super) line: usize,
    pub(super) has_reason: bool,
}

/// A Rust file.
#[derive(Default)]
pub(super) struct Source {
    pub(super) path: String,
    /// The lines of its head, `//!` taken off.
    pub(super) head: Vec<String>,
    pub(super) lines: Lines,
    pub(super) functions: Vec<Function>,
    pub(super) names: Vec<Name>,
    pub(super) silences: Vec<Silence>,
    pub(super) idents: BTreeSet<String>,
    /// Macros called, such as `vec`, with their lines.
    pub(super) macros: Vec<(String, usize)>,
    /// The lines of each item under `#[cfg(test)]`.
    pub(super) tests: Vec<Range<usize>>,
    /// Whether the whole file is a test.
    pub(super) is_test: bool,
    /// Why it does not lex, if so.
    pub(super) broken: Option<String>,
}

impl Source {
    /// Reads a file.
    pub(super) fn new(path: &str, text: &str) -> Self {
        let mut source = Self {
            path: path.to_owned(),
            ..Self::default()
        };
        let heads = text
            .lines()
            .map_while(|line| line.trim_end().strip_prefix("//!"));
        source.head = heads.map(|line| line.trim().to_owned()).collect();
        source.is_test = path.contains("/tests/") || path.ends_with("/tests.rs");
        match text.parse::<TokenStream>() {
            Ok(tokens) => {
                source.lines = Lines::of(text, &tokens);
                source.walk(tokens, source.is_test);
            }
            Err(error) => source.broken = Some(error.to_string()),
        }
        source
    }

    /// Lines of code that are not tests.
    pub(super) fn size(&self) -> usize {
        if self.is_test {
            return self.lines.code();
        }
        self.lines.code()
            - self
                .tests
                .iter()
                .map(|range| self.lines.code_in(range.clone()))
                .sum::<usize>()
    }

    fn walk(&mut self, tokens: TokenStream, is_test: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut tests_until = 0;
        for (at, token) in tokens.iter().enumerate() {
            let is_test = is_test || at < tests_until;
            if let Some((content, behind)) = attribute(&tokens, at) {
                self.attribute(content);
                if !is_test && is_cfg_test(content) {
                    tests_until = self.test_item(&tokens, at, behind);
                }
            }
            match token {
                TokenTree::Group(group) => self.walk(group.stream(), is_test),
                TokenTree::Ident(ident) => {
                    let text = ident.to_string();
                    self.ident(&tokens, at, &text, is_test);
                    self.idents.insert(text);
                }
                _ => {}
            }
        }
    }

    /// Notes the item under `#[cfg(test)]`; gives the index behind it.
    fn test_item(&mut self, tokens: &[TokenTree], at: usize, behind: usize) -> usize {
        let mut item = behind;
        while let Some((_, next)) = attribute(tokens, item) {
            item = next;
        }
        let Some(end) = end_of_item(tokens, item) else {
            return 0;
        };
        let line = |index: usize| tokens.get(index).map_or(0, |token| token.span().end().line);
        self.tests.push(line(at)..line(end) + 1);
        end + 1
    }

    fn attribute(&mut self, content: &Group) {
        let text = content.stream().to_string();
        let line = content.span_open().start().line;
        let silences = ["allow", "expect"].iter().any(|level| {
            text.starts_with(&format!("{level} ("))
                || text.starts_with(&format!("{level}("))
                || (text.starts_with("cfg_attr") && holds_word(&text, level))
        });
        if silences {
            self.silences.push(Silence {
                line,
                has_reason: holds_word(&text, "reason"),
            });
        }
    }

    fn ident(&mut self, tokens: &[TokenTree], at: usize, text: &str, is_test: bool) {
        let kind = match text {
            "fn" => Kind::Function,
            "mod" => Kind::Module,
            "struct" | "enum" | "trait" | "type" => Kind::Type,
            _ => {
                if let Some(TokenTree::Punct(punct)) = tokens.get(at + 1)
                    && punct.as_char() == '!'
                    && let Some(TokenTree::Group(_)) = tokens.get(at + 2)
                {
                    self.macros.push((text.to_owned(), line_of(tokens, at)));
                }
                return;
            }
        };
        let Some(TokenTree::Ident(name)) = tokens.get(at + 1) else {
            return;
        };
        let (name, line) = (name.to_string(), line_of(tokens, at));
        if kind == Kind::Function
            && let Some(end) = end_of_item(tokens, at)
            && let Some(TokenTree::Group(body)) = tokens.get(end)
        {
            let size = self.lines.code_in(line..body.span_close().end().line + 1);
            self.functions.push(Function {
                name: name.clone(),
                line,
                size,
                is_test,
            });
        }
        self.names.push(Name {
            kind,
            text: name,
            line,
        });
    }
}

fn line_of(tokens: &[TokenTree], at: usize) -> usize {
    tokens.get(at).map_or(1, |token| token.span().start().line)
}

/// Whether an attribute is `cfg(test)` or a `cfg` that asks for it.
fn is_cfg_test(content: &Group) -> bool {
    let mut tokens = content.stream().into_iter();
    let Some(TokenTree::Ident(first)) = tokens.next() else {
        return false;
    };
    let Some(TokenTree::Group(asked)) = tokens.next() else {
        return false;
    };
    first == "cfg" && asked.delimiter() == Delimiter::Parenthesis && asks_for_test(asked.stream())
}

fn asks_for_test(asked: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = asked.into_iter().collect();
    tokens.iter().enumerate().any(|(at, token)| match token {
        TokenTree::Ident(ident) => ident == "test",
        TokenTree::Group(group) => {
            let negated = at > 0
                && tokens
                    .get(at - 1)
                    .is_some_and(|one| one.to_string() == "not");
            !negated && asks_for_test(group.stream())
        }
        _ => false,
    })
}

/// Whether `word` stands in `text` as a word of its own.
pub(super) fn holds_word(text: &str, word: &str) -> bool {
    text.split(|sign: char| !sign.is_alphanumeric() && sign != '_')
        .any(|part| part == word)
}

#[cfg(test)]
mod tests;
