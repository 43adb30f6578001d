//! The gateway's settings out of the configuration.
//!
//! Field by field and without a decision: what is sensible was checked before.

use std::collections::BTreeMap;
use std::sync::Arc;

use kernel::{BreakerSettings, BudgetSettings, LimitKind, LimitSettings, PoolSettings};
use tidegate_gateway::{
    BaseUrl, Bounds, CacheSettings, Dialect, Facts, FallbackOn, KeySettings, OnUnsupported, Pick,
    ProviderSettings, RetrySettings, RouteSettings, RouteTarget, Settings, ShadowSettings,
    SimSettings, Slow, Strategy, Timeouts,
};
use tidegate_kernel as kernel;
use tidegate_wire::json;

use super::account;
use crate::config::{self, Config};

/// What the gateway is told; `tenants` are the numbers of the callers' keys, in
/// their `era`.
pub(crate) fn gateway_settings(config: &Config, (tenants, era): (Vec<u64>, u64)) -> Settings {
    let limits = &config.limits;
    Settings {
        providers: config.providers.iter().map(provider).collect(),
        default_provider: config.default_provider.clone(),
        sim: config.sim.enabled.then(|| SimSettings {
            pool: pool(&config.sim.pool),
            retry: retry(&config.sim.retry),
            breaker: breaker(&config.sim.breaker),
            timeouts: timeouts(&config.sim.timeouts),
            script: match &config.sim.script {
                Some(script) => Arc::clone(&script.text),
                None => Arc::default(),
            },
        }),
        catalogue: config.catalogue.iter().map(facts).collect(),
        routes: config.routes.iter().map(route).collect(),
        cache: cache(&config.cache.exact),
        bounds: Bounds {
            bodies: limits.bodies,
            event: limits.event,
            response: limits.response,
            caller: limits.body_timeout.max(limits.write_stall),
            ..Bounds::default()
        },
        tenants,
        era,
        budget: BudgetSettings {
            percent: config.retry.budget,
            ..BudgetSettings::default()
        },
    }
}

/// What a caller's JSON may be.
pub(crate) fn json_limits(limits: &config::Limits) -> json::Limits {
    json::Limits {
        depth: limits.json_depth,
        array: limits.json_array,
        keys: limits.json_keys,
        string: limits.json_string,
        ..json::Limits::default()
    }
}

fn provider(provider: &config::Provider) -> ProviderSettings {
    // What another kind says of these was told to be without effect.
    let speaks = provider.kind.dialect();
    let is_azure = speaks == config::Dialect::Azure;
    ProviderSettings {
        dialect: dialect(speaks),
        name: provider.name.clone(),
        base: base_url(&provider.base_url),
        api_version: provider.api_version.clone().filter(|_| is_azure),
        deployments: match is_azure {
            true => provider.deployments.clone(),
            false => BTreeMap::new(),
        },
        keys: provider.keys.iter().map(key).collect(),
        pick: match provider.pick {
            config::Pick::Load => Pick::Load,
            config::Pick::RoundRobin => Pick::RoundRobin,
            config::Pick::Weight => Pick::Weight,
        },
        models: provider.models.clone(),
        pool: pool(&provider.pool),
        retry: retry(&provider.retry),
        breaker: breaker(&provider.breaker),
        timeouts: timeouts(&provider.timeouts),
        slow: Slow {
            models: provider.slow_models.clone(),
            time: provider.slow_timeout,
        },
        ask_usage: provider.usage == config::UsageMode::Ask && speaks.is_openai(),
        responses: provider.responses && speaks.is_openai(),
        on_unsupported: match provider.on_unsupported {
            config::OnUnsupported::Refuse => OnUnsupported::Refuse,
            config::OnUnsupported::Drop => OnUnsupported::Drop,
        },
        max_tokens: provider.default_max_tokens,
        aws: account::of(provider),
        ca_file: provider.ca_file.clone(),
    }
}

pub(super) fn base_url(base: &config::BaseUrl) -> BaseUrl {
    BaseUrl {
        tls: base.tls,
        host: base.host.clone(),
        port: base.port,
        path: base.path.clone(),
    }
}

fn dialect(speaks: config::Dialect) -> Dialect {
    match speaks {
        config::Dialect::OpenAi => Dialect::OpenAi,
        config::Dialect::Azure => Dialect::Azure,
        config::Dialect::Anthropic => Dialect::Anthropic,
        config::Dialect::Gemini => Dialect::Gemini,
        config::Dialect::Bedrock => Dialect::Bedrock,
        config::Dialect::Ollama => Dialect::Ollama,
    }
}

fn facts((name, facts): &(String, config::ModelFacts)) -> (String, Facts) {
    let facts = Facts {
        context_window: facts.context_window,
        max_output_tokens: facts.max_output_tokens,
        vision: facts.vision,
        tools: facts.tools,
        structured_output: facts.structured_output,
        reasoning: facts.reasoning,
        embeddings: facts.embeddings,
        input_price: facts.input_price,
        output_price: facts.output_price,
        cached_price: facts.cached_price,
    };
    (name.clone(), facts)
}

fn cache(exact: &config::Exact) -> Option<CacheSettings> {
    exact.enabled.then_some(CacheSettings {
        ttl: exact.ttl,
        max_bytes: exact.max_bytes,
        max_entry: exact.max_entry,
    })
}

fn route((name, route): &(String, config::Route)) -> RouteSettings {
    let named = |name: &str, weight| {
        // It was checked that there is a slash.
        let (provider, model) = name.split_once('/').unwrap_or_default();
        RouteTarget {
            provider: provider.to_owned(),
            model: model.to_owned(),
            weight,
        }
    };
    let target = |one: config::RouteTarget| named(&one.target, one.weight);
    let steps = route.all_steps().into_iter();
    let on = |word| route.fallback_on.contains(&word);
    RouteSettings {
        name: name.clone(),
        steps: steps
            .map(|step| step.into_iter().map(target).collect())
            .collect(),
        strategy: match route.strategy {
            config::Strategy::Weighted => Strategy::Weighted,
            config::Strategy::RoundRobin => Strategy::RoundRobin,
            config::Strategy::LeastLoaded => Strategy::LeastLoaded,
            config::Strategy::Latency => Strategy::Latency,
            config::Strategy::Cost => Strategy::Cost,
            config::Strategy::Sticky => Strategy::Sticky,
        },
        fallback: FallbackOn {
            failure: on(config::FallbackOn::Failure),
            overload: on(config::FallbackOn::Overload),
            context: on(config::FallbackOn::Context),
            refusal: on(config::FallbackOn::Refusal),
        },
        slow_after: route.slow_after,
        wait_out: route.wait_out,
        shadow: route.shadow.as_ref().map(|shadow| ShadowSettings {
            target: named(&shadow.target, 1),
            percent: shadow.share,
        }),
    }
}

fn pool(pool: &config::Pool) -> PoolSettings {
    PoolSettings {
        size: pool.size,
        queue: pool.queue,
        queue_bytes: pool.queue_bytes,
        overflow: match pool.overflow {
            config::Overflow::Error => kernel::Overflow::Error,
            config::Overflow::Block => kernel::Overflow::Block,
            config::Overflow::Drop => kernel::Overflow::Drop,
            config::Overflow::DropOldest => kernel::Overflow::DropOldest,
        },
        max_wait: pool.max_wait,
        // A smaller `size` takes the floor down with it.
        limit: LimitSettings {
            kind: match pool.limit {
                config::LimitKind::Scaled => LimitKind::Scaled,
                config::LimitKind::Fixed => LimitKind::Fixed,
                config::LimitKind::Adaptive => LimitKind::Adaptive,
            },
            shadow: pool.shadow,
            slow: pool.slow,
            ..LimitSettings::scaled(pool.min.min(pool.size), pool.size)
        },
    }
}

fn key(key: &config::UpstreamKey) -> KeySettings {
    KeySettings {
        name: key.name.clone(),
        value: key.value.value.clone(),
        weight: key.weight,
    }
}

fn retry(retry: &config::Retry) -> RetrySettings {
    RetrySettings {
        attempts: retry.attempts,
        base: retry.base,
        cap: retry.cap,
        max_wait: retry.max_wait,
        budget: BudgetSettings {
            percent: retry.budget,
            per_second: retry.per_second,
        },
    }
}

fn breaker(breaker: &config::Breaker) -> BreakerSettings {
    BreakerSettings {
        consecutive: breaker.failures,
        window: breaker.window,
        success_percent: (breaker.ratio * 100.0).round() as u32,
        min_requests: breaker.min_requests,
        open_min: breaker.open,
        open_max: breaker.open_max,
        ..BreakerSettings::default()
    }
}

fn timeouts(timeouts: &config::Timeouts) -> Timeouts {
    Timeouts {
        connect: timeouts.connect,
        first_byte: timeouts.first_byte,
        first_content: timeouts.first_content,
        idle: timeouts.idle,
        total: timeouts.total,
    }
}
