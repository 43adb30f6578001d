//! A script: rules that say which call gets what.
//!
//! Promises: (1) the first rule whose conditions all hold answers, and the rules after it do not
//! count the call; (2) a rule with `times` answers so often and no more, also for calls at the same
//! moment; (3) the same calls in the same order meet the same rules. A call that no rule answers
//! gets what its model's name says.

mod document;
mod read;
mod respond;
mod template;

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};
use regex_lite::Regex;
use serde::Serialize;

use crate::ask::Ask;
use crate::delay::Delay;
use crate::name::{Flaw, Model};
use crate::plan::{Plan, Says, Told};
use crate::said::{ARGUMENT_BYTES, Finish};
use crate::speech::Cut;
use crate::tools::Wish;

pub use document::Problem;
#[cfg(test)]
pub(crate) use read::keys;
use template::{Filling, Template};

/// The largest script: 1 MiB.
pub const MAX_SCRIPT: usize = 1 << 20;
/// The most rules of one script.
const MAX_RULES: usize = 1_000;

/// A script that was read.
#[derive(Debug, Default)]
pub struct Rules {
    /// What they were read from.
    source: Box<str>,
    rules: Vec<Rule>,
}

/// How often a rule was met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleStats {
    /// Its name, or `rule` and its number.
    pub name: String,
    /// Where it stands in the script, counted from 1.
    pub line: usize,
    /// Calls for which its conditions held, apart from `call`, `share` and `times`.
    pub met: u64,
    /// Of these, answered by it.
    pub answered: u64,
}

/// Which endpoint a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Chat,
    Completion,
    Embedding,
}

impl Kind {
    const ALL: [(&'static str, Self); 3] = [
        ("chat", Self::Chat),
        ("completions", Self::Completion),
        ("embeddings", Self::Embedding),
    ];
}

#[derive(Debug)]
struct Rule {
    name: String,
    line: usize,
    when: When,
    then: Then,
    /// How long before anything comes.
    delay: Option<Delay>,
    /// Headers beyond those of every answer.
    headers: HeaderMap,
    met: AtomicU64,
    answered: AtomicU64,
}

/// The conditions; what is `None` always holds.
#[derive(Debug, Default)]
struct When {
    kind: Option<Kind>,
    model: Option<String>,
    contains: Option<String>,
    regex: Option<Regex>,
    headers: Vec<(HeaderName, String)>,
    tools: Option<bool>,
    tool_result: Option<bool>,
    stream: Option<bool>,
    /// Which of the calls that meet the rest; empty for all.
    calls: Vec<u64>,
    /// How many of a hundred of them.
    share: Option<u64>,
    times: Option<u64>,
}

#[derive(Debug)]
enum Then {
    Refuse { status: StatusCode, body: Bytes },
    Hang,
    Close,
    Answer(Box<Answer>),
}

/// What differs from the answer that the name gets.
#[derive(Debug, Default)]
struct Answer {
    says: Option<Words>,
    /// The name whose answer is taken, if not the call's own.
    like: Option<Model>,
    gap: Option<Delay>,
    cut: Option<Cut>,
    flaw: Option<Flaw>,
    after: Option<u32>,
    finish: Option<Finish>,
    told: Told,
}

#[derive(Debug)]
enum Words {
    Text(Template),
    Refusal(Template),
    Json(String),
    Fitting,
    Calls(Vec<Wish>),
}

/// What a rule decided about one call.
pub(crate) struct Verdict {
    pub(crate) rule: String,
    pub(crate) headers: HeaderMap,
    pub(crate) delay: Option<Delay>,
    pub(crate) act: Act,
}

pub(crate) enum Act {
    Refuse {
        status: StatusCode,
        body: Bytes,
    },
    Hang,
    Close,
    /// What this model gets, as it stands.
    Like(Model),
    Plan(Plan),
}

impl Rules {
    /// Reads a script.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the file.
    pub fn read(source: &str) -> Result<Self, Vec<Problem>> {
        read::script(source)
    }

    /// Whether both are of the same text.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.source == other.source
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// How often each was met, in the order of the script.
    pub fn stats(&self) -> Vec<RuleStats> {
        let one = |rule: &Rule| RuleStats {
            name: rule.name.clone(),
            line: rule.line,
            met: rule.met.load(Ordering::Relaxed),
            answered: rule.answered.load(Ordering::Relaxed),
        };
        self.rules.iter().map(one).collect()
    }

    /// Counts from zero again.
    pub(crate) fn reset(&self) {
        for rule in &self.rules {
            rule.met.store(0, Ordering::Relaxed);
            rule.answered.store(0, Ordering::Relaxed);
        }
    }

    /// The models that rules name without a `*`.
    pub fn models(&self) -> Vec<&str> {
        let mut models: Vec<&str> = Vec::new();
        for rule in &self.rules {
            let name = rule
                .when
                .model
                .as_deref()
                .filter(|name| !name.contains('*'));
            if let Some(name) = name.filter(|name| !models.contains(name)) {
                models.push(name);
            }
        }
        models
    }

    /// Whether a rule could answer for this model.
    pub(crate) fn know(&self, model: &str) -> bool {
        let takes = |rule: &Rule| {
            rule.when
                .model
                .as_deref()
                .is_none_or(|glob| fits(glob, model))
        };
        self.rules.iter().any(takes)
    }

    /// The rule that answers this call, and how. `number` is the call's.
    pub(crate) fn judge(
        &self,
        kind: Kind,
        ask: &Ask<'_>,
        headers: &HeaderMap,
        number: u64,
    ) -> Option<Verdict> {
        if self.rules.is_empty() {
            return None;
        }
        let user = ask.last_words();
        for rule in &self.rules {
            let Some(groups) = rule.when.holds(kind, ask, headers, &user) else {
                continue;
            };
            if rule.takes() {
                let filling = Filling {
                    user: &user,
                    model: &ask.model,
                    call: number,
                    groups: &groups,
                };
                return Some(rule.verdict(&ask.model, &filling));
            }
        }
        None
    }
}

impl When {
    /// What the regular expression found, if every condition on the call itself holds.
    fn holds(
        &self,
        kind: Kind,
        ask: &Ask<'_>,
        headers: &HeaderMap,
        user: &str,
    ) -> Option<Vec<String>> {
        let is = |wanted: Option<bool>, found: bool| wanted.is_none_or(|wanted| wanted == found);
        let header = |(name, glob): &(HeaderName, String)| {
            let mut values = headers.get_all(name).iter();
            values.any(|value| value.to_str().is_ok_and(|value| fits(glob, value)))
        };
        let holds = self.kind.is_none_or(|wanted| wanted == kind)
            && self
                .model
                .as_deref()
                .is_none_or(|glob| fits(glob, &ask.model))
            && is(self.tools, ask.tools.is_some())
            && is(self.tool_result, ask.follows_a_tool())
            && is(self.stream, ask.streams())
            && self.headers.iter().all(header)
            && self
                .contains
                .as_deref()
                .is_none_or(|text| user.contains(text));
        if !holds {
            return None;
        }
        let Some(regex) = &self.regex else {
            return Some(Vec::new());
        };
        let found = regex.captures(user)?;
        let group = |group: Option<regex_lite::Match<'_>>| {
            group.map_or_else(String::new, |group| group.as_str().to_owned())
        };
        Some(found.iter().map(group).collect())
    }
}

impl Rule {
    /// Counts a call that meets the conditions; says whether the rule answers it.
    fn takes(&self) -> bool {
        let before = self.met.fetch_add(1, Ordering::Relaxed);
        let number = before + 1;
        if !self.when.calls.is_empty() && !self.when.calls.contains(&number) {
            return false;
        }
        if let Some(share) = self.when.share {
            // Evenly spread: the call with which the sum goes up.
            let sum = |calls: u64| calls.wrapping_mul(share) / 100;
            if sum(number) == sum(before) {
                return false;
            }
        }
        let most = self.when.times.unwrap_or(u64::MAX);
        let once_more = |answered: u64| (answered < most).then_some(answered + 1);
        self.answered
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, once_more)
            .is_ok()
    }

    fn verdict(&self, model: &str, filling: &Filling<'_>) -> Verdict {
        let act = match &self.then {
            Then::Refuse { status, body } => Act::Refuse {
                status: *status,
                body: body.clone(),
            },
            Then::Hang => Act::Hang,
            Then::Close => Act::Close,
            Then::Answer(answer) => answer.act(model, self.delay, filling),
        };
        Verdict {
            rule: self.name.clone(),
            headers: self.headers.clone(),
            delay: self.delay,
            act,
        }
    }
}

impl Answer {
    fn act(&self, model: &str, delay: Option<Delay>, filling: &Filling<'_>) -> Act {
        let base = self
            .like
            .or_else(|| Model::parse(model))
            .unwrap_or(Model::Echo);
        let says = match &self.says {
            None if !base.answers() => return Act::Like(base),
            None => None,
            Some(Words::Text(text)) => Some(Says::Text(text.fill(filling))),
            Some(Words::Json(json)) => Some(Says::Text(json.clone())),
            Some(Words::Refusal(text)) => Some(Says::Refusal(text.fill(filling))),
            Some(Words::Fitting) => Some(Says::Fitting),
            Some(Words::Calls(calls)) => Some(Says::Calls(calls.clone())),
        };
        let plan = match says {
            // The words of a rule come at the rule's pace, whatever the name says.
            Some(says) => Plan {
                cut: matches!(self.says, Some(Words::Json(_)))
                    .then_some(Cut::Bytes(ARGUMENT_BYTES)),
                ..Plan::saying(says)
            },
            None => Plan::of(base),
        };
        Act::Plan(Plan {
            ttft: delay.unwrap_or(plan.ttft),
            gap: self.gap.unwrap_or(plan.gap),
            cut: self.cut.or(plan.cut),
            flaw: self.flaw.or(plan.flaw),
            after: self.after.or(plan.after),
            finish: self.finish.or(plan.finish),
            told: self.told,
            ..plan
        })
    }
}

/// Whether a text is what a pattern says, in which `*` stands for any text.
fn fits(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    // The leftmost place for each part leaves the most for those after it.
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (glob, text) in [
            ("", ""),
            ("*", ""),
            ("*", "gpt"),
            ("gpt-4o*", "gpt-4o-mini"),
            ("*mini", "gpt-4o-mini"),
            ("g*4*i", "gpt-4o-mini"),
            ("a*a", "aa"),
            ("**", "x"),
        ] {
            assert!(fits(glob, text), "{glob} {text}");
        }
        for (glob, text) in [
            ("", "x"),
            ("gpt", "gpt-4"),
            ("a*a", "a"),
            ("*x", "xy"),
            ("a*b*c", "acb"),
        ] {
            assert!(!fits(glob, text), "{glob} {text}");
        }
    }
}
