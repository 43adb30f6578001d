//! Where a Tidegate is, as people write it.
//!
//! The scheme may be left out, the port is the scheme's where none is given,
//! and the `/v1` of an SDK's base URL is taken off.

use std::fmt;

use http::Uri;

/// The address of a server, perhaps with a path that is put before every page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// `/gate`, say, behind a proxy; empty as a rule, without a slash at its end.
    prefix: String,
}

impl Address {
    /// Reads `http://host:port` or `https://host/prefix`; `None` when it is
    /// neither, or says who calls or asks for something.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (tls, bare) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(bare), _) => (true, bare),
            (_, Some(bare)) => (false, bare),
            (None, None) => (false, text),
        };
        let uri: Uri = format!("http://{bare}").parse().ok()?;
        if uri.query().is_some() {
            return None;
        }
        let authority = uri.authority()?;
        if authority.as_str().contains('@') {
            return None;
        }
        let host = authority.host();
        let port = match authority.as_str().strip_prefix(host)? {
            "" if tls => 443,
            "" => 80,
            rest => rest.strip_prefix(':')?.parse().ok()?,
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let path = uri.path().trim_end_matches('/');
        let prefix = path.strip_suffix("/v1").unwrap_or(path);
        (!host.is_empty()).then(|| Self {
            tls,
            host: host.to_owned(),
            port,
            prefix: prefix.to_owned(),
        })
    }

    /// The value of the `host` header.
    pub(super) fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        }
    }

    /// The path of a page there.
    pub(super) fn path(&self, page: &str) -> String {
        format!("{}{page}", self.prefix)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, shown) in [
            ("http://127.0.0.1:7070", "http://127.0.0.1:7070"),
            ("127.0.0.1:7071/", "http://127.0.0.1:7071"),
            ("localhost:1", "http://localhost:1"),
            ("http://gate", "http://gate:80"),
            ("https://gate", "https://gate:443"),
            ("http://[::1]:7070", "http://[::1]:7070"),
            ("http://127.0.0.1:7070/v1", "http://127.0.0.1:7070"),
            ("https://gate.example/ai/v1/", "https://gate.example:443/ai"),
        ] {
            let address = Address::parse(text).map(|address| address.to_string());
            assert_eq!(address.as_deref(), Some(shown), "{text}");
        }
        for text in [
            "",
            "http://",
            "ftp://127.0.0.1:7070",
            "http://127.0.0.1:70700",
            "http://user@127.0.0.1:7070",
            "http://127.0.0.1:7070?x=1",
            ":7070",
            "two words",
        ] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
        let address = Address::parse("https://gate.example/ai").unwrap();
        assert_eq!(address.path("/v1/models"), "/ai/v1/models");
    }
}
