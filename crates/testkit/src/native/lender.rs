//! The services that lend Amazon's credentials, as they speak: the token service
//! (`AssumeRole`, `AssumeRoleWithWebIdentity`), the one beside a container, and a
//! machine's own.
//!
//! Promises: 1. they are strict: another path, form, token or signature is refused
//! as the real ones refuse it; 2. what they lend is the account of `sigv4`, with a
//! session token that counts up, so that each credential is known by it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::sigv4;
use crate::script::{Script, Signal};
use crate::upstream::{Certificate, Recorded, Upstream};

/// The role that is lent.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/tide";
/// Where a container's service has its credential.
pub const CONTAINER: &str = "/v1/credentials?of=tide";
/// The token of a machine's service.
const MACHINE_TOKEN: &str = "machine-canary-token";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// All of these services, at one address.
#[derive(Debug)]
pub struct Lender {
    upstream: Upstream,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// What a web identity, and a container, must show.
    token: String,
    life: Duration,
    lent: usize,
    broken: Option<Script>,
    late: Duration,
    held: Option<Signal>,
}

impl Lender {
    /// Lends for an hour, for `token`.
    pub async fn start(token: &str) -> Self {
        Self::before(Upstream::start().await, token)
    }

    /// The same behind TLS.
    pub async fn start_tls(token: &str, certificate: &Certificate) -> Self {
        Self::before(Upstream::start_tls(certificate).await, token)
    }

    fn before(upstream: Upstream, token: &str) -> Self {
        let state = Arc::new(Mutex::new(State {
            token: token.to_owned(),
            life: Duration::from_secs(3600),
            lent: 0,
            broken: None,
            late: Duration::ZERO,
            held: None,
        }));
        let lends = Arc::clone(&state);
        upstream.by(move |request| Some(lock(&lends).answer(request)));
        Self { upstream, state }
    }

    /// Where it is, for `AWS_ENDPOINT_URL_STS` for instance.
    pub fn url(&self) -> String {
        let base = self.upstream.base_url();
        base.trim_end_matches("/v1").to_owned()
    }

    /// What was asked of it.
    pub fn requests(&self) -> Vec<Recorded> {
        self.upstream.requests()
    }

    /// How many credentials it has lent; the last has the token `lent-canary-N`.
    pub fn lent(&self) -> usize {
        lock(&self.state).lent
    }

    /// From now on credentials live so long.
    pub fn life(&self, life: Duration) {
        lock(&self.state).life = life;
    }

    /// From now on this token must be shown.
    pub fn token(&self, token: &str) {
        token.clone_into(&mut lock(&self.state).token);
    }

    /// From now on it answers everything with this, or again as it should.
    pub fn breaks(&self, with: Option<Script>) {
        lock(&self.state).broken = with;
    }

    /// From now on each answer comes so late.
    pub fn late(&self, by: Duration) {
        lock(&self.state).late = by;
    }

    /// From now on each answer comes after this.
    pub fn holds(&self, until: &Signal) {
        lock(&self.state).held = Some(until.clone());
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

type Refused = (u16, &'static str, String);

impl State {
    fn answer(&mut self, request: &Recorded) -> Script {
        if let Some(broken) = &self.broken {
            return broken.clone();
        }
        let (method, target) = request.line();
        let script = match (&*method, &*target) {
            ("POST", "/") => match self.sts(request) {
                Ok(text) => xml(200, &text),
                Err((status, code, message)) => xml(status, &failure(code, &message)),
            },
            ("GET", CONTAINER) => self.container(request),
            ("PUT", "/latest/api/token") => {
                match request.header("x-aws-ec2-metadata-token-ttl-seconds") {
                    Some(seconds) if seconds.parse::<u32>().is_ok() => plain(200, MACHINE_TOKEN),
                    _ => plain(400, "no ttl"),
                }
            }
            ("GET", target) if target.starts_with(ROLES) => self.machine(target, request),
            _ => plain(404, "not here"),
        };
        let script = script.late(self.late);
        match &self.held {
            Some(signal) => script.held(signal),
            None => script,
        }
    }

    fn sts(&mut self, request: &Recorded) -> Result<String, Refused> {
        let malformed = |what: &str| (400, "ValidationError", what.to_owned());
        let kind = request.header("content-type").unwrap_or_default();
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return Err(malformed("no form"));
        }
        let text = request.text();
        let field = |name: &str| {
            let mut fields = text.split('&').filter_map(|field| field.split_once('='));
            let (_, value) = fields.find(|(known, _)| *known == name)?;
            let value = value.replace('+', " ");
            Some(percent_decode_str(&value).decode_utf8_lossy().into_owned())
        };
        let action = field("Action").unwrap_or_default();
        if field("Version").as_deref() != Some("2011-06-15") {
            return Err(malformed("another version"));
        }
        if field("RoleSessionName").is_none_or(|name| name.len() < 2) {
            return Err(malformed("no session"));
        }
        if field("RoleArn").is_none_or(|arn| !arn.starts_with(ROLE)) {
            let text = "Not authorized to perform sts:AssumeRole".to_owned();
            return Err((403, "AccessDenied", text));
        }
        match &*action {
            "AssumeRoleWithWebIdentity" => {
                if request.header("authorization").is_some() {
                    return Err(malformed("it is not to be signed"));
                }
                let token = field("WebIdentityToken").unwrap_or_default();
                if token != self.token {
                    let text = format!("Couldn't verify the token {token}");
                    return Err((400, "InvalidIdentityToken", text));
                }
            }
            "AssumeRole" => {
                let wrong = |what| (403, "SignatureDoesNotMatch", what);
                sigv4::check(request, "sts").map_err(wrong)?;
            }
            _ => return Err(malformed("another action")),
        }
        let [key, secret, token, ends] = self.lend();
        Ok(format!(
            "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n\
             <{action}Result><AssumedRoleUser><AssumedRoleId>A:s</AssumedRoleId><Arn>{ROLE}</Arn>\
             </AssumedRoleUser>\n<Credentials><AccessKeyId>{key}</AccessKeyId>\
             <SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}</SessionToken>\
             <Expiration>{ends}</Expiration></Credentials></{action}Result>\
             <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{action}Response>"
        ))
    }

    fn container(&mut self, request: &Recorded) -> Script {
        match request.header("authorization") {
            Some(token) if token == self.token => Script::json(200, &self.json("")),
            _ => Script::json(
                401,
                r#"{"code":"AccessDenied","message":"no token of ours"}"#,
            ),
        }
    }

    fn machine(&mut self, target: &str, request: &Recorded) -> Script {
        if request.header("x-aws-ec2-metadata-token").as_deref() != Some(MACHINE_TOKEN) {
            return plain(401, "no token");
        }
        match target.strip_prefix(ROLES) {
            Some("") => plain(200, "tide"),
            Some("tide") => {
                let more = r#""Code":"Success","Type":"AWS-HMAC","#;
                plain(200, &self.json(more))
            }
            _ => plain(404, "no such role"),
        }
    }

    fn json(&mut self, more: &str) -> String {
        let [key, secret, token, ends] = self.lend();
        format!(
            r#"{{{more}"RoleArn":"{ROLE}","AccessKeyId":"{key}","SecretAccessKey":"{secret}","Token":"{token}","Expiration":"{ends}"}}"#
        )
    }

    fn lend(&mut self) -> [String; 4] {
        self.lent += 1;
        let ends = Timestamp::try_from(SystemTime::now() + self.life);
        let ends = ends.expect("a time of this age");
        [
            sigv4::ACCESS_KEY.to_owned(),
            sigv4::SECRET_KEY.to_owned(),
            format!("lent-canary-{}", self.lent),
            ends.to_string(),
        ]
    }
}

fn plain(status: u16, text: &str) -> Script {
    Script::whole(status, &[("content-type", "text/plain")], text.as_bytes())
}

fn xml(status: u16, text: &str) -> Script {
    Script::whole(status, &[("content-type", "text/xml")], text.as_bytes())
}

fn failure(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>\
         <Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>r</RequestId></ErrorResponse>"
    )
}
