//! Texts with holes: `{{user}}`, `{{model}}`, `{{call}}`, and `{{0}}`, `{{1}}` and so on for what a
//! rule's `regex` found.
//!
//! Promises: (1) a hole that nobody can fill is told when the script is read; (2) what is filled in
//! is not looked at again.

/// The most groups of a regular expression that a text may name.
const MOST_GROUPS: usize = 10;

/// One part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Plain(String),
    User,
    Model,
    Call,
    Group(usize),
}

/// A text with holes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

/// What the holes are filled with.
pub(super) struct Filling<'a> {
    /// The last user message.
    pub(super) user: &'a str,
    pub(super) model: &'a str,
    pub(super) call: u64,
    /// What the regular expression found: the whole first, then its groups.
    pub(super) groups: &'a [String],
}

impl Template {
    /// Reads a text; `groups` says how many groups there are to name, the whole included.
    pub(super) fn parse(text: &str, groups: usize) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, behind)) = after.split_once("}}") else {
                return Err("a `{{` is not closed by `}}`".to_owned());
            };
            parts.push(Part::Plain(before.to_owned()));
            parts.push(hole(name.trim(), groups)?);
            rest = behind;
        }
        parts.push(Part::Plain(rest.to_owned()));
        Ok(Self(parts))
    }

    pub(super) fn fill(&self, with: &Filling<'_>) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Plain(plain) => text.push_str(plain),
                Part::User => text.push_str(with.user),
                Part::Model => text.push_str(with.model),
                Part::Call => text.push_str(&with.call.to_string()),
                Part::Group(at) => text.push_str(with.groups.get(*at).map_or("", String::as_str)),
            }
        }
        text
    }
}

fn hole(name: &str, groups: usize) -> Result<Part, String> {
    match name {
        "user" => return Ok(Part::User),
        "model" => return Ok(Part::Model),
        "call" => return Ok(Part::Call),
        _ => {}
    }
    let known = groups.min(MOST_GROUPS);
    match name.parse::<usize>() {
        Ok(at) if at < known => Ok(Part::Group(at)),
        Ok(at) => Err(format!(
            "names group {at}, which `match.regex` does not have"
        )),
        Err(_) => Err(format!(
            "nothing fills `{{{{{name}}}}}`: there are user, model, call and numbers"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_once() {
        let groups = ["a b".to_owned(), "{{user}}".to_owned()];
        let with = Filling {
            user: "hi",
            model: "m",
            call: 3,
            groups: &groups,
        };
        let fill = |text: &str| Template::parse(text, 2).map(|template| template.fill(&with));
        assert_eq!(
            fill("{{user}} {{ model }}-{{call}}: {{1}}."),
            Ok("hi m-3: {{user}}.".to_owned())
        );
        assert_eq!(fill("{ plain }"), Ok("{ plain }".to_owned()));
        for wrong in ["{{user", "{{2}}", "{{who}}", "{{}}", "{{-1}}"] {
            assert!(fill(wrong).is_err(), "{wrong}");
        }
    }
}
