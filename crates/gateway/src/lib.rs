//! One request to a model: the pipeline, and the house around it.
//!
//! [`Gateway::ask`] is the way of a request, one step a file: `request` (the
//! ticket), `prepare` and `route` (what is asked of whom), `legs` (which target of
//! a route), `attempts` (with which key, how often), `attempt` (permits, connection, head), `stream` and
//! `unary` (the answer), and the ticket again, which settles the ledger. A
//! provider's link knows only its upstream.
//!
//! Invariants: a request has exactly one outcome; nothing is shared between
//! two providers; a byte that went to the caller is never taken back.

mod advice;
mod asked;
mod attempt;
mod attempts;
mod budgets;
mod burden;
mod cache;
mod cached;
mod catalogue;
mod consequence;
mod dialect;
mod draft;
mod endpoint;
mod errand;
mod events;
mod failure;
mod fallback;
mod feed;
mod gateway;
mod house;
mod keys;
mod legs;
mod live;
mod load;
mod meter;
mod names;
mod prepare;
mod probe;
mod provider;
mod refused;
mod request;
mod roster;
mod route;
mod settings;
mod setup;
mod shadow;
mod stage;
mod stake;
mod stream;
mod tail;
mod target;
mod translate;
mod unary;
mod upstream;
mod view;
mod wait;
mod watcher;

pub use advice::{Advice, Measured, Setting, TooLittle, Value, advise};
pub use catalogue::Facts;
pub use dialect::Dialect;
pub use endpoint::{Endpoint, Manner};
pub use errand::{Errand, ErrandKind, Subject};
pub use failure::{Failure, Spent, UpstreamSays};
pub use feed::{Mark, Notice};
pub use gateway::{Answer, Call, Gateway, ModelName, Steward};
pub use live::{NotCancelled, RequestView};
pub use load::{Ended, Load, Traffic};
pub use prepare::Said;
pub use probe::Finding;
pub use provider::SIM;
pub use request::{Request, Ticket};
pub use settings::{
    AwsKeys, AwsRole, AwsSettings, AwsSource, BaseUrl, Bounds, CacheSettings, FallbackOn,
    KeySettings, MOST_MEMBERS, OnUnsupported, Pick, ProviderSettings, RetrySettings, RouteSettings,
    RouteTarget, ServiceToken, Settings, ShadowSettings, SimSettings, Slow, Strategy, Timeouts,
};
pub use setup::Changes;
pub use stage::Stage;
pub use stream::{Cut, Reply};
pub use tail::{Spread, Tail};
pub use upstream::{FORWARDED, Unsent, Upload, client_config};
pub use view::{CredentialView, KeyView, PoolView, TargetView};
pub use watcher::{Told, Watcher};
