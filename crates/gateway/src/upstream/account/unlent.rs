//! Why no credential was lent: what a caller may know, and what the operator
//! must.
//!
//! A caller is told which source failed and who can do something; hosts, files
//! and accounts are for the log.

use std::sync::Arc;

use tidegate_types::Code;

use super::PAUSE;
use crate::failure::Failure;

/// See the module's text; one for all who waited.
#[derive(Debug, Clone)]
pub(crate) struct Unlent(Arc<Why>);

#[derive(Debug)]
struct Why {
    text: String,
    aside: Option<String>,
}

impl Unlent {
    /// `why` says what the `source` did, `remedy` what to do.
    pub(super) fn new(source: &str, why: &str, remedy: &str) -> Self {
        let text =
            format!("Tidegate has no AWS credential to sign with: {source} {why}; {remedy}.");
        Self(Arc::new(Why { text, aside: None }))
    }

    /// The same, with what is for the log alone.
    pub(super) fn with_aside(self, aside: String) -> Self {
        let text = self.0.text.clone();
        let aside = Some(aside);
        Self(Arc::new(Why { text, aside }))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0.text
    }

    pub(crate) fn aside(&self) -> Option<&str> {
        self.0.aside.as_deref()
    }

    /// As one of those who waited for it gets it. Its `upstream` has no status:
    /// nobody there was asked.
    pub(crate) fn failure(&self) -> Failure {
        let failure = Failure::new(Code::UpstreamAuth, self.0.text.clone());
        // Before that nobody asks again.
        let failure = failure.with_retry_after(PAUSE);
        match &self.0.aside {
            Some(aside) => failure.with_aside(aside.clone()),
            None => failure,
        }
    }
}
