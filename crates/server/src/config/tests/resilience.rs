//! The keys of limits, retries and breakers: their defaults, their forms, and
//! which of them do not fit together.

use super::*;

#[test]
fn limits_retries_and_breakers_have_defaults_and_forms() {
    let text = |more: &str| format!("default_provider = \"m\"\n{PROVIDER}{more}\n");
    let config = read(&text("")).unwrap().config;
    let [provider] = &config.providers[..] else {
        panic!("{:?}", config.providers)
    };
    assert_eq!((provider.retry.attempts, config.retry.budget), (3, 20));
    assert_eq!(
        (provider.breaker.failures, provider.breaker.ratio),
        (5, 0.5)
    );
    assert_eq!(
        (config.limits.memory, config.limits.stream_buffer),
        (None, 256 << 10)
    );

    let text = text(
        "pool = { limit = \"adaptive\", min = 1, shadow = true, slow = \"90s\" }\n\
         retry = { attempts = 1, base = \"9s\" }\n\
         breaker = { failures = 0, ratio = 0.75 }\n\
         [retry]\nbudget = 0\n[limits]\nmemory = \"2GiB\"",
    );
    let Loaded {
        config, warnings, ..
    } = read(&text).unwrap();
    assert!(warnings.is_empty(), "{warnings}");
    let provider = &config.providers[0];
    let pool = &provider.pool;
    assert_eq!((pool.limit, pool.min), (LimitKind::Adaptive, 1));
    assert_eq!(
        (pool.shadow, pool.slow),
        (true, Some(Duration::from_secs(90)))
    );
    assert_eq!((provider.breaker.ratio, config.retry.budget), (0.75, 0));
    assert_eq!(config.limits.memory, Some(2 << 30));
    let off = "[limits]\nmemory = 0\n[providers.sim]\npool = { slow = \"0s\" }";
    let config = read(off).unwrap().config;
    assert_eq!((config.limits.memory, config.sim.pool.slow), (None, None));
    for whole in ["0", "1", "1.0", "1e0"] {
        let text = format!("{PROVIDER}breaker = {{ ratio = {whole} }}\n");
        assert!(read(&text).is_ok(), "{whole}");
    }
}

/// What is said of a file with one provider and this.
fn told(more: &str) -> Vec<String> {
    let text = format!("default_provider = \"m\"\n{PROVIDER}{more}\n");
    match read(&text) {
        Ok(loaded) => brief(&loaded.warnings),
        Err(problems) => brief(&problems),
    }
}

#[test]
fn limits_retries_and_breakers_that_cannot_work_are_refused() {
    for (more, expected) in [
        (
            "pool = { size = 10, min = 11 }",
            "error 5:27 providers.m.pool.min is more than there may be at most",
        ),
        (
            "pool = { limit = \"fixed\", min = 10 }",
            "warning 5:33 providers.m.pool.min has no effect with a fixed limit",
        ),
        (
            "retry = { base = \"2s\", cap = \"1s\" }",
            "error 5:18 providers.m.retry.base is longer than its own upper bound",
        ),
        (
            "breaker = { open = \"2s\", open_max = \"1s\" }",
            "error 5:20 providers.m.breaker.open is longer than its own upper bound",
        ),
        (
            "breaker = { ratio = 1.5 }",
            "error 5:21 providers.m.breaker.ratio is out of range",
        ),
        (
            "breaker = { ratio = nan }",
            "error 5:21 providers.m.breaker.ratio is out of range",
        ),
        (
            "breaker = { ratio = \"half\" }",
            "error 5:21 providers.m.breaker.ratio cannot be read",
        ),
        (
            "keys = [{ value = \"sk-x\", weight = 2 }]",
            "warning 5:36 providers.m.keys[0].weight has no effect unless keys are picked by weight",
        ),
        (
            "pick = \"random\"",
            "error 5:8 providers.m.pick cannot be read",
        ),
        (
            "retry = { budget = 101 }",
            "error 5:20 providers.m.retry.budget is out of range",
        ),
    ] {
        assert_eq!(told(more), [expected]);
    }
    let small = told("pool = { size = 10 }\nretry = { base = \"9s\" }");
    assert_eq!(
        small,
        [] as [&str; 0],
        "a default gives way to what is written"
    );
}

#[test]
fn a_slip_of_the_unit_is_told_and_what_is_not_read_is_not_compared() {
    for (more, expected) in [
        (
            "[limits]\nmemory = \"512\"",
            "error 6:10 limits.memory is out of range",
        ),
        (
            "[limits]\nmemory = \"20MiB\"",
            "warning 6:10 limits.memory leaves little for requests",
        ),
        (
            "[limits]\nbodies = \"16MiB\"",
            "warning 6:10 limits.bodies leaves no room for the largest body of one caller",
        ),
        (
            // Nothing is said of the default that stands in for it.
            "timeouts = { total = \"1s\" }\npool = { max_wait = \"10\" }",
            "error 6:21 providers.m.pool.max_wait cannot be read",
        ),
    ] {
        assert_eq!(told(more), [expected]);
    }
}

#[test]
fn timers_that_cannot_fire_are_refused_only_when_written() {
    let text = |timeouts: &str| {
        format!("default_provider = \"m\"\n{PROVIDER}timeouts = {{ {timeouts} }}\n")
    };
    assert_eq!(warned(&text("total = \"1s\"")), [] as [&str; 0]);
    assert_eq!(
        refused(&text("total = \"1s\", idle = \"2s\"")),
        ["error 5:35 providers.m.timeouts.idle is longer than the whole call may take"]
    );
}
