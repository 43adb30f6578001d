//! Who wants the configuration looked at: a flag for all of them, not a queue.
//!
//! Promises: 1. no knock is lost, and many before a look are one; 2. a file that
//! somebody is still writing is waited for, within bounds, whoever asks: an
//! operator's signal may well overtake the end of his editor's writing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use kernel::Clock;
use tidegate_kernel as kernel;
use tokio::sync::Notify;

/// So long after the last sign of a change the file is taken to be whole.
pub(super) const SETTLED: Duration = Duration::from_millis(75);
/// A file that is open for writing, and that nobody writes, is looked at after
/// this all the same.
const OPEN: Duration = Duration::from_secs(2);
/// Whoever writes on and on does not keep it from being looked at; with an
/// operator waiting [`OPEN`] is long enough.
const LONGEST: Duration = Duration::from_secs(10);

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Knocks {
    news: Notify,
    /// Somebody asked for it: whatever the files say.
    asked: AtomicBool,
    changes: AtomicU64,
    open: AtomicBool,
}

impl Knocks {
    /// An operator asks for a look.
    pub(super) fn ask(&self) {
        self.asked.store(true, Ordering::Release);
        self.news.notify_one();
    }

    /// A file changed; `open` says whether more is to come.
    pub(super) fn changed(&self, open: bool) {
        self.open.store(open, Ordering::Release);
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.news.notify_one();
    }

    /// Waits for a knock, and until what changed has come to rest; whether an
    /// operator asked. Cancel safe but for that answer.
    pub(super) async fn next(&self, clock: Clock) -> bool {
        self.news.notified().await;
        let began = clock.now();
        let mut quiet = began;
        loop {
            let seen = self.changes.load(Ordering::Acquire);
            tokio::select! {
                biased;
                () = self.news.notified() => {}
                () = clock.sleep(SETTLED) => {}
            }
            let now = clock.now();
            if self.changes.load(Ordering::Acquire) != seen {
                quiet = now;
            }
            let needed = match self.open.load(Ordering::Acquire) {
                true => OPEN,
                false => SETTLED,
            };
            let longest = match self.asked.load(Ordering::Acquire) {
                true => OPEN,
                false => LONGEST,
            };
            if now - quiet >= needed || now - began >= longest {
                return self.asked.swap(false, Ordering::AcqRel);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Deadline;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_changes_are_one_look_after_the_last() {
        let knocks = Knocks::default();
        let began = Clock.now();
        let write = async {
            for _ in 0..20 {
                knocks.changed(false);
                Clock.sleep(SETTLED / 2).await;
            }
        };
        let (asked, ()) = tokio::join!(knocks.next(Clock), write);
        assert!(!asked);
        assert!(began.elapsed() >= SETTLED * 10, "{:?}", began.elapsed());
        let again = Deadline::after(Clock, 10 * OPEN)
            .bound(knocks.next(Clock))
            .await;
        assert!(again.is_err(), "one look for all of them");
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_is_written_is_waited_for_but_not_for_ever() {
        let knocks = Knocks::default();
        let began = Clock.now();
        knocks.changed(true);
        let close = async {
            Clock.sleep(OPEN / 2).await;
            knocks.changed(false);
        };
        tokio::join!(knocks.next(Clock), close);
        assert!(began.elapsed() >= OPEN / 2 + SETTLED);
        assert!(began.elapsed() < OPEN);

        knocks.changed(true);
        let began = Clock.now();
        knocks.next(Clock).await;
        assert!(began.elapsed() >= OPEN && began.elapsed() < 2 * OPEN);

        let began = Clock.now();
        let write = async {
            loop {
                knocks.changed(true);
                Clock.sleep(OPEN / 3).await;
            }
        };
        tokio::select! {
            _ = knocks.next(Clock) => {}
            () = write => {}
        }
        assert!(began.elapsed() < LONGEST + OPEN);
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_while_a_file_is_written_gets_it_whole_and_soon() {
        let knocks = Knocks::default();
        let began = Clock.now();
        knocks.ask();
        assert!(knocks.next(Clock).await);
        assert_eq!(began.elapsed(), SETTLED, "its first sign may be on its way");

        let began = Clock.now();
        knocks.changed(true);
        knocks.ask();
        let close = async {
            Clock.sleep(OPEN / 2).await;
            knocks.changed(false);
        };
        let (asked, ()) = tokio::join!(knocks.next(Clock), close);
        assert!(asked && began.elapsed() >= OPEN / 2 + SETTLED);

        // Who writes on and on keeps no operator waiting as long as others.
        let began = Clock.now();
        knocks.ask();
        let write = async {
            loop {
                knocks.changed(true);
                Clock.sleep(SETTLED / 2).await;
            }
        };
        tokio::select! {
            asked = knocks.next(Clock) => assert!(asked),
            () = write => {}
        }
        assert!(began.elapsed() < 2 * OPEN, "{:?}", began.elapsed());
    }
}
