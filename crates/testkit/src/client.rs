//! A caller over raw TCP, or TLS over it: it may break every rule, and it sees every byte.
//!
//! Promises:
//! 1. Nothing is sent but what the test gives.
//! 2. An answer is read strictly: a cut body never looks whole.
//! 3. Every read has a deadline; its panic says what was read so far.

mod reply;
mod sse;
mod stream;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use socket2::{Domain, SockRef, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

pub use reply::{Ended, ErrorForm, Head, Reply};
pub use sse::{Event, split};
pub use stream::Stream;

use crate::wait::{PATIENCE, within};
use reply::Framing;

/// One connection to the gateway.
#[derive(Debug)]
pub struct RawClient {
    stream: Stream,
    unread: Vec<u8>,
    framing: Framing,
    /// The body so far.
    body: Vec<u8>,
    /// How much of it events have taken.
    taken: usize,
    patience: Duration,
}

impl RawClient {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address)
            .await
            .expect("the gateway accepts");
        Self::over(stream)
    }

    /// Connects with a receive buffer of so many bytes, to be a slow reader.
    pub async fn connect_narrow(address: SocketAddr, bytes: usize) -> Self {
        let socket =
            Socket::new(Domain::for_address(address), Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(bytes).expect("a socket option");
        socket.set_nonblocking(true).expect("a socket option");
        let socket = TcpSocket::from_std_stream(socket.into());
        Self::over(socket.connect(address).await.expect("the gateway accepts"))
    }

    /// Connects, and speaks TLS as this says.
    ///
    /// # Errors
    /// Why the handshake failed.
    pub async fn connect_tls(address: SocketAddr, tls: Arc<ClientConfig>) -> io::Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let stream = within("a TLS handshake", Stream::secured(tcp, address, tls)).await?;
        Ok(Self::new(stream))
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a socket option");
        Self::new(Stream::Plain(stream))
    }

    fn new(stream: Stream) -> Self {
        let framing = Framing::Over;
        Self {
            stream,
            unread: Vec::new(),
            framing,
            body: Vec::new(),
            taken: 0,
            patience: PATIENCE,
        }
    }

    /// Sends these bytes.
    ///
    /// # Panics
    /// When the gateway has closed; see [`Self::try_send`].
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.expect("the gateway still reads");
    }

    /// Sends these bytes, or tells that the gateway has closed.
    ///
    /// # Errors
    /// What the socket says.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        self.stream.flush().await
    }

    /// Sends the pieces with a pause after each, until the gateway closes.
    pub async fn drip(&mut self, pieces: &[&[u8]], pause: Duration) {
        for piece in pieces {
            if self.try_send(piece).await.is_err() {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Sends a POST with a JSON body and the headers that this takes.
    pub async fn post(&mut self, path: &str, body: &str) {
        self.post_with(path, &[], body).await;
    }

    /// The same with more headers.
    pub async fn post_with(&mut self, path: &str, headers: &[(&str, &str)], body: &str) {
        self.send(post(path, headers, body)).await;
    }

    /// Sends a GET.
    pub async fn get(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n"))
            .await;
    }

    /// Reads the head of the next answer; `None` when the connection ended
    /// before one byte of it.
    pub async fn try_head(&mut self) -> Option<Head> {
        loop {
            if let Some(at) = self
                .unread
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            {
                let rest = self.unread.split_off(at + 4);
                let head = Head::read(&std::mem::replace(&mut self.unread, rest));
                self.framing = Framing::of(&head);
                self.body.clear();
                self.taken = 0;
                return Some(head);
            }
            if self.more("the head of an answer").await.is_err() {
                let cut = String::from_utf8_lossy(&self.unread);
                assert!(cut.is_empty(), "the connection ended within a head: {cut}");
                return None;
            }
        }
    }

    /// Reads the head of the next answer.
    ///
    /// # Panics
    /// When the gateway closes without one.
    pub async fn head(&mut self) -> Head {
        self.try_head()
            .await
            .expect("an answer before the end of the connection")
    }

    /// The next piece of the body as it comes; `None` at its end.
    ///
    /// # Errors
    /// When the body was cut.
    pub async fn piece(&mut self) -> Result<Option<Vec<u8>>, String> {
        loop {
            match self.framing.take(&mut self.unread)? {
                reply::Taken::Bytes(bytes) => {
                    self.body.extend_from_slice(&bytes);
                    return Ok(Some(bytes));
                }
                reply::Taken::End => return Ok(None),
                reply::Taken::More => {}
            }
            if let Err(error) = self.more("the body of an answer").await {
                return self.framing.end(&error).map(|()| None);
            }
        }
    }

    /// The next event of a stream; `None` at its end.
    ///
    /// # Panics
    /// When the body was cut or ends within an event.
    pub async fn try_event(&mut self) -> Option<Event> {
        loop {
            if let Some((event, length)) = sse::first(&self.body[self.taken..]) {
                self.taken += length;
                return Some(event);
            }
            match self.piece().await {
                Ok(Some(_)) => {}
                Ok(None) => {
                    let left = String::from_utf8_lossy(&self.body[self.taken..]);
                    assert!(left.is_empty(), "the stream ends within an event: {left:?}");
                    return None;
                }
                Err(cut) => panic!("the stream was cut: {cut}"),
            }
        }
    }

    /// The next event of a stream.
    ///
    /// # Panics
    /// When the stream ends, in whatever way.
    pub async fn event(&mut self) -> Event {
        self.try_event().await.expect("one more event")
    }

    /// The next event that is not a ping; `None` at the end.
    pub async fn data(&mut self) -> Option<Event> {
        loop {
            match self.try_event().await {
                Some(event) if event.is_comment() => {}
                other => return other,
            }
        }
    }

    /// Reads a whole answer.
    ///
    /// # Panics
    /// When the gateway closes without one.
    pub async fn reply(&mut self) -> Reply {
        let head = self.head().await;
        self.rest(head).await
    }

    /// Reads a whole answer, or `None` when the gateway closes without one.
    pub async fn try_reply(&mut self) -> Option<Reply> {
        let head = self.try_head().await?;
        Some(self.rest(head).await)
    }

    /// Reads the answer with this head to its end: all of it, also what
    /// events have taken already.
    pub async fn rest(&mut self, head: Head) -> Reply {
        let ended = loop {
            match self.piece().await {
                Ok(Some(_)) => {}
                Ok(None) => break Ended::Whole,
                Err(cut) => break Ended::Cut(cut),
            }
        };
        Reply::new(head, std::mem::take(&mut self.body), ended)
    }

    /// Everything until the gateway closes, as it is on the wire.
    pub async fn to_end(&mut self) -> Vec<u8> {
        while self.more("the end of the connection").await.is_ok() {}
        std::mem::take(&mut self.unread)
    }

    /// The certificate that was shown, as it was on the wire.
    ///
    /// # Panics
    /// Without TLS.
    pub fn certificate(&self) -> Vec<u8> {
        self.stream.certificate().expect("a certificate")
    }

    /// Says in TLS that nothing follows, and leaves the socket open.
    pub async fn say_end(&mut self) {
        self.stream.say_end().await.expect("a write");
    }

    /// Closes our sending side only; nothing, when the gateway closed before.
    pub async fn half_close(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Closes with a reset.
    pub fn reset(self) {
        let linger = SockRef::from(self.stream.socket()).set_linger(Some(Duration::ZERO));
        linger.expect("a socket option");
    }

    /// How long a read may wait from now on.
    pub fn patience(&mut self, time: Duration) {
        self.patience = time;
    }

    async fn more(&mut self, what: &str) -> io::Result<()> {
        let mut piece = [0u8; 16 * 1024];
        let read = tokio::time::timeout(self.patience, self.stream.read(&mut piece)).await;
        let Ok(read) = read else {
            let so_far = String::from_utf8_lossy(&self.unread);
            panic!(
                "waited {:?} in vain for {what}; unread: {so_far:?}",
                self.patience
            )
        };
        match read? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.unread.extend_from_slice(&piece[..read]);
                Ok(())
            }
        }
    }
}

/// The bytes of a POST with a JSON body.
pub fn post(path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    request.push_str(body);
    request
}
