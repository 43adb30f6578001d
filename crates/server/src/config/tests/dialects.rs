//! Providers of every dialect: a word and a key are enough, and what only some
//! of them have is told where it says nothing.

use super::*;

fn provider(text: &str) -> Provider {
    read(text).unwrap().config.providers.remove(0)
}

fn of_kind(kind: &str, lines: &str) -> String {
    format!("default_provider = \"p\"\n[providers.p]\nkind = \"{kind}\"\n{lines}\n")
}

const KEY: &str = "keys = [{ value = \"sk-x\" }]";

#[test]
fn a_dialects_word_knows_where_its_api_is() {
    for (kind, dialect, base) in [
        ("anthropic", Dialect::Anthropic, "https://api.anthropic.com"),
        (
            "gemini",
            Dialect::Gemini,
            "https://generativelanguage.googleapis.com/v1beta",
        ),
        ("ollama", Dialect::Ollama, "http://127.0.0.1:11434"),
    ] {
        let key = if kind == "ollama" { "" } else { KEY };
        let loaded = read(&of_kind(kind, key)).unwrap();
        assert!(loaded.warnings.is_empty(), "{kind}: {}", loaded.warnings);
        let provider = &loaded.config.providers[0];
        assert_eq!(provider.kind.dialect(), dialect);
        assert_eq!(provider.base_url.to_string(), base);
        assert!(!provider.responses && provider.usage == UsageMode::Never);
    }
}

#[test]
fn a_base_that_its_sdk_would_not_take_is_told() {
    for (kind, base, told) in [
        (
            "anthropic",
            "https://a.example/v1",
            "ends in `/v1`, which is added to it",
        ),
        ("gemini", "https://a.example", "has no path"),
        (
            "ollama",
            "http://127.0.0.1:1/api",
            "ends in what is added to it, or in another API's path",
        ),
        (
            "ollama",
            "http://127.0.0.1:1/v1",
            "ends in what is added to it, or in another API's path",
        ),
    ] {
        let text = of_kind(kind, &format!("base_url = \"{base}\"\n{KEY}"));
        let expected = format!("warning 4:12 providers.p.base_url {told}");
        assert_eq!(warned(&text), [expected], "{kind} {base}");
    }
    for (kind, base) in [
        ("anthropic", "https://a.example/anthropic"),
        ("gemini", "https://a.example/v1beta"),
        ("ollama", "http://127.0.0.1:1"),
    ] {
        let text = of_kind(kind, &format!("base_url = \"{base}\"\n{KEY}"));
        assert_eq!(warned(&text), [] as [&str; 0], "{kind} {base}");
    }
}

#[test]
fn what_is_another_dialects_says_that_it_has_no_effect() {
    let base = "base_url = \"https://a.example/v1\"\n";
    for (kind, line) in [
        ("openai", "api_version = \"2024-10-21\""),
        ("openai", "region = \"eu-central-1\""),
        ("openai", "access_key = \"AKIA\""),
        ("azure", "session_token = \"t\""),
        ("groq", "default_max_tokens = 100"),
        ("anthropic", "usage = \"ask\""),
        ("gemini", "responses = true"),
        ("ollama", "secret_key = \"s\""),
    ] {
        let base = if kind == "openai" || kind == "azure" {
            base
        } else {
            ""
        };
        let told = warned(&of_kind(kind, &format!("{KEY}\n{base}{line}")));
        let key = line.split(' ').next().unwrap();
        let expected = format!("providers.p.{key} has no effect with kind \"{kind}\"");
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].ends_with(&expected), "{told:?}");
    }
}

#[test]
fn what_its_api_cannot_express_is_refused_unless_it_is_to_be_dropped() {
    let plain = provider(&of_kind("anthropic", KEY));
    assert_eq!(plain.on_unsupported, OnUnsupported::Refuse);
    assert_eq!(plain.default_max_tokens, 4096);
    let lines = format!("{KEY}\non_unsupported = \"drop\"\ndefault_max_tokens = 9000");
    let own = provider(&of_kind("anthropic", &lines));
    assert_eq!(own.on_unsupported, OnUnsupported::Drop);
    assert_eq!(own.default_max_tokens, 9000);
    assert_eq!(
        refused(&of_kind("ollama", "on_unsupported = \"ignore\"")),
        ["error 4:18 providers.p.on_unsupported cannot be read"]
    );
}

#[test]
fn openai_and_azure_have_responses_and_whoever_is_like_them_if_it_is_said() {
    let base = "base_url = \"https://a.example/v1\"\n";
    for (kind, lines, has) in [
        ("openai", base, true),
        ("azure", base, true),
        (
            "openai",
            "base_url = \"https://a.example/v1\"\nresponses = false",
            false,
        ),
        ("groq", "", false),
        ("xai", "", true),
        ("xai", "responses = false", false),
        ("vllm", "responses = true", true),
    ] {
        let provider = provider(&of_kind(kind, &format!("{KEY}\n{lines}")));
        assert_eq!(provider.responses, has, "{kind} {lines}");
    }
}

#[test]
fn contracts_7_keys_of_a_dialects_own_make_its_provider_and_amazons_do_not() {
    for (variable, name) in [
        ("ANTHROPIC_API_KEY", "anthropic"),
        ("GEMINI_API_KEY", "gemini"),
        ("GOOGLE_API_KEY", "gemini"),
    ] {
        let config = from_env(&[(variable, "sk-env")]).unwrap().config;
        let names: Vec<_> = config.providers.iter().map(|one| &*one.name).collect();
        assert_eq!(names, [name], "{variable}");
        assert_eq!(config.providers[0].kind.as_str(), name);
    }
    let others = [
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "b"),
        ("AWS_BEARER_TOKEN_BEDROCK", "c"),
        ("AWS_REGION", "eu-central-1"),
        ("OLLAMA_HOST", "127.0.0.1:11434"),
    ];
    assert!(from_env(&others).unwrap().config.providers.is_empty());
}

#[test]
fn what_is_printed_reads_the_same() {
    for kind in ["anthropic", "gemini", "ollama"] {
        let text = of_kind(kind, "keys = [{ value = \"env:K\" }]");
        let variables = env(&[("K", "sk-canary")]);
        let (before, printed) = load_effective(source(&text), &variables).unwrap();
        let printed = printed.to_toml();
        assert!(!printed.contains("canary"), "{printed}");
        let after = load(source(&printed), &variables).unwrap();
        assert!(after.warnings.is_empty(), "{}", after.warnings);
        let debug = |loaded: &Loaded| format!("{:?}", loaded.config.providers);
        assert_eq!(debug(&after), debug(&before), "{printed}");
    }
}
