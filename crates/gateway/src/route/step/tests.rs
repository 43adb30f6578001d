//! Turns and shares.
//!
//! Who is chosen of real targets stands in `tests/gateway/routes_order`.

use proptest::prelude::*;

use super::*;

#[test]
fn turns_are_spread_as_evenly_as_they_can_be() {
    assert_eq!(*turns(&[1]), [0]);
    assert_eq!(*turns(&[2, 2]), [0, 1]);
    assert_eq!(*turns(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
}

proptest! {
    #[test]
    fn everybody_has_turns_by_its_weight(weights in prop::collection::vec(1..=1000_u32, 1..=64)) {
        let turns = turns(&weights);
        prop_assert!(turns.len() <= 1024 + 64, "{}", turns.len());
        let sum: u32 = weights.iter().sum();
        for (index, weight) in weights.iter().enumerate() {
            let has = turns.iter().filter(|one| usize::from(**one) == index).count();
            let share = f64::from(*weight) / f64::from(sum) * turns.len() as f64;
            prop_assert!(has >= 1, "{index} of {weights:?}");
            prop_assert!((has as f64) < share * 1.5 + 2.0, "{has} for {share} of {weights:?}");
        }
    }

    /// Promise 3: who comes or goes moves only its own sessions.
    #[test]
    fn promise_3_a_target_that_goes_moves_only_its_sessions(session in any::<u64>(), gone in 0..5_usize) {
        let names = ["a", "b", "c", "d", "e"];
        let best = |without: Option<usize>| {
            let left = names.iter().enumerate().filter(|(index, _)| Some(*index) != without);
            let score = |name: &str| -even(mix(session ^ salt("p", name))).ln();
            left.min_by(|one, other| score(one.1).total_cmp(&score(other.1))).map(|(index, _)| index)
        };
        let before = best(None);
        if before != Some(gone) {
            prop_assert_eq!(best(Some(gone)), before);
        }
    }

    #[test]
    fn numbers_are_between_0_and_1(bits in any::<u64>()) {
        let drawn = even(bits);
        prop_assert!(drawn > 0.0 && drawn < 1.0);
    }
}
