//! The kernel's promises, each test under the id of what it holds.
//!
//! Black box: only the public face. Time is paused wherever time matters, so
//! that a bound is exact and the run is short.

#[cfg(test)]
mod admission;
#[cfg(test)]
mod background;
#[cfg(test)]
mod breaker;
#[cfg(test)]
mod breaker_machine;
#[cfg(test)]
mod budget;
#[cfg(test)]
mod byte_budget;
#[cfg(test)]
mod cancels;
#[cfg(test)]
mod capacity;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod counted;
#[cfg(test)]
mod dice;
mod drive;
#[cfg(test)]
mod fair;
#[cfg(test)]
mod gather;
#[cfg(test)]
mod gather_end;
#[cfg(test)]
mod lane;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod limit;
#[cfg(test)]
mod limit_adaptive;
#[cfg(test)]
mod limit_any;
#[cfg(test)]
mod merge;
#[cfg(test)]
mod once;
#[cfg(test)]
mod order;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod overflow;
#[cfg(test)]
mod overload;
#[cfg(test)]
mod pool;
#[cfg(test)]
mod pool_random;
#[cfg(test)]
mod pressure;
#[cfg(test)]
mod pulse;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod rank;
#[cfg(test)]
mod reentry;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod relay_bounds;
#[cfg(test)]
mod reuse;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod scope;
#[cfg(test)]
mod scope_end;
#[cfg(test)]
mod share;
#[cfg(test)]
mod share_random;
#[cfg(test)]
mod shared;
#[cfg(test)]
mod upstream;
#[cfg(test)]
mod workers;
