//! What `serve` says on standard output when it is ready.
//!
//! The first line is a contract: programs find the address in it.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tidegate_server::config::{Config, Loaded, SIM, SecretSource};

/// What of the configuration the banner tells, kept while the rest is served.
#[derive(Debug)]
pub(crate) struct Banner {
    file: Option<String>,
    default: Option<String>,
    /// The header that a caller sends, if keys are wanted.
    authorization: Option<String>,
    /// A model that the `curl` line can ask.
    model: String,
    /// Whether callers speak TLS.
    tls: bool,
}

impl Banner {
    pub(crate) fn new(loaded: &Loaded) -> Self {
        let config = &loaded.config;
        Self {
            file: loaded.file.clone(),
            default: config.default_provider.clone(),
            authorization: authorization(config),
            model: model(config),
            tls: config.tls.is_on(),
        }
    }

    /// The whole text, without a line end.
    pub(crate) fn text(
        &self,
        address: SocketAddr,
        admin: Option<SocketAddr>,
        providers: &[(String, String)],
    ) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let scheme = |tls: bool| if tls { "https" } else { "http" };
        let here = scheme(self.tls);
        let mut text = format!("tidegate {version} listening on {here}://{address}\n");
        let file = self
            .file
            .as_deref()
            .unwrap_or("none; settings and keys from the environment");
        line(&mut text, "file", file);
        for (name, what) in providers {
            let default = if self.default.as_ref() == Some(name) {
                ", default"
            } else {
                ""
            };
            line(&mut text, "provider", &format!("{name} ({what}{default})"));
        }
        if let Some(admin) = admin {
            let there = scheme(self.tls && !admin.ip().is_loopback());
            let operators = format!("{there}://{admin} (metrics, debug)");
            line(&mut text, "operators", &operators);
        }
        let header = self.authorization.as_deref().unwrap_or_default();
        let (reachable, model) = (reachable(address), &self.model);
        text.push_str("Try it:\n");
        let _ = write!(
            text,
            "curl {here}://{reachable}/v1/chat/completions -H 'content-type: application/json'{header} \
             -d '{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello, tide\"}}]}}'"
        );
        text
    }
}

fn line(text: &mut String, word: &str, value: &str) {
    let value: String = value.chars().filter(|c| !c.is_control()).collect();
    let _ = writeln!(text, "  {word:<10} {value}");
}

/// The simulated model costs nothing; without it the first name that is listed.
fn model(config: &Config) -> String {
    if config.sim.enabled {
        return format!("{SIM}/echo");
    }
    let plain = |model: &&String| !model.contains(['*', '\'', '"', '\\']);
    let provider = config.providers.first();
    let listed = provider.and_then(|provider| provider.models.iter().find(plain));
    match (provider, listed) {
        (Some(provider), Some(model)) => format!("{}/{model}", provider.name),
        (Some(provider), None) => format!("{}/MODEL", provider.name),
        (None, _) => "MODEL".to_owned(),
    }
}

fn authorization(config: &Config) -> Option<String> {
    let key = config.auth.keys.first()?;
    let name = match &key.source {
        SecretSource::Env(name) => name,
        SecretSource::Literal => "KEY",
    };
    Some(format!(" -H \"authorization: Bearer ${name}\""))
}

/// An address of this machine that reaches a listener on all of them.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use tidegate_server::config::{File, Source, load};

    use super::*;

    fn banner(text: &str, address: &str) -> String {
        let file = File::Text {
            name: "gate.toml".to_owned(),
            text: text.to_owned(),
        };
        let env: BTreeMap<String, String> =
            [("GATE_KEY".to_owned(), "sk-canary-0123456789".to_owned())].into();
        let loaded = load(
            Source {
                file,
                ..Source::default()
            },
            &env,
        )
        .unwrap();
        let providers = [("sim".to_owned(), "built in".to_owned())];
        Banner::new(&loaded).text(address.parse().unwrap(), None, &providers)
    }

    #[test]
    fn the_first_line_names_the_address() {
        let text = banner("default_provider = \"sim\"", "127.0.0.1:7070");
        let first = text.lines().next().unwrap();
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            first,
            format!("tidegate {version} listening on http://127.0.0.1:7070")
        );
        assert!(text.contains("  file       gate.toml\n"), "{text}");
        assert!(text.contains("sim (built in, default)"), "{text}");
        assert!(
            text.contains("curl http://127.0.0.1:7070/v1/chat/completions"),
            "{text}"
        );
        assert!(text.contains(r#"{"model":"sim/echo","messages""#), "{text}");
    }

    #[test]
    fn a_key_is_named_and_not_shown() {
        let text = banner(
            "listen = \"0.0.0.0:7070\"\n[auth]\nkeys = [\"env:GATE_KEY\"]\n",
            "0.0.0.0:7070",
        );
        assert!(text.contains("Bearer $GATE_KEY\""), "{text}");
        assert!(text.contains("curl http://127.0.0.1:7070/"), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
}
