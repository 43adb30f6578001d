//! How many connections may be open, in all and for each address.
//!
//! 1. Never more places are out than the limits allow, and each comes back
//!    when its [`Place`] is dropped, on every path.
//! 2. Loopback has no share of its own: whoever is on this machine counts
//!    towards the whole only.
//! 3. The table holds an address only while it has a connection.
//!
//! An IPv6 caller is counted by its /64, which is what one customer is given;
//! an IPv4 address in IPv6 form is the IPv4 address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::stats::ListenStats;

/// The limits, and who uses them up.
#[derive(Debug)]
pub(super) struct Places {
    total: AtomicU64,
    per_ip: AtomicUsize,
    by_ip: Mutex<HashMap<IpAddr, usize>>,
    stats: Arc<ListenStats>,
}

/// A connection's place; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    /// Whose share it is of; nobody's for loopback.
    share: Option<IpAddr>,
}

impl Places {
    pub(super) fn new(total: usize, per_ip: usize, stats: Arc<ListenStats>) -> Arc<Self> {
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        Arc::new(Self {
            total: AtomicU64::new(total),
            per_ip: AtomicUsize::new(per_ip),
            by_ip: Mutex::default(),
            stats,
        })
    }

    /// So many from here on; who has a place keeps it.
    pub(super) fn set(&self, total: usize, per_ip: usize) {
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        self.total.store(total, Ordering::Relaxed);
        self.per_ip.store(per_ip, Ordering::Relaxed);
    }

    /// A place for a caller from `ip`; a refusal is counted by its reason.
    pub(super) fn take(self: &Arc<Self>, ip: IpAddr) -> Option<Place> {
        // One more is tried first: two listeners may share these numbers.
        if self.stats.open.fetch_add(1, Ordering::Relaxed) >= self.total.load(Ordering::Relaxed) {
            self.stats.open.fetch_sub(1, Ordering::Relaxed);
            self.stats.refused_limit.add();
            return None;
        }
        let mut place = Place {
            places: Arc::clone(self),
            share: None,
        };
        if let Some(owner) = owner(ip) {
            let mut by_ip = self.by_ip.lock().unwrap_or_else(PoisonError::into_inner);
            let held = by_ip.get(&owner).copied().unwrap_or(0);
            if held >= self.per_ip.load(Ordering::Relaxed) {
                self.stats.refused_per_ip.add();
                return None;
            }
            by_ip.insert(owner, held + 1);
            place.share = Some(owner);
        }
        Some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.stats.open.fetch_sub(1, Ordering::Relaxed);
        let Some(owner) = self.share else {
            return;
        };
        let mut by_ip = self
            .places
            .by_ip
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut held) = by_ip.entry(owner) {
            *held.get_mut() -= 1;
            if *held.get() == 0 {
                held.remove();
            }
        }
    }
}

/// Whose share a connection from `ip` is of: a site's, since whoever has one
/// IPv6 address has 2^64; nobody's on this machine.
pub(crate) fn owner(ip: IpAddr) -> Option<IpAddr> {
    const SITE: u128 = !0 << 64;
    match ip.to_canonical() {
        ip if ip.is_loopback() => None,
        IpAddr::V6(ip) => Some(Ipv6Addr::from_bits(ip.to_bits() & SITE).into()),
        ip => Some(ip),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn promise_1_places_come_back_and_limits_hold() {
        let stats = Arc::new(ListenStats::default());
        let places = Places::new(3, 2, Arc::clone(&stats));
        let first = places.take(ip("192.0.2.1")).unwrap();
        let second = places.take(ip("::ffff:192.0.2.1")).unwrap();
        assert!(places.take(ip("192.0.2.1")).is_none(), "its share is two");
        let other = places.take(ip("192.0.2.2")).unwrap();
        assert!(places.take(ip("192.0.2.3")).is_none(), "all three are out");
        assert_eq!(
            (stats.refused_per_ip(), stats.refused_limit(), stats.open()),
            (1, 1, 3)
        );

        drop(first);
        let again = places.take(ip("192.0.2.1")).unwrap();
        drop((second, other, again));
        assert_eq!(stats.open(), 0);
        assert!(places.by_ip.lock().unwrap().is_empty(), "promise 3");
    }

    #[test]
    fn promise_2_loopback_has_the_whole() {
        let places = Places::new(100, 1, Arc::default());
        let local = ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"];
        let taken: Vec<_> = local
            .iter()
            .cycle()
            .take(100)
            .map(|at| places.take(ip(at)))
            .collect();
        assert!(taken.iter().all(Option::is_some));
        assert!(places.take(ip("127.0.0.1")).is_none());
    }

    #[test]
    fn an_ipv6_site_is_one_caller() {
        let places = Places::new(100, 1, Arc::default());
        let _first = places.take(ip("2001:db8:1:2::1")).unwrap();
        assert!(places.take(ip("2001:db8:1:2:ffff::9")).is_none());
        assert!(places.take(ip("2001:db8:1:3::1")).is_some());
    }
}
