//! The names, labels and texts of the gateway's metrics, each in one place.
//!
//! A name, once published, keeps its meaning. What a noun of the kernel tells
//! stands in the kernel's table.

tidegate_kernel::metrics! {
    PROVIDER_REQUESTS: Counter "tidegate_provider_requests_total" [provider class] "Requests that were routed to the provider, by the class of their outcome.";
    REQUESTS_PAUSING: Gauge "tidegate_requests_pausing" [provider] "Requests that hold no permit and wait for the time of their next attempt.";
    PAUSING_REFUSED: Counter "tidegate_requests_pausing_refused_total" [provider] "Requests that were given up because as many waited for their next attempt as may.";
    ATTEMPTS: Counter "tidegate_attempts_total" [provider] "Attempts at the provider; their ratio to its requests is the amplification.";
    RETRIES: Counter "tidegate_retries_total" [provider reason] "Attempts that followed one that failed, by its code.";
    RETRIES_OVER_BUDGET: Counter "tidegate_retries_over_budget_total" [provider] "Attempts that were not made because the retry budget was spent.";
    FALLBACKS: Counter "tidegate_fallbacks_total" [provider reason] "Requests that came to the provider because another target of their route could not answer, by why.";

    SHADOWS: Counter "tidegate_shadows_total" [result] "Calls of routes that were asked of another model as well: `completed`, `failed`, or `skipped` since too many ran.";
    SHADOWS_RUNNING: Gauge "tidegate_shadows_running" [] "Shadows that run.";

    CACHE_CALLS: Counter "tidegate_cache_calls_total" [result] "Calls by how they met the cache: `hit`, `miss`, `shared` with one on its way, `bypass`.";
    CACHE_KEPT: Counter "tidegate_cache_kept_total" [] "Answers that were kept.";
    CACHE_TOO_LARGE: Counter "tidegate_cache_too_large_total" [] "Answers that were not kept because they are over `cache.exact.max_entry`.";
    CACHE_ENTRIES: Gauge "tidegate_cache_entries" [] "Answers that are kept.";
    CACHE_BYTES: Gauge "tidegate_cache_bytes" [] "Bytes of the answers that are kept.";

    TOKENS: Counter "tidegate_tokens_total" [provider direction] "Tokens, as the provider told them or, where it did not, as estimated.";
    USAGE_ESTIMATED: Counter "tidegate_usage_estimated_total" [provider] "Requests whose tokens are an estimate.";

    KEY_USABLE: Gauge "tidegate_key_usable" [provider key] "Whether a key is in the rotation.";
    TARGET_USABLE: Gauge "tidegate_target_usable" [provider model key] "Whether a model may be asked with a key: neither resting nor left alone.";
    UPSTREAM_CONNECTIONS_IDLE: Gauge "tidegate_upstream_connections_idle" [provider] "Connections to the upstream that rest between two calls.";
    CREDENTIAL_LEFT: Gauge "tidegate_credential_left_seconds" [provider] "Seconds until the credential ends that the provider's requests are signed with, where one is fetched; 0 while there is none.";
    UPSTREAM_ODDITIES: Counter "tidegate_upstream_oddities_total" [kind] "Things an upstream did that its API does not promise, by kind.";
}
