//! Whether a request is signed as Amazon wants it (Signature Version 4), for the
//! one account that the kit knows.
//!
//! Written after Amazon's description, with nothing of the signer under test.

use std::fmt::Write as _;

use ring::{digest, hmac};

use crate::upstream::Recorded;

/// The account: what a client is given.
pub const ACCESS_KEY: &str = "AKIDNATIVEEXAMPLE";
/// Its secret.
pub const SECRET_KEY: &str = "native/secret+of+the+account";
/// Where it is.
pub const REGION: &str = "eu-central-1";

/// What is wrong with the signature of `request` for this service, if something is.
pub(super) fn check(request: &Recorded, service: &str) -> Result<(), String> {
    let header = |name: &str| {
        request
            .header(name)
            .ok_or_else(|| format!("no header {name}"))
    };
    let authorization = header("authorization")?;
    let fields = authorization
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .ok_or("not signed by AWS4-HMAC-SHA256")?;
    let field = |name: &str| {
        let found = fields
            .split(", ")
            .find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
        found.ok_or_else(|| format!("no {name} in the authorization"))
    };
    let date = header("x-amz-date")?;
    let day = date.get(..8).ok_or("a date that is too short")?;
    let scope = format!("{day}/{REGION}/{service}/aws4_request");
    let credential = format!("{ACCESS_KEY}/{scope}");
    if field("Credential")? != credential {
        return Err(format!("{:?} is not {credential:?}", field("Credential")?));
    }
    let signed = field("SignedHeaders")?;
    if !signed.split(';').any(|name| name == "host") {
        return Err("the host is not signed".to_owned());
    }
    let mut canonical = canonical_line(request);
    for name in signed.split(';') {
        let _ = writeln!(canonical, "{name}:{}", header(name)?);
    }
    let payload = hex(digest::digest(&digest::SHA256, request.body()).as_ref());
    if let Some(told) = request.header("x-amz-content-sha256")
        && told != payload
    {
        return Err("the body is not what its checksum says".to_owned());
    }
    let _ = write!(canonical, "\n{signed}\n{payload}");
    let canonical = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{canonical}");
    let mut key = format!("AWS4{SECRET_KEY}").into_bytes();
    for part in [day, REGION, service, "aws4_request"] {
        key = sign(&key, part);
    }
    match hex(&sign(&key, &text)) == field("Signature")? {
        true => Ok(()),
        false => Err("the signature is not that of this request".to_owned()),
    }
}

/// Method, path and query; the path is escaped once more than on the wire.
fn canonical_line(request: &Recorded) -> String {
    let (method, target) = request.line();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut line = format!("{method}\n");
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => line.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => line.push(byte.into()),
            _ => {
                let _ = write!(line, "%{byte:02X}");
            }
        }
    }
    let _ = writeln!(line, "\n{query}");
    line
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
