//! One call on a connection of its own, for everything that is not measured:
//! is it ready, what does the upstream's own answer look like, what did it see.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use super::{
    clock,
    load::{Answer, request},
};

const WITHIN: Duration = Duration::from_secs(5);

/// Sends the bytes of `request` and reads the whole answer.
pub(crate) fn call(at: SocketAddr, request: &[u8]) -> io::Result<Answer> {
    call_watched(at, request, |_| ())
}

/// The time from before the connection to the first event of a stream, which is
/// read to its end.
pub(crate) fn first_event(at: SocketAddr, request: &[u8]) -> io::Result<Duration> {
    let began = clock::now();
    let mut first = None;
    let answer = call_watched(at, request, |answer| {
        if answer.has_event() {
            first.get_or_insert_with(|| began.elapsed());
        }
    })?;
    first.filter(|_| answer.status() == 200).ok_or_else(|| {
        let what = format!("no stream of events, but status {}", answer.status());
        io::Error::new(io::ErrorKind::InvalidData, what)
    })
}

/// `watch` sees the answer after each read.
fn call_watched(
    at: SocketAddr,
    request: &[u8],
    mut watch: impl FnMut(&Answer),
) -> io::Result<Answer> {
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
        let fed = answer.feed(&scratch[..read]);
        watch(&answer);
        match fed {
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

/// Which configuration holds, as the page of Tidegate says it.
pub(crate) fn generation(tidegate: SocketAddr) -> io::Result<u64> {
    let page = get(tidegate, "/admin/v1/config")?;
    number(&String::from_utf8_lossy(page.body()), "\"generation\"")
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the page has no `generation`"))
}

/// The first whole number behind `name`, which `:` or `=` may stand before.
pub(crate) fn number(text: &str, name: &str) -> Option<u64> {
    let rest = text.split_once(name)?.1;
    let rest = rest.trim_start_matches(['"', ':', '=', ' ']);
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
        assert_eq!(number("a=1 took_us=250", "took_us"), Some(250));
        assert_eq!(number("{\"took_us\": 9}", "took_us"), Some(9));
    }
}
