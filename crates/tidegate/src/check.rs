//! `tidegate check`: everything that is wrong with a configuration, at once.
//!
//! It reads what `serve` would read, and opens nothing to the world.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;
use tidegate_server::config::{
    Effective, Kind, Loaded, Problems, ProcessEnv, SIM, load_effective, schema,
};

use crate::cli::Check;
use crate::fault::told;
use crate::say;

/// The exit code of wrong usage or configuration.
pub(crate) const WRONG: u8 = 2;

pub(crate) fn run(args: Check) -> ExitCode {
    if args.schema {
        let written = say::result(format_args!("{:#}", schema()));
        return told(written, ExitCode::SUCCESS);
    }
    let source = args.read.source();
    let file = source.file.name(&ProcessEnv);
    let result = load_effective(source, &ProcessEnv);
    let code = match result.is_ok() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(WRONG),
    };
    let written = if args.json {
        let mut told = Told::of(file.as_deref(), result.as_ref().map(|(loaded, _)| loaded));
        if let (true, Ok((_, effective))) = (args.print, &result) {
            told.values = Some(effective.to_json());
        }
        say::json(&told)
    } else {
        tell(&result, args.print)
    };
    told(written, code)
}

fn tell(result: &Result<(Loaded, Effective), Problems>, print: bool) -> io::Result<()> {
    match result {
        Ok((loaded, effective)) => {
            warn(&loaded.warnings);
            match print {
                true => say::result(effective.to_toml().trim_end()),
                false => say::result([summary(loaded), signers(loaded)].concat()),
            }
        }
        Err(problems) => {
            warn(problems);
            say::err(format!(
                "{} in the configuration",
                count(problems.errors(), "error")
            ));
            Ok(())
        }
    }
}

/// Problems as they are, without a line too many.
pub(crate) fn warn(problems: &Problems) {
    if !problems.is_empty() {
        say::err(problems.to_string().trim_end_matches('\n'));
        say::err("");
    }
}

/// `1 error`, `3 errors`.
pub(crate) fn count<N: Display + PartialEq + From<u8>>(number: N, what: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn summary(loaded: &Loaded) -> String {
    let config = &loaded.config;
    let mut names: Vec<_> = config
        .providers
        .iter()
        .map(|provider| &*provider.name)
        .collect();
    names.extend(config.sim.enabled.then_some(SIM));
    let file = loaded
        .file
        .as_deref()
        .unwrap_or("the environment (no file)");
    format!(
        "{file} is fine: listen {}, {} ({}), {}",
        config.listen,
        count(names.len(), "provider"),
        names.join(", "),
        count(loaded.warnings.warnings(), "warning"),
    )
}

/// By what each provider at Amazon knows us, in words without a secret.
fn signs(loaded: &Loaded) -> BTreeMap<&str, String> {
    let providers = loaded.config.providers.iter();
    let signs = providers.filter_map(|provider| {
        let region = provider.region.as_deref()?;
        let signs = match &provider.account {
            Some(account) => format!("is signed to in {region} with {account}"),
            None if provider.kind == Kind::Bedrock => format!("is shown an API key in {region}"),
            None => return None,
        };
        Some((&*provider.name, signs))
    });
    signs.collect()
}

/// The same, a line for each.
fn signers(loaded: &Loaded) -> String {
    let signs = signs(loaded).into_iter();
    let lines = signs.map(|(name, signs)| format!("\nproviders.{name} {signs}"));
    lines.collect()
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Told<'a> {
    ok: bool,
    /// Named whether it is right or wrong; null without one.
    file: Option<&'a str>,
    errors: usize,
    warnings: usize,
    problems: Value,
    /// What the lines about providers at Amazon say, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    signs: BTreeMap<&'a str, String>,
    /// With `--print`.
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<Value>,
}

impl<'a> Told<'a> {
    fn of(file: Option<&'a str>, result: Result<&'a Loaded, &Problems>) -> Self {
        let problems = match result {
            Ok(loaded) => &loaded.warnings,
            Err(problems) => problems,
        };
        Self {
            ok: result.is_ok(),
            file,
            errors: problems.errors(),
            warnings: problems.warnings(),
            problems: problems.to_json(),
            signs: result.map(signs).unwrap_or_default(),
            values: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use tidegate_server::config::{File, Source, load};

    use super::*;

    fn check(text: &str) -> Result<Loaded, Problems> {
        let file = File::Text {
            name: "gate.toml".to_owned(),
            text: text.to_owned(),
        };
        load(
            Source {
                file,
                ..Source::default()
            },
            &BTreeMap::new(),
        )
    }

    #[test]
    fn who_signs_is_named() {
        let bedrock = "[providers.b]\nkind = \"bedrock\"\nregion = \"eu-central-1\"\n";
        let signs = |lines: &str| {
            let checked = check(&format!("{bedrock}{lines}"));
            let told = Told::of(None, checked.as_ref());
            let line = signers(checked.as_ref().unwrap());
            assert_eq!(format!("\nproviders.b {}", told.signs["b"]), line);
            line
        };
        assert_eq!(
            signs("access_key = \"a\"\nsecret_key = \"canary\""),
            "\nproviders.b is signed to in eu-central-1 with an access key"
        );
        assert_eq!(
            signs("credentials = \"machine\"\nrole = \"arn:aws:iam::123456789012:role/x\""),
            "\nproviders.b is signed to in eu-central-1 with the machine's service \
             (http://169.254.169.254), then role arn:aws:iam::123456789012:role/x"
        );
        assert_eq!(
            signs("keys = [{ value = \"canary\" }]"),
            "\nproviders.b is shown an API key in eu-central-1"
        );
    }

    #[test]
    fn the_result_is_one_line_or_one_object() {
        let fine = check("shutdown_timeout = \"1s\"");
        let line = summary(fine.as_ref().unwrap());
        assert_eq!(signers(fine.as_ref().unwrap()), "");
        assert_eq!(
            line,
            "gate.toml is fine: listen 127.0.0.1:7070, 1 provider (sim), 1 warning"
        );
        let told = Told::of(Some("gate.toml"), fine.as_ref());
        assert_eq!((told.ok, told.warnings), (true, 1));
        let wrong = check("listen = 1\nlog = 2");
        let told = Told::of(Some("gate.toml"), wrong.as_ref());
        assert_eq!((told.ok, told.errors), (false, 2));
        assert_eq!(told.problems[1]["line"], 2);
        assert_eq!(told.file, Some("gate.toml"), "a wrong one is named too");
    }
}
