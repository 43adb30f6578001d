//! The steps to a credential that is lent: the first from a token, a container's
//! or a machine's service, then each role by the one before.
//!
//! Files are read each time, beside the runtime's workers: who lends tokens by a
//! file writes another one over it. What fails is told by its source.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, header};
use kernel::{Clock, Exit, Scope};
use secrecy::{ExposeSecret, SecretString};
use tidegate_kernel as kernel;
use tidegate_types::Code;
use tidegate_wire::aws_lent::{self as wire, FORM, Unread};
use tidegate_wire::openai::redact;

use super::place::Place;
use super::{Means, Unlent, known, now};
use crate::failure::Failure;
use crate::settings::{AwsRole, AwsSettings, AwsSource, ServiceToken};
use crate::upstream::sign::{Service, Signer};
use crate::upstream::upload::Outgoing;

/// Bytes of a token in a file, at most; the token service takes 20,000.
const TOKEN: u64 = 64 << 10;

/// Where a machine's service names its role, and lends under that name.
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// For how long a machine's service shall take our token, in seconds.
const TOKEN_SECONDS: HeaderValue = HeaderValue::from_static("300");
const TOKEN_TTL: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
const MACHINE_TOKEN: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");

/// See the module's text.
pub(super) struct Steps {
    source: Source,
    roles: Vec<(AwsRole, Arc<TokenService>)>,
    clock: Clock,
    scope: Scope,
}

/// Who gives roles.
struct TokenService {
    place: Place,
    signer: Signer,
}

enum Source {
    Keys(Credentials),
    WebIdentity {
        role: AwsRole,
        token_file: PathBuf,
        sts: Arc<TokenService>,
    },
    Container {
        place: Place,
        target: String,
        token: Option<ServiceToken>,
    },
    Machine(Place),
}

/// What a step says of itself, in a failure.
#[derive(Clone, Copy)]
struct Told {
    /// Who did not do what was asked.
    who: &'static str,
    /// What to do if he cannot be asked.
    reach: &'static str,
    /// What to do if he says no.
    allow: &'static str,
}

const WEB_IDENTITY: Told = Told {
    who: "the token service, asked by web identity,",
    reach: "the operator must see that it can be reached (AWS_ENDPOINT_URL_STS, AWS_REGION)",
    allow: "the operator must see that the role trusts the token's issuer (AWS_ROLE_ARN, \
            AWS_WEB_IDENTITY_TOKEN_FILE)",
};
const ROLE: Told = Told {
    who: "the token service, asked for a role,",
    reach: WEB_IDENTITY.reach,
    allow: "the operator must see that the role trusts the account that asks for it",
};
const CONTAINER: Told = Told {
    who: "the container's credential service",
    reach: "the operator must see that it runs (AWS_CONTAINER_CREDENTIALS_FULL_URI)",
    allow: "the operator must see that this container has a role (AWS_CONTAINER_AUTHORIZATION_TOKEN)",
};
const MACHINE: Told = Told {
    who: "the machine's metadata service",
    reach: "the operator must see that it is on and a hop away at most",
    allow: "the operator must give the machine a role",
};

impl Steps {
    pub(super) fn new(settings: &AwsSettings, means: &Means<'_>) -> Result<Self, String> {
        let place = |base| Place::new(base, means.roots, means.trust, means.clock);
        let sts = || -> Result<_, String> {
            Ok(Arc::new(TokenService {
                place: place(&settings.sts)?,
                signer: Signer::new(&settings.region, Service::Sts),
            }))
        };
        let source = match &settings.source {
            AwsSource::Keys(keys) => Source::Keys(known(keys)),
            AwsSource::WebIdentity { role, token_file } => Source::WebIdentity {
                role: role.clone(),
                token_file: token_file.clone(),
                sts: sts()?,
            },
            AwsSource::Container {
                base,
                target,
                token,
            } => Source::Container {
                place: place(base)?,
                target: target.clone(),
                token: token.clone(),
            },
            AwsSource::Machine { base } => Source::Machine(place(base)?),
        };
        let roles = settings.roles.iter();
        let roles = roles.map(|role| Ok((role.clone(), sts()?)));
        Ok(Self {
            source,
            roles: roles.collect::<Result<_, String>>()?,
            clock: means.clock,
            scope: means.scope.clone(),
        })
    }

    /// The credential after all steps.
    pub(super) async fn take(&self) -> Result<Credentials, Unlent> {
        let mut credential = match &self.source {
            Source::Keys(known) => known.clone(),
            Source::WebIdentity {
                role,
                token_file,
                sts,
            } => self.by_web_identity(sts, role, token_file).await?,
            Source::Container {
                place,
                target,
                token,
            } => self.of_container(place, target, token.as_ref()).await?,
            Source::Machine(place) => of_machine(place).await?,
        };
        for (role, sts) in &self.roles {
            credential = self.role(sts, role, &credential).await?;
        }
        Ok(credential)
    }

    /// What it is called in the log.
    pub(super) fn source(&self) -> &'static str {
        match &self.source {
            Source::Keys(_) => "role",
            Source::WebIdentity { .. } => "web identity",
            Source::Container { .. } => "container",
            Source::Machine(_) => "machine",
        }
    }

    fn first(&self) -> Told {
        match &self.source {
            Source::Keys(_) => ROLE,
            Source::WebIdentity { .. } => WEB_IDENTITY,
            Source::Container { .. } => CONTAINER,
            Source::Machine(_) => MACHINE,
        }
    }

    /// The time for all of them was over.
    pub(super) fn late(&self, after: Duration) -> Unlent {
        let told = self.first();
        let why = format!("did not answer within {} s", after.as_secs());
        Unlent::new(told.who, &why, told.reach)
    }

    /// What was lent had ended before it came.
    pub(super) fn ended(&self) -> Unlent {
        let remedy = "the operator must see that this machine's clock is right";
        Unlent::new(self.first().who, "lent one that has ended", remedy)
    }

    /// A defect.
    pub(super) fn broke(&self, what: &str) -> Unlent {
        let unlent = Unlent::new(
            self.first().who,
            "was not asked",
            "it is a defect of Tidegate",
        );
        unlent.with_aside(what.to_owned())
    }

    async fn by_web_identity(
        &self,
        sts: &TokenService,
        role: &AwsRole,
        file: &Path,
    ) -> Result<Credentials, Unlent> {
        let token = self.read(file).await.map_err(|why| {
            let remedy = "the operator must correct AWS_WEB_IDENTITY_TOKEN_FILE";
            Unlent::new("the web identity's token file", "cannot be read", remedy)
                .with_aside(format!("{}: {why}", file.display()))
        })?;
        let form = wire::with_web_identity(&asked(role), token.expose_secret());
        let request = sts.form(&form);
        let request = request.map_err(|error| WEB_IDENTITY.unasked(&error))?;
        let hidden = [token.expose_secret()];
        sts.ask(request, WEB_IDENTITY, role, &hidden).await
    }

    /// A role, for whom this credential is.
    async fn role(
        &self,
        sts: &TokenService,
        role: &AwsRole,
        by: &Credentials,
    ) -> Result<Credentials, Unlent> {
        let form = wire::assume_role(&asked(role));
        let request = sts.form(&form).map_err(|error| ROLE.unasked(&error))?;
        let (mut head, body) = request.into_parts();
        let signed = sts
            .signer
            .sign(by, &mut head, form.as_bytes(), now(self.clock));
        signed.map_err(|error| ROLE.unasked(&error))?;
        let request = Request::from_parts(head, body);
        let token = by.session_token().unwrap_or_default();
        let hidden = [by.secret_access_key(), token];
        sts.ask(request, ROLE, role, &hidden).await
    }

    async fn of_container(
        &self,
        place: &Place,
        target: &str,
        token: Option<&ServiceToken>,
    ) -> Result<Credentials, Unlent> {
        let request = place.request(Method::GET, target, Bytes::new());
        let mut request = request.map_err(|error| CONTAINER.unasked(&error))?;
        let token = match token {
            None => None,
            Some(ServiceToken::Text(text)) => Some(text.clone()),
            Some(ServiceToken::File(file)) => Some(self.read(file).await.map_err(|why| {
                let remedy = "the operator must correct AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
                Unlent::new("the container's token file", "cannot be read", remedy)
                    .with_aside(format!("{}: {why}", file.display()))
            })?),
        };
        if let Some(token) = &token {
            let value = secret(token.expose_secret()).map_err(|error| CONTAINER.unasked(&error))?;
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let (status, body) = place
            .ask(request)
            .await
            .map_err(|failure| CONTAINER.failed(&failure))?;
        lent_by_service(CONTAINER, status, &body)
    }

    /// The one line of a file, bounded.
    async fn read(&self, path: &Path) -> Result<SecretString, String> {
        let path = path.to_owned();
        let read = self
            .scope
            .spawn_blocking("read a token", move || line(&path));
        match read.map_err(|refused| refused.to_string())?.await {
            Exit::Done(read) => read,
            other => Err(other.label().to_owned()),
        }
    }
}

fn line(path: &Path) -> Result<SecretString, String> {
    use std::io::Read as _;
    let told = |error: std::io::Error| error.to_string();
    let file = path.metadata().map_err(told)?.is_file();
    if !file {
        // A pipe would be waited for.
        return Err("it is no plain file".to_owned());
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(told)?;
    file.take(TOKEN + 1)
        .read_to_string(&mut text)
        .map_err(told)?;
    match text.trim() {
        _ if text.len() as u64 > TOKEN => Err("it is too large for a token".to_owned()),
        "" => Err("it is empty".to_owned()),
        token => Ok(token.into()),
    }
}

fn asked(role: &AwsRole) -> wire::Role<'_> {
    wire::Role {
        arn: &role.arn,
        session: &role.session,
        external_id: role.external_id.as_deref(),
        seconds: role.seconds,
    }
}

fn secret(text: &str) -> Result<HeaderValue, header::InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok(value)
}

impl TokenService {
    fn form(&self, form: &str) -> Result<Request<Outgoing>, http::Error> {
        let body = Bytes::copy_from_slice(form.as_bytes());
        let mut request = self.place.request(Method::POST, "/", body)?;
        let kind = HeaderValue::from_static(FORM);
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
        Ok(request)
    }

    async fn ask(
        &self,
        request: Request<Outgoing>,
        told: Told,
        role: &AwsRole,
        hidden: &[&str],
    ) -> Result<Credentials, Unlent> {
        let asked = self.place.ask(request).await;
        let (status, body) = asked.map_err(|failure| told.failed(&failure))?;
        if status == StatusCode::OK {
            return whole(told, wire::read_role(&body));
        }
        let (code, message) = wire::read_refusal(&body).unwrap_or_default();
        let unlent = told.refused(status, &code);
        let message = redact(&message.unwrap_or_default(), hidden);
        Err(unlent.with_aside(format!("{}: {message}", role.arn)))
    }
}

/// A machine's: a token that shows that we are in it, the name of its role, and
/// what that lends.
async fn of_machine(place: &Place) -> Result<Credentials, Unlent> {
    let ask = async |method, target: &str, name, value| {
        let request = place.request(method, target, Bytes::new());
        let mut request = request.map_err(|error| MACHINE.unasked(&error))?;
        request.headers_mut().insert(name, value);
        let asked = place.ask(request).await;
        asked.map_err(|failure| MACHINE.failed(&failure))
    };
    let text = |answer: (StatusCode, Bytes)| match answer {
        (StatusCode::OK, body) => match std::str::from_utf8(&body) {
            Ok(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
            _ => Err(MACHINE.unread(Unread::Form)),
        },
        (status, _) => Err(MACHINE.refused(status, "")),
    };
    let token = ask(Method::PUT, "/latest/api/token", TOKEN_TTL, TOKEN_SECONDS).await?;
    let token = secret(&text(token)?).map_err(|error| MACHINE.unasked(&error))?;
    let roles = ask(Method::GET, ROLES, MACHINE_TOKEN, token.clone()).await?;
    let roles = text(roles)?;
    let role = roles.lines().next().unwrap_or_default().trim();
    let target = format!("{ROLES}{role}");
    let (status, body) = ask(Method::GET, &target, MACHINE_TOKEN, token).await?;
    lent_by_service(MACHINE, status, &body)
}

fn lent_by_service(told: Told, status: StatusCode, body: &[u8]) -> Result<Credentials, Unlent> {
    match status {
        StatusCode::OK => whole(told, wire::read_service(body)),
        status => Err(told.refused(status, "")),
    }
}

fn whole(told: Told, read: Result<wire::Lent, Unread>) -> Result<Credentials, Unlent> {
    let lent = read.map_err(|unread| told.unread(unread))?;
    let ends = UNIX_EPOCH.checked_add(Duration::from_millis(lent.expires));
    Ok(Credentials::new(
        lent.access_key,
        lent.secret_key,
        Some(lent.session_token),
        ends,
        "lent",
    ))
}

impl Told {
    /// No answer came.
    fn failed(self, failure: &Failure) -> Unlent {
        let why = match failure.code {
            Code::UpstreamUnreachable => "cannot be reached",
            Code::UpstreamTls => "cannot be reached by TLS",
            Code::UpstreamTimeout => "did not answer in time",
            Code::Overloaded => "cannot be asked, since too many files are open",
            _ => "broke off before its answer",
        };
        let aside = match (failure.code, failure.aside()) {
            // What is wrong with a certificate is told in plain words there.
            (Code::UpstreamTls, Some(said)) => format!("{} {said}", failure.message),
            (_, Some(said)) => said.to_owned(),
            (_, None) => failure.message.to_string(),
        };
        Unlent::new(self.who, why, self.reach).with_aside(aside)
    }

    /// The answer is a refusal, in a word of its own if it has one.
    fn refused(self, status: StatusCode, code: &str) -> Unlent {
        let status_code = status.as_u16();
        let why = match code.is_empty() {
            true => format!("answered with status {status_code}"),
            false => format!("answered with status {status_code} ({code})"),
        };
        let remedy = match status.is_client_error() {
            true => self.allow,
            false => "try again",
        };
        Unlent::new(self.who, &why, remedy)
    }

    /// It is none.
    fn unread(self, unread: Unread) -> Unlent {
        let unlent = Unlent::new(self.who, "answered with no credential", self.allow);
        unlent.with_aside(unread.to_string())
    }

    /// The question could not be put.
    fn unasked(self, why: &dyn std::fmt::Display) -> Unlent {
        let unlent = Unlent::new(self.who, "cannot be asked", self.allow);
        unlent.with_aside(why.to_string())
    }
}
