//! A gate with an upstream of every dialect behind it, each by the name of its
//! kind.

use tidegate_testkit::gate::Start;
use tidegate_testkit::native::{Dialect, KEY, sigv4};
use tidegate_testkit::{Gate, Provider, Settings, Upstream};

/// The gate, and what is behind it.
#[derive(Debug)]
pub struct Natives {
    /// The process under test.
    pub gate: Gate,
    /// In the order of [`Dialect::ALL`].
    pub upstreams: Vec<Upstream>,
}

impl Natives {
    /// Starts all of them.
    pub async fn start() -> Self {
        Self::with(|provider| provider, "").await
    }

    /// The same behind a key.
    pub async fn with_key(key: &str) -> Self {
        let tables = format!("[auth]\nkeys = [\"{key}\"]");
        let mut natives = Self::with(|provider| provider, &tables).await;
        natives.gate = natives.gate.with_key(key);
        natives
    }

    /// The same; what a dialect cannot express is left out, and told.
    pub async fn dropping() -> Self {
        Self::with(|provider| provider.line("on_unsupported = \"drop\""), "").await
    }

    async fn with(adjust: impl Fn(Provider) -> Provider, tables: &str) -> Self {
        let mut upstreams = Vec::new();
        let mut settings = Settings::default().tables(tables);
        for dialect in Dialect::ALL {
            let upstream = dialect.start().await;
            settings = settings.and(adjust(provider(dialect, &upstream).line(PATIENT)));
            upstreams.push(upstream);
        }
        let gate = signing(Start::with(&settings)).start().await;
        Self { gate, upstreams }
    }

    /// The providers' names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Dialect::ALL.iter().map(|dialect| dialect.kind())
    }

    /// What was asked of this one.
    pub fn upstream(&self, dialect: Dialect) -> &Upstream {
        let place = Dialect::ALL.iter().position(|one| *one == dialect);
        &self.upstreams[place.unwrap_or_default()]
    }
}

/// An upstream may fail as often as a test wants it to.
pub const PATIENT: &str = "breaker = { failures = 0, ratio = 0.0 }";

/// The provider that `upstream` is.
pub fn provider(dialect: Dialect, upstream: &Upstream) -> Provider {
    let base_url = dialect.base_url(upstream);
    let provider = Provider::new(dialect.kind(), &base_url).kind(dialect.kind());
    match dialect {
        Dialect::Azure => provider.key(KEY),
        Dialect::Bedrock => provider
            .keys(&[])
            .line(&format!("region = \"{}\"", sigv4::REGION)),
        Dialect::Ollama => provider.keys(&[]),
        _ => provider.key(KEY),
    }
}

/// With the keys that sign requests to Amazon.
pub fn signing(start: Start) -> Start {
    start
        .env("AWS_ACCESS_KEY_ID", sigv4::ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", sigv4::SECRET_KEY)
}
