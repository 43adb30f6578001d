//! Wakes from other threads x polls: whatever was said before a wake is seen,
//! and no wake is lost between the work's poll and the task's sleep.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use shuttle::future::block_on;
use shuttle::thread;

use crate::check;
use crate::drive::Drive;
use crate::sync::{Arc, Mutex};

/// What others send, and who waits for it.
#[derive(Default)]
struct Inbox(Mutex<(usize, Option<Waker>)>);

impl Inbox {
    fn send(&self) {
        let mut inside = self.0.lock();
        inside.0 += 1;
        let waker = inside.1.take();
        drop(inside);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[test]
fn promise_2_no_wake_is_lost_whenever_it_comes() {
    check(|| {
        const SENDERS: usize = 3;
        let inbox = Arc::new(Inbox::default());
        let senders: Vec<_> = (0..SENDERS)
            .map(|_| {
                let inbox = Arc::clone(&inbox);
                thread::spawn(move || inbox.send())
            })
            .collect();
        block_on(async {
            let mut drive = Drive::new();
            let mut seen = 0;
            // Asleep for ever if a wake is lost, which the checker calls a deadlock.
            while seen < SENDERS {
                let mut work = |cx: &mut Context<'_>| {
                    let mut inside = inbox.0.lock();
                    let came = std::mem::take(&mut inside.0);
                    if came == 0 {
                        inside.1 = Some(cx.waker().clone());
                        return Poll::Pending;
                    }
                    Poll::Ready(came)
                };
                // Somebody else polled before, and has left.
                let mut stranger = Context::from_waker(Waker::noop());
                if let Poll::Ready(came) = drive.poll(&mut stranger, &mut work) {
                    seen += came;
                    continue;
                }
                seen += poll_fn(|cx| drive.poll(cx, &mut work)).await;
            }
        });
        for sender in senders {
            sender.join().expect("a sender ends");
        }
    });
}
