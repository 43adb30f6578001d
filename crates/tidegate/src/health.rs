//! `tidegate health`: whether a running Tidegate takes requests, as an exit code.
//!
//! For a container's health check: the image holds no other program that could
//! ask. It needs no key, and says in one line why the answer is no.

use std::process::ExitCode;

use http::Method;

use crate::cli::Health;
use crate::client::Server;
use crate::fault::{Fault, end};
use crate::{runtime, say};

pub(crate) fn run(args: &Health) -> ExitCode {
    end(ask(args))
}

fn ask(args: &Health) -> Result<ExitCode, Fault> {
    let server = Server::of(&args.reach)?;
    let page = runtime::talk(server.page(Method::GET, "/readyz"))?;
    let address = server.address();
    if page.status == 200 {
        say::result(format!("{address} is ready"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let fault = Fault::running(format!("{address} is not ready (status {})", page.status));
    Err(match page.status {
        400 => fault.help("does it speak TLS? write https:// in --url, and --ca-file"),
        503 => fault.help("it starts or drains; ask again"),
        _ => fault.help("is it a Tidegate?"),
    })
}
