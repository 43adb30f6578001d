//! Drives one row of load against one address: the loop of the generator.
//!
//! 1. Latency counts from the intended start (see `pace`).
//! 2. A run ends after its time or its count; what is open then has a grace, and
//!    what is open after that is a fault, not a forgotten call.
//! 3. Connections stay from run to run, so that a warm-up warms what is measured.
//!
//! Fewer threads than one would not do: the generator shares two cores with the
//! upstream and the measured process.

use std::{
    collections::BTreeMap, io, net::SocketAddr, os::fd::OwnedFd, time::Duration, time::Instant,
};

use rustix::{buffer::spare_capacity, event::Timespec, event::epoll};

use super::{Expect, Fault, Pace, connection::Call, connection::Connection, connection::Step};
use crate::bench::clock;

const EVENTS: usize = 512;
const SCRATCH: usize = 64 << 10;
/// How often a run looks at the clock and lets its watcher look, at least.
const TICK: Duration = Duration::from_millis(50);

/// What is sent, where to, and what must come back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load<'a> {
    pub(crate) at: SocketAddr,
    pub(crate) request: &'a [u8],
    pub(crate) expect: Expect,
    pub(crate) connections: usize,
    pub(crate) pace: Pace,
}

/// When a run ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    /// No call begins after this.
    pub(crate) after: Duration,
    /// Nor more calls than this.
    pub(crate) count: u64,
    /// Calls that are open at the end have this long.
    pub(crate) grace: Duration,
}

/// What a run found.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Latencies of right answers, in nanoseconds, in order of their end.
    pub(crate) latencies: Vec<u64>,
    /// Times to the first event of right streams, in nanoseconds.
    pub(crate) first_events: Vec<u64>,
    /// Right answers that ended before the run's time was over.
    pub(crate) in_time: u64,
    /// Bytes of right answers' bodies.
    pub(crate) body_bytes: u64,
    /// Wrong answers by kind.
    pub(crate) faults: BTreeMap<Fault, u64>,
}

/// What a watcher sees while a run goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// Since the run began.
    pub(crate) elapsed: Duration,
    /// Streams that are open and have sent their first event.
    pub(crate) flowing: usize,
}

/// The connections to one address, ready to run.
pub(crate) struct Driver<'a> {
    load: Load<'a>,
    epoll: OwnedFd,
    connections: Vec<Connection>,
    free: Vec<usize>,
    scratch: Vec<u8>,
    events: Vec<epoll::Event>,
}

/// The state of one run.
struct Run {
    began: Instant,
    stop: Stop,
    started: u64,
    tally: Tally,
}

impl<'a> Driver<'a> {
    /// Opens the connections.
    pub(crate) fn connect(load: Load<'a>) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let open = |token| Connection::open(load.at, &epoll, token as u64);
        let connections = (0..load.connections)
            .map(open)
            .collect::<io::Result<Vec<_>>>()?;
        let free = (0..connections.len()).rev().collect();
        let (scratch, events) = (vec![0; SCRATCH], Vec::with_capacity(EVENTS));
        Ok(Self {
            load,
            epoll,
            connections,
            free,
            scratch,
            events,
        })
    }

    /// Runs to the end.
    pub(crate) fn run(&mut self, stop: Stop) -> io::Result<Tally> {
        self.run_watched(stop, &mut |_| Ok(()))
    }

    /// Runs to the end and lets `watch` look, at least each 50 ms.
    pub(crate) fn run_watched(
        &mut self,
        stop: Stop,
        watch: &mut dyn FnMut(View) -> io::Result<()>,
    ) -> io::Result<Tally> {
        let mut run = Run {
            began: clock::now(),
            stop,
            started: 0,
            tally: Tally::default(),
        };
        let mut look_at = TICK;
        loop {
            self.begin_due(&mut run)?;
            let elapsed = run.began.elapsed();
            if elapsed >= look_at {
                look_at = elapsed + TICK;
                watch(View {
                    elapsed,
                    flowing: self.flowing(),
                })?;
            }
            if self.is_over(&run, elapsed) {
                break;
            }
            self.wait(self.next_wake(&run, elapsed))?;
            let events = std::mem::take(&mut self.events);
            for event in &events {
                self.pump(&mut run, event)?;
            }
            self.events = events;
        }
        self.end(&mut run)?;
        Ok(run.tally)
    }

    /// Starts every call whose moment has come, while a connection is free.
    fn begin_due(&mut self, run: &mut Run) -> io::Result<()> {
        while let Some(due) = self.next_due(run, run.began.elapsed()) {
            let now = clock::now();
            if run.began + due > now {
                break;
            }
            let Some(index) = self.free.pop() else { break };
            run.started += 1;
            let intended = if self.load.pace.is_open() {
                run.began + due
            } else {
                now
            };
            if let Err(fault) = self.connections[index].begin(intended, self.load.request) {
                self.broken(run, index, fault)?;
            }
        }
        Ok(())
    }

    /// The moment of the next call, if there is to be one.
    fn next_due(&self, run: &Run, elapsed: Duration) -> Option<Duration> {
        let due = self
            .load
            .pace
            .due(run.started, self.connections.len(), elapsed);
        (run.started < run.stop.count && due < run.stop.after).then_some(due)
    }

    fn is_over(&self, run: &Run, elapsed: Duration) -> bool {
        let idle = self.free.len() == self.connections.len();
        (idle && self.next_due(run, elapsed).is_none()) || elapsed > run.stop.after + run.stop.grace
    }

    fn next_wake(&self, run: &Run, elapsed: Duration) -> Duration {
        match self.next_due(run, elapsed) {
            Some(due) if !self.free.is_empty() => due.saturating_sub(elapsed).min(TICK),
            _ => TICK,
        }
    }

    fn wait(&mut self, at_most: Duration) -> io::Result<()> {
        let at_most = Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(at_most.subsec_nanos()),
        };
        self.events.clear();
        match epoll::wait(
            &self.epoll,
            spare_capacity(&mut self.events),
            Some(&at_most),
        ) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn pump(&mut self, run: &mut Run, event: &epoll::Event) -> io::Result<()> {
        let index = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(());
        };
        let ends = epoll::EventFlags::RDHUP | epoll::EventFlags::HUP | epoll::EventFlags::ERR;
        let hung_up = { event.flags }.intersects(ends);
        match connection.pump(self.load.request, hung_up, &mut self.scratch) {
            Step::Open => Ok(()),
            Step::Ended(call) => {
                run.settle(&call, connection, &self.load.expect);
                if connection.answer.closes() || hung_up || !call.is_sent(self.load.request) {
                    self.reopen(index)?;
                }
                self.free.push(index);
                Ok(())
            }
            Step::Broken(fault) => self.broken(run, index, fault),
            Step::Closed => self.reopen(index),
        }
    }

    fn broken(&mut self, run: &mut Run, index: usize, fault: Fault) -> io::Result<()> {
        run.fault(fault, 1);
        self.reopen(index)?;
        self.free.push(index);
        Ok(())
    }

    /// Dropping the old socket takes it out of the epoll.
    fn reopen(&mut self, index: usize) -> io::Result<()> {
        self.connections[index] = Connection::open(self.load.at, &self.epoll, index as u64)?;
        Ok(())
    }

    fn flowing(&self) -> usize {
        self.connections
            .iter()
            .filter(|c| c.is_busy() && c.answer.has_event())
            .count()
    }

    /// Counts what the grace did not suffice for, and leaves every connection free.
    fn end(&mut self, run: &mut Run) -> io::Result<()> {
        for index in 0..self.connections.len() {
            if self.connections[index].is_busy() {
                self.broken(run, index, Fault::Late)?;
            }
        }
        let intended = self.load.pace.intended(run.stop.after).min(run.stop.count);
        run.fault(Fault::NeverStarted, intended.saturating_sub(run.started));
        Ok(())
    }
}

impl Run {
    fn settle(&mut self, call: &Call, connection: &Connection, expect: &Expect) {
        if let Err(fault) = connection.answer.check(expect) {
            return self.fault(fault, 1);
        }
        let now = clock::now();
        let since = |then| u64::try_from(now.duration_since(then).as_nanos()).unwrap_or(u64::MAX);
        let latency = since(call.intended);
        self.tally.latencies.push(latency);
        if expect.events > 0 {
            // A stream that came in one piece has its first event with its last.
            let after_first = call.first_event.map_or(0, since);
            self.tally.first_events.push(latency - after_first);
        }
        self.tally.in_time += u64::from(self.began.elapsed() <= self.stop.after);
        self.tally.body_bytes += connection.answer.body_bytes();
    }

    fn fault(&mut self, fault: Fault, count: u64) {
        if count > 0 {
            *self.tally.faults.entry(fault).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests;
