//! Ctrl-C for the commands that talk to a server: the first ends the
//! conversation, the second the process.
//!
//! The second needs nobody who waits for it: a reader of standard output who
//! stands still must not hold us.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGINT;
use signal_hook::flag;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::fault::Fault;

/// The exit code after Ctrl-C, as shells say it: 128 and the signal's number.
pub(crate) const INTERRUPTED: u8 = 130;

/// The first Ctrl-C.
#[derive(Debug)]
pub(crate) struct Interrupt(Signal);

impl Interrupt {
    /// Begins to listen; needs a runtime around it.
    pub(crate) fn listen() -> Result<Self, Fault> {
        let listening = || -> io::Result<Self> {
            let came = Arc::new(AtomicBool::new(false));
            // In this order: the first signal finds the flag down and raises it.
            flag::register_conditional_shutdown(SIGINT, INTERRUPTED.into(), Arc::clone(&came))?;
            flag::register(SIGINT, came)?;
            Ok(Self(signal(SignalKind::interrupt())?))
        };
        listening().map_err(|error| Fault::running(format!("cannot listen for signals: {error}")))
    }

    /// Waits for it. Cancel safe.
    pub(crate) async fn came(&mut self) {
        if self.0.recv().await.is_none() {
            // Only without a runtime, and then nobody polls this either.
            std::future::pending::<()>().await;
        }
    }
}
