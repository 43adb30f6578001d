//! Which source a provider's account has, in the order of most of Amazon's SDKs:
//! what its table says, the variables of an API key, of an access key, of a web
//! identity, the shared files, the service beside a container.
//!
//! A machine's own service is asked only where the table says so: elsewhere its
//! address answers nobody, and each start would wait for it.

use std::path::PathBuf;

use super::super::bedrock::{ACCESS_KEY, SECRET_KEY, SESSION_TOKEN};
use super::super::env::Env;
use super::super::keys::Provider;
use super::super::kind::Kind;
use super::super::reading::{Origin, Reading};
use super::super::report::Severity::{Error, Warning};
use super::super::secret::{Secret, SecretSource};
use super::forms::{SESSION, is_role, is_session};
use super::profile::Profiles;
use super::{Account, Lends, Role, Source, Wrong, chain, services};

const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const ROLE_ARN: &str = "AWS_ROLE_ARN";
const ROLE_SESSION: &str = "AWS_ROLE_SESSION_NAME";
const NAMES: [&str; 2] = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"];
const DEFAULT: &str = "default";

/// The profile that is meant where the table names none, and the variable that
/// names it.
fn profile_of(env: &dyn Env) -> (String, Option<&'static str>) {
    let named = NAMES
        .into_iter()
        .find_map(|name| Some((env.get(name)?, name)));
    match named {
        Some((profile, name)) => (profile, Some(name)),
        None => (DEFAULT.to_owned(), None),
    }
}

/// The region that the shared files have for this provider.
pub(in crate::config) fn region(provider: &Provider, cx: &mut Reading<'_>) -> Option<String> {
    let name = provider.profile.clone();
    let name = name.unwrap_or_else(|| profile_of(cx.env).0);
    let profiles = Profiles::read(false, cx);
    let region = profiles.get(&name)?.get("region");
    region.map(str::to_owned)
}

/// Chooses among what the environment has, where the table says nothing and no
/// access key was found.
pub(in crate::config) fn choose(path: &str, provider: &mut Provider, cx: &mut Reading<'_>) {
    let (lends, origin) = if cx.env.get(TOKEN_FILE).is_some() {
        (Lends::WebIdentity, Origin::Variable(TOKEN_FILE.to_owned()))
    } else if let Some(origin) = profile(path, provider, cx) {
        (Lends::Profile, origin)
    } else if let Some(name) = services::container_variable(cx.env) {
        (Lends::Container, Origin::Variable(name.to_owned()))
    } else {
        return;
    };
    provider.credentials = Some(lends);
    cx.remember_at(&format!("{path}.credentials"), origin);
}

/// A profile that is asked for, or the usual one if it has a credential.
fn profile(path: &str, provider: &mut Provider, cx: &mut Reading<'_>) -> Option<Origin> {
    let (name, variable) = profile_of(cx.env);
    let origin = match variable {
        Some(variable) => Origin::Variable(variable.to_owned()),
        None => {
            let profiles = Profiles::read(false, cx);
            // It may be there for its region alone.
            profiles.get(&name).filter(|one| chain::is_meant(one))?;
            if let Err(wrong) = chain::resolve(&name, &profiles, cx.env) {
                // It was not asked for: told where nothing else is there.
                if services::container_variable(cx.env).is_none() {
                    let what = format!("is not helped by the shared files: it {}", wrong.what);
                    cx.about(Warning, path, what).hint(wrong.hint);
                }
                return None;
            }
            Origin::With("HOME")
        }
    };
    provider.profile = Some(name);
    cx.remember_at(&format!("{path}.profile"), origin.clone());
    Some(origin)
}

/// Makes the account of each provider that is signed to, of what was written or
/// chosen for it; whatever is missing for that is told.
pub(in crate::config) fn fill_all(providers: &mut [Provider], cx: &mut Reading<'_>) {
    let signed = providers
        .iter_mut()
        .filter(|one| one.kind == Kind::Bedrock && one.keys.is_empty());
    for provider in signed {
        let path = format!("providers.{}", provider.name);
        fill(&path, provider, cx);
    }
}

fn fill(path: &str, provider: &mut Provider, cx: &mut Reading<'_>) {
    let Some(region) = provider.region.clone() else {
        return;
    };
    let (key, found) = match provider.credentials {
        None => (
            "access_key",
            Ok(of_table(provider).map(|keys| (keys, Vec::new()))),
        ),
        Some(Lends::WebIdentity) => ("credentials", alone(of_web_identity(path, cx))),
        Some(Lends::Container) => ("credentials", alone(services::container(cx.env))),
        Some(Lends::Machine) => ("credentials", alone(services::machine(cx.env))),
        Some(Lends::Profile) => {
            let named = provider.profile.clone();
            let name = named.unwrap_or_else(|| profile_of(cx.env).0);
            let profiles = Profiles::read(true, cx);
            provider.profile = Some(name.clone());
            (
                "profile",
                chain::resolve(&name, &profiles, cx.env).map(Some),
            )
        }
    };
    let whole = found.and_then(|found| match found {
        Some((source, roles)) => Ok(Some((source, roles, services::sts(&region, cx.env)?))),
        None => Ok(None),
    });
    match whole {
        Ok(Some((source, mut roles, sts))) => {
            roles.extend(provider.role.clone().map(plain));
            if !sts.tls && !sts.is_loopback() {
                let what = "takes credentials from a token service that is not encrypted";
                cx.about(Warning, path, what.to_owned())
                    .hint("AWS_ENDPOINT_URL_STS is https, outside of a network you trust");
            }
            provider.account = Some(Account {
                source,
                roles,
                sts,
                profile: provider.profile.clone().filter(|_| key == "profile"),
            });
        }
        Ok(None) => {}
        Err(Wrong { what, hint }) => {
            cx.about(Error, &format!("{path}.{key}"), what).hint(hint);
        }
    }
}

type Found = Result<Option<(Source, Vec<Role>)>, Wrong>;

fn alone(source: Result<Source, Wrong>) -> Found {
    source.map(|source| Some((source, Vec::new())))
}

/// A role that is only named.
fn plain(arn: String) -> Role {
    Role {
        arn,
        session: SESSION.to_owned(),
        external_id: None,
        seconds: None,
    }
}

/// A credential whose parts were written or found, if it is whole.
fn of_table(provider: &Provider) -> Option<Source> {
    Some(Source::Keys {
        access_key: provider.access_key.clone()?,
        secret_key: provider.secret_key.clone()?,
        session_token: provider.session_token.clone(),
    })
}

/// The access key that the variables hold.
pub(super) fn of_environment(env: &dyn Env) -> Result<Source, Wrong> {
    let secret = |name: &str| {
        let text = env.get(name)?;
        let source = SecretSource::Env(name.to_owned());
        Secret::new(&text, source).ok()
    };
    match (secret(ACCESS_KEY), secret(SECRET_KEY)) {
        (Some(access_key), Some(secret_key)) => Ok(Source::Keys {
            access_key,
            secret_key,
            session_token: secret(SESSION_TOKEN),
        }),
        _ => {
            let what = format!("needs {ACCESS_KEY} and {SECRET_KEY}, and has not both of them");
            Err(Wrong::new(what, "export them whole"))
        }
    }
}

fn of_web_identity(path: &str, cx: &mut Reading<'_>) -> Result<Source, Wrong> {
    let [file, arn] = [TOKEN_FILE, ROLE_ARN].map(|name| cx.env.get(name));
    let missing = |name: &str| Wrong::new(format!("needs {name}, which is not set"), "set it");
    let token_file = PathBuf::from(file.ok_or_else(|| missing(TOKEN_FILE))?);
    let arn = arn.ok_or_else(|| missing(ROLE_ARN))?.trim().to_owned();
    if !is_role(&arn) {
        let what = format!("cannot be used: {ROLE_ARN} is no role");
        return Err(Wrong::new(what, super::ROLE.form.expected));
    }
    let session = cx.env.get(ROLE_SESSION);
    let session = session.unwrap_or_else(|| SESSION.to_owned());
    if !is_session(&session) {
        let what = format!("cannot be used: Amazon does not take {ROLE_SESSION}");
        return Err(Wrong::new(what, "2 to 64 letters, digits or `_+=,.@-`"));
    }
    if !token_file.is_file() {
        // It may be put there later, by whoever runs the container.
        let what = format!("has no token in {TOKEN_FILE} yet");
        cx.about(Warning, &format!("{path}.credentials"), what)
            .found(token_file.display().to_string())
            .expected("the path of a file that can be read");
    }
    let role = Role {
        session,
        ..plain(arn)
    };
    Ok(Source::WebIdentity { role, token_file })
}
