//! Credentials that Amazon lends: what is asked of its token service, and what
//! that service, a container's and a machine's own answer.
//!
//! 1. Four things are read of an answer, by their names; without one of them,
//!    or with one of them twice, it is no answer.
//! 2. No part of a credential stands in an error, or is shown by `Debug`.

mod xml;

use std::fmt;

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde::Deserialize;

/// The one version that the token service has.
const VERSION: &str = "2011-06-15";

/// What stands in a form as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The media type of what is asked.
pub const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// A role, and how it is taken.
#[derive(Debug, Clone, Copy)]
pub struct Role<'a> {
    /// Its ARN.
    pub arn: &'a str,
    /// Under which name its calls show in the account's records.
    pub session: &'a str,
    /// What whoever trusts us may ask for beside.
    pub external_id: Option<&'a str>,
    /// For how long, in seconds; an hour where nothing is said.
    pub seconds: Option<u32>,
}

/// A credential that ends.
#[derive(Clone, PartialEq, Eq)]
pub struct Lent {
    /// The key's id.
    pub access_key: String,
    /// The key itself.
    pub secret_key: String,
    /// What shows that it is lent.
    pub session_token: String,
    /// When it ends, in milliseconds since 1970.
    pub expires: u64,
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Lent");
        shown
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Why an answer lends nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It is neither XML nor JSON as it should be.
    Form,
    /// This is not in it, or is empty.
    Lacks(&'static str),
    /// This is in it twice.
    Twice(&'static str),
    /// What it says of its end is no time.
    Time,
    /// A machine's service says that it has none.
    None,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("it is not in the form that the service has"),
            Self::Lacks(name) => write!(f, "it has no `{name}`"),
            Self::Twice(name) => write!(f, "it has more than one `{name}`"),
            Self::Time => f.write_str("its `Expiration` is no time"),
            Self::None => f.write_str("it says that there is no credential"),
        }
    }
}

impl std::error::Error for Unread {}

/// `AssumeRoleWithWebIdentity`: a role for the token of another issuer.
pub fn with_web_identity(role: &Role<'_>, token: &str) -> String {
    let mut form = begun("AssumeRoleWithWebIdentity", role);
    add(&mut form, "WebIdentityToken", token);
    form
}

/// `AssumeRole`: a role for whoever signs.
pub fn assume_role(role: &Role<'_>) -> String {
    begun("AssumeRole", role)
}

fn begun(action: &str, role: &Role<'_>) -> String {
    let mut form = format!("Action={action}&Version={VERSION}");
    add(&mut form, "RoleArn", role.arn);
    add(&mut form, "RoleSessionName", role.session);
    if let Some(id) = role.external_id {
        add(&mut form, "ExternalId", id);
    }
    if let Some(seconds) = role.seconds {
        add(&mut form, "DurationSeconds", &seconds.to_string());
    }
    form
}

fn add(form: &mut String, name: &str, value: &str) {
    form.push('&');
    form.push_str(name);
    form.push('=');
    form.extend(percent_encode(value.as_bytes(), PLAIN));
}

const ACCESS_KEY: &str = "AccessKeyId";
const SECRET_KEY: &str = "SecretAccessKey";
const SESSION_TOKEN: &str = "SessionToken";
const EXPIRES: &str = "Expiration";

/// Reads the token service's answer to either question.
///
/// # Errors
/// [`Unread`], for a page of somebody else for instance.
pub fn read_role(body: &[u8]) -> Result<Lent, Unread> {
    let names = [ACCESS_KEY, SECRET_KEY, SESSION_TOKEN, EXPIRES];
    let [access_key, secret_key, session_token, expires] = xml::read(body, "Credentials", names)?;
    lent(
        (ACCESS_KEY, access_key),
        (SECRET_KEY, secret_key),
        (SESSION_TOKEN, session_token),
        expires,
    )
}

/// What the token service says of why it refused: a word such as
/// `AccessDenied`, and a sentence, which may name accounts.
pub fn read_refusal(body: &[u8]) -> Option<(String, Option<String>)> {
    let [code, message] = xml::read(body, "Error", ["Code", "Message"]).ok()?;
    let is_word = |code: &String| {
        (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    Some((code.filter(is_word)?, message))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Json {
    code: Option<String>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    token: Option<String>,
    expiration: Option<String>,
}

/// Reads what a container's or a machine's service answers.
///
/// # Errors
/// [`Unread`].
pub fn read_service(body: &[u8]) -> Result<Lent, Unread> {
    let json: Json = serde_json::from_slice(body).map_err(|_| Unread::Form)?;
    // Only a machine's has a code, and an answer of 200 whatever it says.
    if json.code.is_some_and(|code| code != "Success") {
        return Err(Unread::None);
    }
    lent(
        (ACCESS_KEY, json.access_key_id),
        (SECRET_KEY, json.secret_access_key),
        ("Token", json.token),
        json.expiration,
    )
}

type Field = (&'static str, Option<String>);

fn lent(
    access_key: Field,
    secret_key: Field,
    session_token: Field,
    expires: Option<String>,
) -> Result<Lent, Unread> {
    let whole = |(name, text): Field| {
        let text = text.filter(|text| !text.trim().is_empty());
        text.ok_or(Unread::Lacks(name))
    };
    let expires = whole((EXPIRES, expires))?;
    let expires: Timestamp = expires.trim().parse().map_err(|_| Unread::Time)?;
    Ok(Lent {
        access_key: whole(access_key)?,
        secret_key: whole(secret_key)?,
        session_token: whole(session_token)?,
        // What ended before 1970 has ended.
        expires: u64::try_from(expires.as_millisecond()).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests;
