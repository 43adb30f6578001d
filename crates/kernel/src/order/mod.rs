//! Who holds and who waits, over lanes, shares, permits and leases, so that a
//! circle of waiting owners is broken at once instead of at its deadline.
//!
//! 1. A cycle ends with its youngest owner's [`DeadlockVictim`], named and
//!    retryable, also when that one waits already (R-D17); the others go on.
//! 2. No wait that could still be granted gives way.
//! 3. Pairs of kinds that meet in cycles are counted (bounded).
//!
//! Who brings no [`Owner`] pays nothing and is not seen; a deadline ends such
//! a wait. An owner waits for one thing at a time. Mutexes are `rank`'s.

mod graph;

use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::{Hash, Hasher};
use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::after::After;
use crate::clock::Deadline;
use crate::names;
use crate::observe::{Labels, Observe, Visitor, gauge};
use crate::order::graph::Graph;
use crate::rank::Rank;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Arc, Mutex};

/// The wait-for graph of a process; a handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct Order(Arc<House>);

#[derive(Debug)]
struct House {
    born: AtomicU64,
    graph: Mutex<Graph>,
}

impl Order {
    /// A graph in which nobody holds or waits. One for a process: no graph sees
    /// a circle that leads through another.
    pub fn new() -> Self {
        Self(Arc::new(House {
            born: AtomicU64::new(1),
            graph: Mutex::ranked(Rank::GRAPH, Graph::default()),
        }))
    }

    /// A new owner, younger than all before. Whoever tries again after a
    /// [`DeadlockVictim`] does so with the owner it had: as others end, it
    /// becomes the oldest, and nobody gives way for ever.
    pub fn owner(&self, name: &'static str) -> Owner {
        Owner {
            order: self.clone(),
            birth: self.0.born.fetch_add(1, Ordering::Relaxed),
            name,
        }
    }

    /// The pairs of kinds that met in cycles, the most frequent first.
    pub fn recurring(&self) -> Vec<Recurring> {
        let mut pairs = self.0.graph.lock().pairs.clone();
        pairs.sort_by_key(|pair| std::cmp::Reverse(pair.times));
        pairs
    }
}

impl Observe for Order {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let (deadlocks, others, (holds, waits)) = {
            let graph = self.0.graph.lock();
            (graph.deadlocks, graph.other_pairs, graph.size())
        };
        let levels = [(names::ORDER_HOLDS, holds), (names::ORDER_WAITS, waits)];
        for (metric, n) in levels {
            to.gauge(metric, labels, gauge(n as u64));
        }
        to.counter(names::ORDER_DEADLOCKS, labels, deadlocks);
        let mut pair = |first: &str, second: &str, times| {
            let labels = [labels, &[("first", first), ("second", second)]].concat();
            to.counter(names::ORDER_DEADLOCK_PAIRS, &labels, times);
        };
        for Recurring { kinds, times, .. } in self.recurring() {
            pair(kinds.0, kinds.1, times);
        }
        if others > 0 {
            pair("other", "other", others);
        }
    }
}

impl Default for Order {
    fn default() -> Self {
        Self::new()
    }
}

/// Two kinds of resources that met in cycles.
#[derive(Clone, Debug)]
pub struct Recurring {
    /// The two, in alphabetical order; they can be the same.
    pub kinds: (&'static str, &'static str),
    /// In how many cycles they stood side by side.
    pub times: u64,
    /// The last of these cycles.
    pub last: DeadlockVictim,
}

/// What can be held and awaited, by kind and key, such as `plan` and `7`.
#[derive(Clone, Debug)]
pub struct Resource {
    name: Arc<(&'static str, String)>,
    places: Option<usize>,
}

impl Resource {
    /// One that is awaited until all who hold it have let go: a lock, a lease.
    pub fn new(kind: &'static str, key: impl Into<String>) -> Self {
        Self {
            name: Arc::new((kind, key.into())),
            places: None,
        }
    }

    /// One of which there are several alike, such as permits: one that comes
    /// back is enough, so it takes all of them stuck to make a deadlock.
    pub fn any_of(places: usize, kind: &'static str, key: impl Into<String>) -> Self {
        Self {
            places: Some(places),
            ..Self::new(kind, key)
        }
    }

    pub(crate) fn places(&self) -> Option<usize> {
        self.places
    }
}

impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Resource {}

impl Hash for Resource {
    fn hash<H: Hasher>(&self, to: &mut H) {
        self.name.hash(to);
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name.0, self.name.1)
    }
}

/// One link of a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The owner's place in the order of births.
    pub owner: u64,
    /// The owner's name.
    pub name: &'static str,
    /// What it waits for, and the next one on the cycle holds.
    pub wants: Resource,
}

/// This wait was ended because it closed a circle of waits. Retryable: let go
/// of everything, then try again with the same owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadlockVictim(Arc<[Step]>);

impl std::error::Error for DeadlockVictim {}

impl DeadlockVictim {
    pub(crate) fn new(cycle: Vec<Step>) -> Self {
        Self(cycle.into())
    }

    /// The circle, each waiting for the next and the last for the first.
    pub fn cycle(&self) -> &[Step] {
        &self.0
    }

    /// The kinds that stand side by side on it, each pair once.
    pub(crate) fn pairs(&self) -> Vec<(&'static str, &'static str)> {
        let kinds = self.0.iter().map(|step| step.wants.name.0);
        let next = kinds.clone().cycle().skip(1);
        let mut pairs: Vec<_> = kinds.zip(next).map(|(a, b)| (a.min(b), a.max(b))).collect();
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }
}

impl fmt::Display for DeadlockVictim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gave way in a deadlock: ")?;
        for Step { owner, name, wants } in self.0.iter() {
            write!(f, "{name} #{owner} waits for {wants}, held by ")?;
        }
        match self.0.first() {
            Some(first) => write!(f, "{} #{}", first.name, first.owner),
            None => Ok(()),
        }
    }
}

/// One strand of work that holds things and waits for others, one at a time;
/// a handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct Owner {
    order: Order,
    birth: u64,
    name: &'static str,
}

impl Owner {
    /// How its waits in lanes and shares are bounded, and that they are noted.
    pub fn until(&self, deadline: Deadline) -> Until {
        Until {
            deadline,
            owner: Some(self.clone()),
        }
    }

    /// Notes that this owner holds the resource now.
    pub fn hold(&self, resource: Resource) -> Holding {
        self.order.0.graph.lock().hold(self.birth, &resource);
        Holding {
            owner: self.clone(),
            resource,
        }
    }

    /// Notes that this owner waits for the resource. If that closes a cycle,
    /// somebody on it gives way, perhaps this one: ask the answer.
    pub fn wait(&self, resource: Resource) -> Blocked {
        let (blocked, woken) = self.block(resource);
        woken.into_iter().for_each(Waker::wake);
        blocked
    }

    /// As `wait`, for one who holds a lock and wakes after it.
    pub(crate) fn block(&self, resource: Resource) -> (Blocked, Vec<Waker>) {
        let mut graph = self.order.0.graph.lock();
        let (key, woken) = graph.wait(self.birth, self.name, &resource);
        drop(graph);
        let blocked = Blocked {
            owner: self.clone(),
            resource,
            key: Some(key),
        };
        (blocked, woken)
    }

    /// Waits by `acquire` for something that this kernel's lanes and shares do
    /// not give, such as a permit or a lease; the wait and what it gave are
    /// noted. Dropping it drops `acquire`.
    ///
    /// # Errors
    /// What `acquire` says, or that this wait gave way in a deadlock.
    pub async fn acquire<T, E>(
        &self,
        resource: Resource,
        acquire: impl Future<Output = Result<T, E>>,
    ) -> Result<Held<T>, NotHeld<E>> {
        let mut acquire = pin!(acquire);
        let mut blocked = None;
        let value = poll_fn(|cx| match acquire.as_mut().poll(cx) {
            Poll::Ready(answer) => Poll::Ready(answer.map_err(NotHeld::Refused)),
            Poll::Pending => blocked
                .get_or_insert_with(|| self.wait(resource.clone()))
                .poll_victim(cx)
                .map(|victim| Err(NotHeld::Deadlock(victim))),
        })
        .await?;
        let holding = match blocked {
            Some(blocked) => blocked.granted()?,
            None => self.hold(resource),
        };
        Ok(Held {
            _holding: holding,
            value,
        })
    }
}

/// Until when one waits for a key of a lane or share, and for whom.
#[derive(Clone, Debug)]
pub struct Until {
    pub(crate) deadline: Deadline,
    pub(crate) owner: Option<Owner>,
}

/// A wait that no graph knows.
impl From<Deadline> for Until {
    fn from(deadline: Deadline) -> Self {
        Self {
            deadline,
            owner: None,
        }
    }
}

/// The note that an owner holds a resource, until it is dropped. Drop it
/// before you let go of the thing itself: then nobody is thought stuck who is not.
#[derive(Debug)]
#[must_use = "a dropped note says that nothing is held"]
pub struct Holding {
    owner: Owner,
    resource: Resource,
}

impl Drop for Holding {
    fn drop(&mut self) {
        let mut graph = self.owner.order.0.graph.lock();
        graph.release(self.owner.birth, &self.resource);
    }
}

/// The note that an owner waits for a resource, until it is dropped.
#[derive(Debug)]
#[must_use = "a dropped note says that nobody waits"]
pub struct Blocked {
    owner: Owner,
    resource: Resource,
    key: Option<usize>,
}

impl Blocked {
    /// Ready when this wait has to give way; otherwise the task is woken then.
    pub fn poll_victim(&mut self, cx: &mut Context<'_>) -> Poll<DeadlockVictim> {
        let mut after = After::default();
        let victim = self.victim(cx.waker(), &mut after);
        after.run();
        victim.map_or(Poll::Pending, Poll::Ready)
    }

    pub(crate) fn victim(&self, waker: &Waker, after: &mut After) -> Option<DeadlockVictim> {
        let mut graph = self.owner.order.0.graph.lock();
        graph.victim(self.key?, waker, after)
    }

    /// The wait has ended well: what it was for is held from here on.
    ///
    /// # Errors
    /// It had to give way before that, and what was got must go back.
    pub fn granted(self) -> Result<Holding, DeadlockVictim> {
        let mut after = After::default();
        let granted = self.grant(&mut after);
        after.run();
        granted
    }

    /// As `granted`, for one who holds a lock.
    pub(crate) fn grant(mut self, after: &mut After) -> Result<Holding, DeadlockVictim> {
        let ended = {
            let mut graph = self.owner.order.0.graph.lock();
            let ended = self.key.take().and_then(|key| graph.end(key));
            if ended.as_ref().is_none_or(|wait| wait.victim.is_none()) {
                graph.hold(self.owner.birth, &self.resource);
            }
            ended
        };
        let victim = ended.and_then(|wait| {
            after.let_go(wait.waker);
            wait.victim
        });
        match victim {
            Some(victim) => Err(victim),
            None => Ok(Holding {
                owner: self.owner.clone(),
                resource: self.resource.clone(),
            }),
        }
    }

    /// The wait has ended without it, for one who holds a lock.
    pub(crate) fn end(mut self, after: &mut After) {
        after.let_go(self.over());
    }

    /// The note is gone; gives its waker.
    fn over(&mut self) -> Option<Waker> {
        let key = self.key.take()?;
        self.owner.order.0.graph.lock().end(key)?.waker
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        drop(self.over());
    }
}

/// Something that an owner holds, and the note that it does.
#[derive(Debug)]
#[must_use = "dropped, it is free again"]
pub struct Held<T> {
    // The note goes first.
    _holding: Holding,
    value: T,
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Held<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// Why something is not held.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHeld<E> {
    /// The wait gave way; try again.
    #[error(transparent)]
    Deadlock(#[from] DeadlockVictim),
    /// The resource itself said no.
    #[error(transparent)]
    Refused(E),
}
