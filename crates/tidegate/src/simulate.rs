//! `tidegate sim`: the simulated model as a stand-alone upstream.
//!
//! The same as the built-in provider, behind a socket of its own; it ends with
//! the first signal, at once.

use std::net::SocketAddr;
use std::process::ExitCode;

use tidegate_kernel::{Clock, Scope, Why};
use tidegate_sim::Sim;
use tokio::net::TcpListener;

use crate::signals::Signals;
use crate::{cli, open_files, runtime, say};

/// Connections at one time; each is a task.
const MOST_TASKS: usize = 1 << 16;

pub(crate) fn run(args: &cli::Sim) -> ExitCode {
    open_files::raise_limit();
    let address = SocketAddr::new(args.host, args.port);
    let result = runtime::build().and_then(|runtime| {
        let ended = runtime.block_on(serve(address));
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

async fn serve(address: SocketAddr) -> std::io::Result<()> {
    let mut signals = Signals::listen()?;
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let scope = Scope::root("sim", MOST_TASKS);
    let version = env!("CARGO_PKG_VERSION");
    say::out(format!(
        "tidegate-sim {version} listening on http://{address}"
    ));
    say::out(format!(
        "  base_url   http://{address}/v1\n  models     http://{address}/v1/models"
    ));
    tokio::select! {
        () = tidegate_sim::serve(listener, Sim::new(Clock), scope.clone()) => {}
        _ = signals.next() => scope.cancel(Why::Shutdown),
    }
    scope.close().await;
    Ok(())
}
