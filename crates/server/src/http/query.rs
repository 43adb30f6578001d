//! What a page is asked behind the `?` of its path.
//!
//! A parameter that is not known is passed over; one that is known and has
//! another value than it may have is refused.

use http::request::Parts;
use tidegate_gateway::Failure;
use tidegate_types::Code;

/// `?name=1`, or `?name`.
pub(crate) fn flag(asked: &Parts, name: &'static str) -> Result<bool, Failure> {
    let mut pairs = asked.uri.query().unwrap_or_default().split('&');
    let value = pairs.find_map(|pair| match pair.split_once('=') {
        Some((known, value)) => (known == name).then_some(value),
        None => (pair == name).then_some("1"),
    });
    match value {
        Some("1" | "true") => Ok(true),
        None | Some("0" | "false") => Ok(false),
        Some(_) => {
            let path = asked.uri.path();
            let text = format!("`{name}` must be 1 or 0: `{path}?{name}=1`.");
            Err(Failure::new(Code::InvalidValue, text).with_param(name))
        }
    }
}
