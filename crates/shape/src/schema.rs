//! A schema that was understood once, and judges many documents.
//!
//! 1. What it says of a document depends on that document alone, whoever else asks
//!    at the same time (R-G6, R-G9).
//! 2. A document that comes back coerced fits the schema strictly (R-G8).
//! 3. No schema and no document takes it round in a circle, or deeper than the
//!    limits say; nothing is ever fetched.

use std::fmt;
use std::sync::{Arc, OnceLock};

use jsonschema::{
    Draft, EmailOptions, PatternOptions, Registry, ValidationError, ValidationOptions, Validator,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::coerce::Coercer;
use crate::graph::{self, Graph, Id};
use crate::limits;
use crate::machine::MAX_DEPTH;
use crate::pointer::place;
use crate::read::{self, Digits, Unread};
use crate::survey::survey;
use crate::violation::{Violation, Violations, short};
use crate::watch::Watch;
use crate::weight::{nests, weigh};
use crate::words;

/// A document of more values than this is not given to the library to list all that
/// is wrong with it: it would list it all.
const LISTED: usize = 4096;
/// Nor one whose values can be looked at more often than this, each time with an error.
const ERRORS: u64 = 100_000;
/// What is shown of why a schema is refused, in characters.
const REASON: usize = 300;
/// The schema's own address while a part of it is compiled.
const HERE: &str = "shape:/schema";
/// What stands in a fragment as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A schema, ready to judge.
pub struct Schema {
    text: String,
    root: Value,
    draft: Draft,
    validator: Validator,
    graph: Graph,
    /// Of alternatives and conditions, compiled when they are first asked.
    parts: Vec<OnceLock<Option<Box<Validator>>>>,
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema")
            .field("draft", &self.draft)
            .field("bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

/// Why a schema cannot be used: its author must change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSchema {
    /// Where, as a JSON pointer into the schema.
    pub pointer: String,
    /// What is wrong there, and what to do.
    pub what: String,
}

impl BadSchema {
    pub(crate) fn new(pointer: impl Into<String>, what: impl AsRef<str>) -> Self {
        Self {
            pointer: short(&pointer.into(), REASON),
            what: short(what.as_ref(), REASON),
        }
    }

    /// What the library says, of something at `pointer`.
    pub(crate) fn of(pointer: &str, error: &ValidationError<'_>) -> Self {
        let place = format!("{pointer}{}", error.instance_path().as_str());
        Self::new(place, error.to_string())
    }
}

impl fmt::Display for BadSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => write!(f, "The schema cannot be used: {}.", self.what),
            at => write!(f, "The schema cannot be used: at {at}, {}.", self.what),
        }
    }
}

impl std::error::Error for BadSchema {}

/// How everything is compiled: nothing is fetched, formats are held, patterns are
/// matched in linear time.
pub(crate) fn options() -> ValidationOptions<'static> {
    let patterns = PatternOptions::regex()
        .size_limit(limits::PATTERN_SIZE)
        .dfa_size_limit(limits::PATTERN_SIZE);
    // `Name <address>` is no address.
    let email = EmailOptions::default().without_display_text();
    jsonschema::options()
        .offline()
        .with_email_options(email)
        .should_validate_formats(true)
        .should_ignore_unknown_formats(true)
        .with_pattern_options(patterns)
}

impl Schema {
    /// Compiles the schema in `text`.
    ///
    /// The draft is the one that `$schema` names, else 2020-12. Formats are held, and
    /// those that are not known ask nothing.
    ///
    /// # Errors
    ///
    /// If it is no schema, refers to something outside of itself, is beyond one of
    /// [`limits`], or has a pattern with look-around or back references.
    pub fn compile(text: &str) -> Result<Self, BadSchema> {
        if text.len() > limits::SCHEMA_BYTES {
            let most = limits::SCHEMA_BYTES >> 10;
            return Err(BadSchema::new("", format!("it has more than {most} KiB")));
        }
        let document = read::read(text).map_err(|unread| match unread {
            Unread::Syntax(at, expected) => BadSchema::new(
                "",
                format!("it is not JSON at byte {at}: expected {expected}"),
            ),
            Unread::Deep(at) => BadSchema::new("", format!("it nests too deep at byte {at}")),
        })?;
        if let Some(twice) = document.twice {
            return Err(BadSchema::new(twice, "this stands twice"));
        }
        Self::new(document.value, compact(text))
    }

    fn new(root: Value, text: String) -> Result<Self, BadSchema> {
        let draft = Draft::default().detect(&root);
        if draft == Draft::Unknown {
            let known = "its `$schema` is no draft that is known; leave it out for 2020-12";
            return Err(BadSchema::new("/$schema", known));
        }
        let graph = graph::read(&root, draft)?;
        let validator = options().build(&root);
        let validator = validator.map_err(|error| BadSchema::of("", &error))?;
        let parts = graph.ids().map(|_| OnceLock::new()).collect();
        Ok(Self {
            text,
            draft: validator.draft(),
            root,
            validator,
            graph,
            parts,
        })
    }

    /// Its text, without the white space between its parts.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether `document` fits; with `coerce`, whether it does after what was written
    /// as another type, case or format than is asked is written as it is asked.
    ///
    /// `None`: as it is. `Some`: the document that fits in its place. What fits is not
    /// changed, a value that is left out is not made up, no digit is dropped, and
    /// where a text could be meant in two ways that `oneOf` tells apart, it is an error.
    ///
    /// # Errors
    ///
    /// All that is wrong with it, of the coerced document if there is one; and if it
    /// nests deeper than [`MAX_DEPTH`].
    pub fn check(&self, document: &Value, coerce: bool) -> Result<Option<Value>, Violations> {
        if nests(document) > MAX_DEPTH {
            return Err(Violation::new("", "json", "the answer nests too deep").into());
        }
        self.check_with(document, &Digits::new(), coerce)
    }

    /// As `check`, of a document that was read, and knows how numbers were written.
    pub(crate) fn check_with(
        &self,
        document: &Value,
        digits: &Digits,
        coerce: bool,
    ) -> Result<Option<Value>, Violations> {
        // Only a `oneOf` can object to what fits: that it could be meant otherwise.
        let fits = !(coerce && self.graph.has_one_of) && self.validator.is_valid(document);
        if fits {
            return Ok(None);
        }
        if !coerce {
            return Err(Violations::new(self.violations(document, &[])));
        }
        let mut coerced = document.clone();
        let mut coercer = Coercer::new(self, digits);
        coercer.run(&mut coerced);
        let (mut wrong, wrapped) = coercer.done();
        if !self.validator.is_valid(&coerced) {
            let found = self.violations(&coerced, &wrapped);
            // Of what can be meant in two ways that is told, and not that it is neither.
            let told: Vec<String> = wrong.iter().map(|one| one.pointer.clone()).collect();
            let new = |one: &&Violation| !told.iter().any(|at| is_at_or_in(&one.pointer, at));
            wrong.extend(found.iter().filter(new).cloned());
        }
        if !wrong.is_empty() {
            return Err(Violations::new(wrong));
        }
        Ok((coerced != *document).then_some(coerced))
    }

    /// A reader of an answer as it comes.
    pub fn watch(self: &Arc<Self>, coerce: bool) -> Watch {
        Watch::new(Arc::clone(self), coerce)
    }

    /// The one draft in which `1.0` is no integer.
    pub(crate) fn is_draft_4(&self) -> bool {
        self.draft == Draft::Draft4
    }

    /// Bytes that it takes, as is estimated: 7 to 106 KiB were measured of schemas of
    /// one to forty subschemas, all parts compiled, and this is up to twice as much.
    pub(crate) fn weight(&self) -> usize {
        let each = 3 * self.parts.len() + 16 * self.graph.patterns;
        ((5 + each) << 10) + 4 * self.text.len()
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Whether `value` fits a part of the schema.
    pub(crate) fn fits(&self, part: Id, value: &Value) -> bool {
        let validator = self.parts[part].get_or_init(|| self.part(part));
        // What cannot be compiled alone is not known to fit.
        validator.as_ref().is_some_and(|part| part.is_valid(value))
    }

    fn part(&self, part: Id) -> Option<Box<Validator>> {
        let pointer = &self.graph.node(part).pointer;
        let fragment = utf8_percent_encode(pointer, PLAIN);
        let registry = Registry::new()
            .draft(self.draft)
            .add(HERE, &self.root)
            .ok()?
            .prepare()
            .ok()?;
        let options = options().with_draft(self.draft).with_registry(&registry);
        let reference = json!({ "$ref": format!("{HERE}#{fragment}") });
        options.build(&reference).ok().map(Box::new)
    }

    /// Whether a list of all that is wrong with it is bounded.
    fn can_list(&self, document: &Value) -> bool {
        let weight = weigh(document, LISTED);
        let errors = self.graph.looks.saturating_mul(weight as u64);
        !self.graph.tangled && weight < LISTED && errors <= ERRORS
    }

    /// What is wrong with a document that does not fit. Of what was wrapped into an
    /// array, and did not fit there either, it is said that it is no array.
    fn violations(&self, document: &Value, wrapped: &[String]) -> Vec<Violation> {
        let mut found = Vec::new();
        if self.can_list(document) {
            for error in self.validator.iter_errors(document) {
                words::tell(&error, document, &mut found);
            }
        } else {
            survey(self, document, &mut found);
        }
        let mut arrays = Vec::new();
        found.retain(|one| {
            let inside = |at: &&String| one.pointer != **at && is_at_or_in(&one.pointer, at);
            let wrap = wrapped.iter().find(inside);
            arrays.extend(wrap.cloned());
            wrap.is_none()
        });
        for at in arrays {
            let message = format!("{} {}", place(&at), words::must_be(&["array"]));
            found.push(Violation::new(at, "type", &message));
        }
        if found.is_empty() {
            let message = format!("{} does not fit the schema", place(""));
            found.push(Violation::new("", "schema", &message));
        }
        found
    }
}

/// JSON without the white space between its parts.
fn compact(text: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let keep = |c: &char| {
        let kept = quoted || !matches!(c, ' ' | '\t' | '\n' | '\r');
        quoted ^= *c == '"' && !escaped;
        escaped = quoted && *c == '\\' && !escaped;
        kept
    };
    text.chars().filter(keep).collect()
}

/// Whether `pointer` is the place `at`, or one inside of it.
fn is_at_or_in(pointer: &str, at: &str) -> bool {
    let rest = pointer.strip_prefix(at);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
