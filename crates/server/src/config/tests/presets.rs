//! Providers by preset: in a file, and without one by their variables. What is
//! said of one preset here is said of each of them, from the data itself.

use super::*;
use crate::config::presets;

fn provider(text: &str) -> Provider {
    read(text).unwrap().config.providers.remove(0)
}

#[test]
fn a_kind_and_a_key_are_enough() {
    for preset in presets() {
        let name = &preset.name;
        let keys = match preset.needs_key {
            true => "keys = [{ value = \"sk-x\" }]",
            false => "",
        };
        let text = format!("default_provider = \"p\"\n[providers.p]\nkind = \"{name}\"\n{keys}\n");
        let loaded = read(&text).unwrap();
        assert!(loaded.warnings.is_empty(), "{name}: {}", loaded.warnings);
        let provider = &loaded.config.providers[0];
        assert_eq!(provider.kind.as_str(), name);
        assert_eq!(provider.base_url, preset.base_url);
        assert_eq!(provider.usage, preset.usage);
        assert_eq!(provider.responses, preset.responses);
    }
}

#[test]
fn what_the_file_says_wins_over_the_preset() {
    let own = provider(
        "[providers.p]\nbase_url = \"https://eu.example/v1\"\nusage = \"ask\"\n\
         kind = \"mistral\"\nkeys = [{ value = \"sk-x\" }]",
    );
    assert_eq!(own.base_url.to_string(), "https://eu.example/v1");
    assert_eq!(own.usage, UsageMode::Ask);
    let plain = provider("[providers.p]\nkind = \"mistral\"\nkeys = [{ value = \"sk-x\" }]");
    assert_eq!(plain.usage, UsageMode::Never);
}

#[test]
fn a_preset_that_wants_a_key_and_has_none_is_told() {
    let text = "default_provider = \"p\"\n[providers.p]\nkind = \"groq\"\n";
    let warnings = read(text).unwrap().warnings;
    assert_eq!(
        brief(&warnings),
        ["warning 2:1 providers.p has no keys, and groq wants one"]
    );
    assert!(warnings.to_string().contains("env:GROQ_API_KEY"));
}

#[test]
fn openai_is_nowhere_unless_it_is_written() {
    assert_eq!(
        refused(
            "default_provider = \"p\"\n[providers.p]\nkind = \"openai\"\nkeys = [{ value = \"sk-x\" }]"
        ),
        ["error 2:1 providers.p.base_url is missing"]
    );
    let near = read("[providers.p]\nkind = \"mistrl\"").unwrap_err();
    assert_eq!(near.errors(), 1, "nothing follows from it: {near}");
    assert!(
        near.to_string().contains("did you mean `mistral`?"),
        "{near}"
    );
}

#[test]
fn contracts_7_a_variable_of_its_own_makes_a_provider() {
    let finds = |variable: &str| {
        let mut found = presets().iter().filter(|preset| preset.found);
        found.any(|preset| preset.variables().any(|name| name == variable))
    };
    let all = presets().iter();
    for (preset, variable) in all.flat_map(|one| one.variables().map(move |name| (one, name))) {
        if !preset.found && finds(variable) {
            continue;
        }
        let config = from_env(&[(variable, "sk-env")]).unwrap().config;
        assert_eq!(config.default_provider.as_deref(), Some(SIM), "{variable}");
        let found: Vec<_> = config.providers.iter().collect();
        if !preset.found {
            assert!(found.is_empty(), "{variable} may be another program's");
            continue;
        }
        assert_eq!(found.len(), 1, "{variable}");
        assert_eq!(
            (&found[0].name, found[0].kind),
            (&preset.name, Kind::Preset(preset))
        );
        assert_eq!(found[0].base_url, preset.base_url);
        assert_eq!(found[0].keys[0].value.value.expose_secret(), "sk-env");
    }
    let both = [("GROQ_API_KEY", "a"), ("OPENAI_API_KEY", "b")];
    let config = from_env(&both).unwrap().config;
    let names: Vec<_> = config.providers.iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["openai", "groq"]);
    assert_eq!(config.default_provider.as_deref(), Some("openai"));
    // Google's own SDK knows both names; the one that says more comes first.
    let two = [("GOOGLE_API_KEY", "a"), ("GEMINI_API_KEY", "b")];
    let config = from_env(&two).unwrap().config;
    let keys = config.providers.iter().flat_map(|one| &one.keys);
    let keys: Vec<_> = keys.map(|key| key.value.value.expose_secret()).collect();
    assert_eq!(keys, ["b"]);
}

#[test]
fn a_variable_that_holds_no_key_leaves_its_provider_out() {
    let loaded = from_env(&[("GROQ_API_KEY", "sk canary")]).unwrap();
    assert!(loaded.config.providers.is_empty());
    assert_eq!(loaded.warnings.warnings(), 1, "{}", loaded.warnings);
    assert!(!loaded.warnings.to_string().contains("canary"));
}

#[test]
fn a_key_that_a_file_leaves_unused_is_told() {
    let loaded = load(source(""), &env(&[("XAI_API_KEY", "x")])).unwrap();
    assert_eq!(
        brief(&loaded.warnings),
        [
            "warning tidegate.toml providers names no upstream, and XAI_API_KEY is not used beside a file"
        ]
    );
}

#[test]
fn what_is_printed_says_where_it_came_from_and_reads_the_same() {
    let file = "default_provider = \"p\"\n[providers.p]\nkind = \"groq\"\nkeys = [{ value = \"env:K\" }]\n";
    let variables = env(&[("K", "sk-canary")]);
    let (_, printed) = load_effective(source(file), &variables).unwrap();
    let printed = printed.to_toml();
    let base = "# base_url = \"https://api.groq.com/openai/v1\"";
    assert!(
        printed.contains(base) && !printed.contains("canary"),
        "{printed}"
    );
    let again = load(source(&printed), &variables).unwrap().config;
    assert_eq!(again.providers[0].base_url.host, "api.groq.com");

    let variables = env(&[("GROQ_API_KEY", "sk-canary")]);
    let (_, found) = load_effective(Source::default(), &variables).unwrap();
    let found = found.to_toml();
    assert!(
        found.contains("\n[providers.groq]\n") && found.contains("env:GROQ_API_KEY"),
        "{found}"
    );
    assert!(
        found.contains("kind = \"groq\"") && found.contains("default with GROQ_API_KEY"),
        "{found}"
    );
    assert!(load(source(&found), &variables).is_ok());
}
