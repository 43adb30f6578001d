//! What is known while a configuration is read: where we are, what was found.
//!
//! Promises: 1. a problem never stops the reading; all are collected, up to a
//! bound; 2. only values that a reader declares plain are ever shown; 3. after
//! a broken line nothing is told that may only follow from it.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;

use super::env::Env;
use super::form::{Form, Named};
use super::keys::Document;
use super::report::{Problem, Problems, Severity};
use super::source::Seen;
use super::table::{Key, Node, Table};
use super::text::Text;

/// More findings than this are not collected.
const MOST: usize = 1_000;
/// How alike two names must be to be called near, from 0 to 1.
const NEAR: f64 = 0.75;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// The configuration file.
    File,
    /// A flag of the command line.
    Flag(&'static str),
    /// An environment variable.
    Variable(String),
    /// Nowhere: it is a default, and comes with what this variable holds.
    With(&'static str),
    /// Nowhere, and what is taken where there is no file.
    NoFile,
    /// Nowhere: it is a default, or it is missing as a whole.
    Nowhere,
}

/// A place that a finding points to.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) origin: Origin,
    pub(super) span: Range<usize>,
}

/// A problem before its place became a line and a column.
pub(super) struct Finding {
    severity: Severity,
    place: Place,
    key: String,
    what: String,
    found: Option<String>,
    expected: Option<String>,
    hint: Option<String>,
}

impl Finding {
    pub(super) fn found(&mut self, text: impl Into<String>) -> &mut Self {
        self.found = Some(text.into());
        self
    }

    pub(super) fn expected(&mut self, text: impl Into<String>) -> &mut Self {
        self.expected = Some(text.into());
        self
    }

    pub(super) fn hint(&mut self, text: impl Into<String>) -> &mut Self {
        self.hint = Some(text.into());
        self
    }

    /// A hint at a known name, if one is near.
    pub(super) fn near(&mut self, name: Option<&str>) -> &mut Self {
        if let Some(name) = name {
            self.hint = Some(format!("did you mean `{name}`?"));
        }
        self
    }
}

/// The state of one reading.
pub(super) struct Reading<'a> {
    /// The environment, for `env:NAME`.
    pub(super) env: &'a dyn Env,
    /// The file's folder: relative paths start there.
    pub(super) folder: &'a Path,
    origin: Origin,
    path: Vec<String>,
    findings: Vec<Finding>,
    plain: Vec<Range<usize>>,
    places: HashMap<String, Place>,
    /// Where the file is not TOML.
    unread: Vec<Range<usize>>,
    /// The files that were named, whether they are there or not.
    pub(super) named: Vec<Seen>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(env: &'a dyn Env, folder: &'a Path) -> Self {
        Self {
            env,
            folder,
            origin: Origin::File,
            path: Vec::new(),
            findings: Vec::new(),
            plain: Vec::new(),
            places: HashMap::new(),
            unread: Vec::new(),
            named: Vec::new(),
        }
    }

    /// Reads something one step further down the path.
    pub(super) fn within<R>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> R) -> R {
        self.path.push(step.to_owned());
        let result = read(self);
        self.path.pop();
        result
    }

    /// Reads something that does not come from the file.
    pub(super) fn from<R>(&mut self, origin: Origin, read: impl FnOnce(&mut Self) -> R) -> R {
        let before = std::mem::replace(&mut self.origin, origin);
        let result = read(self);
        self.origin = before;
        result
    }

    /// The path of the value that is being read.
    pub(super) fn path(&self) -> String {
        let mut out = String::new();
        for step in &self.path {
            if !out.is_empty() && !step.starts_with('[') {
                out.push('.');
            }
            out.push_str(step);
        }
        out
    }

    /// Notes where the value of the current path stands.
    pub(super) fn remember(&mut self, span: Range<usize>) {
        let place = Place {
            origin: self.origin.clone(),
            span,
        };
        self.places.insert(self.path(), place);
    }

    /// Notes that what makes the value of a key is not its own text.
    pub(super) fn remember_at(&mut self, path: &str, origin: Origin) {
        let place = Place { origin, span: 0..0 };
        self.places.insert(path.to_owned(), place);
    }

    /// Where a key was written, if it was.
    pub(super) fn place(&self, path: &str) -> Option<Place> {
        self.places.get(path).cloned()
    }

    /// Whether something is wrong with a key, so that its value says little.
    pub(super) fn is_doubtful(&self, path: &str) -> bool {
        self.findings.iter().any(|finding| finding.key == path)
    }

    /// Declares that a value holds no secret and may be shown.
    pub(super) fn plain(&mut self, node: &Node<'_>) {
        if self.origin == Origin::File {
            self.plain.push(node.span());
        }
    }

    /// Whether some of the file could not be read at all.
    pub(super) fn is_broken(&self) -> bool {
        !self.unread.is_empty()
    }

    /// An error at a span of what is being read.
    pub(super) fn error(&mut self, span: Range<usize>, what: impl Into<String>) -> &mut Finding {
        self.finding(Severity::Error, span, what.into())
    }

    /// A warning at a span of what is being read.
    pub(super) fn warning(&mut self, span: Range<usize>, what: impl Into<String>) -> &mut Finding {
        self.finding(Severity::Warning, span, what.into())
    }

    fn finding(&mut self, severity: Severity, span: Range<usize>, what: String) -> &mut Finding {
        let place = Place {
            origin: self.origin.clone(),
            span,
        };
        let key = self.path();
        self.push(Finding {
            severity,
            place,
            key,
            what,
            found: None,
            expected: None,
            hint: None,
        })
    }

    /// A finding about a key that was read before, or is nowhere.
    pub(super) fn about(&mut self, severity: Severity, key: &str, what: String) -> &mut Finding {
        let nowhere = Place {
            origin: Origin::Nowhere,
            span: 0..0,
        };
        let place = self.place(key).unwrap_or(nowhere);
        let key = key.to_owned();
        self.push(Finding {
            severity,
            place,
            key,
            what,
            found: None,
            expected: None,
            hint: None,
        })
    }

    /// A finding about a key that is not in its table: told at the table.
    pub(super) fn about_in(
        &mut self,
        severity: Severity,
        table: &str,
        key: &str,
        what: String,
    ) -> &mut Finding {
        let finding = self.about(severity, table, what);
        finding.key = format!("{table}.{key}");
        finding
    }

    fn push(&mut self, finding: Finding) -> &mut Finding {
        // The bound keeps the newest in the last place: enough is told by then.
        if self.findings.len() >= MOST {
            self.findings.pop();
        }
        self.findings.push(finding);
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }

    /// Notes that a line is not TOML: whatever follows from it is not told.
    pub(super) fn unreadable(&mut self, span: Range<usize>) {
        self.unread.push(span);
    }

    /// A value of another type than expected; its own text is not shown.
    pub(super) fn wrong_type(&mut self, node: &Node<'_>, expected: &str) {
        let found = node.get_ref().type_str();
        let article = if found.starts_with(['a', 'i']) {
            "an"
        } else {
            "a"
        };
        self.error(node.span(), "has the wrong type")
            .found(format!("{article} {found}"))
            .expected(expected);
    }

    /// A key that must be there and is not.
    pub(super) fn missing(&mut self, table: Range<usize>, key: &Key) {
        if !self.is_broken() {
            self.error(table, "is missing")
                .expected(key.form.expected())
                .hint(key.help);
        }
    }

    /// A key that no table of this kind has.
    pub(super) fn unknown(
        &mut self,
        name: &toml::Spanned<std::borrow::Cow<'_, str>>,
        known: impl Iterator<Item = &'static str>,
    ) {
        let known: Vec<_> = known.collect();
        // What other programs call it says more than how it is spelt.
        let near = match name.get_ref().as_ref() {
            "api_key" if known.contains(&"keys") => Some("keys"),
            name => nearest(name, known.iter().copied()),
        };
        self.error(name.span(), "is not a known key")
            .expected(format!("one of {}", known.join(", ")))
            .near(near);
    }

    /// Turns what was found into problems with lines, columns and masked
    /// echoes; `values` are the spans of all values of the file.
    pub(super) fn finish(self, file: &str, source: &str, values: &[Range<usize>]) -> Problems {
        let text = Text::new(source);
        let in_file = |finding: &Finding| finding.place.origin == Origin::File;
        let line = |finding: &Finding| text.line_of(finding.place.span.start);
        let broken: HashSet<usize> = self
            .unread
            .iter()
            .map(|span| text.line_of(span.start))
            .collect();

        let plain: HashSet<_> = self
            .plain
            .iter()
            .map(|span| (span.start, span.end))
            .collect();
        let hidden = values
            .iter()
            .filter(|span| !plain.contains(&(span.start, span.end)));
        let names = plain_names();
        let masks: Vec<_> = hidden.cloned().collect();
        // In a broken file no line is trusted: a value may be missing from
        // the tree, or stand where a plain one was expected.
        let unread = |line| {
            text.mask_unread(line, &names)
                .filter(|_| !broken.is_empty())
        };

        let follows = |finding: &Finding| {
            in_file(finding) && !finding.key.is_empty() && broken.contains(&line(finding))
        };
        let told = self.findings.iter().filter(|finding| !follows(finding));
        let problems = told.map(|finding| {
            let mut problem = finding.told(file);
            if in_file(finding) {
                let span = &finding.place.span;
                let line = line(finding);
                let covered = unread(line);
                if covered
                    .as_ref()
                    .is_some_and(|covered| covered.start < span.end)
                {
                    // A value that is not what it seems is not repeated either.
                    problem.found = None;
                }
                let more = text.comment(line, values).into_iter().chain(covered);
                problem.position = Some(text.position(span.start));
                problem.echo = Some(text.echo(span, masks.iter().cloned().chain(more)));
            }
            problem
        });
        Problems::new(problems.collect())
    }
}

impl Finding {
    /// The same as a problem that has no line yet.
    fn told(&self, file: &str) -> Problem {
        Problem {
            severity: self.severity,
            origin: match &self.place.origin {
                Origin::File => file.to_owned(),
                Origin::Flag(name) => (*name).to_owned(),
                Origin::Variable(name) => format!("environment variable {name}"),
                Origin::With(name) => format!("environment variable {name}"),
                Origin::NoFile | Origin::Nowhere if file.is_empty() => "defaults".to_owned(),
                Origin::NoFile | Origin::Nowhere => file.to_owned(),
            },
            position: None,
            key: self.key.clone(),
            what: self.what.clone(),
            found: self.found.clone(),
            expected: self.expected.clone(),
            hint: self.hint.clone(),
            echo: None,
        }
    }
}

/// The known name that is most like another one.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    known
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// The names of all keys whose values hold no secret, at any depth.
fn plain_names() -> HashSet<&'static str> {
    fn collect(keys: Vec<Key>, into: &mut HashSet<&'static str>) {
        for key in keys {
            match key.form {
                Form::Secret(_) => {}
                Form::List(inner) if matches!(*inner, Form::Secret(_) | Form::Table(_)) => {}
                Form::Table(inner) | Form::Named(Named { keys: inner, .. }) => {
                    into.insert(key.name);
                    collect(inner, into);
                }
                Form::Flag
                | Form::Range(_)
                | Form::Ratio
                | Form::Price
                | Form::Text(_)
                | Form::Choice(_)
                | Form::Pairs { .. }
                | Form::List(_) => {
                    into.insert(key.name);
                }
            }
        }
    }
    let mut names = HashSet::new();
    collect(Document::keys(), &mut names);
    names
}
