//! `tidegate sim`: the simulated model as a stand-alone upstream.
//!
//! The same as the built-in provider, behind a socket of its own and with a
//! script if there is one; it ends with the first signal, at once, and says
//! then how often each rule was met.

mod script;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;

use tidegate_kernel::{Clock, Scope, Why};
use tidegate_sim::{Rules, Sim};
use tokio::net::TcpListener;

use crate::check::{WRONG, count, warn};
use crate::fault::told;
use crate::signals::Signals;
use crate::{cli, open_files, runtime, say};

/// Connections at one time; each is a task.
const MOST_TASKS: usize = 1 << 16;

pub(crate) fn run(args: &cli::Sim) -> ExitCode {
    let rules = match args.script.as_deref().map(script::read).transpose() {
        Ok(rules) => rules.unwrap_or_default(),
        Err(problems) => {
            let number = problems.errors();
            warn(&problems);
            say::err(format!("{} in the script", count(number, "error")));
            return ExitCode::from(WRONG);
        }
    };
    if args.check {
        let file = args.script.as_deref().unwrap_or_else(|| Path::new(""));
        let rules = count(rules.len(), "rule");
        let written = say::result(format!("{} is fine: {rules}", file.display()));
        return told(written, ExitCode::SUCCESS);
    }
    open_files::raise_limit();
    let address = SocketAddr::new(args.host, args.port);
    let result = runtime::build().and_then(|runtime| {
        let ended = runtime.block_on(serve(address, rules));
        runtime.shutdown_background();
        ended
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(format!("cannot serve on {address}: {error}"));
            say::help("choose another port with `--port`, or 0 for a free one");
            ExitCode::FAILURE
        }
    }
}

async fn serve(address: SocketAddr, rules: Rules) -> std::io::Result<()> {
    let mut signals = Signals::listen()?;
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let scope = Scope::root("sim", MOST_TASKS);
    let version = env!("CARGO_PKG_VERSION");
    say::out(format!(
        "tidegate-sim {version} listening on http://{address}"
    ));
    say::out(format!(
        "  base_url   http://{address}/v1\n  models     http://{address}/v1/models\n  \
         requests   http://{address}/sim/requests"
    ));
    let sim = Sim::scripted(Clock, rules);
    tokio::select! {
        () = tidegate_sim::serve(listener, sim.clone(), scope.clone()) => {}
        _ = signals.next() => scope.cancel(Why::Shutdown),
    }
    scope.close().await;
    for line in script::summary(&sim.rules()) {
        say::out(line);
    }
    Ok(())
}
