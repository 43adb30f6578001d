//! One request to a model: the pipeline, and the house around it.
//!
//! [`Gateway::ask`] is the way of a request, one step a file: `request` (the
//! ticket), `prepare` and `route` (what is asked of whom), `attempt` (permit,
//! connection, head), `stream` and `unary` (the answer), and the ticket again,
//! which settles the ledger. A provider's link knows only its upstream.
//!
//! Invariants: a request has exactly one outcome; nothing is shared between
//! two providers; a byte that went to the caller is never taken back.

mod advice;
mod attempt;
mod failure;
mod gateway;
mod load;
mod meter;
mod prepare;
mod probe;
mod provider;
mod request;
mod route;
mod settings;
mod stream;
mod tail;
mod unary;
mod upstream;
mod wait;

pub use advice::{Advice, Measured, Setting, TooLittle, Value, advise};
pub use failure::{Failure, Spent, UpstreamSays};
pub use gateway::{Answer, Call, Gateway, ModelName};
pub use load::{Ended, Load, Traffic};
pub use probe::Finding;
pub use provider::SIM;
pub use request::{Request, Stage, Ticket};
pub use settings::{BaseUrl, Bounds, ProviderSettings, Settings, SimSettings, Timeouts};
pub use stream::Reply;
pub use tail::{Spread, Tail};
pub use upstream::FORWARDED;
