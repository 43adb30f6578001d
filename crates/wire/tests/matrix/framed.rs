//! Frames as an upstream sends them, and as they are found again in pieces of any
//! size.

use tidegate_wire::{aws_events, lines};

use crate::talk::{Frame, events};

/// How the frames of a stream are told apart.
#[derive(Clone, Copy)]
pub(crate) enum Framing {
    Events,
    Lines,
    /// Amazon's messages.
    Messages,
}

impl Framing {
    /// The bytes of a stream.
    pub(crate) fn bytes(self, frames: &[Frame]) -> Vec<u8> {
        let each = frames.iter().map(|(name, data)| match self {
            Self::Events if name.is_empty() => [b"data: ", &data[..], b"\r\n\r\n"].concat(),
            Self::Events => {
                let name = name.as_bytes();
                [b"event: ", name, b"\ndata: ", data, b"\n\n"].concat()
            }
            Self::Lines => [&data[..], b"\n"].concat(),
            Self::Messages => message(name, data),
        });
        each.collect::<Vec<_>>().concat()
    }

    /// The frames of a stream that comes in pieces of `size` bytes.
    pub(crate) fn frames(self, stream: &[u8], size: usize) -> Vec<Frame> {
        let pieces = stream.chunks(size);
        match self {
            Self::Events => events(pieces),
            Self::Lines => {
                let mut framer = lines::Framer::new(1 << 20);
                let mut frames = Vec::new();
                for piece in pieces {
                    framer.push(piece);
                    while let Some(line) = framer.next() {
                        frames.push((String::new(), line.unwrap().to_vec()));
                    }
                }
                assert!(framer.finish().is_none());
                frames
            }
            Self::Messages => {
                let mut framer = aws_events::Framer::new(1 << 20);
                let mut frames = Vec::new();
                for piece in pieces {
                    framer.push(piece);
                    while let Some(message) = framer.next() {
                        let message = message.unwrap();
                        let name = String::from_utf8(message.name().to_vec()).unwrap();
                        frames.push((name, message.data().to_vec()));
                    }
                }
                frames
            }
        }
    }
}

fn message(name: &str, payload: &[u8]) -> Vec<u8> {
    let mut headers = Vec::new();
    for (key, value) in [(":event-type", name), (":message-type", "event")] {
        headers.push(u8::try_from(key.len()).unwrap());
        headers.extend(key.as_bytes());
        headers.push(7);
        headers.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        headers.extend(value.as_bytes());
    }
    let number = |length: usize| u32::try_from(length).unwrap().to_be_bytes();
    let mut out = number(headers.len() + payload.len() + 16).to_vec();
    out.extend(number(headers.len()));
    out.extend(crc32fast::hash(&out).to_be_bytes());
    out.extend(headers);
    out.extend(payload);
    out.extend(crc32fast::hash(&out).to_be_bytes());
    out
}
