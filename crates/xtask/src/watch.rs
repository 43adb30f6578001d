//! A child program under watch: when it hangs it is killed with everything it
//! started, and the tests that were running are named.
//!
//! Promises: (1) its output reaches the terminal as it comes; (2) it ends
//! within its limits, or is ended; (3) nothing that it started outlives the
//! kill. It keeps our process group, so Ctrl-C at the terminal reaches it too.

pub(crate) mod processes;
mod progress;

use std::io::{self, ErrorKind, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use self::progress::{Progress, Stream};
use crate::workspace::{Outcome, shown};

/// How often the limits are looked at.
const TICK: Duration = Duration::from_millis(100);
/// How long output may still arrive after the program itself has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A clock for the commands of this program; no test of the product sees it.
#[derive(Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "xtask measures real programs in real time"
    )]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// How long a program may take, and how long it may say nothing.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Longest run in all.
    pub(crate) total: Duration,
    /// Longest time without a byte of output; `None` leaves it the terminal
    /// itself, for programs that kill and name their own hangs.
    pub(crate) silence: Option<Duration>,
}

impl Limits {
    fn of(total: Duration) -> Self {
        let silence = Some(total);
        Self { total, silence }
    }
}

/// Runs `work` and ends whatever it leaves running: a server whose test was
/// killed sits in a process group that the test runner does not reach.
pub(crate) fn leaving_nothing<T>(work: impl FnOnce() -> T) -> T {
    processes::adopt_orphans();
    let outcome = work();
    let left = processes::kill_leftovers();
    if !left.is_empty() {
        eprintln!(
            "{} processes were left behind by the tests; they were killed: {}",
            left.len(),
            left.join(", ")
        );
    }
    outcome
}

/// What a program said, and how it ended.
pub(crate) struct Overheard {
    pub(crate) out: String,
    pub(crate) err: String,
    /// `None` when it was killed over its limit.
    pub(crate) status: Option<ExitStatus>,
}

/// Runs `command` in silence for at most `limit`.
pub(crate) fn overhear(command: &mut Command, limit: Duration) -> Outcome<Overheard> {
    let (out, err, limits) = (Text::default(), Text::default(), Limits::of(limit));
    let (ended, _) = attend(command, limits, out.clone(), err.clone())?;
    Ok(Overheard {
        out: out.read(),
        err: err.read(),
        status: ended.ok(),
    })
}

/// Runs `command` to its end, or ends it.
pub(crate) fn run(command: &mut Command, limits: Limits) -> Outcome {
    run_into(command, limits, io::stdout(), io::stderr())
}

fn run_into(
    command: &mut Command,
    limits: Limits,
    out: impl Write + Send + 'static,
    err: impl Write + Send + 'static,
) -> Outcome {
    let name = shown(command);
    let (ended, heard) = attend(command, limits, out, err)?;
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{name}` ended with {status}")),
        Err(reason) => Err(format!(
            "`{name}` {reason}; it was killed. {}",
            heard.suspects()
        )),
    }
}

/// The status, or why it was killed; and what was heard of it.
fn attend(
    command: &mut Command,
    limits: Limits,
    out: impl Write + Send + 'static,
    err: impl Write + Send + 'static,
) -> Outcome<(Result<ExitStatus, String>, Arc<Heard>)> {
    let name = shown(command);
    command.stdin(Stdio::null());
    if limits.silence.is_some() {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
    }
    let mut child = command
        .spawn()
        .map_err(|error| format!("`{name}` did not start: {error}"))?;
    let heard = Arc::new(Heard::new());
    if let Some(from) = child.stdout.take() {
        heard.follow(Stream::Out, from, out);
    }
    if let Some(from) = child.stderr.take() {
        heard.follow(Stream::Err, from, err);
    }
    let ended = wait(&mut child, limits, &heard);
    heard.last_words();
    Ok((ended, heard))
}

/// Waits for the child; over a limit it is killed with all its descendants.
fn wait(child: &mut Child, limits: Limits, heard: &Heard) -> Result<ExitStatus, String> {
    let watch = Stopwatch::start();
    loop {
        if let Some(status) = child
            .try_wait()
            .map_err(|error| format!("was lost: {error}"))?
        {
            return Ok(status);
        }
        let silent = limits.silence.filter(|allowed| heard.silence() > *allowed);
        let reason = if watch.elapsed() > limits.total {
            Some(format!("took longer than {} s", limits.total.as_secs()))
        } else {
            silent.map(|allowed| format!("said nothing for {} s", allowed.as_secs()))
        };
        if let Some(reason) = reason {
            processes::kill_with_descendants(child.id());
            let _ = child.wait();
            return Err(reason);
        }
        heard.pause(TICK);
    }
}

/// What is written into it can be read later.
#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Text {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> String {
        String::from_utf8_lossy(&self.lock()).into_owned()
    }
}

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What was heard of the child so far, shared with the threads that listen.
struct Heard {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    last: Stopwatch,
    listening: usize,
    progress: Progress,
}

impl Heard {
    fn new() -> Self {
        let state = State {
            last: Stopwatch::start(),
            listening: 0,
            progress: Progress::default(),
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies one stream of the child to the terminal on a thread of its own.
    fn follow(
        self: &Arc<Self>,
        stream: Stream,
        mut from: impl Read + Send + 'static,
        mut to: impl Write + Send + 'static,
    ) {
        self.lock().listening += 1;
        let heard = Arc::clone(self);
        thread::spawn(move || {
            let mut room = [0; 8192];
            loop {
                match from.read(&mut room) {
                    Ok(0) => break,
                    Ok(length) => {
                        let piece = room.get(..length).unwrap_or_default();
                        // A closed terminal must not end the watch.
                        let _ = to.write_all(piece).and_then(|()| to.flush());
                        let mut state = heard.lock();
                        state.last = Stopwatch::start();
                        state.progress.feed(stream, piece);
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
            heard.lock().listening -= 1;
            heard.changed.notify_all();
        });
    }

    fn silence(&self) -> Duration {
        self.lock().last.elapsed()
    }

    /// Sleeps for `time`, or less if a stream ends.
    fn pause(&self, time: Duration) {
        drop(self.changed.wait_timeout(self.lock(), time));
    }

    /// Lets the listening threads finish; a leaked grandchild that still holds
    /// the pipe does not hold us.
    fn last_words(&self) {
        let watch = Stopwatch::start();
        while self.lock().listening > 0 && watch.elapsed() < LAST_WORDS {
            self.pause(TICK);
        }
    }

    fn suspects(&self) -> String {
        self.lock().progress.suspects()
    }
}

#[cfg(test)]
mod tests;
