//! Pass x verdict x drop x progress x hold x reset, in any order.
//! One probe at a time, and nobody decides in another epoch.

use std::time::Duration;

use shuttle::rand::Rng;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::thread;

use crate::breaker::{Breaker, BreakerSettings, Pass, Phase, Reason, Verdict};
use crate::check;
use crate::clock::{Clock, advance};
use crate::sync::Arc;

const SECOND: Duration = Duration::from_secs(1);

fn breaker(consecutive: u32) -> Breaker {
    let settings = BreakerSettings {
        consecutive,
        jitter_percent: 0,
        ..BreakerSettings::default()
    };
    Breaker::new(settings, Clock)
}

fn opened(consecutive: u32) -> Breaker {
    let breaker = breaker(consecutive);
    for _ in 0..consecutive {
        pass(&breaker).settle(Verdict::Failed);
    }
    assert_eq!(breaker.state(), Phase::Open);
    breaker
}

fn pass(breaker: &Breaker) -> Pass {
    breaker.try_pass().expect("it lets pass")
}

fn join(threads: Vec<thread::JoinHandle<()>>) {
    for thread in threads {
        thread.join().expect("a thread failed");
    }
}

#[test]
fn promise_2_and_4_one_probe_at_a_time_and_its_place_never_gets_lost() {
    check(|| {
        let (breaker, probing) = (opened(1), Arc::new(AtomicUsize::new(0)));
        advance(SECOND);
        let callers = (0..3)
            .map(|_| {
                let (breaker, probing) = (breaker.clone(), Arc::clone(&probing));
                thread::spawn(move || {
                    for _ in 0..2 {
                        let Ok(pass) = breaker.try_pass() else {
                            continue;
                        };
                        assert!(pass.is_probe(), "nothing closes it here");
                        assert_eq!(probing.fetch_add(1, Ordering::SeqCst), 0, "two probes");
                        thread::yield_now();
                        probing.fetch_sub(1, Ordering::SeqCst);
                        drop(pass);
                    }
                })
            })
            .collect();
        join(callers);
        assert!(pass(&breaker).is_probe());
        let stats = breaker.stats();
        let settled: u64 = stats.verdicts().map(|(_, n)| n).sum();
        assert_eq!(settled, stats.probes + 1, "the one that opened it");
    });
}

#[test]
fn promise_3_verdicts_of_before_and_a_probe_that_progresses_in_any_order() {
    check(|| {
        let breaker = breaker(2);
        let early: Vec<_> = (0..4).map(|_| pass(&breaker)).collect();
        let threads = early
            .into_iter()
            .map(|pass| thread::spawn(move || pass.settle(Verdict::Failed)))
            .collect();
        let prober = {
            let breaker = breaker.clone();
            thread::spawn(move || {
                advance(SECOND);
                let Ok(mut pass) = breaker.try_pass() else {
                    return;
                };
                let probe = pass.is_probe();
                pass.progressed();
                if probe {
                    // All verdicts that are out are of before it opened.
                    assert_eq!(breaker.state(), Phase::Closed);
                }
                drop(pass);
            })
        };
        join(threads);
        prober.join().expect("the prober failed");
        let stats = breaker.stats();
        let count = |reason| {
            let mut all = stats.transitions();
            all.find(|(of, _)| *of == reason).map_or(0, |(_, n)| n)
        };
        assert_eq!(count(Reason::Consecutive), 1, "{stats:?}");
        assert_eq!(count(Reason::Due), count(Reason::Recovered), "{stats:?}");
        // Two opened it; the others came too late, and perhaps the prober.
        assert!((2..=3).contains(&stats.stale), "{stats:?}");
        assert_eq!(count(Reason::Due) == 1, stats.phase == Phase::Closed);
    });
}

#[test]
fn promise_5_transitions_are_told_once_each_with_numbers_without_gaps() {
    check(|| {
        let breaker = opened(1);
        let told = Arc::new(crate::sync::Mutex::new(Vec::new()));
        let (log, own) = (Arc::clone(&told), breaker.clone());
        breaker.on_transition(move |transition| {
            // A lock that were held here would be a deadlock.
            let _ = own.state();
            log.lock()
                .push((transition.number, transition.from, transition.to));
        });
        advance(SECOND);
        let threads = (0..3)
            .map(|_| {
                let breaker = breaker.clone();
                thread::spawn(move || match shuttle::rand::thread_rng().gen_range(0..4) {
                    0 => breaker.hold_open(),
                    1 => breaker.reset(),
                    n => {
                        if let Ok(pass) = breaker.try_pass() {
                            let verdict = [Verdict::Succeeded, Verdict::Failed];
                            pass.settle(verdict[n - 2]);
                        }
                    }
                })
            })
            .collect();
        join(threads);
        let mut told = told.lock().clone();
        told.sort_by_key(|(number, ..)| *number);
        let mut phase = Phase::Open;
        for (n, (number, from, to)) in told.iter().enumerate() {
            assert_eq!((*number, *from), (n as u64 + 2, phase), "{told:?}");
            phase = *to;
        }
        assert_eq!(phase, breaker.state(), "{told:?}");
        // The gate agrees with the circuit once everybody has left.
        assert_eq!(phase == Phase::Closed, {
            let pass = breaker.try_pass();
            pass.is_ok_and(|pass| !pass.is_probe())
        });
    });
}
