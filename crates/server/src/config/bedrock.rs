//! What only Amazon Bedrock has: a region, and three parts of a credential.
//!
//! Promises: 1. a credential is taken whole from one place: where a part of it
//! is written, nothing comes from the environment; 2. `keys` are Bedrock's API
//! keys, which are sent as they are and need no signature; 3. the environment
//! gives what all of Amazon's programs take from it, an API key before a
//! credential, and that before one that is lent (`aws`).

use super::aws;
use super::base_url::BaseUrl;
use super::form::Text;
use super::found::remember_key;
use super::keys::{Provider, UpstreamKey, UsageMode};
use super::kind::Kind;
use super::read::Parsed;
use super::reading::{Origin, Reading};
use super::report::Severity::{Error, Warning};
use super::secret::{Secret, SecretSource};

const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
const API_KEY: &str = "AWS_BEARER_TOKEN_BEDROCK";
pub(super) const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";
pub(super) const SECRET_KEY: &str = "AWS_SECRET_ACCESS_KEY";
pub(super) const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

/// The keys of a credential, and the variables that usually hold them.
const CREDENTIAL: [(&str, &str); 3] = [
    ("access_key", ACCESS_KEY),
    ("secret_key", SECRET_KEY),
    ("session_token", SESSION_TOKEN),
];

/// All of them, in the order in which they count.
pub(super) const VARIABLES: &[&str] = &[API_KEY, ACCESS_KEY, SECRET_KEY, SESSION_TOKEN];

/// A region, which stands in a host's name.
pub(super) const REGION: Parsed<Option<String>> = Parsed {
    form: Text {
        expected: "a region such as \"eu-central-1\"",
        pattern: r"^\s*[a-z]([a-z0-9-]{0,30}[a-z0-9])?\s*$",
        examples: &["eu-central-1"],
        is_wide: false,
    },
    parse: |text| {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let whole = (1..=32).contains(&text.len()) && text.chars().all(fits);
        let ends = text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-');
        (whole && ends).then(|| Some(text.to_owned()))
    },
    show: Clone::clone,
};

/// Gives a provider of this kind at the current path what its table does not
/// say.
pub(super) fn fill(provider: &mut Provider, cx: &mut Reading<'_>) {
    if provider.kind != Kind::Bedrock {
        return;
    }
    let path = cx.path();
    let written = |key: &str, cx: &Reading<'_>| cx.place(&format!("{path}.{key}")).is_some();
    // Both are OpenAI's.
    if !written("responses", cx) {
        provider.responses = false;
    }
    if !written("usage", cx) {
        provider.usage = UsageMode::Never;
    }
    if !written("region", cx) {
        provider.region = find_region(&path, provider, cx);
    }
    if !written("base_url", cx)
        && let Some(region) = &provider.region
    {
        provider.base_url = BaseUrl::parse(&host(region)).unwrap_or_default();
    }
    let parts = CREDENTIAL.iter().map(|(key, _)| *key);
    let said = ["keys", "credentials", "profile"];
    if !parts.chain(said).any(|key| written(key, cx)) && !find_credential(&path, provider, cx) {
        aws::choose(&path, provider, cx);
    }
    if written("profile", cx) && !written("credentials", cx) {
        provider.credentials = Some(aws::Lends::Profile);
    }
}

/// Where it is asked in a region.
pub(super) fn host(region: &str) -> String {
    format!("https://bedrock-runtime.{region}.amazonaws.com")
}

fn find_region(path: &str, provider: &Provider, cx: &mut Reading<'_>) -> Option<String> {
    let mut names = REGIONS.into_iter();
    let Some((name, text)) = names.find_map(|name| Some((name, cx.env.get(name)?))) else {
        let text = aws::region(provider, cx)?;
        let region = (REGION.parse)(text.trim()).flatten()?;
        cx.remember_at(&format!("{path}.region"), Origin::With("HOME"));
        return Some(region);
    };
    cx.remember_at(&format!("{path}.region"), variable(name));
    let region = (REGION.parse)(text.trim()).flatten();
    if region.is_none() {
        cx.from(variable(name), |cx| {
            cx.within("region", |cx| {
                cx.error(0..0, "cannot be read")
                    .expected(REGION.form.expected);
            });
        });
    }
    region
}

/// What the variables hold, if they hold a credential.
fn find_credential(path: &str, provider: &mut Provider, cx: &mut Reading<'_>) -> bool {
    // A role is taken by a signature, which an API key cannot give.
    let role = provider.role.is_some();
    if let Some(text) = cx.env.get(API_KEY).filter(|_| !role) {
        remember_key(path, API_KEY, cx);
        let key = secret("keys[0].value", API_KEY, &text, cx);
        provider.keys.extend(key.map(|value| UpstreamKey {
            value,
            ..UpstreamKey::default()
        }));
        return true;
    }
    let keys = [ACCESS_KEY, SECRET_KEY];
    if keys.iter().all(|name| cx.env.get(name).is_none()) {
        return false;
    }
    for (key, name) in CREDENTIAL {
        let Some(text) = cx.env.get(name) else {
            continue;
        };
        cx.remember_at(&format!("{path}.{key}"), variable(name));
        let read = secret(key, name, &text, cx);
        match key {
            "access_key" => provider.access_key = read,
            "secret_key" => provider.secret_key = read,
            _ => provider.session_token = read,
        }
    }
    true
}

fn secret(key: &str, name: &'static str, text: &str, cx: &mut Reading<'_>) -> Option<Secret> {
    let secret = Secret::new(text, SecretSource::Env(name.to_owned()));
    let told = |why| {
        cx.from(variable(name), |cx| {
            cx.within(key, |cx| {
                cx.error(0..0, why)
                    .hint("export it whole, or write the credential into the file");
            });
        });
    };
    secret.map_err(told).ok()
}

fn variable(name: &str) -> Origin {
    Origin::Variable(name.to_owned())
}

/// Whether it can be asked at all.
pub(super) fn check(prefix: &str, provider: &Provider, cx: &mut Reading<'_>) {
    if provider.kind != Kind::Bedrock {
        return;
    }
    let place = |key: &str, cx: &Reading<'_>| cx.place(&format!("{prefix}.{key}")).is_some();
    // A part that was written and cannot be read was told before.
    let [access, secret, _] = CREDENTIAL.map(|(key, _)| place(key, cx));
    let first = CREDENTIAL.into_iter().find(|(key, _)| place(key, cx));
    let keyed = place("keys", cx);
    if let Some((key, _)) = first.filter(|_| keyed) {
        cx.about(
            Error,
            &format!("{prefix}.{key}"),
            "stands beside `keys`".to_owned(),
        )
        .hint("`keys` are API keys, which are sent as they are; leave one of both out");
        return;
    }
    let lent = ["credentials", "profile"].into_iter();
    let lent = lent.map(|key| (key, place(key, cx))).find(|(_, is)| *is);
    if let Some((key, _)) = lent.filter(|_| keyed || first.is_some()) {
        let other = first.map_or("keys", |(key, _)| key);
        cx.about(
            Error,
            &format!("{prefix}.{key}"),
            format!("stands beside `{other}`"),
        )
        .hint("a credential has one source; leave one of both out");
        return;
    }
    if keyed && place("role", cx) {
        cx.about(
            Error,
            &format!("{prefix}.role"),
            "stands beside `keys`".to_owned(),
        )
        .hint("`keys` are API keys, and a role is taken by a signature");
    }
    if let Some((key, _)) = lent
        && key == "credentials"
        && provider.credentials != Some(aws::Lends::Profile)
        && place("profile", cx)
    {
        let what = "has no effect with these `credentials`".to_owned();
        cx.about(Warning, &format!("{prefix}.profile"), what)
            .hint("set credentials = \"profile\", or leave one of both out");
    }
    for (is_there, key) in [(access, "access_key"), (secret, "secret_key")] {
        if !is_there && first.is_some() {
            cx.about_in(Error, prefix, key, "is missing".to_owned())
                .expected(super::secret::EXPECTED)
                .hint("a credential is taken whole from one place");
        }
    }
    if !keyed && first.is_none() && lent.is_none() {
        cx.about(Error, prefix, "has no credential".to_owned())
            .expected("`access_key` and `secret_key`, an API key in `keys`, or a `profile`")
            .hint(format!(
                "or set {ACCESS_KEY} and {SECRET_KEY}, {API_KEY}, or what a cluster gives \
                 its containers (AWS_WEB_IDENTITY_TOKEN_FILE, AWS_CONTAINER_CREDENTIALS_FULL_URI); \
                 a machine's role is asked for by credentials = \"machine\""
            ));
    }
    // A signature names the region; so does the host, unless it is written.
    let needs_region = !keyed || !place("base_url", cx);
    if needs_region && !place("region", cx) {
        cx.about_in(Error, prefix, "region", "is missing".to_owned())
            .expected(REGION.form.expected)
            .hint("set it, or AWS_REGION");
    }
}
