//! One call on a connection of its own, for everything that is not measured:
//! is it ready, what does the upstream's own answer look like, what did it see.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use super::load::{Answer, request};

const WITHIN: Duration = Duration::from_secs(5);

/// Sends the bytes of `request` and reads the whole answer.
pub(crate) fn call(at: SocketAddr, request: &[u8]) -> io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&at, WITHIN)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(WITHIN))?;
    stream.set_write_timeout(Some(WITHIN))?;
    stream.write_all(request)?;
    let mut answer = Answer::new();
    let mut scratch = vec![0; 16 << 10];
    loop {
        let read = stream.read(&mut scratch)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match answer.feed(&scratch[..read]) {
            Ok(true) => return Ok(answer),
            Ok(false) => {}
            Err(fault) => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    fault.to_string(),
                ));
            }
        }
    }
}

/// `GET path`.
pub(crate) fn get(at: SocketAddr, path: &str) -> io::Result<Answer> {
    call(at, &request::get(at, path))
}

/// How many model calls the simulated upstream has seen.
pub(crate) fn calls_seen(sim: SocketAddr) -> io::Result<u64> {
    let stats = get(sim, "/stats")?;
    number(&String::from_utf8_lossy(stats.body()), "\"seen\":")
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "/stats has no `seen`"))
}

/// The first whole number behind `name`.
fn number(text: &str, name: &str) -> Option<u64> {
    let rest = text.split_once(name)?.1.trim_start();
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_by_its_name() {
        assert_eq!(
            number("{\"open\":1,\"seen\": 42,\"x\":7}", "\"seen\":"),
            Some(42)
        );
        assert_eq!(number("{\"seen\":42", "\"seen\":"), Some(42));
        assert_eq!(number("{\"seen\":null}", "\"seen\":"), None);
        assert_eq!(number("{}", "\"seen\":"), None);
    }
}
