//! What a look at providers found (R-D3), told by their names.
//!
//! It is advice: what is wrong is told again by the first request that meets it.

use tidegate_gateway::Finding;

/// A provider that failed its look.
pub(crate) struct Failed {
    pub(crate) name: String,
    pub(crate) why: String,
}

/// Tells each finding in the log; gives the first that is a failure.
pub(crate) fn tell(findings: Vec<Finding>) -> Option<Failed> {
    let mut failed = None;
    for Finding { provider, models } in findings {
        match models {
            Ok(models) => tracing::info!(provider = &*provider, models, "provider is there"),
            Err(failure) => {
                let (code, said) = (failure.code.as_str(), failure.aside());
                let why = failure.message.to_string();
                tracing::warn!(
                    provider = &*provider,
                    code,
                    why,
                    said,
                    "provider failed its look"
                );
                let name = provider.to_string();
                failed.get_or_insert(Failed { name, why });
            }
        }
    }
    failed
}
