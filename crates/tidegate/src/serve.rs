//! `tidegate serve`: configuration, runtime, server, signals, drain; in order.
//!
//! Promises: 1. nothing is opened before the configuration is right; 2. the
//! first signal drains within `shutdown_timeout`, the second ends at once;
//! 3. what did not finish is named in the log; 4. until then the configuration
//! is followed, and read anew at SIGHUP.

use std::process::ExitCode;

use tidegate_kernel::Clock;
use tidegate_server::config::{Config, Limits, Loaded, Problems, ProcessEnv, load};
use tidegate_server::{Following, Server, StartError};

use crate::banner::Banner;
use crate::check::{WRONG, count, warn};
use crate::cli::Serve;
use crate::log::{Log, Style};
use crate::signals::{Hangup, Hangups, Signals};
use crate::{log, notify, open_files, runtime, say};

pub(crate) fn run(args: Serve) -> ExitCode {
    let source = args.read.source();
    let mut loaded = match load(source.clone(), &ProcessEnv) {
        Ok(loaded) => loaded,
        Err(problems) => {
            warn(&problems);
            let errors = count(problems.errors(), "error");
            say::err(format!(
                "{errors} in the configuration; nothing was started"
            ));
            return ExitCode::from(WRONG);
        }
    };
    let style = log::style();
    let log = match log::start(&loaded.config.log, style) {
        Ok(log) => log,
        Err(error) => return fail(1, &format!("cannot log: {error}")),
    };
    tell_warnings(&loaded.warnings, style);
    let banner = Banner::new(&loaded);
    let files = open_files::raise_limit();
    fit_to_open_files(&mut loaded.config.limits, files);
    let filter = log.filter();
    let following = Following {
        source,
        fit: Box::new(move |config: &mut Config| fit_to_open_files(&mut config.limits, files)),
        taken: Box::new(move |config: &Config| filter.set(&config.log)),
    };
    let runtime = match runtime::build() {
        Ok(runtime) => runtime,
        Err(error) => {
            drop(log);
            return fail(1, &format!("cannot start threads: {error}"));
        }
    };
    let ended = runtime.block_on(serve(&loaded, following, &banner, &log));
    // Whatever a second signal cut off is not waited for.
    runtime.shutdown_background();
    // What is said next stands behind what was logged.
    drop(log);
    match ended {
        Ok(code) => code,
        Err((code, text)) => fail(code, &text),
    }
}

/// Until a signal; an error is what to say, with its exit code.
async fn serve(
    loaded: &Loaded,
    following: Following,
    banner: &Banner,
    log: &Log,
) -> Result<ExitCode, (u8, String)> {
    // Before the banner: who reads it may send a signal at once.
    let deaf = |error| (1, format!("cannot listen for signals: {error}"));
    let mut signals = Signals::listen().map_err(deaf)?;
    let mut hangups = Hangups::listen().map_err(deaf)?;
    let failed = |error: StartError| {
        let code = match error {
            StartError::Settings(_) => WRONG,
            _ => 1,
        };
        (code, error.to_string())
    };
    let server = Server::start(loaded.config.clone(), Clock)
        .await
        .map_err(failed)?;
    let reloader = server.follow(loaded, following).map_err(failed)?;
    server.also_observe(log.numbers());
    say::out(banner.text(server.address(), server.admin_address(), server.providers()));
    notify::ready();
    let signal = loop {
        tokio::select! {
            signal = signals.next() => break signal,
            hangup = hangups.next() => match hangup {
                Hangup::Reload => reloader.reload(),
                Hangup::Closed => break "SIGHUP",
            },
        }
    };
    notify::stopping();
    tracing::info!(signal, "draining; a second signal ends at once");
    Ok(tokio::select! {
        report = server.drain() => {
            for request in &report.left {
                tracing::warn!(request, "did not finish in time");
            }
            tracing::info!(left = report.left.len(), "ended");
            ExitCode::SUCCESS
        }
        signal = signals.next() => {
            tracing::warn!(signal, "ended at once; running requests were cut off");
            ExitCode::FAILURE
        }
    })
}

fn fail(code: u8, text: &str) -> ExitCode {
    say::error(text);
    ExitCode::from(code)
}

/// People read them as the compiler's; machines as log lines.
fn tell_warnings(warnings: &Problems, style: Style) {
    if style == Style::Human {
        return warn(warnings);
    }
    for warning in warnings.iter() {
        let (line, column) = warning.position.unzip();
        tracing::warn!(
            origin = warning.origin,
            line,
            column,
            key = warning.key,
            found = warning.found,
            expected = warning.expected,
            hint = warning.hint,
            "configuration: {}",
            warning.subject()
        );
    }
}

/// Files that are not for connections: the runtime's, and those of callers who
/// are told that there is no place.
const OWN_FILES: u64 = 80;

/// A connection of a caller needs a second file for its upstream.
fn fit_to_open_files(limits: &mut Limits, files: u64) {
    let free = files - OWN_FILES.min(files / 2);
    let half = usize::try_from(free / 2).unwrap_or(usize::MAX).max(1);
    if limits.connections == 0 {
        limits.connections = half;
    } else if limits.connections > half {
        tracing::warn!(
            connections = limits.connections,
            open_files = files,
            "limits.connections is more than half of the files that the system leaves for them"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_half_of_the_files_unless_set() {
        let mut limits = Limits::default();
        fit_to_open_files(&mut limits, 1024);
        assert_eq!(limits.connections, 472);
        limits.connections = 700;
        fit_to_open_files(&mut limits, 1024);
        assert_eq!(
            limits.connections, 700,
            "what was set stays, with a warning"
        );
        let mut limits = Limits::default();
        fit_to_open_files(&mut limits, 32);
        assert_eq!(limits.connections, 8, "half of half, where there are few");
    }
}
