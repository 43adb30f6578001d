//! Callers who leave, in every way that there is, and when they like.
//!
//! The ways are all one to the gateway: gone is gone (contracts 14). The dice
//! are seeded, so that a run at random can be repeated.

use tidegate_testkit::RawClient;

/// A way of leaving.
#[derive(Debug, Clone, Copy)]
pub enum Leave {
    /// Closes.
    Fin,
    /// Closes with a reset.
    Rst,
    /// Closes its sending side only, which means gone too (contracts 14).
    HalfClose,
}

/// All of them.
pub const WAYS: [Leave; 3] = [Leave::Fin, Leave::Rst, Leave::HalfClose];

/// Leaves; the client is kept for as long as a half-closed side must stand.
pub async fn leave(mut client: RawClient, way: Leave) -> Option<RawClient> {
    match way {
        Leave::Fin => drop(client),
        Leave::Rst => client.reset(),
        Leave::HalfClose => {
            client.half_close().await;
            return Some(client);
        }
    }
    None
}

/// A small, seeded stream of numbers (xorshift64): the run can be repeated.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// The numbers of this seed, which is not 0.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}
