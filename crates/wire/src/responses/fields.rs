//! The members of one object of a request, taken one by one.
//!
//! 1. A refusal names the field by its whole path, such as `input[2].call_id`.
//! 2. A member that stands twice is refused; a null is as good as nothing.
//! 3. What nobody took is named by [`Fields::others`], so that nothing is lost
//!    in silence.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;

use crate::openai::Refused;

/// A string of JSON, borrowed unless it has escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// What is left of an object.
#[derive(Default)]
pub(super) struct Fields<'a> {
    path: String,
    members: BTreeMap<Cow<'a, str>, &'a RawValue>,
}

impl<'a> Fields<'a> {
    /// The object at `path`; the empty path is the body.
    pub(super) fn read(json: &'a str, path: String) -> Result<Self, Refused> {
        let mut twice = None;
        let mut json = serde_json::Deserializer::from_str(json);
        let read = (&mut json).deserialize_map(Members { twice: &mut twice });
        match (read, path.as_str()) {
            (Ok(members), _) => Ok(Self { path, members }),
            (Err(_), path) if twice.is_some() => {
                let name = twice.unwrap_or_default();
                Err(Refused::twice(&join(path, &name)))
            }
            (Err(_), "") => Err(Refused::body("The body must be a JSON object.")),
            (Err(_), path) => Err(must(path, "an object")),
        }
    }

    /// The whole path of a member.
    pub(super) fn path(&self, name: &str) -> String {
        join(&self.path, name)
    }

    /// The object's own path.
    pub(super) fn here(&self) -> &str {
        &self.path
    }

    /// Takes a member as it stands.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        self.members
            .remove(name)
            .filter(|value| value.get() != "null")
    }

    /// Whether a member is there that is not null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members
            .get(name)
            .is_some_and(|value| value.get() != "null")
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<Cow<'a, str>>, Refused> {
        self.take(name)
            .map(|value| text(value).ok_or_else(|| must(&self.path(name), "a string")))
            .transpose()
    }

    /// A text that has to be there.
    pub(super) fn needed(&mut self, name: &str) -> Result<Cow<'a, str>, Refused> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    pub(super) fn missing(&self, name: &str) -> Refused {
        let path = self.path(name);
        Refused::value(&path, format!("`{path}` is missing."))
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, Refused> {
        self.value(name, "true or false")
    }

    pub(super) fn whole(&mut self, name: &str) -> Result<Option<u64>, Refused> {
        self.value(name, "a whole number from 0")
    }

    pub(super) fn number(&mut self, name: &str) -> Result<Option<f64>, Refused> {
        self.value(name, "a number")
    }

    pub(super) fn object(&mut self, name: &str) -> Result<Option<Self>, Refused> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        Self::read(value.get(), self.path(name)).map(Some)
    }

    /// The elements of an array, as they stand.
    pub(super) fn list(&mut self, name: &str) -> Result<Option<Vec<&'a RawValue>>, Refused> {
        self.value(name, "an array")
    }

    fn value<T: Deserialize<'a>>(&mut self, name: &str, what: &str) -> Result<Option<T>, Refused> {
        self.take(name)
            .map(|value| {
                serde_json::from_str(value.get()).map_err(|_| must(&self.path(name), what))
            })
            .transpose()
    }

    /// Names what is left and says something.
    pub(super) fn others(self, others: &mut Vec<String>) {
        for (name, value) in &self.members {
            if !matches!(value.get(), "null" | "[]" | "{}") {
                others.push(self.path(name));
            }
        }
    }

    /// The names of what is left.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(AsRef::as_ref)
    }
}

/// The text that `value` is, if it is one.
pub(super) fn text(value: &RawValue) -> Option<Cow<'_, str>> {
    let Text(text) = serde_json::from_str(value.get()).ok()?;
    Some(text)
}

/// The refusal of a value of the wrong form.
pub(super) fn must(path: &str, what: &str) -> Refused {
    Refused::value(path, format!("`{path}` must be {what}."))
}

fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

/// Gathers the members, and tells of the first one that stands twice.
struct Members<'t> {
    twice: &'t mut Option<String>,
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = BTreeMap<Cow<'de, str>, &'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((Text(name), value)) = map.next_entry()? {
            match members.entry(name) {
                Entry::Vacant(free) => free.insert(value),
                Entry::Occupied(taken) => {
                    *self.twice = Some(taken.key().to_string());
                    return Err(de::Error::custom("twice"));
                }
            };
        }
        Ok(members)
    }
}
