//! The runtime: as many workers as the machine has cores for us, timers and
//! sockets on all of them.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// Builds it; fails when the system has no threads or descriptors left.
pub(crate) fn build() -> io::Result<Runtime> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
}
