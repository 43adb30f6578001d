//! Between whoever logs and whoever reads: a bounded buffer and one thread.
//!
//! Promises: 1. a line never waits for its reader, who may be a full pipe;
//! 2. no more than the buffer's room waits, and a line beyond it is dropped and
//! counted, and the number told as soon as there is room; 3. lines stay whole
//! and in order; 4. a flush writes what waits, for as long as it may take.
//! What the reader refuses, such as a full disk, is dropped, counted and told
//! once it takes lines again. It knows neither levels nor formats.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tidegate_kernel::{Labels, Observe, Visitor};
use tracing_subscriber::fmt::MakeWriter;

use crate::names;

/// Bytes that may wait for a reader.
pub(super) const ROOM: usize = 1 << 20;

/// The writing end, and the owner of the thread.
#[derive(Clone, Debug)]
pub(super) struct Sink(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Lines wait, or were dropped.
    arrived: Condvar,
    /// Nothing waits and nothing is being written.
    rests: Condvar,
    room: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    dropped: u64,
    /// The same since the beginning.
    dropped_ever: u64,
    writing: bool,
}

impl State {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.dropped == 0
    }
}

impl Sink {
    /// Begins to write to `reader`; `tell` logs how many lines were dropped,
    /// where they are missing.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(super) fn start(
        reader: impl Write + Send + 'static,
        room: usize,
        tell: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            arrived: Condvar::new(),
            rests: Condvar::new(),
            room,
        });
        let theirs = Arc::clone(&shared);
        // A thread and no task: a write to a full pipe cannot be cancelled, and
        // must keep neither a worker nor the end of the process waiting.
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || theirs.write_on(reader, &tell))?;
        Ok(Self(shared))
    }

    /// Waits until all lines are written, no longer than `most`.
    pub(super) fn flush(&self, most: Duration) {
        let unwritten = |state: &mut State| state.writing || !state.is_empty();
        drop(
            self.0
                .rests
                .wait_timeout_while(self.0.lock(), most, unwritten),
        );
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.waiting.len() + line.len() > self.room {
            state.dropped += 1;
            state.dropped_ever += 1;
        } else {
            state.waiting.extend_from_slice(line);
        }
        // While it writes, the thread looks for more by itself.
        let sleeps = !state.writing;
        drop(state);
        if sleeps {
            self.arrived.notify_one();
        }
    }

    fn write_on(&self, mut reader: impl Write, tell: &impl Fn(u64)) {
        let mut batch = Vec::new();
        let mut torn = false;
        let mut refused = 0;
        loop {
            let dropped = self.take(&mut batch);
            if dropped > 0 {
                // Before the write, which may last: the buffer is empty now, and
                // the number stands between what came before the gap and after.
                tell(dropped);
            }
            let lost = write(&mut reader, &batch, &mut torn);
            if lost > 0 {
                self.lock().dropped_ever += lost;
                refused += lost;
            } else if refused > 0 {
                // Not before: what is told must not be refused and told for ever.
                tell(std::mem::take(&mut refused));
            }
        }
    }

    /// Waits for lines and takes them all; gives the number that is missing
    /// behind them.
    fn take(&self, batch: &mut Vec<u8>) -> u64 {
        batch.clear();
        let mut state = self.lock();
        state.writing = false;
        if state.is_empty() {
            self.rests.notify_all();
        }
        let mut state = self
            .arrived
            .wait_while(state, |state| state.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        state.writing = true;
        std::mem::swap(batch, &mut state.waiting);
        std::mem::take(&mut state.dropped)
    }
}

/// Writes lines, and says how many the reader did not take. `torn`: the last one
/// that it has is not whole, so the next begins on a line of its own.
fn write(reader: &mut impl Write, lines: &[u8], torn: &mut bool) -> u64 {
    let mut rest = lines;
    if *torn && reader.write_all(b"\n").is_ok() {
        *torn = false;
    }
    while !*torn && !rest.is_empty() {
        match reader.write(rest) {
            Ok(written) if written > 0 => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => {
                let whole = lines.len() - rest.len();
                *torn = whole > 0 && lines.get(whole - 1) != Some(&b'\n');
                return ends(rest);
            }
        }
    }
    match reader.flush() {
        Ok(()) => ends(rest),
        Err(_) => ends(lines),
    }
}

fn ends(lines: &[u8]) -> u64 {
    lines.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

impl Observe for Sink {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let (waiting, dropped) = {
            let state = self.0.lock();
            (state.waiting.len(), state.dropped_ever)
        };
        let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
        to.gauge(names::LOG_WAITING, labels, f64::from(waiting));
        to.counter(names::LOG_DROPPED, labels, dropped);
    }
}

/// One event's text, which comes in one piece.
impl Write for &Sink {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

#[cfg(test)]
mod tests;
