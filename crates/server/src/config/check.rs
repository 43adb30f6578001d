//! What several keys mean together, looked at when all of them are read.
//!
//! Only values that were written are compared with each other: a default that
//! another value outgrows is not the writer's mistake.

use std::net::SocketAddr;
use std::time::Duration;

use super::keys::{Breaker, Document, LimitKind, Pick, Pool, Provider, Retry, Timeouts};
use super::providers::SIM;
use super::reading::{Reading, nearest};
use super::report::Severity::{self, Error, Warning};
use super::units::show_duration;

/// Memory below this is soon used by a process with a few thousand streams.
const LITTLE: u64 = 64 << 20;

/// A caller's key shorter than this can be guessed.
const SHORT_KEY: usize = 16;

/// Finds what does not fit together.
pub(super) fn check(document: &Document, cx: &mut Reading<'_>) {
    listening(document, cx);
    short_keys(document, cx);
    super::tls::check(&document.tls, cx);
    memory(document, cx);
    bodies(document, cx);
    if document.providers.named.is_empty() && !document.providers.sim.enabled {
        cx.about(Error, "providers", "holds no provider at all".to_owned())
            .hint("add a [providers.x] table, or leave `sim` on");
    }
    default_provider(document, cx);
    super::routes::check(document, cx);
    super::cache::check(document, cx);
    let sim = &document.providers.sim;
    timers("providers.sim", &sim.timeouts, cx);
    permits("providers.sim", &sim.pool, cx);
    retrying("providers.sim", &sim.retry, cx);
    resting("providers.sim", &sim.breaker, cx);
    for provider in &document.providers.named {
        let prefix = format!("providers.{}", provider.name);
        timers(&prefix, &provider.timeouts, cx);
        waiting(&prefix, provider, cx);
        permits(&prefix, &provider.pool, cx);
        retrying(&prefix, &provider.retry, cx);
        resting(&prefix, &provider.breaker, cx);
        keys(&prefix, provider, cx);
        super::places::check(&prefix, provider, cx);
        super::bedrock::check(&prefix, provider, cx);
        super::only::check(&prefix, provider, cx);
    }
}

fn listening(document: &Document, cx: &mut Reading<'_>) {
    let open = |address: SocketAddr| !address.ip().is_loopback();
    let (listen, admin) = (document.listen, document.admin_listen);
    let keyless = cx.place("auth.keys").is_none();
    for (key, address) in [("listen", listen), ("admin_listen", admin)] {
        if open(address) && keyless {
            cx.about(
                Error,
                key,
                "is not a loopback address, and there are no keys".to_owned(),
            )
            .found(address.to_string())
            .expected("a loopback address such as \"127.0.0.1:7070\", or keys for callers")
            .hint("set [auth] keys = [\"env:NAME\"], or listen on 127.0.0.1");
        }
    }
    if open(admin) && !keyless {
        cx.about(
            Warning,
            "admin_listen",
            "shows metrics and running requests to others".to_owned(),
        )
        .found(admin.to_string())
        .hint("keep it on loopback, or behind a firewall");
    }
    let unused = !open(listen) && !cx.is_doubtful("listen");
    if unused && cx.place("admin_listen").is_some() {
        cx.about(
            Warning,
            "admin_listen",
            "has no effect while `listen` is a loopback address".to_owned(),
        )
        .hint("metrics and debug pages are on `listen` itself");
    }
    let overlap = listen.ip() == admin.ip() || listen.ip().is_unspecified();
    if open(listen) && overlap && listen.port() == admin.port() && admin.port() != 0 {
        cx.about(
            Error,
            "admin_listen",
            "is the address of `listen`".to_owned(),
        )
        .found(admin.to_string())
        .expected("another port");
    }
}

fn short_keys(document: &Document, cx: &mut Reading<'_>) {
    use secrecy::ExposeSecret as _;
    if !is_whole("auth.keys", document.auth.keys.len(), cx) {
        return;
    }
    for (index, key) in document.auth.keys.iter().enumerate() {
        if key.value.expose_secret().len() < SHORT_KEY {
            cx.about(
                Warning,
                &format!("auth.keys[{index}]"),
                "is short enough to guess".to_owned(),
            )
            .expected(format!("at least {SHORT_KEY} random characters"));
        }
    }
}

/// From 0.95 of it on everything is refused.
fn memory(document: &Document, cx: &mut Reading<'_>) {
    let key = "limits.memory";
    let written = document.limits.memory.filter(|_| !cx.is_doubtful(key));
    if let Some(bytes) = written.filter(|bytes| *bytes < LITTLE) {
        cx.about(Warning, key, "leaves little for requests".to_owned())
            .found(format!("{bytes} bytes"))
            .expected("at least 64MiB, or 0 for what the system allows");
    }
}

/// A body that never finds room is told to come back for ever.
fn bodies(document: &Document, cx: &mut Reading<'_>) {
    let (all, one) = (document.limits.bodies, document.limits.body as u64);
    // One of several tenants holds at most half.
    let part = match document.auth.keys.len() {
        0 | 1 => all,
        _ => all / 2,
    };
    let keys = ["limits.bodies", "limits.body"];
    let doubtful = keys.iter().any(|key| cx.is_doubtful(key));
    let written = keys.into_iter().find(|key| cx.place(key).is_some());
    if let Some(key) = written.filter(|_| one > part && !doubtful) {
        let what = "leaves no room for the largest body of one caller".to_owned();
        cx.about(Warning, key, what)
            .found(format!("{one} bytes of `limits.body`"))
            .expected(format!("at most {part} bytes, by `limits.bodies`"));
    }
}

/// Whether every item of a list was read: only then do its indices fit.
fn is_whole(path: &str, len: usize, cx: &Reading<'_>) -> bool {
    cx.place(&format!("{path}[{len}]")).is_none()
}

fn default_provider(document: &Document, cx: &mut Reading<'_>) {
    let providers = &document.providers;
    let mut names: Vec<_> = providers
        .named
        .iter()
        .map(|provider| &*provider.name)
        .collect();
    names.extend(providers.sim.enabled.then_some(SIM));
    match &document.default_provider {
        // A provider that could not be read is no reason to doubt its name.
        Some(name) if cx.place(&format!("providers.{name}")).is_some() && name != SIM => {}
        Some(name) if !names.contains(&name.as_str()) => {
            let near = nearest(name, names.iter().copied());
            cx.about(Error, "default_provider", "names no provider".to_owned())
                .found(format!("{name:?}"))
                .expected(format!("one of {}", names.join(", ")))
                .near(near);
        }
        Some(_) => {}
        None => {
            let only_patterns =
                |provider: &&Provider| provider.models.iter().all(|model| model.contains('*'));
            if let Some(provider) = providers.named.iter().find(only_patterns) {
                let name = provider.name.clone();
                cx.about(
                    Warning,
                    &format!("providers.{name}"),
                    "is reached by its name only".to_owned(),
                )
                .hint(format!(
                    "patterns permit and never list: call \"{name}/<model>\", list models, \
                         or set default_provider = \"{name}\""
                ));
            }
        }
    }
}

fn timers(prefix: &str, timeouts: &Timeouts, cx: &mut Reading<'_>) {
    let total = format!("{prefix}.timeouts.total");
    if cx.place(&total).is_none() {
        return;
    }
    let parts = [
        ("connect", timeouts.connect),
        ("first_byte", timeouts.first_byte),
        ("first_content", timeouts.first_content),
        ("idle", timeouts.idle),
    ];
    for (name, value) in parts {
        let key = format!("{prefix}.timeouts.{name}");
        longer(&key, value, &total, timeouts.total, Error, cx);
    }
}

fn waiting(prefix: &str, provider: &Provider, cx: &mut Reading<'_>) {
    let (wait, total) = (
        format!("{prefix}.pool.max_wait"),
        format!("{prefix}.timeouts.total"),
    );
    if cx.place(&total).is_some() {
        longer(
            &wait,
            provider.pool.max_wait,
            &total,
            provider.timeouts.total,
            Warning,
            cx,
        );
    }
}

fn permits(prefix: &str, pool: &Pool, cx: &mut Reading<'_>) {
    let (min, size) = (format!("{prefix}.pool.min"), format!("{prefix}.pool.size"));
    let doubtful = cx.is_doubtful(&min) || cx.is_doubtful(&size);
    if cx.place(&min).is_some() && pool.min > pool.size && !doubtful {
        cx.about(Error, &min, "is more than there may be at most".to_owned())
            .found(pool.min.to_string())
            .expected(format!("at most {} ({size})", pool.size));
    }
    if pool.limit != LimitKind::Fixed {
        return;
    }
    for name in ["min", "shadow", "slow"] {
        let key = format!("{prefix}.pool.{name}");
        if cx.place(&key).is_some() {
            let what = "has no effect with a fixed limit".to_owned();
            cx.about(Warning, &key, what)
                .hint("set limit = \"scaled\" or \"adaptive\", or leave the key out");
        }
    }
}

fn retrying(prefix: &str, retry: &Retry, cx: &mut Reading<'_>) {
    let (base, cap) = (
        format!("{prefix}.retry.base"),
        format!("{prefix}.retry.cap"),
    );
    ordered((&base, retry.base), (&cap, retry.cap), cx);
}

fn resting(prefix: &str, breaker: &Breaker, cx: &mut Reading<'_>) {
    let open = format!("{prefix}.breaker.open");
    let most = format!("{prefix}.breaker.open_max");
    ordered((&open, breaker.open), (&most, breaker.open_max), cx);
}

/// Of two times that were written, the first must not be the longer one.
fn ordered(first: (&str, Duration), most: (&str, Duration), cx: &mut Reading<'_>) {
    let written = |key| cx.place(key).is_some() && !cx.is_doubtful(key);
    if written(first.0) && written(most.0) && first.1 > most.1 {
        let what = "is longer than its own upper bound".to_owned();
        cx.about(Error, first.0, what)
            .found(show_duration(first.1))
            .expected(format!("at most {} ({})", show_duration(most.1), most.0));
    }
}

fn longer(
    key: &str,
    value: Duration,
    total_key: &str,
    total: Duration,
    severity: Severity,
    cx: &mut Reading<'_>,
) {
    let doubtful = cx.is_doubtful(key) || cx.is_doubtful(total_key);
    if cx.place(key).is_some() && value > total && !doubtful {
        cx.about(
            severity,
            key,
            "is longer than the whole call may take".to_owned(),
        )
        .found(show_duration(value))
        .expected(format!("at most {} ({total_key})", show_duration(total)));
    }
}

fn keys(prefix: &str, provider: &Provider, cx: &mut Reading<'_>) {
    let path = format!("{prefix}.keys");
    if !is_whole(&path, provider.keys.len(), cx) {
        return;
    }
    for (index, key) in provider.keys.iter().enumerate() {
        let earlier = provider.keys.iter().take(index);
        if earlier.clone().any(|other| other.name == key.name) {
            cx.about(
                Error,
                &format!("{path}[{index}]"),
                "has the name of another key".to_owned(),
            )
            .found(format!("{:?}", key.name))
            .expected("each name once");
        }
    }
    weights(prefix, provider, cx);
}

fn weights(prefix: &str, provider: &Provider, cx: &mut Reading<'_>) {
    if provider.pick == Pick::Weight {
        return;
    }
    for index in 0..provider.keys.len() {
        let key = format!("{prefix}.keys[{index}].weight");
        if cx.place(&key).is_some() {
            let what = "has no effect unless keys are picked by weight".to_owned();
            cx.about(Warning, &key, what).hint("set pick = \"weight\"");
        }
    }
}
