//! The account that signs what is sent to Bedrock: which credential it has, or
//! who lends one.
//!
//! Promises: 1. one source is found, the first in the order of `find`, and what it
//! needs is checked when the configuration is; 2. files that hold a credential are
//! read now and followed, files that hold a token are read when it is shown;
//! 3. what is told of a source are names and places, nothing of a credential.

mod chain;
mod find;
mod forms;
mod profile;
mod services;

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;

use super::base_url::BaseUrl;
use super::secret::{Secret, SecretSource};

pub(super) use self::find::{choose, fill_all, region};
pub(super) use self::forms::{LENDS, PROFILE, ROLE};

/// Who signs, as it was found.
#[derive(Debug, Clone)]
pub struct Account {
    /// Where its credential comes from.
    pub source: Source,
    /// The roles that are taken with it, each by the one before.
    pub roles: Vec<Role>,
    /// The token service.
    pub sts: BaseUrl,
    /// The profile that said so, if one did.
    pub profile: Option<String>,
}

/// Where a credential comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// It is known.
    Keys {
        /// The key's id.
        access_key: Secret,
        /// The key itself.
        secret_key: Secret,
        /// Where the keys are lent.
        session_token: Option<Secret>,
    },
    /// The token service lends one for another issuer's token.
    WebIdentity {
        /// The role that it is lent for.
        role: Role,
        /// Where the token stands.
        token_file: PathBuf,
    },
    /// The service beside our container lends one.
    Container {
        /// Where it is; its path is in `target`.
        base: BaseUrl,
        /// What is asked for there.
        target: String,
        /// What shows who we are.
        token: Option<ServiceToken>,
    },
    /// The machine's own service lends one.
    Machine {
        /// Where it is.
        base: BaseUrl,
    },
}

/// What a container shows to the service beside it.
#[derive(Debug, Clone)]
pub enum ServiceToken {
    /// This.
    Text(SecretString),
    /// What stands in this file.
    File(PathBuf),
}

/// A role, and how it is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its ARN.
    pub arn: String,
    /// Under which name our calls show in the account's records.
    pub session: String,
    /// What whoever trusts us asks for beside.
    pub external_id: Option<String>,
    /// For how long, in seconds.
    pub seconds: Option<u32>,
}

/// A source that is to be taken, whatever else there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lends {
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`.
    WebIdentity,
    /// A profile of the shared files.
    Profile,
    /// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, or `..._FULL_URI`.
    Container,
    /// The machine's own service.
    Machine,
}

/// Something that cannot be used: what is wrong, and what to do about it.
struct Wrong {
    what: String,
    hint: String,
}

impl Wrong {
    fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        let (what, hint) = (what.into(), hint.into());
        Self { what, hint }
    }
}

/// What it signs with, for people: names and places.
impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(profile) = &self.profile {
            write!(f, "profile `{profile}`: ")?;
        }
        match &self.source {
            Source::Keys { access_key, .. } => match &access_key.source {
                SecretSource::Env(name) => write!(f, "an access key ({name})")?,
                SecretSource::Literal => f.write_str("an access key")?,
            },
            Source::WebIdentity { role, token_file } => write!(
                f,
                "role {} by web identity ({})",
                role.arn,
                token_file.display()
            )?,
            Source::Container { base, .. } => write!(f, "the container's service ({base})")?,
            Source::Machine { base } => write!(f, "the machine's service ({base})")?,
        }
        self.roles
            .iter()
            .try_for_each(|role| write!(f, ", then role {}", role.arn))
    }
}
