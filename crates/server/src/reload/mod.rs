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

use kernel::{Clock, Exit, Scope, SpawnRefused};
use tidegate_kernel as kernel;

pub(crate) use self::follower::{Follower, Parts};
use self::knocks::Knocks;
pub(crate) use self::record::Record;
use crate::config::{Config, Source};

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
    // Of its own: a task that kept its scope would keep it for ever.
    let looks = scope.child("configuration");
    let follow = async move {
        // Files are read beside the workers, also to find where to watch.
        let look = |asked: Option<bool>| {
            let (follower, knocks) = (Arc::clone(&follower), Arc::clone(&knocks));
            let look = move || follower.look(asked, &knocks);
            looks.spawn_blocking("read the configuration", look)
        };
        let mut asked = None;
        loop {
            match look(asked) {
                // A look that has begun is not cut off: it ends by itself.
                Ok(task) => {
                    if let Exit::Panicked(_) = task.await {
                        tracing::error!("reading the configuration failed; it stays as it was");
                    }
                }
                Err(error) => tracing::error!(%error, "the configuration cannot be read now"),
            }
            tokio::select! {
                biased;
                _ = &mut ended => return,
                by_operator = knocks.next(clock) => asked = Some(by_operator),
            }
        }
    };
    scope.spawn("follow the configuration", follow)?;
    Ok(reloader)
}
