//! Under which paths an upstream answers. Most follow its base URL, some with the
//! model in them; Azure's come in two ages, of which the older has the model's
//! deployment in them.
//!
//! Promises: 1. a path is made from scratch, and nothing that a caller wrote
//! can leave its own segment of it; 2. what does not depend on the request is
//! made once. No policy here: which model is which deployment is the provider's.

use std::borrow::Cow;

use http::Uri;
use tidegate_types::Code;

use super::http::Target;
use crate::dialect::Dialect;
use crate::endpoint::Endpoint;
use crate::errand::{ErrandKind, NO_MODEL, Subject};
use crate::failure::Failure;
use crate::settings::BaseUrl;

/// A deployment's longest name.
const LONGEST: usize = 64;

/// The paths of one upstream.
pub(crate) struct Paths {
    dialect: Dialect,
    api_version: Option<String>,
    /// Before every path.
    root: String,
    /// Behind every path: `?api-version=...`, or nothing.
    query: String,
    /// Those that no request changes.
    fixed: Vec<(Endpoint, Uri)>,
    models: Option<Uri>,
}

impl Paths {
    /// # Errors
    /// What makes no URI.
    pub(crate) fn new(
        dialect: Dialect,
        base: &BaseUrl,
        api_version: Option<String>,
    ) -> Result<Self, String> {
        let (root, query) = match dialect {
            Dialect::Azure => {
                let age = match dated(api_version.as_deref()) {
                    true => "/openai",
                    false => "/openai/v1",
                };
                let query = api_version.as_ref();
                let query = query.map_or_else(String::new, |is| format!("?api-version={is}"));
                (format!("{}{age}", resource(&base.path)), query)
            }
            _ => (base.path.clone(), String::new()),
        };
        let uri = |path: &str| uri(&format!("{root}{path}{query}"));
        let speaks = dialect.speaks();
        let fixed = Endpoint::ALL.into_iter().filter_map(|endpoint| {
            match speaks.path(endpoint, "", false) {
                Cow::Borrowed(path) => Some(uri(path).map(|uri| (endpoint, uri))),
                Cow::Owned(_) => None,
            }
        });
        Ok(Self {
            fixed: fixed.collect::<Result<_, _>>()?,
            models: speaks.models().map(uri).transpose()?,
            dialect,
            api_version,
            root,
            query,
        })
    }

    pub(crate) fn api_version(&self) -> Option<&str> {
        self.api_version.as_deref()
    }

    /// Where the models are listed, if they are.
    pub(crate) fn models(&self) -> Option<&Uri> {
        self.models.as_ref()
    }

    /// Whether a call to a model has the model's name in its path.
    fn by_model(&self) -> bool {
        self.dialect == Dialect::Azure && dated(self.api_version())
    }

    /// Whether a model of this name can be asked for.
    pub(crate) fn fits(&self, model: &str) -> bool {
        match self.dialect {
            Dialect::Azure => !self.by_model() || is_deployment(model),
            // A segment of its own, in which these two would lead elsewhere.
            Dialect::Bedrock => !matches!(model, "." | ".."),
            _ => true,
        }
    }

    /// Where a request goes.
    ///
    /// # Errors
    /// `model_not_found` for a name that is none here.
    pub(crate) fn of(&self, to: &Target<'_>) -> Result<Uri, Failure> {
        let (subject, model) = (to.subject, to.model);
        let path = match (subject, to.path) {
            (_, Some(path)) => Cow::Borrowed(path),
            (Subject::Model(endpoint), None) => {
                let fixed = self.fixed.iter().find(|(known, _)| known == endpoint);
                match fixed {
                    Some((_, uri)) if !self.by_model() => return Ok(uri.clone()),
                    _ => self.dialect.speaks().path(*endpoint, model, to.stream),
                }
            }
            (Subject::Errand(errand), None) => Cow::Borrowed(errand.target.as_str()),
        };
        // What makes something is a deployment's; files, jobs and responses, which
        // are kept, are the resource's.
        let is_makers = match subject {
            Subject::Model(endpoint) => *endpoint != Endpoint::Responses,
            Subject::Errand(errand) => {
                matches!(errand.kind, ErrandKind::Make | ErrandKind::Form) && model != NO_MODEL
            }
        };
        let deployment = match is_makers && self.by_model() {
            true if is_deployment(model) => format!("/deployments/{model}"),
            true => return Err(no_deployment()),
            false => String::new(),
        };
        let query = match path.contains('?') {
            true => self.query.replacen('?', "&", 1),
            false => self.query.clone(),
        };
        let text = format!("{}{deployment}{path}{query}", self.root);
        uri(&text).map_err(|_| Failure::new(Code::Internal, "The path cannot be sent."))
    }
}

fn uri(text: &str) -> Result<Uri, String> {
    text.parse().map_err(|error| format!("base_url: {error}"))
}

/// A version that is a date has deployments in its paths; without one, or with
/// a word such as `preview`, the newer paths are meant.
fn dated(api_version: Option<&str>) -> bool {
    api_version.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()))
}

/// The path of the resource: Azure's own examples end in either.
fn resource(path: &str) -> &str {
    let newer = path.strip_suffix("/openai/v1");
    newer.or(path.strip_suffix("/openai")).unwrap_or(path)
}

/// Whether a name can be a deployment's: what is one segment of a path, and
/// not one that leads elsewhere.
fn is_deployment(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=LONGEST).contains(&name.len()) && name.chars().all(fits) && !name.starts_with('.')
}

fn no_deployment() -> Failure {
    let text = "The model has no name that a deployment can have: letters, digits, `-`, `_` and \
                `.`. `deployments` of its provider says which deployment a model is.";
    Failure::new(Code::ModelNotFound, text).with_param("model")
}

#[cfg(test)]
mod tests;
