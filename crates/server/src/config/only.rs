//! Keys of a provider that say something for some dialects only.
//!
//! Promise: one that says nothing for its provider's kind is told, so that
//! nobody counts on it.

use super::keys::Provider;
use super::kind::Dialect::{self, Anthropic, Azure, Bedrock, OpenAi};
use super::reading::Reading;
use super::report::Severity::Warning;

/// Each of them, and for which dialects it is.
const ONLY: &[(&str, &[Dialect])] = &[
    ("api_version", &[Azure]),
    ("deployments", &[Azure]),
    ("region", &[Bedrock]),
    ("access_key", &[Bedrock]),
    ("secret_key", &[Bedrock]),
    ("session_token", &[Bedrock]),
    ("credentials", &[Bedrock]),
    ("profile", &[Bedrock]),
    ("role", &[Bedrock]),
    ("default_max_tokens", &[Anthropic]),
    ("responses", &[OpenAi, Azure]),
    ("usage", &[OpenAi, Azure]),
];

pub(super) fn check(prefix: &str, provider: &Provider, cx: &mut Reading<'_>) {
    if cx.is_doubtful(&format!("{prefix}.kind")) {
        return;
    }
    let kind = provider.kind;
    for (name, dialects) in ONLY {
        let key = format!("{prefix}.{name}");
        if dialects.contains(&kind.dialect()) || cx.place(&key).is_none() {
            continue;
        }
        let words: Vec<_> = dialects.iter().map(|one| one.as_str()).collect();
        let what = format!("has no effect with kind \"{}\"", kind.as_str());
        let hint = format!("it is for {}; leave it out", words.join(" and "));
        cx.about(Warning, &key, what).hint(hint);
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::Table as _;
    use super::*;

    #[test]
    fn each_is_a_key_of_a_provider() {
        let keys = Provider::keys();
        for (name, _) in ONLY {
            assert!(keys.iter().any(|key| key.name == *name), "{name}");
        }
    }
}
