//! Random asks, leaves, ends and passing time against a reference model that
//! is a plain list for each plan (INV-ORD, INV-MUTEX, INV-STARVE, R-P21, R-P22).

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake};
use std::time::Duration;

use proptest::prelude::*;
use tidegate_kernel::{
    Access, Clock, Deadline, Instant, LockRefusal, LockSettings, Locking, Share, ShareGuard,
};

const MS: Duration = Duration::from_millis(1);
const PLACES: usize = 4;

#[derive(Clone, Debug)]
enum Action {
    Ask {
        plan: u8,
        access: Access<&'static str>,
        patience_ms: u32,
    },
    /// The one at this place of the list of all goes away.
    Leave(usize),
    Pass(u32),
}

fn action() -> impl Strategy<Value = Action> {
    let access = prop_oneof![
        2 => Just(Access::Write),
        1 => Just(Access::Read("")),
        2 => Just(Access::Read("other")),
        4 => Just(Access::Read("main")),
    ];
    prop_oneof![
        4 => (0..2_u8, access, 1..60_u32)
            .prop_map(|(plan, access, patience_ms)| Action::Ask { plan, access, patience_ms }),
        3 => (0..16_usize).prop_map(Action::Leave),
        1 => (1..20_u32).prop_map(Action::Pass),
    ]
}

/// What the model knows of one who asked.
#[derive(Clone, Debug)]
struct Entry {
    id: usize,
    access: Access<&'static str>,
    due: Instant,
    inside: bool,
}

/// For each plan all who are inside or wait, in order of arrival.
type Model = BTreeMap<u8, Vec<Entry>>;

fn get_along(one: &Access<&'static str>, other: &Access<&'static str>) -> bool {
    matches!((one, other), (Access::Read(a), Access::Read(b)) if a == b && !a.is_empty())
}

/// Whose time is over goes; then the rule, word for word: nobody passes, and
/// who is next is inside if it gets along with all who are.
fn settle(plan: &mut Vec<Entry>, now: Instant) {
    plan.retain(|entry| entry.inside || now < entry.due);
    for at in 0..plan.len() {
        if plan[at].inside {
            continue;
        }
        let access = plan[at].access.clone();
        let all = plan.iter().filter(|entry| entry.inside);
        if !all.clone().all(|inside| get_along(&inside.access, &access)) {
            return;
        }
        plan[at].inside = true;
    }
}

#[derive(Debug, Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// One who asked, at the real thing.
struct Caller {
    wakes: Arc<Wakes>,
    seen: usize,
    stage: Stage,
}

enum Stage {
    Waits(Locking<u8, Access<&'static str>>),
    Inside {
        _guard: ShareGuard<u8, &'static str>,
    },
}

/// What became of a caller when it was looked at.
#[derive(Debug, PartialEq)]
enum Seen {
    Waits { ahead: usize },
    Inside,
    Late,
    Full,
}

impl Caller {
    /// Looks at it; one that has news must have been woken for it.
    fn look(&mut self, first: bool) -> Seen {
        let Stage::Waits(locking) = &mut self.stage else {
            return Seen::Inside;
        };
        let woken = self.wakes.0.load(Ordering::Relaxed) > self.seen;
        self.seen = self.wakes.0.load(Ordering::Relaxed);
        let waker = Arc::clone(&self.wakes).into();
        match Pin::new(&mut *locking).poll(&mut Context::from_waker(&waker)) {
            Poll::Pending => Seen::Waits {
                ahead: locking.ahead(),
            },
            Poll::Ready(Ok(guard)) => {
                assert!(first || woken, "granted and not woken");
                self.stage = Stage::Inside { _guard: guard };
                Seen::Inside
            }
            Poll::Ready(Err(LockRefusal::DeadlinePassed)) => Seen::Late,
            Poll::Ready(Err(LockRefusal::Full { waiting })) => {
                assert_eq!(waiting, PLACES);
                Seen::Full
            }
            Poll::Ready(Err(why)) => panic!("{why:?}"),
        }
    }
}

struct World {
    plans: Share<u8, &'static str>,
    callers: BTreeMap<usize, Caller>,
    model: Model,
    asked: u64,
}

impl World {
    fn new() -> Self {
        let settings = LockSettings {
            places: PLACES,
            max_wait: Duration::from_secs(60),
        };
        Self {
            plans: Share::new("plan", settings, Clock),
            callers: BTreeMap::new(),
            model: Model::new(),
            asked: 0,
        }
    }

    async fn act(&mut self, action: Action) {
        match action {
            Action::Ask {
                plan,
                access,
                patience_ms,
            } => self.ask(plan, access, patience_ms * MS),
            Action::Leave(at) => {
                let at = at % self.callers.len().max(1);
                if let Some(id) = self.callers.keys().nth(at).copied() {
                    self.callers.remove(&id);
                    for plan in self.model.values_mut() {
                        plan.retain(|entry| entry.id != id);
                    }
                }
            }
            Action::Pass(ms) => tokio::time::advance(ms * MS).await,
        }
        self.compare();
    }

    fn ask(&mut self, plan: u8, access: Access<&'static str>, patience: Duration) {
        let id = self.asked as usize;
        self.asked += 1;
        let deadline = Deadline::after(Clock, patience);
        let mut caller = Caller {
            wakes: Arc::default(),
            seen: 0,
            stage: Stage::Waits(self.plans.lock(plan, access.clone(), deadline)),
        };
        let entries = self.model.entry(plan).or_default();
        let waiting = entries.iter().filter(|entry| !entry.inside).count();
        let mut with = entries.clone();
        with.push(Entry {
            id,
            access,
            due: deadline.instant(),
            inside: false,
        });
        settle(&mut with, Clock.now());
        let gets_in = with.last().is_some_and(|entry| entry.inside);
        if !gets_in && waiting == PLACES {
            assert_eq!(caller.look(true), Seen::Full);
        } else {
            *entries = with;
            let _ = caller.look(true);
            self.callers.insert(id, caller);
        }
    }

    /// Both say the same of everybody.
    fn compare(&mut self) {
        let now = Clock.now();
        self.model.values_mut().for_each(|plan| settle(plan, now));
        self.model.retain(|_, plan| !plan.is_empty());
        let expected: BTreeMap<usize, Seen> =
            self.model.values().flat_map(|plan| seen(plan)).collect();
        let mut late = Vec::new();
        for (id, caller) in &mut self.callers {
            // A late one is out when it is looked at, so those behind it, who
            // may come in by that, are looked at after it.
            match caller.look(false) {
                Seen::Late => late.push(*id),
                seen => assert_eq!(Some(&seen), expected.get(id), "{id}: {:?}", self.model),
            }
        }
        for id in late {
            assert!(!expected.contains_key(&id), "{id} was refused too early");
            self.callers.remove(&id);
        }
        assert_eq!(self.callers.len(), expected.len());
        let stats = self.plans.stats();
        assert!(stats.holds() && stats.offered == self.asked, "{stats:?}");
        let inside = expected.values().filter(|seen| **seen == Seen::Inside);
        assert_eq!(stats.keys, self.model.len() as u64, "R-P14");
        assert_eq!(stats.held, inside.count() as u64);
    }
}

/// What must be seen of everybody in one plan.
fn seen(plan: &[Entry]) -> Vec<(usize, Seen)> {
    let inside = plan.iter().filter(|entry| entry.inside).count();
    plan.iter()
        .enumerate()
        .map(|(at, entry)| match entry.inside {
            true => (entry.id, Seen::Inside),
            false => (entry.id, Seen::Waits { ahead: at - inside }),
        })
        .collect()
}

proptest! {
    #[test]
    fn inv_ord_share_does_what_a_plain_list_would(actions in prop::collection::vec(action(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for action in actions {
                world.act(action).await;
            }
            world.callers.clear();
            let stats = world.plans.stats();
            let left = (stats.keys, stats.held, stats.waiting);
            assert_eq!(left, (0, 0, 0), "{stats:?}");
        });
    }
}
