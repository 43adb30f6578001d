//! Providers of kind `azure`: what is read, what is refused, and that it reads
//! the same when it was printed.

use super::*;

const AZURE: &str = r#"default_provider = "az"
[providers.az]
kind = "azure"
base_url = "https://mine.openai.azure.com"
api_version = "2024-10-21"
keys = [{ value = "env:K" }]
[providers.az.deployments]
"gpt-4o" = "my-dep"
"gpt-4.1" = "other_dep.1"
"#;

#[test]
fn a_resource_its_version_and_its_deployments_are_read_and_printed() {
    let variables = env(&[("K", "azure-canary")]);
    let (loaded, printed) = load_effective(source(AZURE), &variables).unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    let printed = printed.to_toml();
    let again = load(source(&printed), &variables).unwrap();
    for config in [loaded.config, again.config] {
        let azure = &config.providers[0];
        assert_eq!(azure.kind, Kind::Azure);
        assert_eq!(azure.api_version.as_deref(), Some("2024-10-21"));
        let deployments: Vec<_> = azure.deployments.iter().collect();
        let pair = |(a, b): (&String, &String)| format!("{a}={b}");
        let deployments: Vec<_> = deployments.into_iter().map(pair).collect();
        assert_eq!(deployments, ["gpt-4.1=other_dep.1", "gpt-4o=my-dep"]);
    }
    assert!(!printed.contains("canary"), "{printed}");
}

#[test]
fn what_cannot_stand_in_a_path_is_refused() {
    for (from, to, told) in [
        (
            "my-dep",
            "../x",
            "error 8:12 providers.az.deployments.gpt-4o cannot be read",
        ),
        (
            "my-dep",
            "..",
            "error 8:12 providers.az.deployments.gpt-4o cannot be read",
        ),
        (
            "\"gpt-4o\"",
            "\"gpt-*\"",
            "error 8:1 providers.az.deployments.gpt-* is not a name",
        ),
        (
            "2024-10-21",
            "x&y=z",
            "error 5:15 providers.az.api_version cannot be read",
        ),
    ] {
        let text = AZURE.replace(from, to).replace("env:K", "sk-x");
        assert_eq!(refused(&text), [told]);
    }
    let nowhere = AZURE
        .replace("base_url", "# base_url")
        .replace("env:K", "sk-x");
    assert_eq!(
        refused(&nowhere),
        ["error 2:1 providers.az.base_url is missing"]
    );
}

#[test]
fn azures_keys_say_nothing_of_another_kind() {
    let text = AZURE
        .replace("\"azure\"", "\"openai\"")
        .replace("env:K", "sk-x");
    let warned = warned(&text.replace(".azure.com", ".azure.com/v1"));
    assert_eq!(
        warned,
        [
            "warning 5:15 providers.az.api_version has no effect with kind \"openai\"",
            "warning 7:1 providers.az.deployments has no effect with kind \"openai\"",
        ]
    );
}
