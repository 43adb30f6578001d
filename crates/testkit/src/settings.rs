//! The text of a configuration file, built from parts.
//!
//! Text, not a type of the server: the file is the contract.

use std::fmt::Write as _;

/// One `[providers.x]` table of kind `openai`.
#[derive(Debug, Clone)]
pub struct Provider {
    name: String,
    base_url: String,
    key: String,
    models: String,
    pool: String,
    timeouts: String,
    lines: String,
}

impl Provider {
    /// A provider that takes every model, with short timers.
    pub fn new(name: &str, base_url: &str) -> Self {
        Self {
            name: name.to_owned(),
            base_url: base_url.to_owned(),
            key: "sk-upstream-key".to_owned(),
            models: r#"["*"]"#.to_owned(),
            pool: r#"size = 100, queue = 500, overflow = "block", max_wait = "5s""#.to_owned(),
            timeouts: r#"connect = "1s", first_byte = "5s", first_content = "5s", idle = "5s", total = "30s""#
                .to_owned(),
            lines: String::new(),
        }
    }

    /// The members of `pool = { ... }`.
    #[must_use]
    pub fn pool(mut self, members: &str) -> Self {
        self.pool = members.to_owned();
        self
    }

    /// The members of `timeouts = { ... }`.
    #[must_use]
    pub fn timeouts(mut self, members: &str) -> Self {
        self.timeouts = members.to_owned();
        self
    }

    /// The list of `models`, as TOML.
    #[must_use]
    pub fn models(mut self, list: &str) -> Self {
        self.models = list.to_owned();
        self
    }

    /// The value of its one key.
    #[must_use]
    pub fn key(mut self, value: &str) -> Self {
        self.key = value.to_owned();
        self
    }

    /// Another line of the table.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push_str(line);
        self.lines.push('\n');
        self
    }
}

/// A whole file. The first provider is the default one.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    top: String,
    tables: String,
    providers: Vec<Provider>,
}

impl Settings {
    /// A file with this provider.
    pub fn with(provider: Provider) -> Self {
        Self::default().and(provider)
    }

    /// One provider more.
    #[must_use]
    pub fn and(mut self, provider: Provider) -> Self {
        self.providers.push(provider);
        self
    }

    /// A line before all tables.
    #[must_use]
    pub fn top(mut self, line: &str) -> Self {
        self.top.push_str(line);
        self.top.push('\n');
        self
    }

    /// Whole tables, such as `[limits]` with its lines.
    #[must_use]
    pub fn tables(mut self, text: &str) -> Self {
        self.tables.push_str(text);
        self.tables.push('\n');
        self
    }

    /// The text.
    pub fn to_toml(&self) -> String {
        let mut text = self.top.clone();
        if !text.contains("checks") {
            // A look at the providers would be counted among their requests.
            text.push_str("checks = \"off\"\n");
        }
        if let Some(first) = self.providers.first() {
            let _ = writeln!(text, "default_provider = \"{}\"", first.name);
        }
        text.push_str(&self.tables);
        for provider in &self.providers {
            let Provider {
                name,
                base_url,
                key,
                models,
                pool,
                timeouts,
                lines,
            } = provider;
            let _ = write!(
                text,
                "[providers.{name}]\nkind = \"openai\"\nbase_url = \"{base_url}\"\n\
                 keys = [{{ name = \"main\", value = \"{key}\" }}]\nmodels = {models}\n\
                 pool = {{ {pool} }}\ntimeouts = {{ {timeouts} }}\n{lines}"
            );
        }
        text
    }
}
