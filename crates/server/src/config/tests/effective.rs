//! What `check --print` shows: every value with its origin, no secret, and a
//! file that is the same configuration when it is read again.

use std::cell::Cell;

use serde_json::{Value, json};

use super::schema::{AllSet, taken};
use super::*;

fn printed(source: Source, env: &dyn Env) -> (Loaded, Effective) {
    match load_effective(source, env) {
        Ok(both) => both,
        Err(problems) => panic!("{problems}"),
    }
}

/// All of it, keys included, which `Debug` hides.
fn whole(config: &Config) -> String {
    let providers = config.providers.iter();
    let keys = providers.flat_map(|one| one.keys.iter().map(|key| &key.value));
    let parts = |one: &Provider| {
        let parts = [&one.access_key, &one.secret_key, &one.session_token];
        parts.map(Clone::clone).into_iter().flatten()
    };
    let parts: Vec<_> = config.providers.iter().flat_map(parts).collect();
    let keys = keys.chain(&config.auth.keys).chain(&parts);
    let keys: Vec<_> = keys.map(|key| key.value.expose_secret()).collect();
    format!("{config:#?} {keys:?}")
}

/// The lines with single spaces: how they are aligned is no promise.
fn lines(text: &str) -> Vec<String> {
    let single = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text.lines().map(single).collect()
}

const FILE: &str = r#"# mine
listen = "0.0.0.0:7070"
default_provider = "eu.west"
[auth]
keys = ["env:GATE_KEY", "tg-canary-0123456789"]
[providers."eu.west"]
kind = "openai"
base_url = "https://a.example/v1/"
keys = [
  { name = "one", value = "env:A_KEY" },
  { name = "two", value = "sk-canary", weight = 3 },
]
pick = "weight"
pool.size = 60
breaker = { ratio = 1 }
"#;

#[test]
fn each_value_says_where_it_came_from_and_no_secret_is_shown() {
    let variables = env(&[
        ("GATE_KEY", "tg-canary-abcdefghij"),
        ("A_KEY", "sk-canary-a"),
        ("TIDEGATE_ADMIN_LISTEN", "127.0.0.1:9"),
    ]);
    let source = Source {
        log: Some("warn".to_owned()),
        ..source(FILE)
    };
    let (_, effective) = printed(source, &variables);
    let text = effective.to_toml();
    assert!(!text.contains("canary"), "{text}");
    for line in [
        "# The effective configuration, from tidegate.toml. What begins with `#` is a default.",
        "listen = \"0.0.0.0:7070\" # tidegate.toml:2",
        "admin_listen = \"127.0.0.1:9\" # environment variable TIDEGATE_ADMIN_LISTEN",
        "log = \"warn\" # --log",
        "# shutdown_timeout = \"30s\" # default",
        "[auth]",
        "keys = [\"env:GATE_KEY\", \"***\"] # tidegate.toml:5",
        "[providers.\"eu.west\"]",
        "base_url = \"https://a.example/v1\" # tidegate.toml:8",
        "{ name = \"one\", value = \"env:A_KEY\" }, # tidegate.toml:10, weight = 1: default",
        "{ name = \"two\", value = \"***\", weight = 3 }, # tidegate.toml:11",
        "# models = [\"*\"] # default",
        "# ca_file is not set",
        "[providers.\"eu.west\".pool]",
        "size = 60 # tidegate.toml:14",
        "ratio = 1.0 # tidegate.toml:15",
        "# memory = \"0B\" # default",
        "[providers.sim.retry]",
    ] {
        assert!(lines(&text).contains(&line.to_owned()), "{line}\n\n{text}");
    }
    let values = effective.to_json();
    let of = |key: &str| {
        let mut all = values.as_array().unwrap().iter();
        all.find(|one| one["key"] == key).unwrap().clone()
    };
    assert_eq!(
        of("providers.eu.west.pool.size"),
        json!({ "key": "providers.eu.west.pool.size", "value": 60, "from": "tidegate.toml", "line": 14 })
    );
    assert_eq!(of("auth.keys")["value"], json!(["env:GATE_KEY", "***"]));
    assert_eq!(
        (&of("log")["from"], &of("log")["line"]),
        (&json!("--log"), &Value::Null)
    );
    assert!(!values.to_string().contains("canary"));
}

#[test]
fn a_hidden_secret_is_asked_for_when_the_print_is_used_again() {
    let variables = env(&[("GATE_KEY", "tg-0123456789-canary"), ("A_KEY", "sk-a")]);
    let (_, effective) = printed(source(FILE), &variables);
    let problems = load(source(&effective.to_toml()), &variables).unwrap_err();
    let brief = brief(&problems);
    assert_eq!(brief.len(), 2, "{problems}");
    for (told, key) in brief
        .iter()
        .zip(["auth.keys[1]", "providers.eu.west.keys[1].value"])
    {
        let what = format!("{key} stands for a key that was hidden");
        assert!(told.contains(&what), "{told}");
    }
}

#[test]
fn what_the_environment_alone_gives_is_printed_as_a_file() {
    let key = ("OPENAI_API_KEY", "sk-x");
    for (variables, line) in [
        (env(&[]), "default_provider = \"sim\" # there is no file"),
        (
            env(&[key]),
            "base_url = \"https://api.openai.com/v1\" # default with OPENAI_API_KEY",
        ),
        (
            env(&[key]),
            "default_provider = \"openai\" # default with OPENAI_API_KEY",
        ),
        (
            env(&[key, ("OPENAI_BASE_URL", "http://127.0.0.1:8/v1")]),
            "base_url = \"http://127.0.0.1:8/v1\" # environment variable OPENAI_BASE_URL",
        ),
    ] {
        let (before, effective) = printed(Source::default(), &variables);
        let text = effective.to_toml();
        assert!(lines(&text).contains(&line.to_owned()), "{line}\n\n{text}");
        let after = load(source(&text), &variables).unwrap();
        assert_eq!(whole(&after.config), whole(&before.config), "{text}");
    }
}

/// Every secret by a variable: others are not printed.
fn by_variables(document: &mut Value) {
    let secret = |one: &mut Value| *one = json!("env:A");
    let keys = document.pointer_mut("/auth/keys");
    let keys = keys.and_then(Value::as_array_mut);
    keys.into_iter().flatten().for_each(secret);
    let providers = document.get_mut("providers");
    let providers = providers.and_then(Value::as_object_mut);
    for provider in providers.into_iter().flat_map(|all| all.values_mut()) {
        for name in ["access_key", "secret_key", "session_token"] {
            provider.get_mut(name).into_iter().for_each(secret);
        }
        let keys = provider.get_mut("keys").and_then(Value::as_array_mut);
        for (index, key) in keys.into_iter().flatten().enumerate() {
            key["value"] = json!("env:A");
            key["name"] = json!(index.to_string());
        }
    }
}

#[test]
fn what_is_printed_is_the_same_configuration_when_it_is_read_again() {
    let compared = Cell::new(0);
    proptest!(|(document in taken(&schema()))| {
        let mut document = document;
        for name in ["listen", "admin_listen", "default_provider"] {
            document.as_object_mut().unwrap().remove(name);
        }
        by_variables(&mut document);
        remove_files(&mut document);
        let text = toml::to_string(&document).unwrap();
        // What does not fit together is `check`'s; here it says nothing.
        if let Ok((before, effective)) = load_effective(source(&text), &AllSet) {
            let text = effective.to_toml();
            let after = load(source(&text), &AllSet);
            let failed = |problems| TestCaseError::fail(format!("{text}\n{problems}"));
            let after = after.map_err(failed)?;
            prop_assert_eq!(whole(&after.config), whole(&before.config), "{}", text);
            compared.set(compared.get() + 1);
        }
    });
    assert!(compared.get() > 0, "all of them were refused");
}

/// Whatever names a file, which is not there.
fn remove_files(document: &mut Value) {
    if let Some(entries) = document.as_object_mut() {
        entries.retain(|name, _| !name.ends_with("file") && name != "tls");
        entries.values_mut().for_each(remove_files);
    }
}
