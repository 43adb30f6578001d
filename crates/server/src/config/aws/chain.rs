//! From a profile to the credential that it means: its own, or a role by the
//! credential of another.
//!
//! Promise: a chain ends; it has at most [`LONGEST`] roles, and no circle.

use std::path::PathBuf;

use super::super::env::Env;
use super::super::secret::{Secret, SecretSource};
use super::forms::{SESSION, is_role, is_session};
use super::profile::{Profile, Profiles};
use super::{Role, Source, Wrong, services};

/// The most roles that are taken one by the other.
const LONGEST: usize = 8;

/// What other programs do for a profile, and Tidegate does not.
const OTHERS: [&str; 5] = [
    "credential_process",
    "sso_session",
    "sso_start_url",
    "sso_account_id",
    "login_session",
];

/// The credential of a profile, and the roles in the order in which they are taken.
pub(super) fn resolve(
    name: &str,
    profiles: &Profiles,
    env: &dyn Env,
) -> Result<(Source, Vec<Role>), Wrong> {
    let (mut roles, mut seen) = (Vec::new(), Vec::new());
    let mut at = name;
    let source = loop {
        let Some(profile) = profiles.get(at) else {
            let what = format!("means the profile `{at}`, which is not there");
            return Err(Wrong::new(
                what,
                format!("looked for in {}", profiles.places()),
            ));
        };
        if seen.contains(&at) || seen.len() >= LONGEST {
            let what = format!("is a chain of profiles that comes back to `{at}`, or is too long");
            return Err(Wrong::new(what, "correct `source_profile`"));
        }
        seen.push(at);
        let Some(arn) = profile.get("role_arn") else {
            break keys(at, profile)?;
        };
        let role = role(at, arn, profile)?;
        if let Some(file) = profile.get("web_identity_token_file") {
            let token_file = PathBuf::from(file);
            break Source::WebIdentity { role, token_file };
        }
        roles.push(role);
        match (
            profile.get("source_profile"),
            profile.get("credential_source"),
        ) {
            (Some(next), _) if next == at => break keys(at, profile)?,
            (Some(next), _) => at = next,
            (None, Some(from)) => break elsewhere(at, from, env)?,
            (None, None) => {
                let what = format!("means the profile `{at}`, whose role nobody is named to take");
                let hint = "set `source_profile`, `credential_source` or `web_identity_token_file`";
                return Err(Wrong::new(what, hint));
            }
        }
    };
    roles.reverse();
    Ok((source, roles))
}

/// Whether a profile is about a credential at all, and not about a region alone.
pub(super) fn is_meant(profile: &Profile) -> bool {
    let own = ["role_arn", "aws_access_key_id", "aws_secret_access_key"];
    profile.has(&own) || profile.has(&OTHERS)
}

fn keys(name: &str, profile: &Profile) -> Result<Source, Wrong> {
    let parts = [
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
    ];
    let [access_key, secret_key, session_token] = parts.map(|part| profile.get(part));
    if let (Some(access_key), Some(secret_key)) = (access_key, secret_key) {
        let secret = |text: &str| {
            Secret::new(text, SecretSource::Literal).map_err(|why| {
                let what = format!("means the profile `{name}`, of which a key {why}");
                Wrong::new(what, "write it again with `aws configure`")
            })
        };
        return Ok(Source::Keys {
            access_key: secret(access_key)?,
            secret_key: secret(secret_key)?,
            session_token: session_token.map(secret).transpose()?,
        });
    }
    if let Some(other) = OTHERS.iter().find(|other| profile.has(&[other])) {
        let what = format!("means the profile `{name}`, and its `{other}` is not for a server");
        let hint = format!(
            "`aws configure export-credentials --profile {name} --format env` makes variables \
             of it, until they end; a role lasts"
        );
        return Err(Wrong::new(what, hint));
    }
    let what = format!("means the profile `{name}`, which has no whole credential");
    Err(Wrong::new(
        what,
        "it takes `aws_access_key_id` and `aws_secret_access_key`, or `role_arn`",
    ))
}

fn role(name: &str, arn: &str, profile: &Profile) -> Result<Role, Wrong> {
    let of = |what: &str| format!("means the profile `{name}`, {what}");
    if !is_role(arn) {
        return Err(Wrong::new(
            of("whose `role_arn` is no role"),
            super::ROLE.form.expected,
        ));
    }
    if profile.has(&["mfa_serial"]) {
        let what = of("whose role wants a code of a person (`mfa_serial`)");
        return Err(Wrong::new(what, "a server needs a role without one"));
    }
    let session = profile.get("role_session_name").unwrap_or(SESSION);
    if !is_session(session) {
        let what = of("whose `role_session_name` Amazon does not take");
        return Err(Wrong::new(what, "2 to 64 letters, digits or `_+=,.@-`"));
    }
    let seconds = match profile.get("duration_seconds").map(str::parse) {
        None => None,
        Some(Ok(seconds)) if (900..=43_200).contains(&seconds) => Some(seconds),
        Some(_) => {
            let what = of("whose `duration_seconds` Amazon does not take");
            return Err(Wrong::new(what, "a number from 900 to 43200"));
        }
    };
    Ok(Role {
        arn: arn.to_owned(),
        session: session.to_owned(),
        external_id: profile.get("external_id").map(str::to_owned),
        seconds,
    })
}

fn elsewhere(name: &str, from: &str, env: &dyn Env) -> Result<Source, Wrong> {
    match from {
        "EcsContainer" => services::container(env),
        "Ec2InstanceMetadata" => services::machine(env),
        "Environment" => super::find::of_environment(env),
        _ => {
            let what = format!("means the profile `{name}`, whose `credential_source` is unknown");
            Err(Wrong::new(
                what,
                "\"Environment\", \"EcsContainer\" or \"Ec2InstanceMetadata\"",
            ))
        }
    }
}
