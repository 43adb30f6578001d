//! Who signs, out of the configuration.
//!
//! Field by field and without a decision, as the rest of the gateway's settings.

use tidegate_gateway::{AwsKeys, AwsRole, AwsSettings, AwsSource, ServiceToken};

use super::gateway::base_url;
use crate::config::{self, AccountSource};

/// The account of a provider that is signed to.
pub(super) fn of(provider: &config::Provider) -> Option<AwsSettings> {
    let account = provider.account.as_ref()?;
    Some(AwsSettings {
        region: provider.region.clone()?,
        source: source(&account.source),
        roles: account.roles.iter().map(role).collect(),
        sts: base_url(&account.sts),
    })
}

fn source(source: &AccountSource) -> AwsSource {
    match source {
        AccountSource::Keys {
            access_key,
            secret_key,
            session_token,
        } => AwsSource::Keys(AwsKeys {
            access_key: access_key.value.clone(),
            secret_key: secret_key.value.clone(),
            session_token: session_token.as_ref().map(|token| token.value.clone()),
        }),
        AccountSource::WebIdentity {
            role: wanted,
            token_file,
        } => AwsSource::WebIdentity {
            role: role(wanted),
            token_file: token_file.clone(),
        },
        AccountSource::Container {
            base,
            target,
            token,
        } => AwsSource::Container {
            base: base_url(base),
            target: target.clone(),
            token: token.as_ref().map(|token| match token {
                config::ServiceToken::Text(text) => ServiceToken::Text(text.clone()),
                config::ServiceToken::File(path) => ServiceToken::File(path.clone()),
            }),
        },
        AccountSource::Machine { base } => AwsSource::Machine {
            base: base_url(base),
        },
    }
}

fn role(role: &config::Role) -> AwsRole {
    AwsRole {
        arn: role.arn.clone(),
        session: role.session.clone(),
        external_id: role.external_id.clone(),
        seconds: role.seconds,
    }
}
