//! `tidegate cancel`: ends requests in flight, by their ids.
//!
//! Each id is asked for by itself, and one that is not in flight does not keep
//! the others: all are tried, and the exit code says whether all were ended.

use std::process::ExitCode;

use http::Method;
use serde_json::Value;

use crate::cli::Cancel;
use crate::client::{Refusal, Server, Whose};
use crate::fault::{FAILED, Fault, end};
use crate::{runtime, say};

pub(crate) fn run(args: &Cancel) -> ExitCode {
    end(cancel(args))
}

fn cancel(args: &Cancel) -> Result<ExitCode, Fault> {
    if let Some(odd) = args.ids.iter().find(|id| !is_id(id)) {
        return Err(Fault::usage(format!("{odd:?} is not the id of a request"))
            .help("`tidegate requests` shows the ids"));
    }
    let server = Server::of(&args.reach)?;
    runtime::talk(async {
        let mut all = true;
        for id in &args.ids {
            match one(&server, id).await? {
                // Whether anybody reads it or not: the next is to be cancelled too.
                Ended::Cancelled(stage) => say::out(format!("{id} cancelled ({stage})")),
                Ended::NotInFlight => {
                    all = false;
                    say::error(format!("{id} is not in flight: it has ended, or never was"));
                }
            }
        }
        if !all {
            say::help("`tidegate requests` shows what is in flight");
            return Ok(ExitCode::from(FAILED));
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// The same characters as in a request id of a caller; none of them changes
/// the path.
fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    let is_dots = id.bytes().all(|byte| byte == b'.');
    !is_dots && id.len() <= 128 && id.bytes().all(plain)
}

enum Ended {
    /// While it was in this stage.
    Cancelled(String),
    NotInFlight,
}

async fn one(server: &Server, id: &str) -> Result<Ended, Fault> {
    let page = server
        .page(Method::DELETE, &format!("/debug/requests/{id}"))
        .await?;
    let json: Value = serde_json::from_slice(&page.body).unwrap_or_default();
    if page.status == 200 {
        let stage = json.get("stage").and_then(Value::as_str);
        let stage = stage.ok_or_else(|| server.not_a_tidegate("a cancelled request"))?;
        return Ok(Ended::Cancelled(say::one_line(stage)));
    }
    // The same code says that there is no such page; that text names the route.
    let told = Refusal::read(&json).filter(|_| page.status == 404);
    match told {
        Some(told) if !told.message.contains("no route") => Ok(Ended::NotInFlight),
        _ => Err(server.refusal(&page, Whose::Operators)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_be_another_path() {
        assert!(is_id("01a1fded-743f-7056-b06c-9db4c16c64a7"));
        for odd in ["", ".", "..", "a/b", "a?b", "a b", "%2e"] {
            assert!(!is_id(odd), "{odd}");
        }
    }
}
