//! SIGTERM and SIGINT: the first asks for the end, the second takes it. SIGHUP
//! asks for the configuration to be read anew.
//!
//! Promise: a signal that comes once this exists is not lost, also when nobody
//! waits for one yet.

use std::io::{self, IsTerminal as _};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end the process.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to listen for them; needs a runtime around it.
    pub(crate) fn listen() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self {
            terminate,
            interrupt,
        })
    }

    /// The next one, by name. Cancel safe.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// SIGHUP, which has two meanings: somebody sent it, or the terminal is closed.
#[derive(Debug)]
pub(crate) struct Hangups {
    signal: Signal,
    on_terminal: bool,
}

/// What a SIGHUP meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hangup {
    /// Read the configuration anew.
    Reload,
    /// Whoever started the process in a terminal has closed it.
    Closed,
}

impl Hangups {
    /// Begins to listen; needs a runtime around it.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            signal: signal(SignalKind::hangup())?,
            on_terminal: io::stderr().is_terminal(),
        })
    }

    /// The next one. Cancel safe.
    pub(crate) async fn next(&mut self) -> Hangup {
        self.signal.recv().await;
        // A terminal that is closed is none any more.
        match self.on_terminal && !io::stderr().is_terminal() {
            true => Hangup::Closed,
            false => Hangup::Reload,
        }
    }
}
