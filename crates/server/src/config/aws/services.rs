//! The services that lend credentials, as Amazon's variables name them: the token
//! service, the one beside a container, and a machine's own.
//!
//! Promise: a container's token goes to this machine, to the link's own addresses
//! or over TLS, and nowhere else.

use std::net::IpAddr;
use std::path::PathBuf;

use http::{HeaderValue, Uri};

use super::super::base_url::BaseUrl;
use super::super::env::Env;
use super::{ServiceToken, Source, Wrong};

const STS: &str = "AWS_ENDPOINT_URL_STS";
pub(super) const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
pub(super) const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
const MACHINE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const MACHINE_MODE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";
const MACHINE_OFF: &str = "AWS_EC2_METADATA_DISABLED";

/// Where a container's service is, in Amazon's two kinds of clusters.
const LINK: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

/// The token service of a region.
pub(super) fn sts(region: &str, env: &dyn Env) -> Result<BaseUrl, Wrong> {
    let Some(text) = env.get(STS) else {
        let china = if region.starts_with("cn-") { ".cn" } else { "" };
        return Ok(BaseUrl {
            tls: true,
            host: format!("sts.{region}.amazonaws.com{china}"),
            port: 443,
            path: String::new(),
        });
    };
    let url = BaseUrl::parse(text.trim());
    url.map_err(|why| {
        Wrong::new(
            format!("cannot be used: {STS} {why}"),
            "correct it, or unset it",
        )
    })
}

/// Whether variables name a container's service, and the one that does.
pub(super) fn container_variable(env: &dyn Env) -> Option<&'static str> {
    [RELATIVE, FULL]
        .into_iter()
        .find(|name| env.get(name).is_some())
}

pub(super) fn container(env: &dyn Env) -> Result<Source, Wrong> {
    let (base, target) = match (env.get(RELATIVE), env.get(FULL)) {
        (Some(path), _) => (link(), path),
        (None, Some(url)) => full(url.trim())?,
        (None, None) => {
            let what = format!("needs {RELATIVE} or {FULL}, and neither is set");
            return Err(Wrong::new(
                what,
                "the cluster sets it in a container that has a role",
            ));
        }
    };
    let uri: Result<Uri, _> = target.parse();
    if !target.starts_with('/') || uri.is_err() {
        let what = format!("cannot be used: {RELATIVE} is no path");
        return Err(Wrong::new(what, "it begins with `/`"));
    }
    let token = match (env.get(TOKEN_FILE), env.get(TOKEN)) {
        (Some(file), _) => Some(ServiceToken::File(PathBuf::from(file))),
        (None, Some(text)) => {
            if HeaderValue::from_str(text.trim()).is_err() {
                let what = format!("cannot be used: {TOKEN} cannot stand in a header");
                return Err(Wrong::new(what, "export it whole"));
            }
            Some(ServiceToken::Text(text.trim().into()))
        }
        (None, None) => None,
    };
    Ok(Source::Container {
        base,
        target,
        token,
    })
}

fn link() -> BaseUrl {
    BaseUrl {
        tls: false,
        host: LINK[0].to_owned(),
        port: 80,
        path: String::new(),
    }
}

fn full(text: &str) -> Result<(BaseUrl, String), Wrong> {
    let wrong = |why: &str| Wrong::new(format!("cannot be used: {FULL} {why}"), "correct it");
    let uri: Uri = text.parse().map_err(|_| wrong("is not a URL"))?;
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let scheme = uri.scheme_str().unwrap_or_default();
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err(wrong("has credentials in it"));
    }
    let base = BaseUrl::parse(&format!("{scheme}://{authority}")).map_err(wrong)?;
    let address: Option<IpAddr> = base.host.parse().ok();
    let is_link = LINK.iter().any(|link| address == link.parse().ok());
    if !base.tls && !base.is_loopback() && !is_link {
        return Err(wrong("is neither https nor an address of this machine"));
    }
    Ok((base, target.to_owned()))
}

pub(super) fn machine(env: &dyn Env) -> Result<Source, Wrong> {
    let off = env.get(MACHINE_OFF);
    if off.is_some_and(|off| off.trim().eq_ignore_ascii_case("true")) {
        let what = format!("asks the machine, and {MACHINE_OFF} says not to");
        return Err(Wrong::new(what, format!("unset {MACHINE_OFF}")));
    }
    let mode = env.get(MACHINE_MODE).unwrap_or_default();
    let usual = match mode.trim().eq_ignore_ascii_case("ipv6") {
        true => "http://[fd00:ec2::254]",
        false => "http://169.254.169.254",
    };
    let text = env.get(MACHINE).unwrap_or_else(|| usual.to_owned());
    let base = BaseUrl::parse(text.trim()).map_err(|why| {
        Wrong::new(
            format!("cannot be used: {MACHINE} {why}"),
            "correct it, or unset it",
        )
    })?;
    Ok(Source::Machine { base })
}
