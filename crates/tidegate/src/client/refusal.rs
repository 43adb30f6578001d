//! What a server, or the way to it, says instead of an answer, in words that
//! tell what to do next.
//!
//! A message of the server is repeated, on one line and without control
//! characters; the texts of our own table of codes are added where it has none.

use std::io;
use std::time::Duration;

use rustls::{CertificateError, Error as TlsError};
use serde_json::Value;
use tidegate_types::Code;

use super::{Address, Page, Server};
use crate::fault::Fault;
use crate::say::one_line;

/// Whose page was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Of applications: `listen`.
    Callers,
    /// Of operators: `listen` while that is loopback, else `admin_listen`.
    Operators,
}

/// An error object of the OpenAI form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) code: Option<String>,
}

impl Refusal {
    /// Reads `{"error": {"message", "code"}}`.
    pub(crate) fn read(json: &Value) -> Option<Self> {
        let error = json.get("error").filter(|error| !error.is_null())?;
        let text = |name: &str| error.get(name).and_then(Value::as_str).map(one_line);
        let message = text("message").or_else(|| error.as_str().map(one_line));
        Some(Self {
            message: message.unwrap_or_else(|| "an error without a message".to_owned()),
            code: text("code").filter(|code| !code.is_empty()),
        })
    }

    /// The failure it stands for.
    pub(crate) fn fault(&self) -> Fault {
        let what = match &self.code {
            Some(code) => format!("{} ({code})", self.message),
            None => self.message.clone(),
        };
        let fault = Fault::running(what);
        let code = self.code.as_deref();
        let code = Code::ALL.iter().find(|one| Some(one.as_str()) == code);
        match code {
            Some(Code::ModelNotFound) => fault.help("`tidegate models` lists the names"),
            // The table speaks to who writes requests; here that is the command line.
            Some(Code::DeadlineExceeded) => fault.help("allow more with --timeout"),
            Some(code) => fault.help(code.action()),
            None => fault,
        }
    }
}

impl Server {
    /// Why there is a page, but not the one that was asked for.
    pub(crate) fn refusal(&self, page: &Page, whose: Whose) -> Fault {
        let address = &self.address;
        let json = serde_json::from_slice(&page.body).unwrap_or(Value::Null);
        let Some(told) = Refusal::read(&json) else {
            let status = page.status;
            if let (300..400, Some(place)) = (status, &page.location) {
                return Fault::running(format!("{address} sends us on to {place}"))
                    .help("name that address with --url, if you trust it");
            }
            return Fault::running(format!("{address} answered with status {status}"))
                .help("is it a Tidegate?");
        };
        match (page.status, told.code.as_deref(), &self.key) {
            (401, _, None) => Fault::running(format!("{address} wants a key"))
                .help("--key env:NAME takes it from the environment"),
            (401, _, Some(key)) => {
                let variable = &key.variable;
                Fault::running(format!("{address} does not take the key in {variable}"))
                    .help("send one of the keys of its `[auth] keys`")
            }
            (404, Some("not_found"), _) => {
                let help = match whose {
                    Whose::Operators => {
                        "if it is the address of applications, the operators' is \
                         `admin_listen`, --url http://127.0.0.1:7071 as a rule"
                    }
                    Whose::Callers => {
                        "if it is the address of operators, the applications' is \
                         `listen`, --url http://127.0.0.1:7070 as a rule"
                    }
                };
                Fault::running(format!("{address} has no such page")).help(help)
            }
            (_, _, _) => match (told.fault(), page.retry_after) {
                (fault, Some(seconds)) => fault.help(format!("try again in {seconds} s")),
                (fault, None) => fault,
            },
        }
    }

    /// A page with status 200 that is not what it should be.
    pub(crate) fn not_a_tidegate(&self, what: &str) -> Fault {
        let address = &self.address;
        Fault::running(format!(
            "{address} answered with something else than {what}"
        ))
        .help("is it a Tidegate?")
    }
}

pub(super) fn no_such_host(address: &Address, error: &io::Error) -> Fault {
    Fault::running(format!("cannot find {}: {error}", address.host))
        .help("check the name in --url or TIDEGATE_URL")
}

pub(super) fn unreachable(address: &Address, error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Fault::running(format!("nothing listens on {address}"))
            .help("start a server with `tidegate serve`, or name another address with --url"),
        _ => Fault::running(format!("cannot connect to {address}: {error}"))
            .help("name another address with --url"),
    }
}

pub(super) fn no_connection(address: &Address, waited: Duration) -> Fault {
    let seconds = waited.as_secs_f64().round();
    Fault::running(format!(
        "cannot connect to {address}: nobody answered for {seconds} s"
    ))
    .help("check the address and what stands between; name another with --url")
}

pub(super) fn silent(address: &Address, waited: Duration) -> Fault {
    let seconds = waited.as_secs_f64().round();
    Fault::running(format!("{address} said nothing for {seconds} s"))
        .help("`tidegate requests` shows what it does, if it is a Tidegate")
}

pub(super) fn broken(address: &Address, error: &hyper::Error) -> Fault {
    if error.is_parse() {
        return Fault::running(format!("{address} does not speak HTTP"))
            .help("is it a Tidegate? one with [tls] is asked at https://");
    }
    Fault::running(format!(
        "{address} closed the connection before the answer was whole"
    ))
    .help("its log says why, if it is a Tidegate; one with [tls] is asked at https://")
}

pub(super) fn insecure(address: &Address, error: &io::Error) -> Fault {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        Some(TlsError::InvalidCertificate(problem)) => {
            let what = match problem {
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    "has expired"
                }
                CertificateError::NotValidForName
                | CertificateError::NotValidForNameContext { .. } => "is for another name",
                CertificateError::UnknownIssuer => "is signed by nobody we trust",
                _ => "was not accepted",
            };
            let fault = Fault::running(format!("the certificate of {address} {what}"));
            match problem {
                CertificateError::UnknownIssuer => {
                    fault.help("name the file with its issuer: --ca-file FILE")
                }
                _ => fault,
            }
        }
        Some(TlsError::InvalidMessage(_)) => {
            Fault::running(format!("{address} does not speak TLS")).help("is it http://?")
        }
        _ => Fault::running(format!("no TLS with {address}: {error}")).help("is it http://?"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_error_object_is_told_with_what_to_do() {
        let told =
            Refusal::read(&json!({"error": {"message": "no\nroom\u{1b}", "code": "queue_full"}}));
        let told = told.unwrap();
        assert_eq!(told.message, "no room ");
        let Fault::Running(text) = told.fault() else {
            panic!("not running")
        };
        assert_eq!(text.what, "no room  (queue_full)");
        assert_eq!(text.help.as_deref(), Some(Code::QueueFull.action()));
        assert_eq!(Refusal::read(&json!({"choices": []})), None);
        let odd = Refusal::read(&json!({"error": "boom"})).unwrap();
        assert_eq!((&*odd.message, odd.code), ("boom", None));
    }
}
