//! What a full queue does with a newcomer: four meanings, each counted (R-D5).
//!
//! Nothing here decides; `pool` and `queue` do, by these words.

/// What a full queue does with a newcomer. Control has room of its own: it is
/// never given up, and refused when even that room is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// The newcomer is refused at once, with the queue's length and a time to come back.
    Error,
    /// The newcomer waits before the door, up to its time limit. The door is
    /// as long as the queue again; beyond it the newcomer is refused as with
    /// `Error`. In a pool the bytes bound queue and door together.
    Block,
    /// The newcomer is given up; it is not wanted back.
    Drop,
    /// The newcomer gets in, and the one that waits longest in the lowest
    /// priority is given up, or as many of the oldest as the newcomer's bytes
    /// need; nobody who is more urgent than the newcomer.
    DropOldest,
}
