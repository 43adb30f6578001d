//! Where a provider is and whether it has what it wants to be called there.
//!
//! A preset knows its own place; what is written over it is looked at as any
//! other URL.

use super::keys::Provider;
use super::kind::{Dialect, Kind};
use super::reading::Reading;
use super::report::Severity::{Error, Warning};

pub(super) fn check(prefix: &str, provider: &Provider, cx: &mut Reading<'_>) {
    let key = format!("{prefix}.base_url");
    if cx.place(&key).is_some() {
        return address(prefix, provider, cx);
    }
    match provider.kind.preset() {
        Some(preset) if preset.needs_key && cx.place(&format!("{prefix}.keys")).is_none() => {
            let name = preset.variable.as_deref().unwrap_or("NAME");
            let what = format!("has no keys, and {} wants one", preset.name);
            cx.about(Warning, prefix, what)
                .hint(format!("set keys = [{{ value = \"env:{name}\" }}]"));
        }
        Some(_) => {}
        // It has a place with its region, which is `bedrock`'s to ask for.
        None if provider.kind == Kind::Bedrock => {}
        // What kind it is was doubted before.
        None if cx.is_doubtful(&format!("{prefix}.kind")) => {}
        None => {
            cx.about_in(Error, prefix, "base_url", "is missing".to_owned())
                .expected("a URL such as \"https://api.openai.com/v1\"")
                .hint("the kind says how it speaks, and not where it is");
        }
    }
}

fn address(prefix: &str, provider: &Provider, cx: &mut Reading<'_>) {
    let url = &provider.base_url;
    let key = format!("{prefix}.base_url");
    // An unreadable URL was told before.
    if url.host.is_empty() || cx.place(&key).is_none() {
        return;
    }
    let local = url.is_loopback();
    let signed = provider.kind == Kind::Bedrock;
    if !local && !signed && cx.place(&format!("{prefix}.keys")).is_none() {
        cx.about(
            Warning,
            &key,
            "is another machine, and the provider has no keys".to_owned(),
        )
        .hint("set keys = [{ name = \"main\", value = \"env:NAME\" }] if it wants one");
    }
    if !local && !url.tls && !provider.keys.is_empty() {
        cx.about(
            Warning,
            &key,
            "is not encrypted, and a key travels over it".to_owned(),
        )
        .expected("https, outside of a network you trust");
    }
    path(&key, provider, cx);
}

/// Each SDK has a path of its own at the end of what it is told, or none.
fn path(key: &str, provider: &Provider, cx: &mut Reading<'_>) {
    let path = &provider.base_url.path;
    let (what, expected) = match provider.kind.dialect() {
        Dialect::OpenAi if path.is_empty() => (
            "has no path",
            "the base of the API, which ends in `/v1` as a rule",
        ),
        Dialect::Gemini if path.is_empty() => (
            "has no path",
            "the base with the API's version, `/v1beta` as a rule",
        ),
        Dialect::Anthropic if path.ends_with("/v1") => (
            "ends in `/v1`, which is added to it",
            "the base without `/v1`, as Anthropic's SDK takes it",
        ),
        Dialect::Ollama if path.ends_with("/v1") || path.ends_with("/api") => (
            "ends in what is added to it, or in another API's path",
            "the base without `/api`; with `/v1` the kind is \"ollama-openai\"",
        ),
        _ => return,
    };
    cx.about(Warning, key, what.to_owned()).expected(expected);
}
