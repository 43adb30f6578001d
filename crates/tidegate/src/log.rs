//! Logging: for people on a terminal, JSON otherwise; UTC, to standard error.
//!
//! Promises: 1. standard output stays free for results; 2. a reader of standard
//! error who stands still stops nobody (see `sink`); 3. what was logged is
//! written before the process ends, unless that takes longer than [`LAST`];
//! 4. a panic is a line like the others.

mod sink;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::IsTerminal as _;
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::time::Duration;

use tidegate_kernel::Observe;
use tidegate_server::config::LogFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, fmt, reload};

use self::sink::{ROOM, Sink};
use crate::paint::Paint;

/// How long the end of the process waits for a reader of the log.
const LAST: Duration = Duration::from_millis(200);

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Whoever reads standard error decides the style.
pub(crate) fn style() -> Style {
    if std::io::stderr().is_terminal() {
        Style::Human
    } else {
        Style::Json
    }
}

/// The log while the process runs; writes what waits when it is dropped.
#[derive(Debug)]
pub(crate) struct Log {
    sink: Sink,
    filter: Filter,
}

/// What is logged, which can be changed; a clone is the same one.
#[derive(Debug, Clone)]
pub(crate) struct Filter(reload::Handle<Targets, Registry>);

impl Filter {
    /// This from now on.
    pub(crate) fn set(&self, filter: &LogFilter) {
        let set = targets(filter).and_then(|targets| {
            let reloaded = self.0.reload(targets);
            reloaded.map_err(|error| error.to_string())
        });
        if let Err(error) = set {
            tracing::error!(error, "the log filter stays as it was");
        }
    }
}

fn targets(filter: &LogFilter) -> Result<Targets, String> {
    let parsed = filter.as_str().parse();
    parsed.map_err(|error| format!("{error}"))
}

impl Log {
    /// What is logged.
    pub(crate) fn filter(&self) -> Filter {
        self.filter.clone()
    }

    /// What it tells `/metrics`.
    pub(crate) fn numbers(&self) -> Arc<dyn Observe + Send + Sync> {
        Arc::new(self.sink.clone())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.sink.flush(LAST);
    }
}

/// Starts logging for the rest of the process.
pub(crate) fn start(filter: &LogFilter, style: Style) -> Result<Log, String> {
    let (targets, handle) = reload::Layer::new(targets(filter)?);
    let sink = Sink::start(std::io::stderr(), ROOM, |lines| {
        tracing::warn!(
            lines,
            "log lines were dropped: nobody read them in time, or they could not be written"
        );
    })
    .map_err(|error| error.to_string())?;
    let lines = fmt::layer().with_writer(sink.clone());
    let started = match style {
        Style::Human => {
            let colours = Paint::stderr().is_coloured();
            tracing_subscriber::registry()
                .with(lines.with_ansi(colours).with_filter(targets))
                .try_init()
        }
        Style::Json => tracing_subscriber::registry()
            .with(lines.json().flatten_event(true).with_filter(targets))
            .try_init(),
    };
    started.map_err(|error| error.to_string())?;
    std::panic::set_hook(Box::new(tell_panic));
    Ok(Log {
        sink,
        filter: Filter(handle),
    })
}

/// A panic as a line like the others: by itself it would go past the buffer,
/// in another form, and wait for the reader.
fn tell_panic(panic: &PanicHookInfo<'_>) {
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then_some(backtrace);
    tracing::error!(
        panic = panic.payload_as_str(),
        place = panic.location().map(tracing::field::display),
        backtrace = backtrace.as_ref().map(tracing::field::display),
        "a panic; what ran is ended, the process goes on"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_that_the_configuration_takes_is_understood() {
        for text in [
            "info",
            "WARN",
            "off",
            "warn, tidegate_gateway=debug",
            "a::b=trace,info",
        ] {
            let filter = LogFilter::parse(text).unwrap();
            assert!(filter.as_str().parse::<Targets>().is_ok(), "{text}");
        }
    }
}
