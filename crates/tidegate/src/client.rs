//! A running Tidegate, as the commands of the terminal talk to it.
//!
//! Promises: 1. one request a connection, which closes when its reply is
//! dropped: that is how a request is cancelled; 2. every wait has a deadline,
//! every body a bound; 3. a key comes from the environment, goes into one
//! header and is never repeated; 4. a failure says what to do next.

mod address;
mod line;
mod refusal;

use std::path::PathBuf;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{Method, Request, Response};
use http_body_util::Full;
use tidegate_kernel::{Clock, Deadline};

use crate::cli::Reach;
use crate::fault::Fault;
use crate::say::one_line;
pub(crate) use address::Address;
use line::{Exchange, Line};
pub(crate) use refusal::{Refusal, Whose};

/// Where a Tidegate listens unless something else is said.
const USUAL: &str = "http://127.0.0.1:7070";
/// The variable that says something else.
const URL_VARIABLE: &str = "TIDEGATE_URL";
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// A page is not longer than this.
const MOST: usize = 16 << 20;

/// Where it is, and what it wants from us.
#[derive(Debug)]
pub(crate) struct Server {
    address: Address,
    key: Option<Key>,
    ca_file: Option<PathBuf>,
}

#[derive(Debug)]
struct Key {
    variable: String,
    header: HeaderValue,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    /// Seconds after which coming back is of use, if it says so.
    pub(crate) retry_after: Option<u64>,
    /// Where it sends us instead.
    pub(crate) location: Option<String>,
    pub(crate) body: Bytes,
}

/// An answer whose body is still to come.
pub(crate) struct Reply {
    head: http::response::Parts,
    exchange: Exchange,
}

/// What is asked for.
pub(crate) struct Asking<'a> {
    pub(crate) method: Method,
    /// As the server knows it, with its query.
    pub(crate) path: &'a str,
    /// JSON; empty for none.
    pub(crate) body: Vec<u8>,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl<'a> Asking<'a> {
    pub(crate) fn page(method: Method, path: &'a str) -> Self {
        Self {
            method,
            path,
            body: Vec::new(),
            headers: Vec::new(),
        }
    }
}

impl Server {
    /// Reads the flags and variables that say where it is.
    pub(crate) fn of(reach: &Reach) -> Result<Self, Fault> {
        let variable = std::env::var_os(URL_VARIABLE).filter(|text| !text.is_empty());
        let (origin, text) = match (&reach.url, variable) {
            (Some(flag), _) => ("--url", flag.into()),
            (None, Some(text)) => (URL_VARIABLE, text),
            (None, None) => ("--url", USUAL.into()),
        };
        let address = text.to_str().and_then(Address::parse).ok_or_else(|| {
            Fault::usage(format!("{origin} {text:?} is not the address of a server"))
                .help(format!("write it as {USUAL:?}"))
        })?;
        Ok(Self {
            address,
            key: reach.key.as_deref().map(key).transpose()?,
            ca_file: reach.ca_file.clone(),
        })
    }

    /// One that wants nothing, for tests of what it says.
    #[cfg(test)]
    pub(crate) fn at(address: Address) -> Self {
        Self {
            address,
            key: None,
            ca_file: None,
        }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// One whole page.
    pub(crate) async fn page(&self, method: Method, path: &str) -> Result<Page, Fault> {
        let deadline = Deadline::after(Clock, PATIENCE);
        let reply = self.send(Asking::page(method, path), deadline).await?;
        reply.whole(deadline, self).await
    }

    /// Sends a request, and waits for the head of its answer until `deadline`.
    /// Dropping it, or the reply, closes the connection.
    pub(crate) async fn send(
        &self,
        asking: Asking<'_>,
        deadline: Deadline,
    ) -> Result<Reply, Fault> {
        let connecting = deadline.earlier(Deadline::after(Clock, CONNECT));
        let line = Line::open(&self.address, self.ca_file.as_deref());
        let before = Clock.now();
        let line = connecting
            .bound(line)
            .await
            .map_err(|_| refusal::no_connection(&self.address, before.elapsed()))??;
        let (response, exchange) = self
            .bound(deadline, line.send(self.request(asking)?))
            .await?
            .map_err(|error| refusal::broken(&self.address, &error))?;
        let (head, ()) = Response::into_parts(response);
        Ok(Reply { head, exchange })
    }

    fn request(&self, asking: Asking<'_>) -> Result<Request<Full<Bytes>>, Fault> {
        let mut request = Request::builder()
            .method(asking.method)
            .uri(self.address.path(asking.path))
            .header(HOST, self.address.authority())
            .header(USER_AGENT, concat!("tidegate/", env!("CARGO_PKG_VERSION")));
        if !asking.body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, key.header.clone());
        }
        for (name, value) in asking.headers {
            request = request.header(name, value);
        }
        let body = Full::new(Bytes::from(asking.body));
        request
            .body(body)
            .map_err(|error| Fault::usage(format!("this cannot be asked for: {error}")))
    }

    async fn bound<F: Future>(&self, deadline: Deadline, work: F) -> Result<F::Output, Fault> {
        let before = Clock.now();
        deadline
            .bound(work)
            .await
            .map_err(|_| refusal::silent(&self.address, before.elapsed()))
    }
}

/// `env:NAME`, and nothing else: who lists this machine's processes reads the
/// words of a command line.
fn key(text: &str) -> Result<Key, Fault> {
    let Some(name) = text.strip_prefix("env:") else {
        let what = "--key takes env:NAME: others on this machine can read a command line";
        return Err(Fault::usage(what).help("export the key, and name its variable"));
    };
    if name.is_empty() || name.contains('=') {
        return Err(Fault::usage(format!("--key {text:?} names no variable"))
            .help("write it as --key env:NAME"));
    }
    let value = std::env::var_os(name).unwrap_or_default();
    if value.is_empty() {
        return Err(
            Fault::usage(format!("--key names {name:?}, which is not set"))
                .help("export the key under this name"),
        );
    }
    let header = value.to_str().map(|value| format!("Bearer {value}"));
    let header = header.and_then(|text| HeaderValue::try_from(text).ok());
    let mut header = header.ok_or_else(|| {
        Fault::usage(format!("the key in {name:?} cannot stand in a header"))
            .help("export the key alone, without what surrounds it")
    })?;
    header.set_sensitive(true);
    Ok(Key {
        variable: name.to_owned(),
        header,
    })
}

impl Reply {
    pub(crate) fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    /// A header, if it is there and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// The next bytes of the body; nothing after its end. Cancel safe.
    pub(crate) async fn next(
        &mut self,
        deadline: Deadline,
        server: &Server,
    ) -> Option<Result<Bytes, Fault>> {
        match server.bound(deadline, self.exchange.next()).await {
            Ok(Some(Ok(bytes))) => Some(Ok(bytes)),
            Ok(Some(Err(error))) => Some(Err(refusal::broken(&server.address, &error))),
            Ok(None) => None,
            Err(fault) => Some(Err(fault)),
        }
    }

    /// The rest as a page.
    pub(crate) async fn whole(
        mut self,
        deadline: Deadline,
        server: &Server,
    ) -> Result<Page, Fault> {
        let mut body = BytesMut::new();
        while let Some(bytes) = self.next(deadline, server).await {
            let bytes = bytes?;
            if body.len() + bytes.len() > MOST {
                let address = &server.address;
                let what = format!("the answer of {address} is longer than {MOST} bytes");
                return Err(Fault::running(what));
            }
            body.extend_from_slice(&bytes);
        }
        Ok(Page {
            status: self.status(),
            retry_after: self
                .header("retry-after")
                .and_then(|text| text.parse().ok()),
            location: self.header("location").map(one_line),
            body: body.freeze(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(url: &str, key: Option<&str>) -> Reach {
        Reach {
            url: Some(url.to_owned()),
            key: key.map(str::to_owned),
            ca_file: None,
        }
    }

    #[test]
    fn a_key_stands_in_the_header_and_nowhere_else() {
        let server = Server::of(&reach("127.0.0.1:7070", Some("env:PATH"))).unwrap();
        let path = std::env::var("PATH").unwrap();
        let request = server
            .request(Asking::page(Method::GET, "/debug/advice"))
            .unwrap();
        assert_eq!(request.headers()[HOST], "127.0.0.1:7070");
        assert_eq!(request.headers()[AUTHORIZATION], format!("Bearer {path}"));
        assert!(!format!("{request:?} {server:?}").contains(&path));
    }

    #[test]
    fn a_key_stands_in_the_environment_and_not_on_the_command_line() {
        for given in ["tg-canary", "env:TIDEGATE_TEST_NO_SUCH_KEY"] {
            let fault = Server::of(&reach("127.0.0.1:7070", Some(given))).unwrap_err();
            assert!(matches!(&fault, Fault::Usage(text) if !text.what.contains("canary")));
        }
    }
}
