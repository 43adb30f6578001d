//! The table is held against the tree, so that it cannot rot: a mutant whose
//! code or test is gone fails here, not in the long run.

use std::collections::HashSet;
use std::fs;

use super::trial::Fate;
use super::*;

#[test]
fn every_pattern_stands_once_in_its_file_and_changes_it() {
    let workspace = Workspace::load().unwrap();
    let mut bad = Vec::new();
    for mutant in all() {
        let source = fs::read_to_string(workspace.root.join(mutant.file)).unwrap_or_default();
        match mutant.applied(&source) {
            Ok(mutated) => assert_ne!(mutated, source, "{}", mutant.name),
            Err(problem) => bad.push(problem),
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn every_mutant_has_a_name_of_its_own_and_tests_that_stand_in_its_suite() {
    let workspace = Workspace::load().unwrap();
    let mut names = HashSet::new();
    for mutant in all() {
        assert!(names.insert(mutant.name), "twice: {}", mutant.name);
        assert!(!mutant.caught_by.is_empty(), "{}", mutant.name);
        for cell in [mutant.name, mutant.why] {
            assert!(!cell.contains('|'), "a cell of a table: {cell}");
        }
        for test in mutant.caught_by {
            let file = workspace.root.join(test.file());
            let source = fs::read_to_string(&file).unwrap_or_default();
            let function = test.name.rsplit("::").next().unwrap_or_default();
            let there = source.contains(&format!("fn {function}("));
            assert!(there, "{} is not in {}", test.name, file.display());
        }
    }
}

#[test]
fn the_quick_ones_are_in_the_table_and_share_a_program_of_tests() {
    let quick = |name: &&str| all().find(|mutant| mutant.name == *name).unwrap();
    let suites = QUICK.iter().map(quick).flat_map(|one| one.caught_by);
    assert!(
        suites
            .into_iter()
            .all(|test| test.suite == table::Suite::Kernel)
    );
}

#[test]
fn numbers_may_be_single_and_ranges() {
    assert_eq!(numbers("3"), Ok(3..=3));
    assert_eq!(numbers("3-5"), Ok(3..=5));
    assert!(numbers("x").is_err());
    let some = chosen(&[2..=3, 5..=5]).unwrap();
    let some: Vec<usize> = some.iter().map(|(number, _)| *number).collect();
    assert_eq!(some, [2, 3, 5]);
    assert!(chosen(&[100_000..=100_000]).is_err());
}

#[test]
fn a_survivor_and_one_that_does_not_build_fail_the_run() {
    let trial = |result| Trial {
        number: 1,
        mutant: all().next().unwrap(),
        result,
        took: Duration::ZERO,
    };
    assert_eq!(verdict(&[trial(Fate::Caught(""))]), Ok(()));
    for bad in [
        Fate::Survived(vec!["a::x"]),
        Fate::Broken("error".to_owned()),
    ] {
        let trials = [trial(Fate::Caught("")), trial(bad)];
        assert!(verdict(&trials).unwrap_err().starts_with("#1 "));
    }
}
