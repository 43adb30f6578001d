//! Signatures against Amazon's published ones; the promises of `sign.rs`.
//!
//! The keys are those of Amazon's documentation, which open nothing.

use std::time::{Duration, SystemTime};

use http::request::Parts;
use http::{HeaderValue, Request};

use super::*;

const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";

/// The time of the published examples: 2015-08-30T12:36:00Z.
fn then() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160)
}

fn signer() -> Signer {
    Signer::new("us-east-1", Service::Published)
}

fn account(token: Option<&str>) -> Credentials {
    Credentials::new(KEY, SECRET, token.map(str::to_owned), None, "test")
}

fn head(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn authorization(signed: &str, signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={KEY}/20150830/us-east-1/service/aws4_request, \
         SignedHeaders={signed}, Signature={signature}"
    )
}

#[test]
fn published_signatures() {
    let host = "https://example.amazonaws.com/";
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let all = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (method, uri, headers, body, token, signed, signature) in [
        (
            "GET",
            host,
            &[][..],
            "",
            None,
            "host;x-amz-date",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "POST",
            host,
            &[],
            "",
            None,
            "host;x-amz-date",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "GET",
            host,
            &[],
            "",
            Some(TOKEN),
            "host;x-amz-date;x-amz-security-token",
            "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
        ),
        (
            "GET",
            &format!("{host}{all}"),
            &[],
            "",
            None,
            "host;x-amz-date",
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        (
            "POST",
            host,
            &form,
            "Param1=value1",
            None,
            "content-type;host;x-amz-date",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ] {
        let mut head = head(method, uri, headers);
        let (signer, account) = (signer(), account(token));
        signer
            .sign(&account, &mut head, body.as_bytes(), then())
            .unwrap();
        assert_eq!(
            head.headers["authorization"],
            authorization(signed, signature)
        );
        assert_eq!(head.headers["x-amz-date"], "20150830T123600Z");
        let sent = head.headers.get("x-amz-security-token");
        assert_eq!(sent.map(HeaderValue::as_bytes), token.map(str::as_bytes));
    }
}

#[test]
fn promise_1_what_a_proxy_changes_is_not_signed() {
    let uri = "https://bedrock-runtime.us-east-1.amazonaws.com/model/a%3A0/converse";
    let mut plain = head("POST", uri, &[("content-type", "application/json")]);
    let mut passed = head(
        "POST",
        uri,
        &[
            ("content-type", "application/json"),
            ("content-length", "2"),
            ("user-agent", "tidegate"),
            ("x-request-id", "r"),
        ],
    );
    let (signer, account) = (signer(), account(None));
    signer.sign(&account, &mut plain, b"{}", then()).unwrap();
    signer.sign(&account, &mut passed, b"{}", then()).unwrap();
    let authorization = plain.headers["authorization"].clone();
    assert_eq!(passed.headers["authorization"], authorization);
    // Signing again replaces: a retry has one signature, its own.
    signer.sign(&account, &mut passed, b"{}", then()).unwrap();
    assert_eq!(passed.headers["authorization"], authorization);
    signer.sign(&account, &mut passed, b"[]", then()).unwrap();
    assert_ne!(passed.headers["authorization"], authorization);
    assert_eq!(passed.headers.get_all("authorization").iter().count(), 1);
    assert_eq!(passed.headers.get_all("x-amz-date").iter().count(), 1);
}

#[test]
fn promise_2_no_key_is_shown() {
    let (signer, account) = (signer(), account(Some(TOKEN)));
    let mut head = head("GET", "https://example.amazonaws.com/", &[]);
    signer.sign(&account, &mut head, b"", then()).unwrap();
    let shown = format!("{signer:?} {account:?} {head:?}");
    for secret in [SECRET, TOKEN, "Signature="] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn what_cannot_be_signed_stays_as_it_was() {
    let (signer, account) = (signer(), account(None));
    let mut relative = head("GET", "/model/a/converse", &[]);
    assert_eq!(
        signer.sign(&account, &mut relative, b"", then()),
        Err(Unsigned::Host)
    );
    // As requests to an upstream are: the host is a header.
    let mut told = head("GET", "/model/a/converse", &[("host", "x.example")]);
    let mut whole = head("GET", "https://x.example/model/a/converse", &[]);
    signer.sign(&account, &mut told, b"", then()).unwrap();
    signer.sign(&account, &mut whole, b"", then()).unwrap();
    assert_eq!(
        told.headers["authorization"],
        whole.headers["authorization"]
    );
    let mut odd = head("GET", "https://example.amazonaws.com/", &[]);
    let bytes = HeaderValue::from_bytes(b"\xff").unwrap();
    odd.headers.insert("x-amz-odd", bytes);
    assert_eq!(
        signer.sign(&account, &mut odd, b"", then()),
        Err(Unsigned::Header)
    );
    assert!(odd.headers.get("authorization").is_none());
}
