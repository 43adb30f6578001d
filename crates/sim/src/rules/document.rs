//! A TOML document that is read without stopping at the first problem.
//!
//! Promises: (1) every problem has its line and column, and they come in the order of the file;
//! (2) at most [`MOST`] are collected; (3) a value is taken exactly or not at all, and a key that
//! nobody knows is told, with the nearest one that is known.

use std::ops::{Range, RangeInclusive};

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// More problems than this are not collected.
const MOST: usize = 200;
/// How many characters of a text are shown.
const LONGEST_SHOWN: usize = 40;
/// How alike two names must be to be called near, from 0 to 1.
const NEAR: f64 = 0.75;

/// One thing that is wrong with a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The bytes of the file that it is about.
    pub span: Range<usize>,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// The path of the key, such as `rule[0].match.model`; may be empty.
    pub key: String,
    /// What is the matter, one clause.
    pub what: String,
    /// What stands there, where it may be shown.
    pub found: Option<String>,
    /// What should stand there.
    pub expected: Option<String>,
    /// What to do next.
    pub hint: Option<String>,
}

/// A value with its place.
pub(super) type Node<'a> = Spanned<DeValue<'a>>;

/// A table, and the path to it.
#[derive(Clone)]
pub(super) struct Section<'t, 'a> {
    pub(super) table: &'t DeTable<'a>,
    pub(super) span: Range<usize>,
    path: String,
}

impl<'t, 'a> Section<'t, 'a> {
    pub(super) fn get(&self, key: &str) -> Option<&'t Node<'a>> {
        self.table.get(key)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() {
            return key.to_owned();
        }
        format!("{}.{key}", self.path)
    }
}

/// Collects what is wrong.
pub(super) struct Reading<'s> {
    source: &'s str,
    problems: Vec<Problem>,
}

impl<'s> Reading<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        let problems = Vec::new();
        Self { source, problems }
    }

    /// The document; lines that are not TOML are told and left out.
    pub(super) fn parse(&mut self) -> Spanned<DeTable<'s>> {
        let (root, errors) = DeTable::parse_recoverable(self.source);
        for error in errors {
            let end = self.source.len();
            let span = error.span().unwrap_or(end..end);
            self.tell(span, "", format!("not TOML: {}", error.message()));
        }
        root
    }

    pub(super) fn root<'t>(&self, root: &'t Spanned<DeTable<'s>>) -> Section<'t, 's> {
        Section {
            table: root.get_ref(),
            span: root.span(),
            path: String::new(),
        }
    }

    /// All problems, in the order of the file.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| problem.span.start);
        self.problems
            .dedup_by(|b, a| a.line == b.line && a.what == b.what && a.key == b.key);
        self.problems
    }

    /// Line and column, from 1.
    pub(super) fn place(&self, at: usize) -> (usize, usize) {
        let before = self.source.get(..at.min(self.source.len())).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        (line, before[start..].chars().count() + 1)
    }

    pub(super) fn tell(
        &mut self,
        span: Range<usize>,
        key: &str,
        what: impl Into<String>,
    ) -> &mut Problem {
        let (line, column) = self.place(span.start);
        if self.problems.len() >= MOST {
            self.problems.pop();
        }
        self.problems.push(Problem {
            span,
            line,
            column,
            key: key.to_owned(),
            what: what.into(),
            found: None,
            expected: None,
            hint: None,
        });
        let last = self.problems.len() - 1;
        &mut self.problems[last]
    }

    /// A value that is not what stands in its place.
    pub(super) fn unfit(&mut self, node: &Node<'_>, key: &str, expected: &str) {
        let problem = self.tell(node.span(), key, "is not what is expected here");
        problem.found = Some(shown(node.get_ref(), key));
        problem.expected = Some(expected.to_owned());
    }

    /// A table inside of another one, with these keys and no others.
    pub(super) fn section<'t, 'a>(
        &mut self,
        of: &Section<'t, 'a>,
        key: &str,
        known: &[&str],
    ) -> Option<Section<'t, 'a>> {
        let node = of.get(key)?;
        let section = self.table(node, of.path(key))?;
        self.only(&section, known);
        Some(section)
    }

    pub(super) fn table<'t, 'a>(
        &mut self,
        node: &'t Node<'a>,
        path: String,
    ) -> Option<Section<'t, 'a>> {
        let Some(table) = node.get_ref().as_table() else {
            self.unfit(node, &path, "a table");
            return None;
        };
        let span = node.span();
        Some(Section { table, span, path })
    }

    /// Tells the keys that a table has beyond the known ones.
    pub(super) fn only(&mut self, section: &Section<'_, '_>, known: &[&str]) {
        for (name, _) in section.table.iter() {
            let text: &str = name.get_ref();
            if known.contains(&text) {
                continue;
            }
            let near = known
                .iter()
                .map(|known| (strsim::jaro_winkler(text, known), known))
                .filter(|(likeness, _)| *likeness > NEAR)
                .max_by(|a, b| a.0.total_cmp(&b.0));
            let hint = near.map(|(_, name)| format!("did you mean `{name}`?"));
            let problem = self.tell(name.span(), &section.path(text), "is not a known key");
            problem.expected = Some(format!("one of {}", known.join(", ")));
            problem.hint = hint;
        }
    }

    pub(super) fn text<'t>(&mut self, of: &Section<'t, '_>, key: &str) -> Option<&'t str> {
        let node = of.get(key)?;
        let text = node.get_ref().as_str();
        if text.is_none() {
            self.unfit(node, &of.path(key), "a text");
        }
        text
    }

    pub(super) fn boolean(&mut self, of: &Section<'_, '_>, key: &str) -> Option<bool> {
        let node = of.get(key)?;
        let value = node.get_ref().as_bool();
        if value.is_none() {
            self.unfit(node, &of.path(key), "true or false");
        }
        value
    }

    pub(super) fn whole(
        &mut self,
        of: &Section<'_, '_>,
        key: &str,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let node = of.get(key)?;
        self.whole_of(node, &of.path(key), range)
    }

    pub(super) fn whole_of(
        &mut self,
        node: &Node<'_>,
        path: &str,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let number = integer(node.get_ref()).and_then(|number| u64::try_from(number).ok());
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (from, to) = (range.start(), range.end());
            let expected = match *to {
                u64::MAX => format!("a whole number from {from} on"),
                _ => format!("a whole number from {from} to {to}"),
            };
            self.unfit(node, path, &expected);
        }
        number
    }

    /// A text that a function turns into a value, or refuses.
    pub(super) fn parsed<T>(
        &mut self,
        of: &Section<'_, '_>,
        key: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let node = of.get(key)?;
        let value = node.get_ref().as_str().and_then(parse);
        if value.is_none() {
            self.unfit(node, &of.path(key), expected);
        }
        value
    }

    /// Any value as JSON.
    pub(super) fn json(&mut self, node: &Node<'_>, path: &str) -> Option<Value> {
        let value = to_json(node.get_ref());
        if value.is_none() {
            self.unfit(
                node,
                path,
                "a value that JSON has: no date, no `nan`, no `inf`",
            );
        }
        value
    }
}

/// A value as it may be shown: that of a header could be a credential.
fn shown(value: &DeValue<'_>, key: &str) -> String {
    match value {
        DeValue::String(_) if key.contains("headers") => "a text".to_owned(),
        DeValue::String(text) => {
            let start: String = text.chars().take(LONGEST_SHOWN).collect();
            let more = if start.len() < text.len() { "..." } else { "" };
            format!("\"{start}{more}\"")
        }
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
        DeValue::Datetime(_) => "a date or a time".to_owned(),
    }
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let DeValue::Integer(number) = value else {
        return None;
    };
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

// Depth is bounded: the parser refuses to nest further than 80 levels.
fn to_json(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::String(text.clone().into_owned()),
        DeValue::Integer(_) => integer(value)?.into(),
        DeValue::Float(number) => Value::Number(Number::from_f64(number.as_str().parse().ok()?)?),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Datetime(_) => return None,
        DeValue::Array(items) => {
            let items = items.iter().map(|item| to_json(item.get_ref()));
            Value::Array(items.collect::<Option<_>>()?)
        }
        DeValue::Table(table) => {
            let mut object = Map::new();
            for (name, item) in table.iter() {
                let name: &str = name.get_ref();
                object.insert(name.to_owned(), to_json(item.get_ref())?);
            }
            Value::Object(object)
        }
    })
}
