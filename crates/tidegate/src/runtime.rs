//! The runtimes: as many workers as the machine has cores for what serves, none
//! but this thread for what asks.

use std::io;

use tokio::runtime::{Builder, Runtime};

use crate::fault::Fault;
use crate::interrupt::Interrupt;

/// Builds one with workers; fails when the system has no threads or
/// descriptors left.
pub(crate) fn build() -> io::Result<Runtime> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
}

/// Runs one conversation with a server on this thread, and waits for nothing
/// that it left behind, such as a look-up of a name.
pub(crate) fn run<T>(work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::running(format!("cannot open what timers need: {error}")))?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}

/// The same, until the first Ctrl-C.
pub(crate) fn talk<T>(work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    run(async {
        let mut interrupt = Interrupt::listen()?;
        tokio::select! {
            result = work => result,
            () = interrupt.came() => Err(Fault::Interrupted),
        }
    })
}
