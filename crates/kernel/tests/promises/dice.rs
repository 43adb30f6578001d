//! A seed repeats a run; threads draw each number once.
//! The row of numbers is the published one.

use tidegate_kernel::Dice;

#[test]
fn promise_1_the_published_row_of_the_generator() {
    let dice = Dice::seeded(1_234_567);
    let row = [dice.roll(), dice.roll(), dice.roll()];
    assert_eq!(
        row,
        [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423
        ]
    );
}

#[test]
fn below_stays_below_and_reaches_every_number() {
    let dice = Dice::seeded(7);
    let mut seen = [0_u32; 6];
    for _ in 0..6000 {
        seen[usize::try_from(dice.below(6)).unwrap()] += 1;
    }
    assert!(seen.iter().all(|n| (800..1200).contains(n)), "{seen:?}");
    assert_eq!((dice.below(0), dice.below(1)), (0, 0));
    assert!(dice.below(u64::MAX) < u64::MAX);
}

#[test]
fn promise_2_threads_draw_each_number_once() {
    let dice = std::sync::Arc::new(Dice::seeded(1));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let dice = std::sync::Arc::clone(&dice);
            std::thread::spawn(move || (0..1000).map(|_| dice.roll()).collect::<Vec<_>>())
        })
        .collect();
    let mut drawn: Vec<_> = threads
        .into_iter()
        .flat_map(|thread| thread.join().unwrap())
        .collect();
    let alone = Dice::seeded(1);
    let mut expected: Vec<_> = (0..4000).map(|_| alone.roll()).collect();
    drawn.sort_unstable();
    expected.sort_unstable();
    assert_eq!(drawn, expected);
}
