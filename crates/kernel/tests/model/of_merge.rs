//! Inputs that are woken from threads while the merge polls: every item comes,
//! each input's in order, and the end with the last; no wake-up lost.

use shuttle::future::block_on;
use shuttle::rand::Rng;
use shuttle::thread;

use crate::check;
use crate::merge::{Merge, Merged};
use crate::relay::{End, RelaySettings, Relays};
use crate::subscriber::{Relayed, Since};

#[test]
fn r_m9_r_g45_all_items_of_all_inputs_and_then_the_end() {
    check(|| {
        let relays = Relays::new(RelaySettings {
            events: 10,
            bytes: 100,
            subscribers: 1,
        });
        let mut merge = Merge::new(3);
        let mut sent = Vec::new();
        let mut producers = Vec::new();
        for _ in 0..3 {
            let (mut publisher, relay) = relays.open();
            let subscriber = relay.subscribe(Since::Start).expect("room");
            merge.add(subscriber).expect("room");
            let count = shuttle::rand::thread_rng().gen_range(0..3_u64);
            sent.push(count);
            producers.push(thread::spawn(move || {
                for n in 1..=count {
                    assert_eq!(publisher.publish(n, 1), Ok(n));
                }
                publisher.end(End::Finished);
            }));
        }
        let mut told = vec![0; 3];
        let mut ended = 0;
        // A nudge that is lost is a deadlock, and the checker's to find.
        block_on(async {
            while let Some(news) = merge.next().await {
                match news {
                    Merged::Item { from, item } => match item {
                        Relayed::Event { number, .. } => {
                            assert_eq!(number, told[from] + 1);
                            told[from] = number;
                        }
                        Relayed::End { number, .. } => assert_eq!(number, told[from] + 1),
                        Relayed::Gap { .. } => unreachable!("the ring holds all"),
                    },
                    Merged::Ended { exit, .. } => {
                        assert!(exit.is_done());
                        ended += 1;
                    }
                }
            }
        });
        assert_eq!((told, ended), (sent, 3));
        for producer in producers {
            producer.join().expect("a producer failed");
        }
    });
}
