//! The inside of a scope: a node of the tree of scopes, kept by its children
//! and by those who sit in it, so that a parent can name them to the last.
//!
//! 1. A cause is written once, from the top down; a child is born with it.
//! 2. A node counts itself and all below; who brings it to zero wakes those
//!    who wait for that.
//! 3. One lock at a time; wakers, aborts and drops of nodes come after it.

use std::fmt;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use tokio::task::AbortHandle;

use crate::bell::Bell;
use crate::clock::{Clock, Instant};
use crate::scope::{Kind, Running, SpawnRefused, Why};
use crate::slots::Slots;
use crate::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Arc, Mutex, Weak};
use crate::task::PanicReport;

type PanicHook = Box<dyn Fn(&PanicReport) + Send + Sync>;

/// What a whole tree shares.
pub(crate) struct House {
    pub(crate) max_tasks: usize,
    pub(crate) tasks: AtomicUsize,
    pub(crate) next_id: AtomicU64,
    pub(crate) spawned: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) panicked: AtomicU64,
    pub(crate) on_panic: OnceLock<PanicHook>,
}

/// One scope.
pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) house: Arc<House>,
    parent: Option<(Arc<Node>, usize)>,
    /// `Scope` values that point here.
    pub(crate) handles: AtomicUsize,
    pub(crate) count: Count,
    why: AtomicU8,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    /// Tasks are to be aborted, also those whose handle comes only now.
    ended: bool,
    children: Slots<Weak<Node>>,
    seated: Slots<Seated>,
    watchers: Slots<Waker>,
    /// Those who wait for a count of zero.
    waiting: Bell,
}

struct Seated {
    id: u64,
    name: &'static str,
    kind: Kind,
    since: Instant,
    abort: Option<AbortHandle>,
}

/// Tasks in the lower half, guards in the upper, so that both change at once.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

/// A count as it was read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted(u64);

const GUARD: u64 = 1 << 32;

impl Kind {
    fn unit(self) -> u64 {
        match self {
            Self::Task => 1,
            Self::Guard => GUARD,
        }
    }
}

impl Count {
    pub(crate) fn load(&self) -> Counted {
        Counted(self.0.load(Ordering::Acquire))
    }
}

impl Counted {
    pub(crate) fn tasks(self) -> usize {
        (self.0 % GUARD) as usize
    }

    pub(crate) fn guards(self) -> usize {
        (self.0 / GUARD) as usize
    }

    pub(crate) fn all(self) -> usize {
        self.tasks() + self.guards()
    }
}

const CAUSES: [Why; 6] = [
    Why::Caller,
    Why::Operator,
    Why::Shutdown,
    Why::Deadline,
    Why::Overload,
    Why::Closed,
];

fn cause(code: u8) -> Option<Why> {
    CAUSES.into_iter().find(|why| *why as u8 + 1 == code)
}

impl Node {
    pub(crate) fn root(name: &'static str, max_tasks: usize) -> Arc<Self> {
        let house = House {
            max_tasks,
            tasks: AtomicUsize::new(0),
            next_id: AtomicU64::new(1),
            spawned: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            panicked: AtomicU64::new(0),
            on_panic: OnceLock::new(),
        };
        Arc::new(Self::bare(name, Arc::new(house), None))
    }

    fn bare(name: &'static str, house: Arc<House>, parent: Option<(Arc<Self>, usize)>) -> Self {
        Self {
            name,
            house,
            parent,
            handles: AtomicUsize::new(1),
            count: Count::default(),
            why: AtomicU8::new(0),
            inside: Mutex::default(),
        }
    }

    pub(crate) fn child(above: &Arc<Self>, name: &'static str) -> Arc<Self> {
        let mut inside = above.inside.lock();
        let key = inside.children.insert(Weak::new());
        let node = Self::bare(
            name,
            Arc::clone(&above.house),
            Some((Arc::clone(above), key)),
        );
        node.why
            .store(above.why.load(Ordering::Acquire), Ordering::Release);
        let node = Arc::new(node);
        if let Some(place) = inside.children.get_mut(key) {
            *place = Arc::downgrade(&node);
        }
        node
    }

    pub(crate) fn why(&self) -> Option<Why> {
        cause(self.why.load(Ordering::Acquire))
    }

    /// Writes the cause here and below. Where one stands already, it stands
    /// in everything below too.
    pub(crate) fn cancel(&self, why: Why) {
        let mut inside = self.inside.lock();
        if self.why().is_some() {
            return;
        }
        self.why.store(why as u8 + 1, Ordering::Release);
        let woken = std::mem::take(&mut inside.watchers);
        let children = inside.children();
        drop(inside);
        woken.into_values().for_each(Waker::wake);
        for child in children {
            child.cancel(why);
        }
    }

    /// Cancels, and aborts every task here and below.
    pub(crate) fn end(&self, why: Why) {
        self.cancel(why);
        // Those below get the cause that stands here, whoever walks faster.
        let why = self.why().unwrap_or(why);
        let mut inside = self.inside.lock();
        inside.ended = true;
        let aborts: Vec<_> = inside
            .seated
            .iter()
            .filter_map(|s| s.abort.clone())
            .collect();
        let children = inside.children();
        drop(inside);
        aborts.iter().for_each(AbortHandle::abort);
        for child in children {
            child.end(why);
        }
    }

    /// A waker to wake on cancel; the cause, if it is there already.
    pub(crate) fn watch(&self, waker: &Waker) -> Result<usize, Why> {
        let mut inside = self.inside.lock();
        match self.why() {
            Some(why) => Err(why),
            None => Ok(inside.watchers.insert(waker.clone())),
        }
    }

    /// The waker is not to be woken any more.
    pub(crate) fn forget(&self, key: usize) {
        // After a cancel nothing is there under any key.
        let gone = self.inside.lock().watchers.remove(key);
        drop(gone);
    }

    /// Takes a seat for a task or guard, and counts it all the way up.
    pub(crate) fn sit(
        node: &Arc<Self>,
        name: &'static str,
        kind: Kind,
    ) -> Result<Seat, SpawnRefused> {
        let seat = node.try_sit(name, kind).map(|(id, key)| Seat {
            node: Arc::clone(node),
            kind,
            id,
            key,
        });
        if seat.is_err() {
            node.house.refused.fetch_add(1, Ordering::Relaxed);
        }
        seat
    }

    fn try_sit(&self, name: &'static str, kind: Kind) -> Result<(u64, usize), SpawnRefused> {
        let house = &self.house;
        let id = house.next_id.fetch_add(1, Ordering::Relaxed);
        let since = Clock.now();
        let mut inside = self.inside.lock();
        if let Some(why) = self.why() {
            return Err(SpawnRefused::Cancelled(why));
        }
        if kind == Kind::Task {
            let limit = house.max_tasks;
            if house.tasks.fetch_add(1, Ordering::AcqRel) >= limit {
                house.tasks.fetch_sub(1, Ordering::AcqRel);
                return Err(SpawnRefused::TooMany { limit });
            }
            house.spawned.fetch_add(1, Ordering::Relaxed);
        }
        let key = inside.seated.insert(Seated {
            id,
            name,
            kind,
            since,
            abort: None,
        });
        // Under the lock, so that an `end` that follows finds it counted.
        for above in self.upward() {
            above.count.0.fetch_add(kind.unit(), Ordering::AcqRel);
        }
        Ok((id, key))
    }

    fn upward(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |node| {
            node.parent.as_ref().map(|(above, _)| &**above)
        })
    }

    /// Waits until the count of this node is `enough`.
    pub(crate) async fn empty(&self, enough: fn(Counted) -> bool) {
        let seat = self.inside.lock().waiting.sit();
        let waits = Waits { node: self, seat };
        std::future::poll_fn(|cx| waits.poll(enough, cx)).await;
    }

    pub(crate) fn running(&self, now: Instant, all: &mut Vec<Running>) {
        let inside = self.inside.lock();
        all.extend(inside.seated.iter().map(|seated| Running {
            id: seated.id,
            name: seated.name,
            scope: self.name,
            kind: seated.kind,
            age: now.saturating_duration_since(seated.since),
        }));
        let children = inside.children();
        drop(inside);
        for child in children {
            child.running(now, all);
        }
    }
}

impl Inside {
    fn children(&self) -> Vec<Arc<Node>> {
        self.children.iter().filter_map(Weak::upgrade).collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some((above, key)) = &self.parent {
            above.inside.lock().children.remove(*key);
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A seat of one who waits for a count, given up when it is dropped.
struct Waits<'a> {
    node: &'a Node,
    seat: usize,
}

impl Waits<'_> {
    fn poll(&self, enough: fn(Counted) -> bool, cx: &Context<'_>) -> Poll<()> {
        let mut inside = self.node.inside.lock();
        if enough(self.node.count.load()) {
            return Poll::Ready(());
        }
        let before = inside.waiting.wait(self.seat, cx.waker());
        drop(inside);
        drop(before);
        Poll::Pending
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let waker = self.node.inside.lock().waiting.leave(self.seat);
        drop(waker);
    }
}

/// A place in a scope, counted until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) node: Arc<Node>,
    kind: Kind,
    pub(crate) id: u64,
    key: usize,
}

impl Seat {
    /// Where to leave the abort handle; the seat itself goes into the task.
    pub(crate) fn place(&self) -> Place {
        Place {
            node: Arc::clone(&self.node),
            id: self.id,
            key: self.key,
        }
    }
}

/// The place of a seat, by which its task can be aborted.
#[derive(Debug)]
pub(crate) struct Place {
    node: Arc<Node>,
    id: u64,
    key: usize,
}

impl Place {
    /// The task runs; this is how it is aborted. It may have ended by now, and
    /// its place may be another's.
    pub(crate) fn runs(&self, abort: AbortHandle) {
        let mut inside = self.node.inside.lock();
        let ended = inside.ended;
        if let Some(seated) = inside.seated.get_mut(self.key)
            && seated.id == self.id
        {
            seated.abort = Some(abort.clone());
        }
        drop(inside);
        if ended {
            abort.abort();
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let gone = self.node.inside.lock().seated.remove(self.key);
        drop(gone);
        if self.kind == Kind::Task {
            self.node.house.tasks.fetch_sub(1, Ordering::AcqRel);
        }
        for node in self.node.upward() {
            let unit = self.kind.unit();
            let left = Counted(node.count.0.fetch_sub(unit, Ordering::AcqRel) - unit);
            let news = match self.kind {
                Kind::Task => left.tasks() == 0,
                Kind::Guard => left.all() == 0,
            };
            if news {
                let mut woken = Vec::new();
                node.inside.lock().waiting.ring(&mut woken);
                woken.into_iter().for_each(Waker::wake);
            }
        }
    }
}
