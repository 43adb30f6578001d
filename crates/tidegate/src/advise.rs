//! `tidegate advise`: what a running process's traffic says about its settings.
//!
//! It asks the operators' page of that process and prints lines of the
//! configuration file. It measures nothing itself, and changes nothing.

use std::process::ExitCode;

use http::Method;
use serde_json::Value;

use crate::cli::Advise;
use crate::client::{Address, Page, Server, Whose};
use crate::fault::{Fault, end, told};
use crate::{runtime, say};

pub(crate) fn run(args: &Advise) -> ExitCode {
    end(advise(args).map(|advice| {
        advice.notes.iter().for_each(say::err);
        let code = match advice.is_some {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        };
        told(advice.results.iter().try_for_each(say::result), code)
    }))
}

/// Results go to standard output, notes to standard error.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    /// Whether there is advice, in whatever form.
    is_some: bool,
    results: Vec<String>,
    notes: Vec<String>,
}

fn advise(args: &Advise) -> Result<Told, Fault> {
    let server = Server::of(&args.reach)?;
    let page = runtime::talk(server.page(Method::GET, "/debug/advice"))?;
    let providers = read(&page, &server)?;
    let chosen = choose(&providers, args.provider.as_deref())?;
    let mut told = match args.json {
        true => tell_json(&chosen),
        false => tell(&chosen, server.address()),
    };
    told.is_some = chosen.iter().any(|provider| provider["toml"].is_string());
    Ok(told)
}

/// The providers of the page, whatever it turned out to be.
fn read(page: &Page, server: &Server) -> Result<Vec<Value>, Fault> {
    if page.status != 200 {
        return Err(server.refusal(page, Whose::Operators));
    }
    let parsed: Option<Value> = serde_json::from_slice(&page.body).ok();
    let providers = parsed.and_then(|page| page["providers"].as_array().cloned());
    providers.ok_or_else(|| server.not_a_tidegate("advice"))
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
        ..Told::default()
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
        number(&measured["over_seconds"]).div_ceil(60).max(1),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn address() -> Address {
        Address::parse("http://127.0.0.1:7070").unwrap()
    }

    fn server() -> Server {
        Server::at(address())
    }

    fn page(status: u16, body: &str) -> Page {
        Page {
            status,
            retry_after: None,
            location: None,
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
        let Fault::Usage(text) = fault else {
            panic!("{fault:?}")
        };
        assert!(
            text.what.ends_with("there are: openai, quiet"),
            "{}",
            text.what
        );
        let told = tell_json(&choose(&providers, Some("openai")).unwrap());
        let object: Value = serde_json::from_str(&told.results[0]).unwrap();
        assert_eq!(object["providers"][0]["provider"], "openai");
    }

    #[test]
    fn what_is_no_advice_is_told_for_what_it_is() {
        let told = |code: &str| format!(r#"{{"error":{{"message":"no","code":"{code}"}}}}"#);
        for (status, body, what) in [
            (200, "hello".to_owned(), "is it a Tidegate?"),
            (200, "{}".to_owned(), "is it a Tidegate?"),
            (401, told("invalid_api_key"), "--key env:NAME"),
            (404, told("not_found"), "`admin_listen`"),
            (404, String::new(), "is it a Tidegate?"),
            (502, String::new(), "is it a Tidegate?"),
            (503, told("overloaded"), "no (overloaded)"),
        ] {
            let Err(Fault::Running(text)) = read(&page(status, &body), &server()) else {
                panic!("{status} {body}")
            };
            let text = format!("{} {}", text.what, text.help.unwrap_or_default());
            assert!(text.contains(what), "{status}: {text}");
        }
        let good = read(&page(200, r#"{"providers":[]}"#), &server());
        assert_eq!(good, Ok(Vec::new()));
    }
}
