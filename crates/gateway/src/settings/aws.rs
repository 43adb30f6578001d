//! An account at Amazon, as the configuration has found it: a credential, or
//! who lends one.
//!
//! Two accounts are the same if all that is said of them is the same.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use super::BaseUrl;

/// An account at Amazon, which signs what is sent to Bedrock.
#[derive(Debug, Clone, PartialEq)]
pub struct AwsSettings {
    /// Such as `eu-central-1`.
    pub region: String,
    /// Where its credential comes from.
    pub source: AwsSource,
    /// The roles that are taken with it, each by the one before.
    pub roles: Vec<AwsRole>,
    /// The token service, which gives roles.
    pub sts: BaseUrl,
}

/// Where a credential comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum AwsSource {
    /// It is known, and does not end.
    Keys(AwsKeys),
    /// The token service lends one for another issuer's token.
    WebIdentity {
        /// The role that it is lent for.
        role: AwsRole,
        /// Where the token stands; it is read each time.
        token_file: PathBuf,
    },
    /// The service beside our container lends one.
    Container {
        /// Where it is.
        base: BaseUrl,
        /// What is asked for there: a path, with a query if it has one.
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

/// A credential that is written down.
#[derive(Debug, Clone)]
pub struct AwsKeys {
    /// The key's id.
    pub access_key: SecretString,
    /// The key itself.
    pub secret_key: SecretString,
    /// Where the keys are lent.
    pub session_token: Option<SecretString>,
}

/// What a container shows to the service beside it.
#[derive(Debug, Clone)]
pub enum ServiceToken {
    /// This.
    Text(SecretString),
    /// What stands in this file; it is read each time.
    File(PathBuf),
}

/// A role, and how it is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsRole {
    /// Its ARN.
    pub arn: String,
    /// Under which name our calls show in the account's records.
    pub session: String,
    /// What whoever trusts us asks for beside.
    pub external_id: Option<String>,
    /// For how long, in seconds; an hour where nothing is said.
    pub seconds: Option<u32>,
}

impl AwsSettings {
    /// An account whose credential is known.
    pub fn of_keys(region: String, keys: AwsKeys) -> Self {
        let sts = BaseUrl {
            tls: true,
            host: format!("sts.{region}.amazonaws.com"),
            port: 443,
            path: String::new(),
        };
        Self {
            region,
            source: AwsSource::Keys(keys),
            roles: Vec::new(),
            sts,
        }
    }
}

impl PartialEq for AwsKeys {
    fn eq(&self, other: &Self) -> bool {
        let token = |keys: &Self| {
            let token = keys.session_token.as_ref();
            token.map(|token| token.expose_secret().to_owned())
        };
        self.access_key.expose_secret() == other.access_key.expose_secret()
            && self.secret_key.expose_secret() == other.secret_key.expose_secret()
            && token(self) == token(other)
    }
}

impl PartialEq for ServiceToken {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(one), Self::Text(two)) => one.expose_secret() == two.expose_secret(),
            (Self::File(one), Self::File(two)) => one == two,
            _ => false,
        }
    }
}
