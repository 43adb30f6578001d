//! What the service manager is told: systemd's `NOTIFY_SOCKET`, one datagram
//! for each change.
//!
//! Promises: 1. without the variable nothing is done; 2. nobody waits for the
//! manager: a datagram that cannot go out at once is lost, and logged.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Where the manager listens; an `@` at its beginning stands for a zero byte.
const SOCKET: &str = "NOTIFY_SOCKET";

/// Requests are taken.
pub(crate) fn ready() {
    tell("READY=1");
}

/// The process drains.
pub(crate) fn stopping() {
    tell("STOPPING=1\nSTATUS=draining");
}

fn tell(state: &str) {
    let Some(at) = std::env::var_os(SOCKET).filter(|at| !at.is_empty()) else {
        return;
    };
    if let Err(error) = send(&at, state) {
        tracing::warn!(%error, "the service manager was not told ({SOCKET})");
    }
}

fn send(at: &OsStr, state: &str) -> io::Result<()> {
    let address = address(at)?;
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.send_to_addr(state.as_bytes(), &address).map(drop)
}

fn address(at: &OsStr) -> io::Result<SocketAddr> {
    match at.as_bytes().strip_prefix(b"@") {
        #[cfg(target_os = "linux")]
        Some(name) => {
            use std::os::linux::net::SocketAddrExt as _;
            SocketAddr::from_abstract_name(name)
        }
        _ => SocketAddr::from_pathname(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_sockets_are_told() {
        let name = format!("tidegate-notify-{}", std::process::id());
        let path = std::env::temp_dir().join(&name);
        for at in [path.clone().into_os_string(), format!("@{name}").into()] {
            let manager = UnixDatagram::bind_addr(&address(&at).unwrap()).unwrap();
            send(&at, "READY=1").unwrap();
            let mut told = [0; 64];
            let length = manager.recv(&mut told).unwrap();
            assert_eq!(&told[..length], b"READY=1");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(send(path.as_os_str(), "READY=1").is_err(), "nobody there");
    }
}
