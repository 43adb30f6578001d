//! Enter x beat x zone x end x look: no false alarm, and each alarm once.
//! A look may fall between any two steps of the watched.

use std::time::Duration;

use shuttle::thread;

use crate::check;
use crate::clock::{Clock, advance};
use crate::pulse::{Finding, PulseSettings, Watchdog};

const SECOND: Duration = Duration::from_secs(1);

fn watchdog() -> Watchdog {
    Watchdog::new(PulseSettings::default(), Clock)
}

#[test]
fn promise_2_a_look_between_any_two_steps_raises_no_false_alarm() {
    check(|| {
        let dog = watchdog();
        // Long in its stage, and allowed to be.
        let pulse = dog.watch("turn", 1, "model", 100 * SECOND);
        advance(50 * SECOND);
        let work = thread::spawn(move || {
            pulse.enter("write", SECOND);
            let zone = pulse.zone("commit", 10 * SECOND);
            drop(zone);
            pulse.enter("model", 100 * SECOND);
            pulse.beat();
        });
        (0..3).for_each(|_| assert_eq!(dog.look(), []));
        work.join().expect("the work failed");
        assert_eq!(dog.look(), []);
        let stats = dog.stats();
        assert_eq!((stats.watched, stats.stalls, stats.unwatched), (0, 0, 0));
    });
}

#[test]
fn promise_1_a_stall_and_its_end_are_told_once_whoever_looks() {
    check(|| {
        let dog = watchdog();
        let pulse = dog.watch("turn", 1, "model", SECOND);
        advance(2 * SECOND);
        let looks: Vec<_> = (0..2)
            .map(|_| {
                let dog = dog.clone();
                thread::spawn(move || dog.look())
            })
            .collect();
        let end = thread::spawn(move || {
            pulse.beat();
            drop(pulse);
        });
        let mut found: Vec<_> = looks
            .into_iter()
            .flat_map(|look| look.join().expect("a look failed"))
            .collect();
        end.join().expect("the end failed");
        found.extend(dog.look());
        let stalls = found
            .iter()
            .filter(|one| matches!(one, Finding::Stalled(_)));
        let (stalls, stats) = (stalls.count(), dog.stats());
        assert!(stalls <= 1, "{found:?}");
        assert_eq!(found.len(), 2 * stalls, "{found:?}");
        assert_eq!(stats.stalls, stats.recoveries);
        assert_eq!((stats.watched, stats.stalled), (0, 0));
    });
}
