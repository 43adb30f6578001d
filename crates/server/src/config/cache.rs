//! `[cache]`: answers that are kept for those who ask the same.
//!
//! Nothing is kept unless it is turned on: whether two answers to one question may
//! be the same is its writer's to say.

use std::time::Duration;

use super::keys::Document;
use super::read::{Flag, Section, size, time};
use super::reading::Reading;
use super::report::Severity::{Error, Warning};
use super::table::table;
use super::units::show_size;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

table! {
    /// Answers that are kept.
    pub struct Cache {
        /// For calls that are equal in all that decides their answer.
        exact: Exact = Exact::default(), Section;
    }
}

table! {
    /// For calls that are equal in all that decides their answer.
    pub struct Exact {
        /// Whether they are kept; each tenant has its own.
        enabled: bool = false, Flag;
        /// How long an answer is good.
        ttl: Duration = Duration::from_mins(5), time(Duration::from_secs(1), Duration::from_hours(24 * 30));
        /// Bytes of all of them, in memory.
        max_bytes: u64 = 64 * MIB, size(64 * KIB, 1024 * 1024 * MIB);
        /// Bytes of one; a larger one is not kept.
        max_entry: usize = 1 << 20, size(KIB, 1024 * MIB);
    }
}

/// Finds what does not fit together.
pub(super) fn check(document: &Document, cx: &mut Reading<'_>) {
    let exact = &document.cache.exact;
    let keys = ["cache.exact.max_entry", "cache.exact.max_bytes"];
    let doubtful = keys.iter().any(|key| cx.is_doubtful(key));
    let written = keys.into_iter().find(|key| cx.place(key).is_some());
    if let Some(key) = written
        && exact.max_entry as u64 > exact.max_bytes
        && !doubtful
    {
        cx.about(Error, key, "leaves no room for one answer".to_owned())
            .found(show_size(exact.max_bytes))
            .expected(format!(
                "at least {} (cache.exact.max_entry)",
                show_size(exact.max_entry as u64)
            ));
    }
    for key in ["ttl", "max_bytes", "max_entry"] {
        let key = format!("cache.exact.{key}");
        if !exact.enabled && cx.place(&key).is_some() {
            let what = "has no effect while the cache is off".to_owned();
            cx.about(Warning, &key, what).hint("set enabled = true");
        }
    }
}
