//! The log filter: a level, or a list of `target=level`.
//!
//! Checked here, so that a wrong filter is an error with a line and not a
//! silence; what is done with it is the binary's.

use super::form::Text;
use super::read::Parsed;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// A checked filter such as `info,tidegate_gateway=debug`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

impl LogFilter {
    /// Reads a filter; `None` when a part is neither a level nor `target=level`.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = |part: &str| match part.split_once('=') {
            Some((target, level)) => is_target(target.trim()) && is_level(level.trim()),
            None => is_level(part.trim()),
        };
        let parts: Vec<_> = text.split(',').map(str::trim).collect();
        parts
            .iter()
            .all(|part| fits(part))
            .then(|| Self(parts.join(",")))
    }

    /// The filter as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for LogFilter {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

fn is_level(text: &str) -> bool {
    LEVELS.iter().any(|level| text.eq_ignore_ascii_case(level))
}

fn is_target(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_:-".contains(c);
    !text.is_empty() && text.chars().all(fits)
}

pub(super) const LOG_FILTER: Parsed<LogFilter> = Parsed {
    form: Text {
        expected: "off, error, warn, info, debug, trace, or a list such as \"warn,tidegate_gateway=debug\"",
        pattern: PATTERN,
        examples: &["info", "warn,tidegate_gateway=debug"],
        is_wide: false,
    },
    parse: LogFilter::parse,
    show: |filter| Some(filter.as_str().to_owned()),
};

macro_rules! part {
    () => {
        r"\s*([A-Za-z0-9_:-]+\s*=\s*)?([Oo][Ff][Ff]|[Ee][Rr][Rr][Oo][Rr]|[Ww][Aa][Rr][Nn]|[Ii][Nn][Ff][Oo]|[Dd][Ee][Bb][Uu][Gg]|[Tt][Rr][Aa][Cc][Ee])\s*"
    };
}

const PATTERN: &str = concat!("^", part!(), "(,", part!(), ")*$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_levels_and_targets() {
        for text in [
            "info",
            "WARN",
            "off",
            "warn, tidegate_gateway=debug",
            "a::b=trace,info",
        ] {
            assert!(LogFilter::parse(text).is_some(), "{text}");
        }
        for text in [
            "",
            "verbose",
            "info,",
            "=debug",
            "a=loud",
            "a b=info",
            "info;debug",
        ] {
            assert!(LogFilter::parse(text).is_none(), "{text}");
        }
    }
}
