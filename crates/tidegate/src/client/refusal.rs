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
    /// The field of the request that it is about.
    param: Option<String>,
}

impl Refusal {
    /// Reads `{"error": {"message", "code", "param"}}`.
    pub(crate) fn read(json: &Value) -> Option<Self> {
        let error = json.get("error").filter(|error| !error.is_null())?;
        let text = |name: &str| error.get(name).and_then(Value::as_str).map(one_line);
        let message = text("message").or_else(|| error.as_str().map(one_line));
        Some(Self {
            message: message.unwrap_or_else(|| "an error without a message".to_owned()),
            code: text("code").filter(|code| !code.is_empty()),
            param: text("param"),
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
            Some(code) => fault.help(what_to_do(*code, self.param.as_deref())),
            None => fault,
        }
    }
}

/// What to do about a code at a terminal. The table speaks to who writes
/// requests, of fields and headers; here these are flags.
fn what_to_do(code: Code, param: Option<&str>) -> &'static str {
    match code {
        Code::ModelNotFound => "`tidegate models` lists the names",
        Code::DeadlineExceeded => "allow more with --timeout",
        Code::InvalidValue if param == Some("model") => {
            "name a model with --model; `tidegate models` lists the names"
        }
        Code::InvalidValue | Code::UnsupportedParameter => {
            "only --model, --system and the question can be changed; another model may take them"
        }
        Code::RequestTooLarge | Code::JsonTooLarge => {
            "ask about a part of it, or raise the limit that the message names"
        }
        Code::TlsRequired => "write https:// in --url",
        Code::ForbiddenHost => {
            "name it 127.0.0.1 or localhost in --url, or set `[auth] keys` there"
        }
        Code::Internal => "report it with its x-tidegate-id, which `ask --json` prints as id",
        Code::InvalidApiKey => "--key env:NAME takes a key from the environment",
        Code::NotFound => "check the address in --url",
        Code::Overloaded | Code::UpstreamRateLimited | Code::UpstreamOverloaded => {
            "try again in a while"
        }
        Code::QueueFull | Code::QueueTimeout => {
            "try again in a while; raise `pool.size` there if it happens often"
        }
        Code::UpstreamUnavailable => {
            "try again in a while; `/debug/pools` there shows what is left alone and why"
        }
        Code::InvalidJson
        | Code::InvalidHeader
        | Code::BadFraming
        | Code::MethodNotAllowed
        | Code::UnsupportedMediaType
        | Code::UnsupportedEncoding => {
            "it takes no such request as this command makes: is it a Tidegate of this version?"
        }
        code => code.action(),
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
        let help = match address.tls {
            true => "is it a Tidegate?",
            // Who speaks TLS answers plain HTTP with an alert.
            false => "is it a Tidegate? is it https://?",
        };
        return Fault::running(format!("{address} does not speak HTTP")).help(help);
    }
    Fault::running(format!(
        "{address} closed the connection before the answer was whole"
    ))
    .help("`tidegate health` says whether it is still there; its log says why")
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
        let help = text.help.unwrap_or_default();
        assert!(help.contains("`pool.size`"), "{help}");
        assert_eq!(Refusal::read(&json!({"choices": []})), None);
        let odd = Refusal::read(&json!({"error": "boom"})).unwrap();
        assert_eq!((&*odd.message, odd.code), ("boom", None));
    }

    #[test]
    fn no_help_speaks_of_what_a_terminal_does_not_have() {
        for code in Code::ALL {
            for param in [None, Some("model"), Some("messages")] {
                let help = what_to_do(*code, param);
                for word in ["param", "retry-after", "header", "GET /", "base URL"] {
                    assert!(!help.contains(word), "{}: {help}", code.as_str());
                }
            }
        }
        let help = what_to_do(Code::InvalidValue, Some("model"));
        assert!(help.contains("--model"), "{help}");
    }
}
