//! One page of a running Tidegate, over plain HTTP/1.1.
//!
//! One connection, one request, a bounded answer; whoever calls bounds the
//! time. No redirects, no TLS: operators' pages are on this machine.

use std::fmt;
use std::io;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, HeaderValue};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A page is not longer than this.
const MOST: usize = 16 << 20;

/// Where a Tidegate listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    host: String,
    port: u16,
}

/// What it answered.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

impl Address {
    /// Reads `http://host:port`; the scheme may be left out, the port is 80
    /// where none is given.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix("http://").unwrap_or(text);
        let uri: Uri = format!("http://{bare}").parse().ok()?;
        let plain = matches!(uri.path(), "" | "/") && uri.query().is_none();
        let authority = uri
            .authority()
            .filter(|authority| plain && !authority.as_str().contains('@'))?;
        let host = authority.host();
        let port = match authority.as_str().strip_prefix(host)? {
            "" => 80,
            rest => rest.strip_prefix(':')?.parse().ok()?,
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty()).then(|| Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        match host.contains(':') {
            true => write!(f, "http://[{host}]:{port}"),
            false => write!(f, "http://{host}:{port}"),
        }
    }
}

/// Asks for one page. Dropping it closes the connection.
pub(super) async fn get(address: &Address, path: &str, key: Option<&str>) -> io::Result<Page> {
    let stream = TcpStream::connect((&*address.host, address.port)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    let request = request(address, path, key)?;
    let exchange = async {
        let response = sender
            .send_request(request)
            .await
            .map_err(io::Error::other)?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MOST);
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        Ok(Page { status, body })
    };
    tokio::pin!(exchange, connection);
    // The connection moves the exchange; when it ends first, what it brought
    // is still to be taken.
    tokio::select! {
        page = &mut exchange => page,
        ended = &mut connection => {
            ended.map_err(io::Error::other)?;
            exchange.await
        }
    }
}

fn request(address: &Address, path: &str, key: Option<&str>) -> io::Result<Request<Empty<Bytes>>> {
    let host = address.to_string();
    let host = host.trim_start_matches("http://");
    let mut request = Request::get(path).header(HOST, host);
    if let Some(key) = key {
        let mut value = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "the key cannot stand in a header",
            )
        })?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    request.body(Empty::new()).map_err(io::Error::other)
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
            ("http://[::1]:7070", "http://[::1]:7070"),
        ] {
            let address = Address::parse(text).map(|address| address.to_string());
            assert_eq!(address.as_deref(), Some(shown), "{text}");
        }
        for text in [
            "",
            "http://",
            "https://127.0.0.1:7070",
            "http://127.0.0.1:7070/v1",
            "http://127.0.0.1:70700",
            "http://user@127.0.0.1:7070",
            "http://127.0.0.1:7070?x=1",
            ":7070",
        ] {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_stands_in_the_header_and_nowhere_else() {
        let address = Address::parse("127.0.0.1:7070").unwrap();
        let request = request(&address, "/debug/advice", Some("tg-canary")).unwrap();
        assert_eq!(request.headers()[HOST], "127.0.0.1:7070");
        assert_eq!(request.headers()[AUTHORIZATION], "Bearer tg-canary");
        assert!(!format!("{request:?}").contains("canary"));
        let error = super::request(&address, "/", Some("a\nb")).unwrap_err();
        assert!(!error.to_string().contains("a\nb"));
    }
}
