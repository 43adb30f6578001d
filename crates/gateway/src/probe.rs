//! One look at each provider: can it be reached, does it take our key, and
//! how many models does it list (R-D3)?
//!
//! It is advice for the operator. No request depends on it, it takes no permit,
//! and every look has its own deadline.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Response, StatusCode};
use kernel::gather::Stop;
use kernel::{Alarm, ByteBudget, Clock, Deadline, Gather, Halt, PieceExit};
use tidegate_kernel as kernel;
use tidegate_types::Code;

use crate::failure::Failure;
use crate::house::House;
use crate::keys::Key;
use crate::provider::{Link, Provider};
use crate::route::Routes;
use crate::unary::{self, Bound, Short};
use crate::upstream::{HttpUpstream, Missed, Source, classify};
use crate::wait::until;

/// For one look, connecting included.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a look may take beyond its own deadline before it is given up.
const SLACK: Duration = Duration::from_secs(1);

/// A list of models is read up to here, in bytes.
const MOST: usize = 4 << 20;

/// What one look found.
#[derive(Debug)]
pub struct Finding {
    /// The provider's name.
    pub provider: Arc<str>,
    /// How many models it lists, if it lists any; or what is wrong.
    pub models: Result<Option<usize>, Failure>,
}

/// Looks at every provider that is wanted and not built in, at the same time. One that
/// breaks or hangs is a finding of its own.
pub(crate) async fn some(
    house: &House,
    routes: &Routes,
    wanted: impl Fn(&str) -> bool,
) -> Vec<Finding> {
    let (providers, clock) = (routes.providers().iter(), house.clock);
    let providers = providers.filter(|provider| wanted(&provider.name));
    let outside: Vec<_> = providers
        .filter_map(|provider| match &provider.link {
            Link::Http(http) => Some((provider, http)),
            Link::Sim(_) => None,
        })
        .collect();
    let looks = Gather::new(&house.scope, "look at a provider").counted(&house.looks);
    let by = Deadline::after(clock, PATIENCE + SLACK);
    let gathered = looks
        .each(outside.iter().copied(), by, move |_, (provider, http)| {
            list(http, provider, clock)
        })
        .await;
    let found = outside.iter().zip(gathered.pieces);
    found
        .filter_map(|((provider, _), piece)| {
            let models = match piece.exit {
                PieceExit::Good(models) => Ok(models),
                PieceExit::Failed(failure) => Err(failure),
                PieceExit::Panicked(_) => Err(Failure::new(Code::Internal, "The look failed.")),
                PieceExit::Unfinished if gathered.stop == Stop::Deadline => Err(late()),
                PieceExit::Unfinished => return None,
            };
            let provider = Arc::clone(&provider.name);
            Some(Finding { provider, models })
        })
        .collect()
}

async fn list(
    http: &HttpUpstream,
    provider: &Provider,
    clock: Clock,
) -> Result<Option<usize>, Failure> {
    let (halt, mut alarm) = (Halt::new(), Alarm::new());
    let total = clock.now() + PATIENCE;
    // One key is as good as another to see who is there; the first, so that
    // every look asks the same.
    let Some(key) = provider.targets.keys().first() else {
        return Err(Failure::new(Code::Internal, "No key to look with."));
    };
    let exchanged = until(&halt, &mut alarm, total, pin!(head(http, key)))
        .await
        .map_err(|_| late())??;
    let Some((head, mut source)) = exchanged else {
        return Ok(None);
    };
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
            Short::Ended(_) => late(),
            Short::Failed(failure) => failure,
        })?;
    if head.status() != StatusCode::OK {
        let now = clock.unix_millis() / 1000;
        return Err(classify::by_status(
            provider.speaks(),
            head.status(),
            head.headers(),
            &body,
            now,
            &provider.secrets,
        ));
    }
    let list: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let models = list
        .as_ref()
        .and_then(|list| provider.speaks().listed(list));
    models.map(Some).ok_or_else(|| {
        Failure::new(
            Code::UpstreamProtocol,
            "`GET /models` answered with something else.",
        )
    })
}

/// The head of its list, if there is a place that has one. Who signs must have
/// something to sign with, whether or not there is.
async fn head(http: &HttpUpstream, key: &Key) -> Result<Option<(Response<()>, Source)>, Failure> {
    if let Some(account) = http.account(key) {
        account.credential().await?;
    }
    let opened = http.connect().await?;
    let Some(request) = http.models_request(key) else {
        return Ok(None);
    };
    let answered = http.send(opened, request).await;
    answered.map(Some).map_err(|missed| match missed {
        Missed::Failed(failure) => failure,
        Missed::Unheard => {
            Failure::new(Code::UpstreamDisconnected, "The connection closed at once.")
        }
    })
}

fn late() -> Failure {
    Failure::new(Code::UpstreamTimeout, "It did not answer within 10 s.")
}
