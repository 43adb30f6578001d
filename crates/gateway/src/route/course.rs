//! The way of one request over the steps of its route.
//!
//! Promises: 1. no target is asked twice, but those that were waited for;
//! 2. a step is left for the next when none of its targets can be asked just now,
//! and looked at again before nobody is.

use std::sync::Arc;
use std::time::Duration;

use kernel::Instant;
use tidegate_kernel as kernel;

use super::step::{Marks, Member, Step, Wish};
use crate::settings::{FallbackOn, RouteSettings};
use crate::target::Nobody;

/// What a route does beside choosing; by default what becomes of a request that
/// names its own fallbacks.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Policy {
    pub(crate) fallback: FallbackOn,
    pub(crate) slow_after: Option<Duration>,
    pub(crate) wait_out: bool,
}

impl Policy {
    pub(crate) fn of(settings: &RouteSettings) -> Self {
        Self {
            fallback: settings.fallback,
            slow_after: settings.slow_after,
            wait_out: settings.wait_out,
        }
    }
}

/// See the module's text.
pub(crate) struct Course {
    steps: Vec<(Arc<Step>, Marks)>,
    pub(crate) policy: Policy,
    wish: Wish,
    /// Where the last one stands: step and member.
    last: (usize, usize),
}

/// Nobody else can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exhausted {
    /// All were asked.
    Asked,
    /// Some rest.
    Rest(Nobody),
}

impl Course {
    pub(crate) fn new(steps: impl Iterator<Item = Arc<Step>>, policy: Policy, wish: Wish) -> Self {
        Self {
            steps: steps.map(|step| (step, Marks::default())).collect(),
            policy,
            wish,
            last: (0, 0),
        }
    }

    /// Who is asked next.
    pub(crate) fn next(&mut self, now: Instant) -> Result<&Member, Exhausted> {
        let mut rest: Option<Nobody> = None;
        let mut found = None;
        for (at, (step, asked)) in self.steps.iter_mut().enumerate() {
            match step.choose(*asked, &self.wish, now) {
                Ok(index) => {
                    asked.add(index);
                    found = Some((at, index));
                    break;
                }
                Err(Some(no)) => rest = Some(rest.map_or(no, |known| known.sooner(no))),
                Err(None) => {}
            }
        }
        let Some(found) = found else {
            return Err(rest.map_or(Exhausted::Asked, Exhausted::Rest));
        };
        self.last = found;
        self.last().ok_or(Exhausted::Asked)
    }

    /// Somebody who was not asked yet, whether he rests or not.
    pub(crate) fn any(&mut self) -> Option<&Member> {
        let mut steps = self.steps.iter().enumerate();
        let found = steps.find_map(|(at, (step, asked))| Some((at, step.first(*asked)?)))?;
        self.steps.get_mut(found.0)?.1.add(found.1);
        self.last = found;
        self.last()
    }

    /// The one that was asked last.
    pub(crate) fn last(&self) -> Option<&Member> {
        let (step, index) = self.last;
        self.steps.get(step)?.0.members().get(index)
    }

    /// The one that was asked last only rests, and may be asked again.
    pub(crate) fn forgive(&mut self) {
        let (step, index) = self.last;
        if let Some((_, asked)) = self.steps.get_mut(step) {
            asked.remove(index);
        }
    }

    /// Whether somebody else could be asked at once.
    pub(crate) fn has_more(&self, now: Instant) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|(step, asked)| step.is_open(*asked, &self.wish, now))
    }

    /// Whether there is one target only: its own attempts wait for it, if anybody
    /// does.
    pub(crate) fn is_alone(&self) -> bool {
        let members = self.steps.iter().map(|(step, _)| step.members().len());
        members.sum::<usize>() <= 1 && !self.policy.wait_out
    }

    /// From here on only models that read more than the last one.
    pub(crate) fn wants_larger(&mut self) {
        let known = self.last().and_then(|last| last.facts.context_window);
        self.wish.above = Some(known.unwrap_or(0));
    }
}
