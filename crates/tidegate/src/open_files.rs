//! The system's limit on open files: every connection is one, so the limit is
//! raised as far as it goes before anything is opened.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the limit is taken for when the system sets none.
const UNLIMITED: u64 = 1 << 20;

/// Raises the limit as far as it goes; gives the one that holds then.
pub(crate) fn raise_limit() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // Some systems refuse what they call their maximum; the old limit holds then.
    let raised = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    );
    let holds = if raised.is_ok() { maximum } else { current };
    holds.unwrap_or(UNLIMITED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_to_the_maximum() {
        let holds = raise_limit();
        let now = getrlimit(Resource::Nofile);
        assert_eq!(now.current, now.maximum);
        assert_eq!(holds, now.maximum.unwrap_or(UNLIMITED));
    }
}
