//! The breaker beside a plain model of it, through random lives (proofs B.2.4).
//! The model keeps every verdict with its time and counts them anew each time.

use std::time::Duration;

use proptest::prelude::*;
use tidegate_kernel::breaker::Phase;
use tidegate_kernel::{Breaker, BreakerSettings, Clock, Pass, Verdict};

const WINDOW: u64 = 300;
const CONSECUTIVE: usize = 4;
const MIN_REQUESTS: usize = 6;
const OPEN_MIN: u64 = 50;
const OPEN_MAX: u64 = 400;

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Ask,
    Settle(usize, Verdict),
    Progress(usize),
    OpenUntil(u64),
    Hold,
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    let verdict = prop_oneof![
        4 => Just(Verdict::Failed),
        4 => Just(Verdict::Succeeded),
        2 => Just(Verdict::Degraded),
        1 => Just(Verdict::Neutral),
    ];
    prop_oneof![
        6 => (0..150_u64).prop_map(Step::Wait),
        16 => Just(Step::Ask),
        14 => (any::<usize>(), verdict).prop_map(|(n, verdict)| Step::Settle(n, verdict)),
        3 => any::<usize>().prop_map(Step::Progress),
        1 => (0..300_u64).prop_map(Step::OpenUntil),
        1 => Just(Step::Hold),
        1 => Just(Step::Reset),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Closed,
    Open(u64),
    Probing(bool),
}

const HELD: u64 = u64::MAX;

struct Model {
    now: u64,
    state: State,
    /// Moves with each change that passes of before do not survive.
    life: u32,
    closed_at: u64,
    verdicts: Vec<(u64, Verdict)>,
    openings: u32,
}

impl Model {
    fn new() -> Self {
        Self {
            now: 0,
            state: State::Closed,
            life: 0,
            closed_at: 0,
            verdicts: Vec::new(),
            openings: 0,
        }
    }

    fn go(&mut self, state: State) {
        self.state = state;
        self.life += 1;
    }

    fn close(&mut self) {
        self.go(State::Closed);
        self.openings = 0;
        self.closed_at = self.now;
        self.verdicts.clear();
    }

    fn trip(&mut self) {
        let time = (OPEN_MIN << self.openings.min(10)).min(OPEN_MAX);
        self.openings += 1;
        self.go(State::Open(self.now + time));
    }

    fn hold(&mut self, until: u64) {
        match self.state {
            State::Open(old) if old >= until => {}
            _ if until > self.now => self.go(State::Open(until)),
            _ => {}
        }
    }

    /// Whether one passes, and as a probe.
    fn ask(&mut self) -> Option<bool> {
        match self.state {
            State::Closed => Some(false),
            State::Probing(false) => {
                self.state = State::Probing(true);
                Some(true)
            }
            State::Open(until) if until <= self.now => {
                self.go(State::Probing(true));
                Some(true)
            }
            _ => None,
        }
    }

    fn settle(&mut self, probe: bool, verdict: Verdict) {
        match (probe, verdict) {
            (true, Verdict::Neutral) => self.state = State::Probing(false),
            (true, Verdict::Succeeded) => {
                self.close();
                self.verdicts.push((self.now, verdict));
            }
            (true, _) => self.trip(),
            (false, Verdict::Neutral) => {}
            (false, _) => {
                self.verdicts.push((self.now, verdict));
                if self.must_open() {
                    self.trip();
                }
            }
        }
    }

    fn window(&self) -> (usize, usize) {
        let bucket = |time: u64| (time - self.closed_at) * 10 / WINDOW;
        let inside = self
            .verdicts
            .iter()
            .filter(|(time, _)| bucket(self.now) - bucket(*time) < 10);
        let good = inside
            .clone()
            .filter(|(_, verdict)| *verdict == Verdict::Succeeded)
            .count();
        (good, inside.count())
    }

    fn must_open(&self) -> bool {
        let row = self.verdicts.iter().rev().map(|(_, verdict)| *verdict);
        let row = row.take_while(|verdict| *verdict != Verdict::Succeeded);
        let in_a_row = row.filter(|verdict| *verdict == Verdict::Failed).count();
        let (good, all) = self.window();
        in_a_row >= CONSECUTIVE || all >= MIN_REQUESTS && good * 2 < all
    }

    fn phase(&self) -> Phase {
        match self.state {
            State::Closed => Phase::Closed,
            State::Open(_) => Phase::Open,
            State::Probing(_) => Phase::Probing,
        }
    }

    fn retry_after(&self) -> u64 {
        match self.state {
            State::Closed | State::Probing(false) => 0,
            State::Open(HELD) => OPEN_MAX,
            State::Open(until) => until.saturating_sub(self.now),
            State::Probing(true) => OPEN_MIN,
        }
    }
}

struct Out {
    pass: Pass,
    life: u32,
    probe: bool,
}

struct Pair {
    breaker: Breaker,
    model: Model,
    out: Vec<Out>,
}

impl Pair {
    async fn take(&mut self, step: Step) {
        match step {
            Step::Wait(time) => {
                tokio::time::advance(Duration::from_millis(time)).await;
                self.model.now += time;
            }
            Step::Ask => {
                let pass = self.breaker.try_pass().ok();
                let expected = self.model.ask();
                assert_eq!(pass.as_ref().map(Pass::is_probe), expected);
                let life = self.model.life;
                let made = pass.zip(expected);
                self.out
                    .extend(made.map(|(pass, probe)| Out { pass, life, probe }));
            }
            Step::Settle(n, verdict) if !self.out.is_empty() => {
                let Out { pass, life, probe } = self.out.remove(n % self.out.len());
                pass.settle(verdict);
                if life == self.model.life {
                    self.model.settle(probe, verdict);
                }
            }
            Step::Progress(n) if !self.out.is_empty() => {
                let n = n % self.out.len();
                let out = &mut self.out[n];
                out.pass.progressed();
                if out.probe && out.life == self.model.life {
                    self.model.close();
                    (out.probe, out.life) = (false, self.model.life);
                }
            }
            Step::Settle(..) | Step::Progress(_) => {}
            Step::OpenUntil(time) => {
                self.breaker
                    .open_until(Clock.now() + Duration::from_millis(time));
                self.model.hold(self.model.now + time);
            }
            Step::Hold => {
                self.breaker.hold_open();
                self.model.hold(HELD);
            }
            Step::Reset => {
                self.breaker.reset();
                self.model.close();
            }
        }
    }

    fn agree(&self) {
        let stats = self.breaker.stats();
        assert_eq!(stats.phase, self.model.phase());
        let retry_after = Duration::from_millis(self.model.retry_after());
        assert_eq!(self.breaker.retry_after(), retry_after);
        if stats.phase == Phase::Closed {
            let window = (stats.window_succeeded as usize, stats.window_all as usize);
            assert_eq!(window, self.model.window());
        }
        let probes = self
            .out
            .iter()
            .filter(|out| out.pass.is_probe() && out.life == self.model.life);
        assert!(probes.count() <= 1);
    }
}

fn live(steps: Vec<Step>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let settings = BreakerSettings {
            consecutive: CONSECUTIVE as u32,
            window: Duration::from_millis(WINDOW),
            success_percent: 50,
            min_requests: MIN_REQUESTS as u32,
            open_min: Duration::from_millis(OPEN_MIN),
            open_max: Duration::from_millis(OPEN_MAX),
            jitter_percent: 0,
            seed: 0,
        };
        let mut pair = Pair {
            breaker: Breaker::new(settings, Clock),
            model: Model::new(),
            out: Vec::new(),
        };
        for step in steps {
            pair.take(step).await;
            pair.agree();
        }
    });
}

proptest! {
    #[test]
    fn promises_1_to_4_the_breaker_and_its_model_agree_after_every_step(
        steps in prop::collection::vec(step(), 1..200)
    ) {
        live(steps);
    }
}
