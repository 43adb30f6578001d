//! How hard the process is pressed: measured, told, and given to the gateway.
//!
//! 1. Four times a second the worst of bytes, memory, open files and runtime
//!    lag becomes one level, which the gateway obeys (controls A.15).
//! 2. Lag counts when it stays for three seconds: a machine that stood still
//!    for a moment is not helped by refusing work.
//! 3. Each change is logged with its cause; metrics and `/debug/overload` show
//!    every gauge with what it was measured against.
//!
//! What a level means is decided below; here nothing is refused.

mod files;
mod memory;
mod standing;
mod system;

use std::sync::Arc;
use std::time::Duration;

use kernel::sync::Mutex;
use kernel::{
    Cause, Change, Clock, Finding, Instant, Labels, Level, Observe, Pressure, PulseSettings,
    Readings, Scope, SpawnRefused, Stall, Visitor, Watchdog,
};
use tidegate_kernel as kernel;

use files::Files;
use memory::Memory;
use standing::Standing;
use system::System;

/// How often the gauges are read.
const SAMPLE: Duration = Duration::from_millis(250);
/// At the highest level the largest holder is ended this often: memory needs
/// a moment to fall before the next one is worth ending.
const AGAIN: Duration = Duration::from_secs(1);
/// How far apart the timers are whose lateness is measured. A stop counts for
/// all that it swallows, so more of them would say no more, and wake an idle
/// process for it.
const LAG_EVERY: Duration = Duration::from_millis(50);
/// Timers are late or not over so long; a longer window would remember one
/// moment for as long.
const LAG_WINDOW: Duration = Duration::from_secs(1);
/// A watch that has not looked for so long has stalled.
const LONGEST: Duration = Duration::from_secs(5);
/// A runtime that is this late is wholly used.
const LATE: Duration = Duration::from_millis(100);

/// Who holds bytes, and obeys the level.
pub(crate) trait Pressed: Send + Sync + 'static {
    /// Bytes that are held, and how many may be.
    fn bytes(&self) -> (u64, u64);
    /// This is the level now.
    fn obey(&self, level: Level);
}

/// One gauge: what is used of what there is; without a limit it presses nobody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Gauge {
    pub(crate) used: u64,
    pub(crate) limit: Option<u64>,
}

/// What is known of the process's load.
#[derive(Debug)]
pub(crate) struct Overload {
    state: Mutex<State>,
    /// Another limit of memory, until the watch has seen it.
    relimited: Mutex<Option<Option<u64>>>,
    /// It measures how late the runtime is, and watches the watch.
    watchdog: Watchdog,
}

#[derive(Debug, Clone, Default)]
struct State {
    pressure: Pressure,
    gauges: [Gauge; Cause::ALL.len()],
    last: Option<(Instant, Change)>,
}

/// The state for whoever looks.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) level: Level,
    pub(crate) changes: u64,
    pub(crate) gauges: [(Cause, f64, Gauge); Cause::ALL.len()],
    pub(crate) last: Option<(Instant, Change)>,
    pub(crate) stalled: Vec<Stall>,
}

impl Overload {
    /// All is calm, and nothing is measured yet.
    pub(crate) fn new(clock: Clock) -> Self {
        let settings = PulseSettings {
            lag_every: LAG_EVERY,
            lag_window: LAG_WINDOW,
            ..PulseSettings::default()
        };
        let watchdog = Watchdog::new(settings, clock);
        watchdog.on_finding(tell_finding);
        Self {
            state: Mutex::default(),
            relimited: Mutex::default(),
            watchdog,
        }
    }

    /// Who watches whether things go on.
    pub(crate) fn watchdog(&self) -> Watchdog {
        self.watchdog.clone()
    }

    /// Starts the tasks that measure, in `scope`; `memory` is what the process
    /// may use, if somebody said so.
    pub(crate) fn start(
        self: &Arc<Self>,
        scope: &Scope,
        clock: Clock,
        memory: Option<u64>,
        pressed: impl Pressed,
    ) -> Result<(), SpawnRefused> {
        self.start_on(scope, clock, Gauges::of(System::proc(), memory), pressed)
    }

    fn start_on(
        self: &Arc<Self>,
        scope: &Scope,
        clock: Clock,
        mut gauges: Gauges,
        pressed: impl Pressed,
    ) -> Result<(), SpawnRefused> {
        self.watchdog.start(scope)?;
        let theirs = Arc::clone(self);
        scope.spawn("watch the load", async move {
            let pulse = theirs
                .watchdog
                .watch("watch the load", 1, "sample", LONGEST);
            let mut told = clock.now();
            loop {
                clock.sleep(SAMPLE).await;
                pulse.beat();
                let now = clock.now();
                let late = theirs.watchdog.lag_p99();
                if let Some(limit) = theirs.relimited.lock().take() {
                    gauges.memory = Memory::find(&gauges.system, limit);
                }
                let changed = theirs.sample(now, gauges.read(&pressed, late));
                let level = theirs.level();
                let again = level == Level::Extreme && now - told >= AGAIN;
                if changed || again {
                    told = now;
                    pressed.obey(level);
                }
            }
        })?;
        Ok(())
    }

    /// The process may use so much memory from the next sample on; `None` is
    /// what its control group allows.
    pub(crate) fn limit_memory(&self, limit: Option<u64>) {
        *self.relimited.lock() = Some(limit);
    }

    fn level(&self) -> Level {
        self.state.lock().pressure.level()
    }

    /// Takes one reading of every gauge; whether the level changed.
    fn sample(&self, now: Instant, gauges: [Gauge; Cause::ALL.len()]) -> bool {
        let all = Cause::ALL.into_iter().zip(gauges);
        let readings = all.fold(Readings::new(), |readings, (cause, gauge)| {
            readings.with(cause, float(gauge.used), float(gauge.limit.unwrap_or(0)))
        });
        let mut state = self.state.lock();
        state.gauges = gauges;
        let change = state.pressure.sample(readings);
        if let Some(change) = change {
            state.last = Some((now, change));
        }
        drop(state);
        change.inspect(|change| tell(change, gauges)).is_some()
    }

    /// The state for whoever looks.
    pub(crate) fn view(&self) -> View {
        let state = self.state.lock().clone();
        let readings = state.pressure.readings();
        View {
            level: state.pressure.level(),
            changes: state.pressure.changes(),
            gauges: Cause::ALL
                .map(|cause| (cause, readings.of(cause), state.gauges[cause as usize])),
            last: state.last,
            stalled: self.watchdog.stalled(),
        }
    }
}

impl Observe for Overload {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let pressure = self.state.lock().pressure.clone();
        pressure.observe(labels, to);
        self.watchdog.observe(labels, to);
    }
}

/// A change is worth a line for whoever is woken by it.
fn tell(change: &Change, gauges: [Gauge; Cause::ALL.len()]) {
    let Gauge { used, limit } = gauges[change.cause as usize];
    tracing::warn!(
        from = change.from.as_str(),
        to = change.to.as_str(),
        cause = change.cause.as_str(),
        used,
        limit,
        "the overload level changed"
    );
}

fn tell_finding(finding: &Finding) {
    match finding {
        Finding::Stalled(stall) => {
            let Stall { name, stage, .. } = stall;
            // The end of a request's own id, as it stands in `x-tidegate-id`.
            let id = format_args!("{:016x}", stall.id);
            let seconds = stall.still.as_secs_f64();
            tracing::warn!(name, %id, stage, zone = stall.zone, seconds, "something does not go on");
        }
        Finding::Recovered(stall) => tracing::info!(%stall, "it goes on again"),
    }
}

/// Where the gauges are read.
struct Gauges {
    system: System,
    memory: Memory,
    files: Files,
    late: Standing,
}

impl Gauges {
    fn of(system: System, memory: Option<u64>) -> Self {
        Self {
            memory: Memory::find(&system, memory),
            files: Files::find(&system),
            late: Standing::default(),
            system,
        }
    }

    /// In the order of [`Cause::ALL`].
    fn read(&mut self, pressed: &impl Pressed, late: Duration) -> [Gauge; Cause::ALL.len()] {
        let (used, limit) = pressed.bytes();
        let late = u64::try_from(self.late.lowest(late).as_micros()).unwrap_or(u64::MAX);
        let whole = u64::try_from(LATE.as_micros()).unwrap_or(u64::MAX);
        [
            Gauge {
                used,
                limit: Some(limit),
            },
            self.memory.read(&self.system),
            self.files.read(&self.system),
            Gauge {
                used: late,
                limit: Some(whole),
            },
        ]
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a part of a whole needs no more digits"
)]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests;
