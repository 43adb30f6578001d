//! What a failure means: for its target's breaker, for the limit, for the key,
//! and whether another attempt can help. The columns of failures.md, in one
//! table, so that every way into it agrees.
//!
//! It decides nothing about time or budget; `attempts` does.

use kernel::{Signal, Verdict};
use tidegate_kernel as kernel;
use tidegate_types::{Code, Fault};

use crate::failure::Failure;
use crate::load::Ended;

/// See the module's text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Consequence {
    pub(crate) breaker: Verdict,
    pub(crate) limit: Option<Signal>,
    pub(crate) key: KeyIs,
    pub(crate) again: Again,
    pub(crate) traffic: Ended,
}

/// What was learnt about the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyIs {
    /// Nothing: the upstream did not say anything about it.
    Unknown,
    /// It was taken.
    Good,
    /// It is good, and its target has to rest (row 1).
    Limited,
    /// Its account has no credit (row 2).
    Spent,
    /// It is not taken (row 6).
    Refused,
    /// It is not taken for this model: the target's matter, not the key's, or
    /// whoever asks for a model he may not have would end it for all.
    Forbidden,
}

impl KeyIs {
    /// Whether this key never takes this request, however long it waits.
    pub(crate) fn bars(self) -> bool {
        matches!(self, Self::Spent | Self::Refused | Self::Forbidden)
    }
}

/// Whether another attempt can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    /// The same request fails again, or a byte may have been spent twice.
    Never,
    /// At once with another key, or with this one when it may be used again.
    WhenFit,
    /// One time more, after a delay; with what it takes of the retry budget.
    Once {
        /// 2 where the lost attempt may be billed.
        cost: u32,
    },
}

impl Consequence {
    /// Of a failure before any byte of the answer went out.
    pub(crate) fn of(failure: &Failure) -> Self {
        let retry_after = failure.retry_after;
        let once = |cost| Again::Once { cost };
        let (breaker, limit, key, again) = match failure.code {
            Code::UpstreamRateLimited => (
                Verdict::Degraded,
                Some(Signal::Overloaded { retry_after }),
                KeyIs::Limited,
                Again::WhenFit,
            ),
            Code::InsufficientQuota => (Verdict::Neutral, None, KeyIs::Spent, Again::WhenFit),
            // Nobody there was asked: we had nothing to sign with, and may have soon.
            Code::UpstreamAuth if failure.upstream_status().is_none() => {
                (Verdict::Neutral, None, KeyIs::Unknown, once(1))
            }
            Code::UpstreamAuth => (
                Verdict::Neutral,
                None,
                match failure.upstream_status() {
                    Some(403) => KeyIs::Forbidden,
                    _ => KeyIs::Refused,
                },
                Again::WhenFit,
            ),
            Code::UpstreamOverloaded => (
                Verdict::Failed,
                Some(Signal::Overloaded { retry_after }),
                KeyIs::Unknown,
                once(1),
            ),
            Code::UpstreamTimeout | Code::StreamIdleTimeout => {
                (Verdict::Failed, None, KeyIs::Unknown, once(2))
            }
            Code::UpstreamError
            | Code::UpstreamUnreachable
            | Code::UpstreamDisconnected
            | Code::UpstreamProtocol
            | Code::StreamTruncated => (Verdict::Failed, None, KeyIs::Unknown, once(1)),
            Code::UpstreamTls | Code::UpstreamRedirect => {
                (Verdict::Failed, None, KeyIs::Unknown, Again::Never)
            }
            // Its API works as it should: it looked at the request and said no.
            Code::UpstreamRejected => (Verdict::Neutral, None, KeyIs::Good, Again::Never),
            _ => (Verdict::Neutral, None, KeyIs::Unknown, Again::Never),
        };
        debug_assert!(again == Again::Never || failure.code.fault() == Fault::Provider);
        Self {
            breaker,
            limit,
            key,
            again,
            traffic: match (breaker, limit, failure.code) {
                (_, Some(_), _) => Ended::Overloaded,
                (Verdict::Neutral, ..) => Ended::Void,
                (_, _, Code::UpstreamTimeout | Code::StreamIdleTimeout) => Ended::TimedOut,
                _ => Ended::Failed,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only what a provider did wrong can be tried again, and none of the
    /// callers' own mistakes ever moves a breaker (rows 5, 29, 30).
    #[test]
    fn callers_mistakes_and_our_own_never_count_against_a_target() {
        for code in Code::ALL {
            let is = Consequence::of(&Failure::new(*code, "x"));
            if code.fault() != Fault::Provider || *code == Code::UpstreamRejected {
                assert_eq!(is.breaker, Verdict::Neutral, "{}", code.as_str());
                assert_eq!(is.again, Again::Never, "{}", code.as_str());
            }
        }
    }
}
