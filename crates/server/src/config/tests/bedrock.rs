//! Providers of kind `bedrock`: where they are and by what they are known, from
//! the file or from the variables that all of Amazon's programs read.

use super::*;

mod lent;

const PLAIN: &str = "default_provider = \"b\"\n[providers.b]\nkind = \"bedrock\"\n";

const AWS: &[(&str, &str)] = &[
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "AKIACANARY"),
    ("AWS_SECRET_ACCESS_KEY", "secret-canary"),
];

fn with(lines: &str, more: &[(&str, &str)]) -> Result<Loaded, Problems> {
    load(source(&format!("{PLAIN}{lines}")), &env(more))
}

fn told(lines: &str, more: &[(&str, &str)]) -> Vec<String> {
    match with(lines, more) {
        Ok(loaded) => brief(&loaded.warnings),
        Err(problems) => {
            let all = problems.to_string();
            assert!(!all.contains("canary") && !all.contains("CANARY"), "{all}");
            brief(&problems)
        }
    }
}

/// The three parts of its credential, in clear.
fn credential(provider: &Provider) -> [Option<&str>; 3] {
    let parts = [
        &provider.access_key,
        &provider.secret_key,
        &provider.session_token,
    ];
    parts.map(|part| part.as_ref().map(|part| part.value.expose_secret()))
}

#[test]
fn the_variables_of_amazon_are_enough() {
    let loaded = with("", AWS).unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    let provider = &loaded.config.providers[0];
    assert_eq!(provider.kind.dialect(), Dialect::Bedrock);
    assert_eq!(provider.region.as_deref(), Some("eu-central-1"));
    let base = "https://bedrock-runtime.eu-central-1.amazonaws.com";
    assert_eq!(provider.base_url.to_string(), base);
    let parts = [Some("AKIACANARY"), Some("secret-canary"), None];
    assert_eq!(credential(provider), parts);
    assert!(provider.keys.is_empty());
    assert!(!format!("{provider:?}").to_lowercase().contains("canary"));

    let lent = [AWS, &[("AWS_SESSION_TOKEN", "lent")]].concat();
    let loaded = with("", &lent).unwrap();
    assert_eq!(credential(&loaded.config.providers[0])[2], Some("lent"));
    let older = [&AWS[1..], &[("AWS_DEFAULT_REGION", "us-west-2")]].concat();
    let loaded = with("", &older).unwrap();
    assert_eq!(
        loaded.config.providers[0].base_url.host,
        "bedrock-runtime.us-west-2.amazonaws.com"
    );
}

#[test]
fn what_the_file_says_wins() {
    let lines = "region = \"us-east-1\"\naccess_key = \"env:A\"\nsecret_key = \"env:B\"\n\
                 base_url = \"https://vpce-1.example\"";
    let variables = [
        AWS,
        &[
            ("A", "own"),
            ("B", "own-secret"),
            ("AWS_SESSION_TOKEN", "lent"),
        ],
    ];
    let loaded = with(lines, &variables.concat()).unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    let provider = &loaded.config.providers[0];
    assert_eq!(provider.region.as_deref(), Some("us-east-1"));
    assert_eq!(provider.base_url.host, "vpce-1.example");
    // p1: a token of other keys would make each signature wrong.
    assert_eq!(
        credential(provider),
        [Some("own"), Some("own-secret"), None]
    );
}

#[test]
fn p1_a_credential_is_not_put_together_from_two_places() {
    let lines = "region = \"us-east-1\"\naccess_key = \"env:AWS_ACCESS_KEY_ID\"";
    assert_eq!(
        told(lines, AWS),
        ["error 2:1 providers.b.secret_key is missing"]
    );
    let token = "region = \"us-east-1\"\nsession_token = \"canary\"";
    assert_eq!(
        told(token, AWS),
        [
            "error 2:1 providers.b.access_key is missing",
            "error 2:1 providers.b.secret_key is missing",
        ]
    );
}

#[test]
fn p2_an_api_key_needs_no_signature() {
    let api_key = ("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-canary");
    let loaded = with("", &[AWS, &[api_key]].concat()).unwrap();
    let provider = &loaded.config.providers[0];
    assert_eq!(provider.keys[0].value.value.expose_secret(), api_key.1);
    assert_eq!(credential(provider), [None; 3]);

    let both = "keys = [{ value = \"canary\" }]\naccess_key = \"canary\"\nsecret_key = \"canary\"";
    assert_eq!(
        told(both, &AWS[..1]),
        ["error 5:14 providers.b.access_key stands beside `keys`"]
    );
    let token = "keys = [{ value = \"canary\" }]\nsession_token = \"canary\"";
    assert_eq!(
        told(token, &AWS[..1]),
        ["error 5:17 providers.b.session_token stands beside `keys`"]
    );
    // Without a signature only the host has the region in it.
    let elsewhere = "keys = [{ value = \"canary\" }]\nbase_url = \"https://a.example\"";
    assert_eq!(told(elsewhere, &[]), [] as [&str; 0]);
}

#[test]
fn what_is_missing_is_told_with_what_would_give_it() {
    let problems = with("", &[]).unwrap_err();
    assert_eq!(
        brief(&problems),
        [
            "error 2:1 providers.b has no credential",
            "error 2:1 providers.b.region is missing",
        ]
    );
    let text = problems.to_string();
    assert!(
        text.contains("AWS_BEARER_TOKEN_BEDROCK") && text.contains("AWS_REGION"),
        "{text}"
    );
    assert_eq!(
        told("", &[&AWS[1..], &[("AWS_REGION", "Frankfurt/..")]].concat()),
        ["error environment variable AWS_REGION providers.b.region cannot be read"]
    );
    assert_eq!(
        told("region = \"a.example/\"", AWS),
        ["error 4:10 providers.b.region cannot be read"]
    );
    let spaced = [AWS, &[("AWS_SECRET_ACCESS_KEY", "two canary words")]].concat();
    assert_eq!(
        told("", &spaced),
        [
            "error environment variable AWS_SECRET_ACCESS_KEY providers.b.secret_key has a space or \
             a character that cannot stand in a header"
        ]
    );
    assert_eq!(
        told("access_key = \"env:NOBODY\"\nsecret_key = \"canary\"", AWS),
        ["error 4:14 providers.b.access_key names NOBODY, which is not set"]
    );
}

#[test]
fn what_is_printed_reads_the_same() {
    let api_key = [AWS, &[("AWS_BEARER_TOKEN_BEDROCK", "api-canary")]].concat();
    let lent = [AWS, &[("AWS_SESSION_TOKEN", "token-canary")]].concat();
    for variables in [AWS, &api_key, &lent] {
        let variables = env(variables);
        let (before, printed) = load_effective(source(PLAIN), &variables).unwrap();
        let printed = printed.to_toml();
        assert!(!printed.to_lowercase().contains("canary"), "{printed}");
        let after = load(source(&printed), &variables).unwrap();
        let (before, after) = (&before.config.providers[0], &after.config.providers[0]);
        assert_eq!(credential(after), credential(before), "{printed}");
        assert_eq!(after.keys.len(), before.keys.len());
        assert_eq!(
            (&after.region, &after.base_url),
            (&before.region, &before.base_url)
        );
    }
    let (_, printed) = load_effective(source(PLAIN), &env(AWS)).unwrap();
    let printed = printed.to_toml();
    for line in [
        "region = \"eu-central-1\"",
        "environment variable AWS_REGION",
        "access_key = \"env:AWS_ACCESS_KEY_ID\"",
        "# base_url = \"https://bedrock-runtime.eu-central-1.amazonaws.com\"",
    ] {
        assert!(printed.contains(line), "{line}\n{printed}");
    }
}
