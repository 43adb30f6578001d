//! Logging: for people on a terminal, JSON otherwise; UTC, to standard error.
//! Standard output stays free for results.

use std::io::IsTerminal as _;

use tidegate_server::config::LogFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

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

/// Starts logging for the rest of the process.
pub(crate) fn start(filter: &LogFilter, style: Style) -> Result<(), String> {
    let targets: Targets = filter
        .as_str()
        .parse()
        .map_err(|error| format!("{error}"))?;
    let lines = fmt::layer().with_writer(std::io::stderr);
    let started = match style {
        Style::Human => {
            let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            tracing_subscriber::registry()
                .with(lines.with_ansi(colours).with_filter(targets))
                .try_init()
        }
        Style::Json => tracing_subscriber::registry()
            .with(lines.json().flatten_event(true).with_filter(targets))
            .try_init(),
    };
    started.map_err(|error| error.to_string())
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
