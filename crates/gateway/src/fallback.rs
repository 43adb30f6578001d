//! After what another target of a route is asked: one table, beside that of what
//! a failure means (`consequence`).
//!
//! What the caller did wrong fails everywhere, and what ended from outside has
//! ended. What a provider refuses in the request itself may be taken by another
//! one in two cases only: it was too long, or its content was not liked.

use tidegate_types::Code;

use crate::failure::{Failure, Meaning};
use crate::settings::FallbackOn;

/// Why another target is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It failed.
    Failure,
    /// It has no room, or takes no more just now.
    Overload,
    /// The request is too long for it.
    Context,
    /// It does not like the content.
    Refusal,
    /// It was too slow.
    Slow,
}

impl Reason {
    pub(crate) const ALL: [Self; 5] = [
        Self::Failure,
        Self::Overload,
        Self::Context,
        Self::Refusal,
        Self::Slow,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Overload => "overload",
            Self::Context => "context",
            Self::Refusal => "refusal",
            Self::Slow => "slow",
        }
    }

    /// Why another target is asked after `failure`; none if it is not.
    pub(crate) fn of(failure: &Failure, on: FallbackOn) -> Option<Self> {
        let (reason, wanted) = match failure.code {
            Code::QueueFull
            | Code::QueueTimeout
            | Code::Dropped
            | Code::UpstreamRateLimited
            | Code::UpstreamOverloaded => (Self::Overload, on.overload),
            Code::UpstreamSlow => (Self::Slow, true),
            Code::InsufficientQuota
            | Code::UpstreamUnavailable
            | Code::UpstreamError
            | Code::UpstreamAuth
            | Code::UpstreamUnreachable
            | Code::UpstreamTls
            | Code::UpstreamTimeout
            | Code::UpstreamRedirect
            | Code::UpstreamProtocol
            | Code::UpstreamDisconnected
            | Code::StreamTruncated
            | Code::StreamIdleTimeout
            | Code::EventTooLarge
            | Code::ResponseTooLarge => (Self::Failure, on.failure),
            Code::UpstreamRejected => match failure.meaning()? {
                Meaning::TooLong => (Self::Context, on.context),
                Meaning::Refused => (Self::Refusal, on.refusal),
            },
            _ => return None,
        };
        wanted.then_some(reason)
    }

    /// Whether the target that failed may be asked again once it has rested.
    pub(crate) fn rests(failure: &Failure) -> bool {
        matches!(
            failure.code,
            Code::UpstreamRateLimited | Code::UpstreamUnavailable
        )
    }
}

#[cfg(test)]
mod tests {
    use tidegate_types::Fault;

    use super::*;

    #[test]
    fn nothing_that_the_caller_did_is_asked_of_another_target() {
        let all = FallbackOn {
            failure: true,
            overload: true,
            context: true,
            refusal: true,
        };
        let none = FallbackOn {
            failure: false,
            overload: false,
            context: false,
            refusal: false,
        };
        for code in Code::ALL {
            let failure = Failure::new(*code, "x");
            let reason = Reason::of(&failure, all);
            if code.fault() == Fault::Caller {
                assert_eq!(reason, None, "{}", code.as_str());
            }
            if code.fault() == Fault::Provider {
                assert!(reason.is_some(), "{}", code.as_str());
            }
            let unwanted = Reason::of(&failure, none);
            assert_eq!(unwanted, reason.filter(|is| *is == Reason::Slow));
        }
    }

    #[test]
    fn what_is_too_long_or_not_liked_may_be_taken_elsewhere() {
        let meant = |meaning| {
            let mut failure = Failure::new(Code::UpstreamRejected, "x");
            failure.upstream.get_or_insert_default().meaning = Some(meaning);
            Reason::of(&failure, FallbackOn::default())
        };
        assert_eq!(meant(Meaning::TooLong), Some(Reason::Context));
        assert_eq!(meant(Meaning::Refused), None, "only where it is wanted");
    }
}
