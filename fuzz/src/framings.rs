//! Framings: the same for every way the bytes are cut, bounded, and every whole
//! message comes out.

use tidegate_wire::{aws_events, lines, sse};

use super::pieces;

/// The most bytes of one event, small enough to be met.
const MOST: usize = 1 << 10;

/// The events of `pieces` that have data: their names and their data.
pub(crate) fn events(pieces: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut framer = sse::Framer::new(1 << 24);
    let mut events = Vec::new();
    for piece in pieces {
        framer.push(piece);
        while let Some(Ok(event)) = framer.next() {
            if event.kind() == sse::Kind::Data {
                events.push((event.name().to_vec(), event.data().into_owned()));
            }
        }
    }
    events
}

pub(crate) fn sse(data: &[u8]) {
    let read = |pieces: &[&[u8]]| {
        let mut framer = sse::Framer::new(MOST);
        let (mut out, mut failed, mut forward) = (Vec::new(), false, false);
        for piece in pieces {
            framer.push(piece);
            while let Some(event) = framer.next() {
                let Ok(event) = event else {
                    failed = true;
                    continue;
                };
                assert!(!failed && event.raw().len() <= MOST + 4);
                let mended = sse::lossy_event(event.raw());
                assert!(std::str::from_utf8(&mended).is_ok());
                forward = !forward;
                if forward {
                    framer.forward();
                }
            }
            out.extend(framer.drain());
            assert!(failed || framer.held() <= MOST + 4, "{}", framer.held());
        }
        (out, failed, format!("{:?}", framer.finish()))
    };
    assert_eq!(read(&[data]), read(&pieces(data)));
}

pub(crate) fn lines(data: &[u8]) {
    let read = |pieces: &[&[u8]]| {
        let mut framer = lines::Framer::new(MOST);
        let mut found = Vec::new();
        for piece in pieces {
            framer.push(piece);
            while let Some(line) = framer.next() {
                found.push(line.map(<[u8]>::to_vec).map_err(|error| error.to_string()));
            }
            assert!(framer.held() <= MOST + 1);
        }
        let last = framer.finish();
        found.extend(last.map(|line| line.map(<[u8]>::to_vec).map_err(|error| error.to_string())));
        found
    };
    assert_eq!(read(&[data]), read(&pieces(data)));
}

/// The bytes as they are; and again as the headers and the payload of a message
/// whose lengths and checksums are right.
pub(crate) fn aws_events(data: &[u8]) {
    let read = |pieces: &[&[u8]]| {
        let mut framer = aws_events::Framer::new(MOST);
        let mut found = Vec::new();
        for piece in pieces {
            framer.push(piece);
            while let Some(message) = framer.next() {
                found.push(match message {
                    Ok(message) => Ok((message.name().to_vec(), message.data().to_vec())),
                    Err(broken) => Err(broken),
                });
            }
            assert!(framer.held() <= MOST);
        }
        (found, format!("{:?}", framer.finish()))
    };
    assert_eq!(read(&[data]), read(&pieces(data)));
    let Some((cut, rest)) = data.split_first() else {
        return;
    };
    let (headers, payload) = rest.split_at(rest.len().min(usize::from(*cut)));
    let message = message(headers, payload);
    let (found, _) = read(&pieces(&message));
    assert_eq!(found, read(&[&message]).0);
    assert_eq!(found.len(), 1, "each whole message is told once");
}

fn message(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let number = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let mut out = Vec::new();
    out.extend(number(headers.len() + payload.len() + 16));
    out.extend(number(headers.len()));
    out.extend(crc32fast::hash(&out).to_be_bytes());
    out.extend(headers);
    out.extend(payload);
    out.extend(crc32fast::hash(&out).to_be_bytes());
    out
}
