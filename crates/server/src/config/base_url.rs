//! Where an upstream is: `http(s)://host[:port][/path]`, taken apart once.
//!
//! Promises: 1. neither credentials nor a query are taken, so that a URL never
//! holds a secret; 2. the path has no slash at its end, and is ready to be put
//! before `/chat/completions`. Names are not looked up here.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

/// The base of an upstream's API.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BaseUrl {
    /// Whether to speak TLS.
    pub tls: bool,
    /// A name or an address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path without a slash at its end, `/v1` for instance.
    pub path: String,
}

/// What is put behind a base, and never stands at its end.
const ENDPOINTS: [&str; 6] = [
    "/chat/completions",
    "/completions",
    "/embeddings",
    "/responses",
    "/messages",
    "/api/chat",
];

impl BaseUrl {
    /// Reads a URL, or says what is wrong with it without repeating it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if may_hold_secret(text) {
            return Err("has credentials, a query or a fragment; keys go into `keys`");
        }
        let uri: Uri = text.parse().map_err(|_| "is not a URL")?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) => return Err("has another scheme than http or https"),
            None => return Err("has no scheme"),
        };
        let written = uri.authority().map_or("", |authority| authority.as_str());
        let bracketed = uri.host().unwrap_or_default();
        let host = bracketed.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err("has no host");
        }
        // `http` takes a port that does not fit as none at all.
        if uri.port_u16().is_none_or(|port| port == 0) && written != bracketed {
            return Err("has a port that is not 1 to 65535");
        }
        let path = uri.path().trim_end_matches('/');
        if ENDPOINTS.iter().any(|end| path.ends_with(end)) {
            return Err("names an endpoint; it ends before that");
        }
        Ok(Self {
            tls,
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            path: path.to_owned(),
        })
    }

    /// Whether the upstream is on this machine, as far as its name tells.
    pub fn is_loopback(&self) -> bool {
        let name = self.host.trim_end_matches('.').to_ascii_lowercase();
        name == "localhost"
            || name.ends_with(".localhost")
            || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }
}

/// Whether a text that should be a URL is better not shown to anybody.
pub(super) fn may_hold_secret(text: &str) -> bool {
    text.contains(['@', '?', '#'])
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        let usual = if self.tls { 443 } else { 80 };
        let host = &self.host;
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]")?;
        } else {
            write!(f, "{scheme}://{host}")?;
        }
        if self.port != usual {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart_and_put_together() {
        for (text, tls, host, port, path) in [
            ("http://127.0.0.1:9100/v1", false, "127.0.0.1", 9100, "/v1"),
            (
                "https://api.openai.com/v1/",
                true,
                "api.openai.com",
                443,
                "/v1",
            ),
            ("http://[::1]:8000", false, "::1", 8000, ""),
            (
                "HTTPS://Example.org:8443/a/b",
                true,
                "Example.org",
                8443,
                "/a/b",
            ),
        ] {
            let url = BaseUrl::parse(text).unwrap();
            assert_eq!(
                (url.tls, &*url.host, url.port, &*url.path),
                (tls, host, port, path)
            );
            assert_eq!(BaseUrl::parse(&url.to_string()).unwrap(), url);
        }
    }

    #[test]
    fn p1_what_is_no_base_is_refused() {
        for (text, why) in [
            ("http://user:pass@host/v1", "credentials"),
            ("https://host/v1?key=abc", "query"),
            ("https://host/v1#x", "fragment"),
            ("ftp://host/", "scheme"),
            ("host/v1", "not a URL"),
            ("localhost", "no scheme"),
            ("", "not a URL"),
            ("http://", "not a URL"),
            ("http://host:99999/v1", "port"),
            ("http://host:0/v1", "port"),
            ("http://host:/v1", "port"),
            ("https://host/v1/chat/completions", "endpoint"),
            ("https://host/v1/messages", "endpoint"),
            ("http://ho st/v1", "not a URL"),
        ] {
            let told = BaseUrl::parse(text).unwrap_err();
            assert!(told.contains(why), "{text:?}: {told}");
        }
    }

    #[test]
    fn loopback_is_known_by_name_and_number() {
        for text in [
            "http://localhost:1/v1",
            "http://127.9.9.9/v1",
            "http://[::1]/v1",
        ] {
            assert!(BaseUrl::parse(text).unwrap().is_loopback(), "{text}");
        }
        for text in [
            "http://10.0.0.1/v1",
            "https://api.openai.com/v1",
            "http://localhost.org",
        ] {
            assert!(!BaseUrl::parse(text).unwrap().is_loopback(), "{text}");
        }
    }
}
