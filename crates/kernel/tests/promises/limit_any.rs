//! The limit under any sequence of calls and signals: its bounds and promises
//! hold after each step.

use std::time::Duration;

use proptest::prelude::*;
use tidegate_kernel::{Clock, Decision, Instant, Limit, LimitSettings, Reason, Signal};

const MS: Duration = Duration::from_millis(1);

#[derive(Clone, Debug)]
enum Step {
    Take(u8),
    GiveBack(u8),
    Signal(Signal),
    Wait(u16),
    Due,
}

fn time() -> impl Strategy<Value = Duration> {
    (0..20_000u32).prop_map(|ms| ms * MS)
}

fn signal() -> impl Strategy<Value = Signal> {
    let retry_after = prop::option::of(time());
    let reset = prop::option::of(time());
    prop_oneof![
        6 => (prop::option::of(time()), 0..40_000u64, time()).prop_map(
            |(first_token, input_tokens, took)| Signal::Succeeded { first_token, input_tokens, took }
        ),
        2 => retry_after.prop_map(|retry_after| Signal::Overloaded { retry_after }),
        1 => (0..60u64, reset).prop_map(|(requests, reset)| Signal::Remaining { requests, reset }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..20u8).prop_map(Step::Take),
        3 => (1..20u8).prop_map(Step::GiveBack),
        6 => signal().prop_map(Step::Signal),
        2 => (0..3000u16).prop_map(Step::Wait),
        1 => Just(Step::Due),
    ]
}

fn settings() -> impl Strategy<Value = LimitSettings> {
    (
        any::<bool>(),
        1..12usize,
        12..80usize,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(scaled, min, max, slow, gradient)| LimitSettings {
            slow: slow.then_some(5000 * MS),
            gradient,
            ..if scaled {
                LimitSettings::scaled(min, max)
            } else {
                LimitSettings::adaptive(min, max)
            }
        })
}

/// A limit with what a watcher of it knows.
struct Watched {
    limit: Limit,
    settings: LimitSettings,
    now: Instant,
    /// Nothing may begin before.
    paused: Instant,
    bounded: bool,
    to: usize,
    decreased: Option<Instant>,
}

impl Watched {
    fn new(settings: LimitSettings) -> Self {
        let now = Clock.now();
        let limit = Limit::new(&settings, now);
        Self {
            to: limit.computed(),
            limit,
            settings,
            now,
            paused: now,
            bounded: false,
            decreased: None,
        }
    }

    fn adaptive(&self) -> bool {
        self.settings.kind == tidegate_kernel::LimitKind::Adaptive
    }

    fn run(&mut self, step: Step) {
        let (before, busy) = (self.limit.computed(), self.limit.busy());
        match step {
            Step::Take(n) => (0..n).for_each(|_| self.take()),
            Step::GiveBack(n) => {
                (0..busy.min(n.into())).for_each(|_| self.limit.give_back(self.now));
            }
            Step::Signal(signal) => self.signal(signal),
            Step::Wait(ms) => self.now += u32::from(ms) * MS,
            Step::Due => self.due(),
        }
        self.check();
        let grew = self.limit.computed() > before && self.adaptive() && !self.bounded;
        assert!(
            !grew || busy >= before,
            "it grew with {busy} of {before} in use"
        );
    }

    fn take(&mut self) {
        if self.limit.take(self.now) {
            assert!(self.limit.busy() <= self.limit.size(), "beyond its size");
            assert!(!self.adaptive() || self.paused <= self.now, "in a pause");
        }
    }

    /// What is due is done by a tick: who waits for it never spins.
    fn due(&mut self) {
        self.now = self.limit.due().unwrap_or(self.now).max(self.now);
        self.limit.tick(self.now);
        let waits = self.limit.busy() >= self.limit.size();
        let due = self.limit.due().filter(|_| waits);
        assert!(due.is_none_or(|due| due > self.now), "due again at once");
    }

    fn signal(&mut self, signal: Signal) {
        match signal {
            Signal::Overloaded {
                retry_after: Some(wait),
            } => {
                self.paused = self.paused.max(self.now + wait);
            }
            Signal::Remaining { .. } => self.bounded = true,
            _ => {}
        }
        self.limit.signal(signal, self.now);
    }

    fn check(&mut self) {
        while let Some(decision) = self.limit.decided() {
            assert_eq!(decision.from, self.to, "decisions are a chain");
            self.to = decision.to;
            self.judge(decision);
        }
        let (computed, Self { settings, .. }) = (self.limit.computed(), &*self);
        let least = if self.bounded { 1 } else { settings.min };
        assert!((least..=settings.max).contains(&computed), "{computed}");
        assert!(self.limit.size() <= computed);
    }

    fn judge(&mut self, decision: Decision) {
        match decision.reason {
            Reason::Overloaded { .. } | Reason::RetryAfter { .. } if self.adaptive() => {
                let since = self.decreased.map(|last| decision.at - last);
                let window = self.settings.window;
                assert!(
                    since.is_none_or(|since| since >= window),
                    "twice in a window"
                );
                self.decreased = Some(decision.at);
            }
            Reason::Demand { busy } => {
                assert!(busy * 100 > decision.from * 80 || busy >= decision.from);
                assert!(decision.to > decision.from);
            }
            Reason::Idle { peak } => {
                assert!(peak * 100 < decision.from * 30 && decision.to < decision.from);
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn inv_lim_bounds_and_promises_hold_for_any_signals(
        settings in settings(),
        steps in prop::collection::vec(step(), 1..300),
    ) {
        let mut watched = Watched::new(settings);
        steps.into_iter().for_each(|step| watched.run(step));
    }
}
