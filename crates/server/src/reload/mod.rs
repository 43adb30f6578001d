//! The configuration of a running process: looked at when its files change or
//! an operator asks, and swapped in whole.
//!
//! 1. No request is dropped, delayed or served by half of each: one uses the
//!    configuration that it found at its entrance.
//! 2. A wrong file changes nothing; all that is wrong with it is told.
//! 3. Nothing is polled, one look follows another, and many changes are one.
//! 4. What only a restart can change is named, and stays as it was.

mod follower;
mod knocks;
mod record;
mod watch;

use std::sync::Arc;

use kernel::{Clock, Exit, Scope, SpawnRefused, Task};
use tidegate_gateway::Gateway;
use tidegate_kernel as kernel;

pub(crate) use self::follower::{Follower, Parts};
use self::knocks::Knocks;
pub(crate) use self::record::Record;
use crate::checks::tell;
use crate::config::{Checks, Config, Source};

/// What a reload reads, and what the process around the server does with it.
pub struct Following {
    /// Where the configuration was loaded from.
    pub source: Source,
    /// Fits what was read to the machine, as at the start.
    pub fit: Box<dyn Fn(&mut Config) + Send + Sync>,
    /// Is told of each configuration that holds from now on.
    pub taken: Box<dyn Fn(&Config) + Send + Sync>,
}

impl std::fmt::Debug for Following {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Following")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// Asks for a reload; a clone asks the same process.
#[derive(Debug, Clone)]
pub struct Reloader(Arc<Knocks>);

impl Reloader {
    /// Reads everything anew, whether a file has changed or not.
    pub fn reload(&self) {
        self.0.ask();
    }
}

/// Why the configuration is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// It is watched from now on: what changed before told nobody.
    Start,
    /// A file may have changed.
    Change,
    /// An operator asks: it is read whether it changed or not.
    Operator,
    /// He was told that it is wrong, which may have been half of it, where
    /// nobody hears of changes: once more, if it says something else now.
    Retry,
}

/// What a look came to.
#[derive(Default)]
struct Looked {
    refused: bool,
    /// The providers that a new configuration added.
    added: Vec<String>,
}

/// Providers that a reload added, which are looked at as those of the start are
/// (R-D3): one task for all of them.
#[derive(Default)]
struct Newcomers {
    names: Vec<String>,
    looking: Option<Task<()>>,
}

impl Newcomers {
    /// Looks at these, and again at those whose look is not over.
    fn meet(&mut self, added: Vec<String>, gateway: Gateway, scope: &Scope) {
        if added.is_empty() {
            return;
        }
        match self.looking.take() {
            Some(task) if !task.is_finished() => task.abort(),
            _ => self.names.clear(),
        }
        self.names.retain(|name| !added.contains(name));
        self.names.extend(added);
        let names = self.names.clone();
        let look = async move { drop(tell(gateway.probe_named(&names).await)) };
        // Advice: what cannot be told now is told by the first request.
        self.looking = scope.spawn("look at the providers", look).ok();
    }
}

/// Starts to follow, as a task of `scope` that ends when it is cancelled.
pub(crate) fn start(
    follower: Follower,
    clock: Clock,
    scope: &Scope,
) -> Result<Reloader, SpawnRefused> {
    let knocks = Arc::new(Knocks::default());
    let reloader = Reloader(Arc::clone(&knocks));
    let mut ended = scope.cancelled();
    let follower = Arc::new(follower);
    let checks = follower.checks();
    // Of its own: a task that kept its scope would keep it for ever.
    let looks = scope.child("configuration");
    let follow = async move {
        // Files are read beside the workers, also to find where to watch.
        let look = |reason: Reason| {
            let (follower, knocks) = (Arc::clone(&follower), Arc::clone(&knocks));
            let look = move || follower.look(reason, &knocks);
            looks.spawn_blocking("read the configuration", look)
        };
        let mut newcomers = Newcomers::default();
        let mut reason = Reason::Start;
        loop {
            let mut looked = Looked::default();
            match look(reason) {
                // A look that has begun is not cut off: it ends by itself.
                Ok(task) => match task.await {
                    Exit::Done(done) => looked = done,
                    Exit::Panicked(_) => {
                        tracing::error!("reading the configuration failed; it stays as it was");
                    }
                    _ => {}
                },
                Err(error) => tracing::error!(%error, "the configuration cannot be read now"),
            }
            if checks != Checks::Off {
                newcomers.meet(looked.added, follower.gateway(), &looks);
            }
            let next = async {
                match (reason, looked.refused) {
                    (Reason::Operator, true) => {
                        clock.sleep(knocks::SETTLED).await;
                        Reason::Retry
                    }
                    _ if knocks.next(clock).await => Reason::Operator,
                    _ => Reason::Change,
                }
            };
            tokio::select! {
                biased;
                _ = &mut ended => return,
                next = next => reason = next,
            }
        }
    };
    scope.spawn("follow the configuration", follow)?;
    Ok(reloader)
}

#[cfg(test)]
mod tests;
