//! The house: what all requests share, for as long as the process lives.
//!
//! It decides nothing; the steps of the pipeline use it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use kernel::{
    ByteBudget, Clock, Dice, Gatherings, Ledger, LevelCell, RetryBudget, Scope, Watchdog,
};
use tidegate_kernel as kernel;
use tidegate_types::RequestIds;
use tidegate_wire::json::Limits;

use crate::request::Request;
use crate::route::Routes;
use crate::settings::Bounds;
use crate::stream::Oddities;

/// See the module's text.
pub(crate) struct House {
    pub(crate) routes: Routes,
    pub(crate) ledger: Ledger<Request>,
    /// Bytes of the bodies and buffers that are held.
    pub(crate) bodies: ByteBudget,
    /// The part of the bodies that each tenant may hold; none where there is
    /// one tenant only.
    pub(crate) parts: Box<[ByteBudget]>,
    pub(crate) ids: RequestIds,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) bounds: Bounds,
    pub(crate) scope: Scope,
    pub(crate) closed: AtomicBool,
    pub(crate) oddities: Oddities,
    /// The looks at the providers.
    pub(crate) looks: Gatherings,
    /// What retries may add to the requests of the whole process.
    pub(crate) budget: RetryBudget,
    pub(crate) dice: Dice,
    /// How near the process is to its bounds, as was last measured.
    pub(crate) level: Arc<LevelCell>,
    pub(crate) watchdog: Watchdog,
}
