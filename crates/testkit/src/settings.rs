//! The text of a configuration file, built from parts.
//!
//! Text, not a type of the server: the file is the contract.

use std::fmt::Write as _;

/// One `[providers.x]` table, of kind `openai` unless it is told another.
#[derive(Debug, Clone)]
pub struct Provider {
    name: String,
    kind: String,
    base_url: String,
    keys: Vec<String>,
    retry: String,
    models: String,
    pool: String,
    timeouts: String,
    lines: String,
}

impl Provider {
    /// A provider that takes every model, with short timers. It makes one
    /// attempt, since a script is one answer; tests of more say so.
    pub fn new(name: &str, base_url: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind: "openai".to_owned(),
            base_url: base_url.to_owned(),
            keys: vec!["sk-upstream-key".to_owned()],
            retry: "attempts = 1".to_owned(),
            models: r#"["*"]"#.to_owned(),
            pool: r#"size = 100, queue = 500, overflow = "block", max_wait = "5s""#.to_owned(),
            timeouts: r#"connect = "1s", first_byte = "5s", first_content = "5s", idle = "5s", total = "30s""#
                .to_owned(),
            lines: String::new(),
        }
    }

    /// Another `kind`.
    #[must_use]
    pub fn kind(mut self, word: &str) -> Self {
        self.kind = word.to_owned();
        self
    }

    /// Another host and port; the path of its address stays.
    #[must_use]
    pub fn address(mut self, authority: &str) -> Self {
        let path = self.base_url.splitn(4, '/').nth(3).unwrap_or_default();
        self.base_url = match path {
            "" => format!("http://{authority}"),
            path => format!("http://{authority}/{path}"),
        };
        self
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
    pub fn key(self, value: &str) -> Self {
        self.keys(&[value])
    }

    /// The values of its keys, or none; the first is named `main`, the others `key-1`...
    #[must_use]
    pub fn keys(mut self, values: &[&str]) -> Self {
        self.keys = values.iter().map(|value| (*value).to_owned()).collect();
        self
    }

    /// The members of `retry = { ... }`.
    #[must_use]
    pub fn retry(mut self, members: &str) -> Self {
        self.retry = members.to_owned();
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
                kind,
                base_url,
                keys,
                retry,
                models,
                pool,
                timeouts,
                lines,
            } = provider;
            let names = std::iter::once("main".to_owned()).chain((1..).map(|n| format!("key-{n}")));
            let key = |(name, value)| format!("{{ name = \"{name}\", value = \"{value}\" }}");
            let keys: Vec<_> = names.zip(keys).map(key).collect();
            let keys = match keys.is_empty() {
                true => String::new(),
                false => format!("keys = [{}]\n", keys.join(", ")),
            };
            let _ = write!(
                text,
                "[providers.{name}]\nkind = \"{kind}\"\nbase_url = \"{base_url}\"\n\
                 {keys}models = {models}\nretry = {{ {retry} }}\n\
                 pool = {{ {pool} }}\ntimeouts = {{ {timeouts} }}\n{lines}"
            );
        }
        text
    }
}
