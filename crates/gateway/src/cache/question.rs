//! What is asked, as far as it decides the answer.
//!
//! Promises: 1. two calls are the same question only if endpoint, tenant, body (in
//! one form for all texts that say the same), the headers that go to the upstream
//! and what the caller said beside are the same; what the configuration says is the
//! cache's own: another configuration has another cache; 2. what does more than
//! answer, or names what may change, is no question.

use std::time::Duration;

use bytes::Bytes;
use ring::digest::{Context, SHA256};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tidegate_wire::json::{Limits, canon};

use super::Key;
use crate::endpoint::Endpoint;
use crate::errand::Subject;
use crate::gateway::Call;

/// See the module's text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Question {
    pub(crate) key: Key,
    /// Whether a known answer will do.
    pub(crate) reads: bool,
    /// Whether its answer may be kept.
    pub(crate) keeps: bool,
    /// Nothing but a known answer will do.
    pub(crate) only: bool,
    /// The oldest answer that will do.
    pub(crate) max_age: Option<Duration>,
}

/// The directives of a request's `cache-control` that mean something here (RFC
/// 9111, 5.2.1).
#[derive(Debug, Default, PartialEq)]
struct Control {
    no_store: bool,
    no_cache: bool,
    only_if_cached: bool,
    max_age: Option<Duration>,
}

impl Control {
    fn of(text: &str) -> Self {
        let mut control = Self::default();
        for directive in text.split(',') {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" => control.no_store = true,
                "no-cache" => control.no_cache = true,
                "only-if-cached" => control.only_if_cached = true,
                "max-age" => {
                    let seconds = value.trim().trim_matches('"').parse().ok();
                    // What cannot be read is as good as old.
                    control.max_age = Some(Duration::from_secs(seconds.unwrap_or(0)));
                }
                _ => {}
            }
        }
        control
    }
}

/// The fields that make of a call more than a question.
#[derive(Deserialize)]
struct Effects<'a> {
    #[serde(borrow, default)]
    tools: Option<Vec<Tool<'a>>>,
    #[serde(default)]
    store: Option<bool>,
    #[serde(default)]
    background: Option<bool>,
    #[serde(default)]
    previous_response_id: Option<IgnoredAny>,
    #[serde(default)]
    conversation: Option<IgnoredAny>,
    #[serde(default)]
    mcp_servers: Option<IgnoredAny>,
    #[serde(default)]
    container: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<std::borrow::Cow<'a, str>>,
}

impl Effects<'_> {
    /// A tool that runs elsewhere may do something; one of the caller's does
    /// nothing by being asked for.
    fn any(&self) -> bool {
        let callers =
            |tool: &Tool<'_>| matches!(tool.kind.as_deref(), None | Some("function" | "custom"));
        let mut tools = self.tools.iter().flatten();
        tools.any(|tool| !callers(tool))
            || self.store == Some(true)
            || self.background == Some(true)
            || self.previous_response_id.is_some()
            || self.conversation.is_some()
            || self.mcp_servers.is_some()
            || self.container.is_some()
    }
}

/// The question that a call is; none if it is more than that, or not to be kept.
pub(crate) fn question(call: &Call, body: &Bytes, limits: &Limits) -> Option<Question> {
    let Subject::Model(endpoint) = call.subject else {
        return None;
    };
    let control = call.said.cache_control.as_deref().map(Control::of);
    let control = control.unwrap_or_default();
    if endpoint == Endpoint::CountTokens || (control.no_store && !control.only_if_cached) {
        return None;
    }
    // What is wrong with a body is told by whoever answers it.
    let canon = canon(body, limits).ok().filter(|canon| !canon.refers)?;
    let effects: Effects<'_> = serde_json::from_slice(&canon.text).ok()?;
    if effects.any() {
        return None;
    }
    let mut hash = Context::new(&SHA256);
    let mut part = |bytes: &[u8]| {
        // With its length, so that no two rows of parts look the same.
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(endpoint.path().as_bytes());
    part(&call.tenant.to_le_bytes());
    part(&canon.text);
    part(call.said.session.as_deref().unwrap_or_default().as_bytes());
    for name in &call.said.fallbacks {
        part(name.as_bytes());
    }
    let mut headers: Vec<_> = call.forwarded.iter().collect();
    headers.sort_by_key(|(name, _)| name.as_str());
    for (name, value) in headers {
        part(name.as_str().as_bytes());
        part(value.as_bytes());
    }
    let mut key = Key::default();
    key.copy_from_slice(hash.finish().as_ref());
    Some(Question {
        key,
        reads: !control.no_cache,
        keeps: !control.no_store,
        only: control.only_if_cached,
        max_age: control.max_age,
    })
}

#[cfg(test)]
mod tests;
