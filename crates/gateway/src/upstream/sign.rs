//! Requests signed for Amazon (Signature Version 4), each time anew: a signature
//! is of one body and of one minute.
//!
//! 1. Signed are the host, the type, the body and what Amazon wants to know, so
//!    that whatever a proxy may add or change breaks nothing.
//! 2. No key is shown: not in an error, not in a log, and the headers that carry
//!    one are marked sensitive.

use std::fmt;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::{HeaderName, HeaderValue, header, request};

/// What is signed to, by its name in a signature: a host's may be another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// Its host is `bedrock-runtime`.
    Bedrock,
    /// The token service.
    Sts,
    /// That of Amazon's published signatures.
    #[cfg(test)]
    Published,
}

impl Service {
    fn as_str(self) -> &'static str {
        match self {
            Self::Bedrock => "bedrock",
            Self::Sts => "sts",
            #[cfg(test)]
            Self::Published => "service",
        }
    }
}

/// What signing adds, and what an earlier attempt may have left.
const ADDED: [HeaderName; 3] = [
    header::AUTHORIZATION,
    HeaderName::from_static("x-amz-date"),
    HeaderName::from_static("x-amz-security-token"),
];

/// Signs for one service, in one region.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    region: String,
    service: Service,
}

/// Why a request was not signed. Nothing of it was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsigned {
    /// It names no host.
    Host,
    /// A header to be signed is not text.
    Header,
    /// It cannot be put into the form that is signed, or a key cannot be sent.
    Form,
}

impl fmt::Display for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "a request without a host cannot be signed",
            Self::Header => "a header that is not text cannot be signed",
            Self::Form => "the request cannot be signed; see that the AWS keys are whole",
        })
    }
}

impl std::error::Error for Unsigned {}

impl Signer {
    pub(crate) fn new(region: &str, service: Service) -> Self {
        Self {
            region: region.to_owned(),
            service,
        }
    }

    /// Signs a request with this `body` by `credentials`, to be sent `now`: Amazon
    /// takes it for five minutes. A signature that it has is replaced.
    ///
    /// # Errors
    /// [`Unsigned`]; the request stays as it was.
    pub(crate) fn sign(
        &self,
        credentials: &Credentials,
        head: &mut request::Parts,
        body: &[u8],
        now: SystemTime,
    ) -> Result<(), Unsigned> {
        // Of an address only path and query are signed: its host is a header.
        let uri = match head.uri.host() {
            Some("") => return Err(Unsigned::Host),
            Some(_) => head.uri.to_string(),
            None => {
                let host = head.headers.get(header::HOST);
                let host = host.and_then(|host| host.to_str().ok());
                let host = host.filter(|host| !host.is_empty()).ok_or(Unsigned::Host)?;
                format!("https://{host}{}", head.uri)
            }
        };
        let mut signed = Vec::new();
        for (name, value) in &head.headers {
            let amazons = name.as_str().starts_with("x-amz-") && !ADDED.contains(name);
            if amazons || [header::HOST, header::CONTENT_TYPE].contains(name) {
                let value = value.to_str().map_err(|_| Unsigned::Header)?;
                signed.push((name.as_str(), value));
            }
        }
        let request = SignableRequest::new(
            head.method.as_str(),
            uri,
            signed.into_iter(),
            SignableBody::Bytes(body),
        );
        let identity = credentials.clone().into();
        let how = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service.as_str())
            .time(now)
            .settings(SigningSettings::default())
            .build();
        let how = how.map_err(|_| Unsigned::Form)?.into();
        let signed = request.and_then(|request| sign(request, &how));
        let (added, _) = signed.map_err(|_| Unsigned::Form)?.into_parts();
        // First all, then the change: an attempt is signed or it is not.
        let (added, _) = added.into_parts();
        let value = |value: &str| HeaderValue::from_str(value).map_err(|_| Unsigned::Form);
        let added = added.iter().map(|added| {
            let mut value = value(added.value())?;
            value.set_sensitive(added.name() != ADDED[1].as_str());
            Ok((HeaderName::from_static(added.name()), value))
        });
        let added = added.collect::<Result<Vec<_>, Unsigned>>()?;
        for name in &ADDED {
            head.headers.remove(name);
        }
        head.headers.extend(added);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
