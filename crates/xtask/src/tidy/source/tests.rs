//! The reading of Rust files: functions in macros, test items, attributes.
//! Each sample is as small as the thing it shows.

use super::*;

fn functions(text: &str) -> Vec<(String, usize, bool)> {
    let source = Source::new("crates/a/src/lib.rs", text);
    source
        .functions
        .into_iter()
        .map(|one| (one.name, one.size, one.is_test))
        .collect()
}

#[test]
fn the_size_of_a_function_is_its_code_from_fn_to_brace() {
    let text = "#[inline]\npub fn a(\n    b: u8,\n) -> u8 {\n    // why\n\n    b\n}\n";
    assert_eq!(functions(text), [("a".to_owned(), 5, false)]);
    assert_eq!(
        functions("trait T { fn a(&self); }\ntype F = fn(u8);\n"),
        []
    );
}

#[test]
fn functions_in_macro_calls_are_found() {
    let text = "proptest! {\n    #[test]\n    fn any(x in 0..9u8) {\n        check(x);\n    }\n}\n";
    assert_eq!(functions(text), [("any".to_owned(), 3, false)]);
}

#[test]
fn items_under_cfg_test_are_tests_and_not_in_the_size() {
    let text =
        "fn a() {}\n#[cfg(test)]\n#[path = \"x.rs\"]\nmod t {\n    fn b() {}\n}\nfn c() {}\n";
    let source = Source::new("crates/a/src/lib.rs", text);
    assert_eq!(source.size(), 2);
    let tests: Vec<_> = source.functions.iter().filter(|one| one.is_test).collect();
    assert_eq!(tests.len(), 1);
    assert_eq!(tests[0].name, "b");

    let other = Source::new(
        "crates/a/src/lib.rs",
        "#[cfg(not(test))]\nmod t {\n fn b() {}\n}\n",
    );
    assert!(other.tests.is_empty());
    let all = Source::new("crates/a/src/lib.rs", "#[cfg(all(test, unix))]\nmod t;\n");
    assert_eq!((all.tests.len(), all.tests[0].clone()), (1, 1..3));
}

#[test]
fn whole_files_can_be_tests() {
    assert!(Source::new("crates/a/src/b/tests.rs", "fn a() {}").is_test);
    assert!(Source::new("crates/a/tests/b.rs", "fn a() {}").is_test);
    assert!(!Source::new("crates/a/src/attests.rs", "fn a() {}").is_test);
}

#[test]
fn silenced_lints_are_found_with_their_reasons() {
    let text = "#![expect(clippy::x, reason = \"y\")]\n#[allow(unused)]\nfn a() {}\n\
                #[cfg_attr(test, allow(z))]\nfn b() {}\n#[derive(Debug)]\nstruct Allow;\n";
    let source = Source::new("crates/a/src/lib.rs", text);
    let found: Vec<_> = source
        .silences
        .iter()
        .map(|one| (one.line, one.has_reason))
        .collect();
    assert_eq!(found, [(1, true), (2, false), (4, false)]);
}

#[test]
fn a_file_that_does_not_lex_says_so() {
    assert!(
        Source::new("crates/a/src/lib.rs", "fn a() { \"")
            .broken
            .is_some()
    );
}

#[test]
fn macro_calls_are_told_from_comparisons() {
    let source = Source::new("a.rs", "fn a() {\n    dbg!(x);\n    if a != (b) {}\n}\n");
    assert_eq!(source.macros, [("dbg".to_owned(), 2)]);
}
