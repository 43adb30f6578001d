//! A body while it is gathered, piece by piece.
//!
//! Promises: 1. a body that came in one piece is not copied; 2. one that is
//! announced as large is gathered in a buffer that was used before, if one is
//! there (R-D10): from 256 KiB on that saves fetching pages from the system;
//! 3. what a caller announces is believed up to [`BELIEVED`].
//! Smaller ones gain nothing by it; the kernel's bench says so.

use bytes::{Bytes, BytesMut};
use kernel::{Clock, Lease, Reuse, ReuseSettings};
use tidegate_kernel as kernel;

/// Announced from here on, a body is gathered in a buffer that was used before.
const LARGE: u64 = 256 << 10;

/// So much room is made ready for what is announced and has not come.
const BELIEVED: u64 = 1 << 20;

/// Buffers that wait for the next large body, and what one may hold: long
/// conversations are some MiB, and a larger one should not stay for ever.
const SHELF: ReuseSettings = ReuseSettings {
    items: 16,
    item_bytes: 8 << 20,
    warn_below_percent: 85,
    judged: 1000,
};

/// The shelf of buffers for large bodies.
pub(crate) fn shelf(clock: Clock) -> Reuse<Vec<u8>> {
    let shelf = Reuse::new(SHELF, clock, Vec::new);
    shelf.on_low_hits(|low| {
        let (hits, requests) = (low.hits, low.requests);
        tracing::warn!(
            hits,
            requests,
            "buffers of large bodies are seldom used again"
        );
    });
    shelf
}

/// See the module's text.
pub(crate) enum Gathered {
    Nothing,
    One(Bytes),
    Many(BytesMut),
    Large(Lease<Vec<u8>>),
}

impl Gathered {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One(bytes) => bytes.len(),
            Self::Many(bytes) => bytes.len(),
            Self::Large(bytes) => bytes.len(),
        }
    }

    /// Adds a piece; `length` is what the whole was announced as.
    pub(crate) fn add(&mut self, data: Bytes, length: Option<u64>, shelf: &Reuse<Vec<u8>>) {
        match self {
            Self::Nothing => *self = Self::One(data),
            Self::One(first) => {
                let announced = length.unwrap_or(0);
                let room = announced.min(BELIEVED) as usize;
                let room = room.max(first.len() + data.len());
                *self = if announced >= LARGE {
                    let mut large = shelf.take();
                    large.reserve(room);
                    large.extend_from_slice(first);
                    large.extend_from_slice(&data);
                    Self::Large(large)
                } else {
                    let mut many = BytesMut::with_capacity(room);
                    many.extend_from_slice(first);
                    many.extend_from_slice(&data);
                    Self::Many(many)
                };
            }
            Self::Many(bytes) => bytes.extend_from_slice(&data),
            Self::Large(bytes) => bytes.extend_from_slice(&data),
        }
    }

    /// The whole; a large one's buffer goes back when the last of it is dropped.
    pub(crate) fn freeze(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(bytes) => bytes,
            Self::Many(bytes) => bytes.freeze(),
            Self::Large(bytes) => Bytes::from_owner(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gather(pieces: &[&[u8]], length: Option<u64>, shelf: &Reuse<Vec<u8>>) -> Bytes {
        let mut gathered = Gathered::Nothing;
        for piece in pieces {
            gathered.add(Bytes::copy_from_slice(piece), length, shelf);
        }
        gathered.freeze()
    }

    /// R-D10, R-G21: the buffer comes back with the last of its bytes, is used
    /// again, and shows nothing of the one before.
    #[test]
    fn r_d10_a_large_body_s_buffer_is_used_again_and_a_small_one_s_is_none() {
        let shelf = shelf(Clock);
        let secret = vec![7; 300 << 10];
        for round in 0..20_u64 {
            let large = Some(secret.len() as u64 + 1);
            let body = gather(&[&secret, b"x"], large, &shelf);
            assert_eq!(body.len(), secret.len() + 1);
            let part = body.slice(10..20);
            drop(body);
            assert_eq!(shelf.stats().in_use, 1, "a part of it is still there");
            drop(part);
            let stats = shelf.stats();
            assert_eq!((stats.in_use, stats.hits), (0, 2 * round), "{stats:?}");
            assert_eq!(&gather(&[b"ab", b"c"], large, &shelf)[..], b"abc");
            assert_eq!(&gather(&[b"ab", b"c"], Some(3), &shelf)[..], b"abc");
        }
    }

    #[test]
    fn one_piece_is_not_copied() {
        let shelf = shelf(Clock);
        let one = Bytes::from(vec![1; 1 << 20]);
        let mut gathered = Gathered::Nothing;
        gathered.add(one.clone(), Some(1 << 20), &shelf);
        assert_eq!(gathered.freeze().as_ptr(), one.as_ptr());
        assert_eq!(shelf.stats().requests, 0);
    }
}
