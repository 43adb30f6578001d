//! One look at each provider: can it be reached, does it take our key, and
//! how many models does it list (R-D3)?
//!
//! It is advice for the operator. No request depends on it, it takes no permit,
//! and every look has its own deadline.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use kernel::{Alarm, ByteBudget, Clock, Halt};
use tidegate_kernel as kernel;
use tidegate_types::Code;

use crate::failure::Failure;
use crate::provider::{Link, Provider};
use crate::unary::{self, Bound, Short};
use crate::upstream::{HttpUpstream, Missed, classify};
use crate::wait::until;

/// For one look, connecting included.
const PATIENCE: Duration = Duration::from_secs(10);

/// A list of models is read up to here, in bytes.
const MOST: usize = 4 << 20;

/// What one look found.
#[derive(Debug)]
pub struct Finding {
    /// The provider's name.
    pub provider: Arc<str>,
    /// How many models it lists, or what is wrong.
    pub models: Result<usize, Failure>,
}

/// Looks at `provider`; `None` if it is built in.
pub(crate) async fn look(provider: &Provider, clock: Clock) -> Option<Finding> {
    let Link::Http(http) = &provider.link else {
        return None;
    };
    let models = list(http, provider, clock).await;
    Some(Finding {
        provider: Arc::clone(&provider.name),
        models,
    })
}

async fn list(http: &HttpUpstream, provider: &Provider, clock: Clock) -> Result<usize, Failure> {
    let (halt, mut alarm) = (Halt::new(), Alarm::new());
    let total = clock.now() + PATIENCE;
    // One key is as good as another to see who is there; the first, so that
    // every look asks the same.
    let Some(key) = provider.targets.keys().first() else {
        return Err(Failure::new(Code::Internal, "No key to look with."));
    };
    let exchange = async {
        let opened = http.connect().await?;
        http.send(opened, http.models_request(key))
            .await
            .map_err(|missed| match missed {
                Missed::Failed(failure) => failure,
                Missed::Unheard => {
                    Failure::new(Code::UpstreamDisconnected, "The connection closed at once.")
                }
            })
    };
    let late = |_| Failure::new(Code::UpstreamTimeout, "It did not answer within 10 s.");
    let (head, mut source) = until(&halt, &mut alarm, total, pin!(exchange))
        .await
        .map_err(late)??;
    let mut room = ByteBudget::new(MOST as u64).share();
    let bound = Bound {
        halt: &halt,
        clock,
        idle: PATIENCE,
        total,
        most: MOST,
        room: &mut room,
        pulse: None,
        holder: None,
    };
    let body = unary::gather(&mut source, &mut alarm, bound)
        .await
        .map_err(|short| match short {
            Short::Ended(ended) => late(ended),
            Short::Failed(failure) => failure,
        })?;
    if head.status() != StatusCode::OK {
        let now = clock.unix_millis() / 1000;
        return Err(classify::by_status(
            head.status(),
            head.headers(),
            &body,
            now,
            &provider.secrets,
        ));
    }
    let list: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let models = list.as_ref().and_then(|list| list.get("data")?.as_array());
    models.map(Vec::len).ok_or_else(|| {
        Failure::new(
            Code::UpstreamProtocol,
            "`GET /models` answered with something else.",
        )
    })
}
