//! Addresses where nobody answers, in two ways.
//!
//! One refuses at once, the other neither accepts nor refuses.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::net::TcpStream;

/// An address that refuses connections: bound once, then given back.
pub fn refused() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("the address of a listener")
}

/// A listener that never accepts and whose backlog is full: a connect to it
/// neither succeeds nor fails.
#[derive(Debug)]
pub struct Unanswered {
    socket: Socket,
    _fillers: Vec<TcpStream>,
}

impl Unanswered {
    /// Fills the backlog, which takes a moment.
    pub async fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket
            .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
            .expect("a free port");
        socket.listen(0).expect("a listening socket");
        let mut unanswered = Self {
            socket,
            _fillers: Vec::new(),
        };
        loop {
            let connect = TcpStream::connect(unanswered.address());
            match tokio::time::timeout(Duration::from_millis(300), connect).await {
                Ok(filler) => unanswered._fillers.push(filler.expect("a connection")),
                Err(_) => return unanswered,
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        let address = self.socket.local_addr().expect("the address of a listener");
        address.as_socket().expect("an internet address")
    }

    /// How many attempts to connect stand now (`SYN_SENT` towards it).
    pub fn knocking(&self) -> usize {
        let port = format!(":{:04X}", self.address().port());
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        table
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace().skip(2);
                Some((words.next()?, words.next()?))
            })
            // State 02 is SYN_SENT.
            .filter(|(remote, state)| remote.ends_with(&port) && *state == "02")
            .count()
    }
}
