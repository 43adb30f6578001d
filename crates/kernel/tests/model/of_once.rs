//! Callers x leavers x failure x a work that is woken from elsewhere: one run
//! at a time, the same end for all who stay, no wake-up lost.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::AtomicUsize as Plain;
use std::task::{Poll, Waker};

use shuttle::future::{block_on, spawn, yield_now};
use shuttle::rand::Rng;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::thread;

use crate::check;
use crate::once::{Once, OnceError};
use crate::sync::{Arc, Mutex};

type Flights = Once<u8, usize, usize>;

/// A door that somebody else opens, with room for one waker.
#[derive(Default)]
struct Door(Mutex<(bool, Option<Waker>)>);

impl Door {
    fn open(&self) {
        let waker = {
            let mut door = self.0.lock();
            door.0 = true;
            door.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    async fn pass(&self) {
        poll_fn(|cx| {
            let mut door = self.0.lock();
            if door.0 {
                return Poll::Ready(());
            }
            door.1 = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> bool {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await
}

#[test]
fn r_g35_whoever_leaves_those_who_stay_get_the_end_of_one_run() {
    check(|| {
        let once = Arc::new(Flights::new(1));
        let doors = Arc::new([Door::default(), Door::default()]);
        let runs = Arc::new(AtomicUsize::new(0));
        let callers: Vec<_> = (0..3)
            .map(|_| {
                let (once, runs) = (Arc::clone(&once), Arc::clone(&runs));
                let doors = Arc::clone(&doors);
                spawn(async move {
                    let work = move || async move {
                        let run = runs.fetch_add(1, Ordering::SeqCst);
                        for door in doors.iter() {
                            // Whoever polls may be another after each door. The
                            // drop of a run that was left may come late (the
                            // checker found it), its going on never.
                            door.pass().await;
                            let latest = runs.load(Ordering::SeqCst) - 1;
                            assert_eq!(run, latest, "two runs of one key");
                        }
                        if run % 2 == 0 { Ok(run) } else { Err(run) }
                    };
                    let mut call = pin!(once.run(1, work));
                    if shuttle::rand::thread_rng().gen_bool(0.4) {
                        for _ in 0..shuttle::rand::thread_rng().gen_range(0..3) {
                            if poll_once(call.as_mut()).await {
                                return;
                            }
                            yield_now().await;
                        }
                        return;
                    }
                    match call.await {
                        Ok(run) => assert_eq!(run % 2, 0),
                        Err(OnceError::Failed(run)) => assert_eq!(run % 2, 1),
                        Err(other) => unreachable!("{other:?}"),
                    }
                })
            })
            .collect();
        let openers = [0, 1].map(|n| {
            let doors = Arc::clone(&doors);
            thread::spawn(move || doors[n].open())
        });
        for opener in openers {
            opener.join().expect("an opener failed");
        }
        // A caller that is not woken is a deadlock, and the checker's to find.
        for caller in callers {
            block_on(caller).expect("a caller failed");
        }
        assert_eq!(once.flying(), 0);
    });
}

#[test]
fn promise_3_who_is_told_a_failure_and_asks_again_begins_anew() {
    check(|| {
        let (once, runs) = (Arc::new(Flights::new(1)), Arc::new(Plain::new(0)));
        let callers: Vec<_> = (0..2)
            .map(|_| {
                let (once, runs) = (Arc::clone(&once), Arc::clone(&runs));
                spawn(async move {
                    let call = |runs: &Arc<Plain>| {
                        let runs = Arc::clone(runs);
                        let work = move || async move {
                            let run = runs.fetch_add(1, Ordering::SeqCst);
                            yield_now().await;
                            Err::<usize, _>(run)
                        };
                        once.run(1, work)
                    };
                    let (first, second) = (call(&runs).await, call(&runs).await);
                    let (Err(OnceError::Failed(first)), Err(OnceError::Failed(second))) =
                        (first, second)
                    else {
                        unreachable!("it fails each time");
                    };
                    assert!(first < second, "an old failure was told again");
                })
            })
            .collect();
        for caller in callers {
            block_on(caller).expect("a caller failed");
        }
        assert_eq!(once.flying(), 0);
    });
}
