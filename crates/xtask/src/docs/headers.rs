//! The headers that Tidegate reads and writes, as the second half of
//! `docs/errors.md`.
//!
//! Promises: (1) one row a header, in and out. The list is kept by hand beside
//! contracts that change rarely; the black-box tests show what really travels.

use super::{heading, row};

/// Headers that Tidegate reads: name, meaning.
const READ: &[(&str, &str)] = &[
    (
        "authorization",
        "`Bearer` with one of `[auth] keys`, when keys are set. It is never forwarded: the provider gets its own key.",
    ),
    ("x-api-key", "The same, as Anthropic's SDKs send it."),
    (
        "anthropic-version",
        "Whoever sends it is told models and failures in Anthropic's form; a provider of that dialect is told it as it is.",
    ),
    (
        "content-type",
        "`application/json`, or `multipart/form-data` where the endpoint takes a form; another type is refused with 415.",
    ),
    (
        "content-encoding",
        "Refused with 415: compressed request bodies are not taken.",
    ),
    (
        "x-request-id",
        "Your own id for the request, echoed in the answer when it matches `[A-Za-z0-9._:-]{1,128}`.",
    ),
    (
        "x-request-timeout-ms",
        "The longest time the whole answer may take, in milliseconds; it shortens `timeouts.total` and never lengthens it.",
    ),
    (
        "x-tidegate-priority",
        "`interactive` (the default) or `batch`: batch waits behind interactive work, but never for ever, and is the first to be refused when the process is near its bounds.",
    ),
    (
        "x-tidegate-fallbacks",
        "Models that are asked when the one of the body cannot answer, with commas between them, 8 at most; the field `fallbacks` of the body says the same.",
    ),
    (
        "x-tidegate-session",
        "Whose conversation the call belongs to, in 1 to 256 characters: it has its fair turns, and a `sticky` route asks the same target for it; else the body's `user`.",
    ),
    (
        "cache-control",
        "With a cache: `no-cache` asks anew, `no-store` also keeps nothing, `max-age=N` takes no answer older than N seconds, `only-if-cached` takes no other.",
    ),
    (
        "x-tidegate-provider",
        "The provider that answers a call which names no model (files, batches...); without it the default provider does, else the first of the file.",
    ),
    (
        "host, origin, sec-fetch-site",
        "Without keys a `host` that is not loopback, or a page of another origin, is refused with 403.",
    ),
];

/// Headers that Tidegate writes: name, when, meaning.
const WRITTEN: &[(&str, &str, &str)] = &[
    (
        "x-tidegate-id",
        "every answer to a whole head",
        "Tidegate's id of the request: it stands in logs and in `/debug/requests`.",
    ),
    (
        "x-request-id",
        "every answer to a whole head",
        "Your own id, as you sent it; Tidegate's when you sent none, or one that is not repeated.",
    ),
    (
        "x-tidegate-queue-ms",
        "model calls",
        "Time the call waited for a permit of its provider's pool, in milliseconds.",
    ),
    (
        "x-tidegate-upstream-ms",
        "model calls",
        "Time from the first permit until the first content, or the end of a whole answer; pauses between attempts included, in milliseconds.",
    ),
    (
        "x-tidegate-total-ms",
        "unary answers",
        "Time from reading the request to writing the answer, in milliseconds.",
    ),
    (
        "x-tidegate-target",
        "calls of a route, or with fallbacks",
        "The provider and model that answered.",
    ),
    (
        "x-tidegate-cache",
        "model calls, with a cache",
        "`hit`: the answer was known. `miss`: it was asked for. `shared`: it was being asked for already. `bypass`: the call is more than a question (tools that run elsewhere, files by address), or wants nothing kept.",
    ),
    (
        "age",
        "answers that were known",
        "For how many seconds they were.",
    ),
    (
        "x-tidegate-dropped",
        "calls that are translated",
        "The fields of the request that the provider's dialect has no place for and that were left out, by their names ([dialects.md](dialects.md)): hints always, others with `on_unsupported = \"drop\"`.",
    ),
    (
        "retry-after",
        "429, 503, and 408 of a slow head",
        "Seconds to wait; the provider's own value when it gave one.",
    ),
    (
        "x-should-retry",
        "errors",
        "`false` when the same request fails again, or when Tidegate has made the further attempts itself; `true` when coming back after `retry-after` is of use. The official SDKs obey it; unsaid, they follow their own rules.",
    ),
    (
        "x-upstream-request-id",
        "when the provider sent one",
        "The provider's `x-request-id`, `request-id` or `x-amzn-requestid`.",
    ),
    (
        "x-ratelimit-*",
        "when the provider sent them",
        "The provider's limits, as it sent them.",
    ),
    (
        "openai-*, anthropic-*",
        "when the provider sent them",
        "The provider's own notes, as it sent them.",
    ),
    (
        "cache-control",
        "model calls",
        "`private, no-store`: an answer is its caller's alone.",
    ),
    (
        "keep-alive",
        "while the connection stays",
        "`timeout=N`: an idle connection is closed after so many seconds (`limits.keep_alive`); a client that heeds it sends no request into the close.",
    ),
    (
        "content-security-policy, x-content-type-options, referrer-policy",
        "`/docs` and its parts",
        "What the page may load: its own files and nothing else.",
    ),
    (
        "content-encoding",
        "the large parts of `/docs`",
        "`gzip`: they are kept packed.",
    ),
    ("allow", "405", "The methods that the route takes."),
    (
        "content-type",
        "always",
        "The provider's own, or `application/json` for what Tidegate writes.",
    ),
    (
        "content-security-policy, x-content-type-options",
        "images, audio, files and the like",
        "`sandbox` and `nosniff`: a page among a provider's files is not run by a browser as one of Tidegate's.",
    ),
    (
        "content-disposition",
        "files and audio, when the provider sent one",
        "The provider's own.",
    ),
];

/// The sections, ready to follow the codes.
pub(super) fn sections() -> String {
    let mut text = "\n## Headers that Tidegate reads\n\n".to_owned();
    text += &heading(&["header", "meaning"]);
    for (name, meaning) in READ {
        text += &row(&[&quoted(name), meaning]);
    }
    text += "\nRequest headers reach the provider only from an allowlist.\n";
    text += "\n## Headers that Tidegate writes\n\n";
    text += &heading(&["header", "when", "meaning"]);
    for (name, when, meaning) in WRITTEN {
        text += &row(&[&quoted(name), when, meaning]);
    }
    text + "\nOther headers of the provider, `set-cookie` first of all, do not pass.\n"
}

fn quoted(names: &str) -> String {
    names
        .split(", ")
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_of_the_contracts_is_told() {
        let text = sections();
        for name in [
            "x-tidegate-id",
            "x-tidegate-queue-ms",
            "x-tidegate-upstream-ms",
            "x-tidegate-total-ms",
            "x-request-id",
            "x-request-timeout-ms",
            "x-should-retry",
            "x-tidegate-priority",
            "x-tidegate-provider",
            "retry-after",
            "x-upstream-request-id",
            "x-ratelimit-*",
            "openai-*",
            "cache-control",
            "allow",
        ] {
            assert!(text.contains(&format!("`{name}`")), "{name}");
        }
    }
}
