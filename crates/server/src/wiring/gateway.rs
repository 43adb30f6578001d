//! The gateway's settings out of the configuration.
//!
//! Field by field and without a decision: what is sensible was checked before.

use kernel::PoolSettings;
use tidegate_gateway::{BaseUrl, Bounds, ProviderSettings, Settings, SimSettings, Timeouts};
use tidegate_kernel as kernel;
use tidegate_wire::json;

use crate::config::{self, Config};

/// What the gateway is told.
pub(crate) fn gateway_settings(config: &Config) -> Settings {
    let limits = &config.limits;
    Settings {
        providers: config.providers.iter().map(provider).collect(),
        default_provider: config.default_provider.clone(),
        sim: config.sim.enabled.then(|| SimSettings {
            pool: pool(&config.sim.pool),
            timeouts: timeouts(&config.sim.timeouts),
        }),
        bounds: Bounds {
            bodies: limits.bodies,
            event: limits.event,
            response: limits.response,
            ..Bounds::default()
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
    let base = &provider.base_url;
    ProviderSettings {
        name: provider.name.clone(),
        base: BaseUrl {
            tls: base.tls,
            host: base.host.clone(),
            port: base.port,
            path: base.path.clone(),
        },
        key: provider.keys.first().map(|key| key.value.value.clone()),
        models: provider.models.clone(),
        pool: pool(&provider.pool),
        timeouts: timeouts(&provider.timeouts),
        ask_usage: provider.usage == config::UsageMode::Ask,
        ca_file: provider.ca_file.clone(),
    }
}

fn pool(pool: &config::Pool) -> PoolSettings {
    PoolSettings {
        size: pool.size,
        limit: kernel::LimitSettings::fixed(pool.size),
        queue: pool.queue,
        queue_bytes: pool.queue_bytes,
        overflow: match pool.overflow {
            config::Overflow::Error => kernel::Overflow::Error,
            config::Overflow::Block => kernel::Overflow::Block,
            config::Overflow::Drop => kernel::Overflow::Drop,
            config::Overflow::DropOldest => kernel::Overflow::DropOldest,
        },
        max_wait: pool.max_wait,
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
