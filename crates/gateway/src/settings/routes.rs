//! What the gateway is told of routes: names that stand for several targets.
//!
//! Whoever builds these has seen that the providers are there.

use std::time::Duration;

/// A name that stands for targets, in an order: who is asked, and who else when
/// that fails.
#[derive(Debug, Clone, PartialEq)]
pub struct RouteSettings {
    /// What a caller asks for.
    pub name: String,
    /// Who of a step comes first.
    pub strategy: Strategy,
    /// The targets; those of a step are asked before those of the next. No step is
    /// empty, and none has more than [`MOST_MEMBERS`] of them.
    pub steps: Vec<Vec<RouteTarget>>,
    /// After what another target is asked.
    pub fallback: FallbackOn,
    /// A target that gave no content for so long is left, while there is another.
    pub slow_after: Option<Duration>,
    /// While all targets rest, their caller waits for the first of them.
    pub wait_out: bool,
    /// Who is asked the same beside it, for comparison.
    pub shadow: Option<ShadowSettings>,
}

/// A target that is asked what a route is asked, and whose answer nobody gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowSettings {
    /// Who.
    pub target: RouteTarget,
    /// Of a hundred calls of the route, so many.
    pub percent: u32,
}

/// The most targets of one step.
pub const MOST_MEMBERS: usize = 64;

/// A target of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTarget {
    /// Its provider's name.
    pub provider: String,
    /// The model, as its provider is asked for it.
    pub model: String,
    /// Its share beside the others of its step.
    pub weight: u32,
}

/// Who of a step's targets is asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// By the dice, after the weights.
    #[default]
    Weighted,
    /// Each in its turn, as often as its weight says.
    RoundRobin,
    /// The one with the fewest calls in flight for its weight.
    LeastLoaded,
    /// Of two that the dice chose, the quicker one (time to first content, times
    /// the calls in flight).
    Latency,
    /// The cheapest for this call, by the catalogue; those of unknown price last.
    Cost,
    /// The same one for the same session.
    Sticky,
}

/// After what another target of a route is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FallbackOn {
    /// The target failed.
    pub failure: bool,
    /// It has no room, or takes no more just now.
    pub overload: bool,
    /// The request is too long for it; only a larger model is asked then.
    pub context: bool,
    /// It refused what was asked for its content.
    pub refusal: bool,
}

impl Default for FallbackOn {
    fn default() -> Self {
        Self {
            failure: true,
            overload: true,
            context: true,
            refusal: false,
        }
    }
}
