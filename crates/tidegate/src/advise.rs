//! `tidegate advise`: what a running process's traffic says about its settings.
//!
//! It asks the operators' page of that process and prints lines of the
//! configuration file. It measures nothing itself, and changes nothing.

mod fetch;

use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;
use tidegate_kernel::{Clock, Deadline};

use crate::check::WRONG;
use crate::cli::Advise;
use crate::{runtime, say};
use fetch::{Address, Page};

/// How long the process may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn run(args: &Advise) -> ExitCode {
    match advise(args) {
        Ok(told) => {
            told.notes.iter().for_each(say::err);
            told.results.iter().for_each(say::out);
            match told.results.is_empty() {
                true => ExitCode::FAILURE,
                false => ExitCode::SUCCESS,
            }
        }
        Err(Fault { code, text }) => {
            say::err(format!("error: {text}"));
            ExitCode::from(code)
        }
    }
}

/// What to say, and whether it is the command line's fault.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    code: u8,
    text: String,
}

impl Fault {
    fn usage(text: String) -> Self {
        Self { code: WRONG, text }
    }

    fn running(text: String) -> Self {
        Self { code: 1, text }
    }
}

/// Results go to standard output, notes to standard error.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    results: Vec<String>,
    notes: Vec<String>,
}

fn advise(args: &Advise) -> Result<Told, Fault> {
    let address = Address::parse(&args.url).ok_or_else(|| {
        let text = "is not an address such as \"http://127.0.0.1:7070\"";
        Fault::usage(format!("--url {:?} {text}", args.url))
    })?;
    let key = args.key.as_deref().map(key).transpose()?;
    let runtime = runtime::build()
        .map_err(|error| Fault::running(format!("cannot start threads: {error}")))?;
    let asked = runtime.block_on(async {
        let deadline = Deadline::after(Clock, PATIENCE);
        let page = fetch::get(&address, "/debug/advice", key.as_deref());
        deadline.bound(page).await
    });
    let page = match asked {
        Ok(Ok(page)) => page,
        Ok(Err(error)) => return Err(Fault::running(unreachable(&address, &error))),
        Err(_) => {
            let seconds = PATIENCE.as_secs();
            let text = format!("{address} did not answer within {seconds} s");
            return Err(Fault::running(text));
        }
    };
    let providers = read(&page, &address)?;
    let chosen = choose(&providers, args.provider.as_deref())?;
    Ok(match args.json {
        true => tell_json(&chosen),
        false => tell(&chosen, &address),
    })
}

/// `env:NAME`, and nothing else: who lists this machine's processes reads the
/// words of a command line.
fn key(text: &str) -> Result<String, Fault> {
    let Some(name) = text.strip_prefix("env:") else {
        let text = "--key takes env:NAME: others on this machine can read a command line";
        return Err(Fault::usage(text.to_owned()));
    };
    std::env::var(name).map_err(|_| Fault::usage(format!("--key names {name}, which is not set")))
}

fn unreachable(address: &Address, error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => format!(
            "nothing listens on {address}: is `tidegate serve` running? \
             Name another address with --url"
        ),
        _ => format!("cannot ask {address}: {error}"),
    }
}

/// The providers of the page, whatever it turned out to be.
fn read(page: &Page, address: &Address) -> Result<Vec<Value>, Fault> {
    let text = match page.status {
        200 => {
            let parsed: Option<Value> = serde_json::from_slice(&page.body).ok();
            let providers = parsed.and_then(|page| page["providers"].as_array().cloned());
            if let Some(providers) = providers {
                return Ok(providers);
            }
            format!("{address} answered with something else than advice: is it a Tidegate?")
        }
        401 | 403 => format!("{address} wants a key: --key env:NAME takes it from the environment"),
        404 => format!(
            "{address} has no such page: if it is the address of applications, the operators' is \
             `admin_listen`, http://127.0.0.1:7071 as a rule"
        ),
        status => format!("{address} answered with status {status}"),
    };
    Err(Fault::running(text))
}

fn name(provider: &Value) -> &str {
    provider["provider"].as_str().unwrap_or_default()
}

fn choose<'a>(providers: &'a [Value], wanted: Option<&str>) -> Result<Vec<&'a Value>, Fault> {
    let chosen: Vec<_> = providers
        .iter()
        .filter(|provider| wanted.is_none_or(|wanted| wanted == name(provider)))
        .collect();
    match (wanted, chosen.is_empty()) {
        (Some(wanted), true) => {
            let names: Vec<_> = providers.iter().map(name).collect();
            let names = names.join(", ");
            let text = format!("there is no provider {wanted:?}; there are: {names}");
            Err(Fault::usage(text))
        }
        _ => Ok(chosen),
    }
}

fn tell_json(chosen: &[&Value]) -> Told {
    Told {
        results: vec![serde_json::json!({ "providers": chosen }).to_string()],
        notes: Vec::new(),
    }
}

fn tell(chosen: &[&Value], address: &Address) -> Told {
    let mut told = Told::default();
    for provider in chosen {
        match provider["toml"].as_str() {
            Some(text) => told.results.push(text.to_owned()),
            None => told.notes.push(too_little(provider)),
        }
    }
    if !told.results.is_empty() {
        let head = format!(
            "# From the traffic of {address}. Keys that are not named here stay as they are.\n\
             # A table stands once: write these keys into one that the file has already.\n"
        );
        told.results.insert(0, head);
    }
    told
}

fn too_little(provider: &Value) -> String {
    let measured = &provider["measured"];
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    format!(
        "{}: too little traffic yet: {} more good answers are needed ({} in the last {} min)",
        name(provider),
        number(&provider["more_needed"]),
        number(&measured["good"]),
        number(&measured["over_seconds"]).div_ceil(60),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn address() -> Address {
        Address::parse("http://127.0.0.1:7070").unwrap()
    }

    fn page(status: u16, body: &str) -> Page {
        Page {
            status,
            body: body.to_owned().into(),
        }
    }

    fn providers() -> Vec<Value> {
        vec![
            json!({ "provider": "openai", "more_needed": 0, "toml": "[providers.openai.pool]\nsize = 3\n" }),
            json!({ "provider": "quiet", "more_needed": 153, "toml": null,
                    "measured": { "good": 47, "over_seconds": 601 } }),
        ]
    }

    #[test]
    fn advice_goes_out_and_what_is_missing_beside_it() {
        let providers = providers();
        let told = tell(&choose(&providers, None).unwrap(), &address());
        assert!(told.results[0].starts_with("# From the traffic of http://127.0.0.1:7070."));
        assert_eq!(told.results[1], "[providers.openai.pool]\nsize = 3\n");
        assert_eq!(
            told.notes,
            [
                "quiet: too little traffic yet: 153 more good answers are needed (47 in the last 11 min)"
            ]
        );
    }

    #[test]
    fn one_provider_can_be_chosen_by_its_name() {
        let providers = providers();
        let told = tell(&choose(&providers, Some("quiet")).unwrap(), &address());
        assert_eq!((told.results.len(), told.notes.len()), (0, 1));
        let fault = choose(&providers, Some("opnai")).unwrap_err();
        assert_eq!(fault.code, WRONG);
        assert!(
            fault.text.ends_with("there are: openai, quiet"),
            "{}",
            fault.text
        );
        let told = tell_json(&choose(&providers, Some("openai")).unwrap());
        let object: Value = serde_json::from_str(&told.results[0]).unwrap();
        assert_eq!(object["providers"][0]["provider"], "openai");
    }

    #[test]
    fn what_is_no_advice_is_told_for_what_it_is() {
        for (status, body, what) in [
            (200, "hello", "is it a Tidegate?"),
            (200, "{}", "is it a Tidegate?"),
            (401, "", "--key env:NAME"),
            (404, "", "`admin_listen`"),
            (502, "", "status 502"),
        ] {
            let fault = read(&page(status, body), &address()).unwrap_err();
            assert_eq!(fault.code, 1);
            assert!(fault.text.contains(what), "{status}: {}", fault.text);
        }
        let good = read(&page(200, r#"{"providers":[]}"#), &address());
        assert_eq!(good, Ok(Vec::new()));
    }

    #[test]
    fn a_key_stands_in_the_environment_and_not_on_the_command_line() {
        let fault = key("tg-canary").unwrap_err();
        assert_eq!(fault.code, WRONG);
        assert!(!fault.text.contains("canary"));
        assert_eq!(
            key("env:TIDEGATE_TEST_NO_SUCH_KEY").unwrap_err().code,
            WRONG
        );
        assert!(key("env:PATH").is_ok_and(|path| !path.is_empty()));
    }
}
