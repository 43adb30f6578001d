//! The kernel: tasks, time and bounds, one noun a file.
//!
//! It knows no models, no HTTP, no SQL. Everybody above gets tasks as a
//! [`Scope`], time as a [`Clock`], room as a [`Pool`] and the truth about
//! requests as a [`Ledger`]; only here stand `tokio::spawn` and timers.
//! That is what makes paused clocks and model checking possible.
//!
//! Each file opens with its promises; `tests/promises` holds them under their
//! numbers, `tests/model` runs the locking ones through a model checker.

mod after;
pub mod backoff;
mod bell;
pub mod breaker;
pub mod budget;
mod byte_budget;
mod circle;
mod circuit;
pub mod clock;
mod dice;
mod drive;
pub mod exit;
mod fair;
pub mod gather;
mod gatherings;
mod halt;
mod lag;
mod lane;
pub mod ledger;
mod limit;
mod lock;
pub mod merge;
mod merges;
mod names;
mod nudges;
pub mod observe;
pub mod once;
pub mod order;
mod overflow;
mod pieces;
pub mod pool;
pub mod pressure;
pub mod pulse;
pub mod queue;
pub mod rank;
pub mod relay;
pub mod reuse;
mod ring;
pub mod scope;
mod share;
mod shelf;
mod slots;
mod stalls;
mod subscriber;
pub mod sync;
mod tag;
mod tally;
mod task;
mod tree;
mod verdict;
pub mod workers;

pub use backoff::{Backoff, Wait};
pub use breaker::{Breaker, BreakerSettings, BreakerStats, Open, Pass, Verdict};
pub use budget::{BudgetSettings, BudgetStats, RetryBudget};
pub use byte_budget::{ByteBudget, ByteShare, Exhausted};
pub use clock::{Alarm, Clock, Deadline, Elapsed, Instant};
pub use dice::Dice;
pub use drive::Drive;
pub use exit::{BoxError, Exit};
pub use gather::{Gather, Gathered, Piece, PieceExit};
pub use gatherings::Gatherings;
pub use halt::Halt;
pub use lane::{Alone, Lane, LaneGuard};
pub use ledger::{Class, Entry, Ledger, Snapshot};
pub use limit::{Decision, Limit, LimitKind, LimitSettings, Reason, Signal};
pub use lock::{Hold, LockRefusal, LockSettings, LockStats, Locking};
pub use merge::{Merge, MergeFull, Merged};
pub use merges::Merges;
pub use observe::{Counter, Gauge, Labels, Metric, Observe, Visitor};
pub use once::{Once, OnceCell, OnceError};
pub use order::{DeadlockVictim, Order, Owner, Until};
pub use overflow::Overflow;
pub use pool::{Acquire, Ask, Permit, Pool, PoolSettings, PoolStats, Refusal};
pub use pressure::{Cause, Change, Level, LevelCell, Pressure, Readings};
pub use pulse::{Finding, Pulse, PulseSettings, PulseStats, Stall, Watchdog, Zone};
pub use queue::{Offered, Queue, QueueSettings, QueueStats, Submit, Take, Taken};
pub use relay::{End, Publisher, Relay, RelaySettings, Relays, Unneeded, Unpublished};
pub use reuse::{Lease, LowHits, Reusable, Reuse, ReuseSettings, ReuseStats};
pub use scope::{Cancelled, Census, Guard, Kind, Running, Scope, SpawnRefused, Why};
pub use share::{Access, Branch, Share, ShareGuard};
pub use subscriber::{Relayed, Since, SubscribeRefused, Subscriber};
pub use tag::{Priority, Tag};
pub use task::{PanicReport, Task};
pub use workers::{Job, Unsubmitted, Workers, WorkersSettings, WorkersStats};
