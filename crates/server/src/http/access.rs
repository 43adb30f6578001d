//! Who may ask (contracts 9).
//!
//! With keys: a bearer key or `x-api-key`, compared in constant time, and the same answer for
//! none and for a wrong one. Without keys: only what a program on this machine
//! sends, since a web page must not spend the user's money: a loopback `Host`,
//! no foreign `Origin`.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName};
use http::uri::{Authority, Uri};
use kernel::{Clock, Instant};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tidegate_gateway::Failure;
use tidegate_kernel as kernel;
use tidegate_types::Code;

use crate::listen::owner;

/// Wrong keys that one address may send in [`WINDOW`].
const MOST_FAILURES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(60);
/// Where Anthropic's SDKs show their key.
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// How a browser tells where a request comes from.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Addresses remembered at most; beyond it the window starts anew for all.
const MOST_ADDRESSES: usize = 4096;

/// The rules of one configuration.
pub(crate) struct Access {
    /// With the number of the tenant whose key it is.
    keys: Vec<(u64, SecretString)>,
    clock: Clock,
    /// Shared with the rules before and after these.
    failures: Arc<Mutex<HashMap<IpAddr, (Instant, u32)>>>,
    /// How often a key was taken away until these, or the first one came.
    era: u64,
    /// The same of the rules that hold now.
    holds: Arc<AtomicU64>,
}

/// The leave of one who was let in for longer than a request takes.
pub(crate) struct Leave {
    era: u64,
    holds: Arc<AtomicU64>,
}

impl Leave {
    /// Whether it has to be asked for again: its key may be gone.
    pub(crate) fn is_over(&self) -> bool {
        self.holds.load(Ordering::Acquire) > self.era
    }
}

impl Access {
    pub(crate) fn new(keys: Vec<SecretString>, clock: Clock) -> Self {
        Self {
            keys: (0..).zip(keys).collect(),
            clock,
            failures: Arc::default(),
            era: 0,
            holds: Arc::default(),
        }
    }

    /// Good until a reload takes a key away, whosever.
    pub(crate) fn leave(&self) -> Leave {
        Leave {
            era: self.era,
            holds: Arc::clone(&self.holds),
        }
    }

    /// These rules hold from now on.
    pub(crate) fn take_hold(&self) {
        self.holds.store(self.era, Ordering::Release);
    }

    /// Whether somebody who is let in by these might not be by `keys`.
    fn loses_by(&self, keys: &[SecretString]) -> bool {
        let stays = |known: &SecretString| {
            let known = known.expose_secret();
            keys.iter().any(|key| key.expose_secret() == known)
        };
        let closes = self.keys.is_empty() && !keys.is_empty();
        closes || !self.keys.iter().all(|(_, key)| stays(key))
    }

    /// Whether callers need a key.
    pub(crate) fn wants_key(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The rules with other keys. A key that stays keeps its tenant's number,
    /// and with it the place in every queue and budget; others get the lowest
    /// that are free. Who guessed wrong is not forgotten.
    pub(crate) fn next(&self, keys: Vec<SecretString>) -> Self {
        let number = |key: &SecretString| {
            let same =
                |known: &&(u64, SecretString)| known.1.expose_secret() == key.expose_secret();
            self.keys.iter().find(same).map(|known| known.0)
        };
        let mut taken = HashSet::new();
        let mut kept = Vec::new();
        for key in &keys {
            kept.push(number(key).filter(|number| taken.insert(*number)));
        }
        let mut free = (0..).filter(|number| !taken.contains(number));
        let numbers = kept.into_iter().map(|kept| kept.or_else(|| free.next()));
        let numbers: Vec<_> = numbers.map(Option::unwrap_or_default).collect();
        let era = self.era + u64::from(self.loses_by(&keys));
        Self {
            keys: numbers.into_iter().zip(keys).collect(),
            clock: self.clock,
            failures: Arc::clone(&self.failures),
            era,
            holds: Arc::clone(&self.holds),
        }
    }

    /// The numbers of the tenants, and the era in which they are theirs: where a key
    /// was taken away its number may be another's.
    pub(crate) fn tenants(&self) -> (Vec<u64>, u64) {
        let numbers = self.keys.iter().map(|(tenant, _)| *tenant);
        (numbers.collect(), self.era)
    }

    /// Whether this request may go on, and which tenant it is: the number of its
    /// key, 0 where there are none.
    pub(crate) fn check(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
    ) -> Result<u64, Failure> {
        if self.keys.is_empty() {
            return local(uri, headers).map(|()| 0);
        }
        // Whoever shares an address with a proxy is not shut out by others.
        let peer = peer.and_then(owner);
        if peer.is_some_and(|address| self.is_shut_out(address)) {
            let text = "Too many wrong keys from this address; wait a minute.";
            return Err(Failure::new(Code::TooManyWrongKeys, text).with_retry_after(WINDOW));
        }
        match self.tenant(headers) {
            Some(tenant) => Ok(tenant),
            None => {
                if let Some(address) = peer {
                    self.remember_failure(address);
                }
                let text = "A valid key is needed: send `Authorization: Bearer <key>`, or `x-api-key: <key>`.";
                Err(Failure::new(Code::InvalidApiKey, text))
            }
        }
    }

    /// Whether this may come from a web page that did not tell its `Origin`:
    /// asked beside [`Self::check`] for what a browser sends to another site
    /// without asking first, a form or a read.
    pub(crate) fn check_page(&self, headers: &HeaderMap) -> Result<(), Failure> {
        let far = headers
            .get(SEC_FETCH_SITE)
            .is_some_and(|site| site == "cross-site");
        match far && self.keys.is_empty() && !headers.contains_key(header::ORIGIN) {
            true => Err(foreign_page()),
            false => Ok(()),
        }
    }

    fn tenant(&self, headers: &HeaderMap) -> Option<u64> {
        let given = shown(headers)?;
        // Every key is compared, so that the time does not tell which is near.
        self.keys.iter().fold(None, |found, (tenant, key)| {
            match bool::from(key.expose_secret().as_bytes().ct_eq(given)) {
                true => Some(*tenant),
                false => found,
            }
        })
    }

    fn is_shut_out(&self, address: IpAddr) -> bool {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(&address).is_some_and(|(since, count)| {
            *count >= MOST_FAILURES && self.clock.now().duration_since(*since) < WINDOW
        })
    }

    fn remember_failure(&self, address: IpAddr) {
        let now = self.clock.now();
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= MOST_ADDRESSES {
            failures.retain(|_, (since, _)| now.duration_since(*since) < WINDOW);
            if failures.len() >= MOST_ADDRESSES {
                failures.clear();
            }
        }
        let (since, count) = failures.entry(address).or_insert((now, 0));
        if now.duration_since(*since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count += 1;
    }
}

/// The key that a caller shows, as the SDKs of either dialect do: as a bearer's,
/// or as Anthropic's `x-api-key`.
fn shown(headers: &HeaderMap) -> Option<&[u8]> {
    let given = headers.get(header::AUTHORIZATION);
    let bearer = given.and_then(|value| {
        let (scheme, key) = value.as_bytes().split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(key)
    });
    bearer.or_else(|| headers.get(X_API_KEY).map(header::HeaderValue::as_bytes))
}

/// The rules for requests without a key.
pub(crate) fn local(uri: &Uri, headers: &HeaderMap) -> Result<(), Failure> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    let named = host.is_some_and(is_loopback) && hosts.next().is_none();
    let absolute = uri
        .authority()
        .is_none_or(|authority| is_loopback(authority.as_str()));
    if !named || !absolute {
        let text = "Without `[auth] keys` Tidegate answers only to loopback names; \
                    use http://127.0.0.1 or http://localhost.";
        return Err(Failure::new(Code::ForbiddenHost, text));
    }
    if let Some(origin) = headers.get(header::ORIGIN) {
        let uri = origin
            .to_str()
            .ok()
            .and_then(|text| text.parse::<Uri>().ok());
        let near = uri.and_then(|uri| uri.authority().cloned());
        if !near.is_some_and(|authority| is_loopback(authority.as_str())) {
            return Err(foreign_page());
        }
    }
    Ok(())
}

fn foreign_page() -> Failure {
    let text = "A web page of another origin may not call without `[auth] keys`.";
    Failure::new(Code::ForbiddenOrigin, text)
}

fn is_loopback(authority: &str) -> bool {
    if is_plain_loopback(authority) {
        return true;
    }
    let Ok(authority) = authority.parse::<Authority>() else {
        return false;
    };
    // The parser takes `localhost:80.example` for `localhost`: what follows the
    // host must be a port and nothing else, or it is another host's name. A
    // user before the host is told by this, too.
    let rest = authority.as_str().strip_prefix(authority.host());
    if !rest.is_some_and(is_port) {
        return false;
    }
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Whether it is one of the three names that programs use, as they write them:
/// most calls, and for these nothing need be taken apart.
fn is_plain_loopback(authority: &str) -> bool {
    let names = ["127.0.0.1", "localhost", "[::1]"];
    let mut rests = names.iter().filter_map(|name| authority.strip_prefix(name));
    rests.any(is_port)
}

/// Whether it is what may follow a host: nothing, or a port.
fn is_port(rest: &str) -> bool {
    rest.is_empty()
        || rest.strip_prefix(':').is_some_and(|port| {
            (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests;
