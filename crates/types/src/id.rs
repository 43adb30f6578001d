//! Ids that we give out.
//!
//! They are made without a system call, and are distinct within a process and,
//! as good as surely, between two. They are names, not secrets.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::{Builder, Uuid};

/// The id of one request: ours, in `x-tidegate-id`, in every record of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(Uuid);

impl RequestId {
    /// Reads the hyphenated form back.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    /// Its last 16 digits as a number: what differs between two requests of one
    /// process.
    pub fn low(self) -> u64 {
        self.0.as_u64_pair().1
    }

    /// Writes the 36 hyphenated characters into `buffer`.
    pub fn encode(self, buffer: &mut [u8; 36]) -> &str {
        self.0.as_hyphenated().encode_lower(buffer)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Gives out request ids: UUID version 7 (RFC 9562), whose 74 free bits are a
/// process seed mixed with a counter, so that no two of a process are equal
/// and no system call is made for one.
#[derive(Debug)]
pub struct RequestIds {
    seed: u64,
    next: AtomicU64,
}

impl RequestIds {
    /// `seed` should differ between processes (the caller has the randomness).
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            next: AtomicU64::new(0),
        }
    }

    /// The next id, stamped with `unix_millis`.
    pub fn next(&self, unix_millis: u64) -> RequestId {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        let mut free = [0u8; 10];
        // The variant field overwrites two bits of byte 2, so 62 bits of a
        // bijection of the counter remain, beside the time in milliseconds.
        free[..2].copy_from_slice(&self.seed.to_be_bytes()[..2]);
        free[2..].copy_from_slice(&mix(count ^ self.seed).to_be_bytes());
        RequestId(Builder::from_unix_timestamp_millis(unix_millis, &free).into_uuid())
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection on u64.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_distinct_version_seven_and_read_back() {
        let ids = RequestIds::new(7);
        let mut seen = HashSet::new();
        for _ in 0..100_000 {
            let id = ids.next(1_790_000_000_000);
            assert!(seen.insert(id), "{id} came twice");
        }
        let id = ids.next(1_790_000_000_000);
        assert_eq!(RequestId::parse(&id.to_string()), Some(id));
        assert_eq!(id.to_string().as_bytes()[14], b'7');
    }
}
