//! `/debug/advice`: what each provider's traffic says about its settings.
//!
//! The figures, the settings with their reasons, and the same as lines of the
//! configuration file. `tidegate advise` prints it.

use std::time::Duration;

use http::Response;
use serde::Serialize;
use serde_json::{Value, json};
use tidegate_gateway::{self as gateway, Measured, Setting, Spread, TooLittle, advise};

use super::super::app::App;
use super::super::models::render;
use super::super::reply::Out;

#[derive(Serialize)]
struct Page {
    providers: Vec<One>,
}

#[derive(Serialize)]
struct One {
    provider: String,
    measured: Value,
    /// Good answers that are missing before anything is advised.
    more_needed: u64,
    settings: Vec<Value>,
    toml: Option<String>,
}

pub(crate) fn advice(app: &App) -> Response<Out> {
    let providers = app.gateway.measured().iter().map(one).collect();
    render(&Page { providers })
}

fn one(measured: &Measured) -> One {
    let provider = measured.provider.clone();
    let figures = figures(measured);
    match advise(measured) {
        Ok(advice) => One {
            provider,
            measured: figures,
            more_needed: 0,
            settings: advice.settings.iter().map(setting).collect(),
            toml: Some(advice.to_toml()),
        },
        Err(TooLittle { more }) => One {
            provider,
            measured: figures,
            more_needed: more,
            settings: Vec::new(),
            toml: None,
        },
    }
}

fn setting(setting: &Setting) -> Value {
    let value = match setting.value {
        gateway::Value::Count(number) => json!(number),
        gateway::Value::Time(time) => json!(crate::config::show_duration(time)),
        gateway::Value::Word(word) => json!(word),
    };
    json!({ "table": setting.table, "key": setting.key, "value": value, "why": setting.why })
}

fn figures(measured: &Measured) -> Value {
    let traffic = &measured.traffic;
    json!({
        "over_seconds": traffic.over.as_secs(),
        "requests": traffic.requests,
        "busiest_per_second": traffic.busiest,
        "rate_limit_per_minute": measured.rate_limit_per_minute,
        "waited": traffic.waited,
        "in_flight_peak": traffic.peak,
        "permits": measured.size,
        "good": traffic.total.count,
        "overloaded": traffic.overloaded,
        "timed_out": traffic.timed_out,
        "failed": traffic.failed,
        "other": traffic.void,
        "total": spread(&traffic.total),
        "first_token": spread(&traffic.first_token),
    })
}

/// Milliseconds; nothing where nothing was measured.
fn spread(spread: &Spread) -> Option<Value> {
    let millis = |time: Duration| time.as_micros().div_ceil(1000);
    (spread.count > 0).then(|| {
        json!({
            "count": spread.count,
            "mean_ms": millis(spread.mean),
            "p50_ms": millis(spread.p50),
            "p95_ms": millis(spread.p95),
            "p99_ms": millis(spread.p99),
            "p999_ms": millis(spread.p999),
            "max_ms": millis(spread.max),
        })
    })
}

#[cfg(test)]
mod tests {
    use tidegate_gateway::{Timeouts, Traffic};

    use super::*;
    use crate::config::{File, LimitKind, Source, load};

    fn measured(overloaded: u64) -> Measured {
        let millis = Duration::from_millis;
        let spread = |count, mean| Spread {
            count,
            mean: millis(mean),
            p50: millis(mean),
            p95: millis(mean),
            p99: millis(mean * 2),
            p999: millis(mean * 3),
            max: millis(mean * 4),
        };
        Measured {
            provider: "eu.west".to_owned(),
            traffic: Traffic {
                over: Duration::from_secs(600),
                requests: 6000,
                busiest: 10.0,
                peak: 31,
                overloaded,
                total: spread(6000, 2000),
                first_token: spread(3000, 700),
                ..Traffic::default()
            },
            rate_limit_per_minute: None,
            size: 100,
            timeouts: Timeouts {
                connect: millis(5_000),
                first_byte: millis(60_000),
                first_content: millis(120_000),
                idle: millis(60_000),
                total: millis(300_000),
            },
        }
    }

    #[test]
    fn r_d15_what_is_advised_can_be_pasted_and_served() {
        for (overloaded, limit) in [(0, LimitKind::Scaled), (1000, LimitKind::Adaptive)] {
            let one = one(&measured(overloaded));
            let text = format!(
                "default_provider = \"eu.west\"\n[providers.\"eu.west\"]\nkind = \"openai\"\n\
                 base_url = \"http://127.0.0.1:1/v1\"\n{}",
                one.toml.unwrap()
            );
            let file = File::Text {
                name: "advised.toml".to_owned(),
                text,
            };
            let source = Source {
                file,
                ..Source::default()
            };
            let loaded = load(source, &std::collections::BTreeMap::new()).unwrap();
            assert_eq!(loaded.warnings.errors(), 0);
            let provider = &loaded.config.providers[0];
            assert_eq!(provider.pool.limit, limit);
            assert_eq!(provider.pool.queue, provider.pool.size * 3);
            assert_eq!(provider.timeouts.total, Duration::from_secs(9));
            let told = one
                .settings
                .iter()
                .find(|one| one["key"] == "size")
                .unwrap();
            assert_eq!(told["value"], provider.pool.size);
        }
    }

    #[test]
    fn too_little_traffic_has_figures_and_no_advice() {
        let mut measured = measured(0);
        measured.traffic.total = Spread {
            count: 47,
            ..Spread::default()
        };
        measured.traffic.first_token = Spread::default();
        let one = one(&measured);
        assert_eq!((one.more_needed, one.toml), (153, None));
        assert_eq!(one.measured["good"], 47);
        assert!(one.measured["first_token"].is_null());
    }
}
