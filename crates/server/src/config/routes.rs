//! The `[routes.NAME]` tables: names that stand for several targets.
//!
//! Promises: 1. each target's provider is one that there is; 2. what a strategy or a
//! step makes of no effect is told. Whether an upstream has the model is found out
//! by asking it.

use std::time::Duration;

use super::azure::DEPLOYMENTS;
use super::by_name::ByName;
use super::form::Text;
use super::keys::Document;
use super::providers::SIM;
use super::read::{Choice, Flag, List, Parsed, Perhaps, Required, Section, count, is_name, time};
use super::reading::{Reading, nearest};
use super::report::Severity::{Error, Warning};
use super::table::table;

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_hours(1);

/// The most targets of one step, as the gateway has it.
const MOST: usize = tidegate_gateway::MOST_MEMBERS;

table! {
    /// A name that stands for several targets.
    pub struct Route {
        /// The one target that it is another name for; in place of `steps`.
        target: Option<String> = None, Perhaps(TARGET);
        /// The targets: a list of steps, each a list of targets. Those of a step are asked before those of the next.
        steps: Vec<Vec<RouteTarget>> = Vec::new(), List(List(Section));
        /// Which target of a step comes first: by the dice and the weights (`weighted`), each in its turn (`round_robin`), the least used (`least_loaded`), the quicker of two (`latency`), the cheapest by the catalogue (`cost`), or the same one for the same session (`sticky`).
        strategy: Strategy = Strategy::Weighted, STRATEGY;
        /// After what the next target is asked: it failed, has no room (`overload`), reads less than the request has (`context`), or refused its content (`refusal`).
        fallback_on: Vec<FallbackOn> = vec![FallbackOn::Failure, FallbackOn::Overload, FallbackOn::Context], List(FALLBACK_ON);
        /// A target that gave no content for so long is left for the next one, while there is one.
        slow_after: Option<Duration> = None, Perhaps(time(MS, HOUR));
        /// While all targets rest, wait for the first that is back, if the call's time allows it; else its caller is told when that is.
        wait_out: bool = false, Flag;
        /// A model that is asked the same for a share of the calls, and whose answers nobody gets: for comparison.
        shadow: Option<Shadow> = None, Perhaps(Section);
    }
}

table! {
    /// A model that is asked the same for a share of the calls.
    pub struct Shadow {
        /// Its provider and the model.
        target: String = String::new(), Required(TARGET_NAME);
        /// Of a hundred calls, so many.
        share: u32 = 10, count(1, 100);
    }
}

table! {
    /// A target of a route.
    pub struct RouteTarget {
        /// Its provider and the model, such as `openai/gpt-4.1`.
        target: String = String::new(), Required(TARGET_NAME);
        /// Its share beside the others of its step.
        weight: u32 = 1, count(1, 1_000);
    }
}

/// Who of a step comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// By the dice, after the weights.
    Weighted,
    /// Each in its turn.
    RoundRobin,
    /// The one with the fewest calls in flight.
    LeastLoaded,
    /// The quicker of two.
    Latency,
    /// The cheapest.
    Cost,
    /// The same for the same session.
    Sticky,
}

const STRATEGY: Choice<Strategy> = Choice {
    words: &[
        "weighted",
        "round_robin",
        "least_loaded",
        "latency",
        "cost",
        "sticky",
    ],
    values: &[
        Strategy::Weighted,
        Strategy::RoundRobin,
        Strategy::LeastLoaded,
        Strategy::Latency,
        Strategy::Cost,
        Strategy::Sticky,
    ],
};

/// After what the next target is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FallbackOn {
    /// It failed.
    Failure,
    /// It has no room, or takes no more just now.
    Overload,
    /// The request is too long for it.
    Context,
    /// It refused the content.
    Refusal,
}

const FALLBACK_ON: Choice<FallbackOn> = Choice {
    words: &["failure", "overload", "context", "refusal"],
    values: &[
        FallbackOn::Failure,
        FallbackOn::Overload,
        FallbackOn::Context,
        FallbackOn::Refusal,
    ],
};

/// Their names, which callers ask for.
pub(super) const ROUTES: ByName = ByName {
    name: DEPLOYMENTS.name,
    is_name: DEPLOYMENTS.is_name,
    names: "is what callers ask for in place of a model, such as `fast`",
    expected: "a name without spaces, such as \"fast\"",
};

const TARGET_TEXT: Text = Text {
    expected: "a provider's name and a model's, such as \"openai/gpt-4.1\"",
    pattern: r"^\s*[A-Za-z0-9_.-]{1,64}/[!-~]{1,256}\s*$",
    examples: &["openai/gpt-4.1"],
    is_wide: false,
};

const TARGET_NAME: Parsed<String> = Parsed {
    form: TARGET_TEXT,
    parse: |text| is_target(text).then(|| text.to_owned()),
    show: |target| Some(target.clone()),
};

const TARGET: Parsed<String> = TARGET_NAME;

fn is_target(text: &str) -> bool {
    text.split_once('/').is_some_and(|(provider, model)| {
        let fits = (1..=256).contains(&model.len());
        is_name(provider) && fits && model.chars().all(|c| c.is_ascii_graphic())
    })
}

impl Route {
    /// The steps, however they are written.
    pub fn all_steps(&self) -> Vec<Vec<RouteTarget>> {
        match &self.target {
            Some(target) => vec![vec![RouteTarget {
                target: target.clone(),
                ..RouteTarget::default()
            }]],
            None => self.steps.clone(),
        }
    }
}

/// Finds what does not fit together.
pub(super) fn check(document: &Document, cx: &mut Reading<'_>) {
    for (name, route) in &document.routes {
        let prefix = format!("routes.{name}");
        if let Some((provider, _)) = name.split_once('/')
            && is_known(provider, document)
        {
            cx.about(Warning, &prefix, "is never asked for".to_owned())
                .hint(format!(
                    "names that begin with \"{provider}/\" go to that provider"
                ));
        }
        let steps = format!("{prefix}.steps");
        let written = (route.target.is_some(), cx.place(&steps).is_some());
        match written {
            (true, true) => drop(
                cx.about(Error, &steps, "stands beside `target`".to_owned())
                    .hint("write one of the two"),
            ),
            (false, false) if !cx.is_doubtful(&format!("{prefix}.target")) => drop(
                cx.about(Error, &prefix, "has no target".to_owned())
                    .hint("write `steps = [[{ target = \"provider/model\" }]]`, or `target`"),
            ),
            _ => {}
        }
        if let Some(target) = &route.target {
            known(&format!("{prefix}.target"), target, document, cx);
        }
        if let Some(shadow) = &route.shadow {
            let key = format!("{prefix}.shadow.target");
            known(&key, &shadow.target, document, cx);
        }
        for (at, step) in route.steps.iter().enumerate() {
            let step_key = format!("{steps}[{at}]");
            if step.len() > MOST {
                cx.about(Error, &step_key, "has too many targets".to_owned())
                    .found(step.len().to_string())
                    .expected(format!("at most {MOST}"));
            }
            for (index, target) in step.iter().enumerate() {
                known(
                    &format!("{step_key}[{index}].target"),
                    &target.target,
                    document,
                    cx,
                );
            }
        }
    }
}

fn is_known(provider: &str, document: &Document) -> bool {
    let providers = &document.providers;
    (provider == SIM && providers.sim.enabled)
        || providers.named.iter().any(|one| one.name == provider)
}

/// A target's provider must be there.
fn known(key: &str, target: &str, document: &Document, cx: &mut Reading<'_>) {
    let provider = target
        .split_once('/')
        .map_or(target, |(provider, _)| provider);
    // A provider that could not be read is no reason to doubt its name.
    let unread = cx.place(&format!("providers.{provider}")).is_some() && provider != SIM;
    if target.is_empty() || unread || is_known(provider, document) || cx.is_doubtful(key) {
        return;
    }
    let mut names: Vec<_> = document
        .providers
        .named
        .iter()
        .map(|one| &*one.name)
        .collect();
    names.extend(document.providers.sim.enabled.then_some(SIM));
    let near = nearest(provider, names.iter().copied());
    cx.about(Error, key, "names no provider".to_owned())
        .found(format!("{provider:?}"))
        .expected(format!("one of {}, before the `/`", names.join(", ")))
        .near(near);
}
