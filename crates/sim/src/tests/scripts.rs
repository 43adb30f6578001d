//! What is told of a script that is wrong.
//!
//! The places are written out: line and key of each problem, all of one reading.

use proptest::prelude::*;

use crate::{Problem, Rules};

/// Something is wrong in nearly every line.
const WRONG: &str = r#"
seed = 3
[[rule]]
nane = "x"
match = { modl = "x", regex = "(", endpoint = "images", headers = { "a b" = "x" }, call = 0, share = 101 }
respond = { text = "{{1}}", json = {} }
delay = "soon"
[[rule]]
status = 200
error = { mesage = "x" }
headers = { content-length = "3" }
times = -1
[[rule]]
status = 500
fault = "cut"
chunks = 0
finish = "done"
[[rule]]
fault = "explode"
after = 3
error = {}
respond = { tool_call = [], arguments = {} }
[[rule]]
respond = { json = 2024-01-01 }
chunks = 2
chunk_bytes = 3
usage = { prompt = -1, total = 3 }
[[rule]]
match.endpoint = "embeddings"
respond.text = "x"
[[rule]]
respond = {}
rule = 3
"#;

/// Where, and at which key.
const PLACES: &[(usize, &str)] = &[
    (2, "seed"),
    (4, "rule[0].nane"),
    (5, "rule[0].match.modl"),
    (5, "rule[0].match.regex"),
    (5, "rule[0].match.endpoint"),
    (5, "rule[0].match.headers.a b"),
    (5, "rule[0].match.call"),
    (5, "rule[0].match.share"),
    (6, "rule[0].respond"),
    (6, "rule[0].respond.text"),
    (7, "rule[0].delay"),
    (9, "rule[1].status"),
    (10, "rule[1].error.mesage"),
    (11, "rule[1].headers.content-length"),
    (12, "rule[1].times"),
    (15, "rule[2].fault"),
    (16, "rule[2].chunks"),
    (16, "rule[2].chunks"),
    (17, "rule[2].finish"),
    (19, "rule[3].fault"),
    (20, "rule[3].after"),
    (21, "rule[3].error"),
    (22, "rule[3].respond.tool_call"),
    (22, "rule[3].respond.arguments"),
    (24, "rule[4].respond.json"),
    (26, "rule[4].chunk_bytes"),
    (27, "rule[4].usage.prompt"),
    (27, "rule[4].usage.total"),
    (30, "rule[5].respond"),
    (32, "rule[6].respond"),
    (33, "rule[6].rule"),
];

fn wrong(text: &str) -> Vec<Problem> {
    Rules::read(text).expect_err("it is wrong")
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_place() {
    let told = wrong(WRONG);
    let places: Vec<_> = told
        .iter()
        .map(|problem| (problem.line, problem.key.as_str()))
        .collect();
    for place in PLACES {
        assert!(places.contains(place), "{place:?} is not told: {places:#?}");
    }
    let near = told.iter().find(|problem| problem.key.ends_with("nane"));
    assert_eq!(
        near.and_then(|problem| problem.hint.as_deref()),
        Some("did you mean `name`?")
    );
    let found = |key: &str| {
        let problem = told.iter().find(|problem| problem.key == key);
        problem.and_then(|problem| problem.found.as_deref())
    };
    assert_eq!(found("rule[1].status"), Some("200"));
    assert_eq!(found("rule[0].delay"), Some("\"soon\""));
    assert!(places.is_sorted_by_key(|place| place.0));
}

#[test]
fn what_is_not_toml_is_told_and_the_rest_is_read() {
    let told = wrong("[[rule]]\nname = \nmatch = { modl = \"x\" }\n");
    let places: Vec<_> = told.iter().map(|problem| problem.line).collect();
    assert!(places.contains(&2) && places.contains(&3), "{told:#?}");
    assert!(
        wrong("rule = 3\n")[0]
            .expected
            .as_deref()
            .is_some_and(|text| text.contains("[[rule]]"))
    );
    assert!(!wrong(&"[[rule]]\n".repeat(1_001)).is_empty());
    assert!(
        wrong(&"#".repeat(crate::MAX_SCRIPT + 1))[0]
            .what
            .contains("larger")
    );
    assert!(Rules::read("").expect("an empty script").is_empty());
}

proptest! {
    #[test]
    fn any_text_is_a_script_or_told(text in "\\PC*") {
        if let Err(problems) = Rules::read(&text) {
            prop_assert!(!problems.is_empty());
        }
    }

    #[test]
    fn a_script_that_is_cut_or_mangled_is_read_or_told(at in 0..WRONG.len(), with in "\\PC{0,3}") {
        let mangled = format!("{}{with}{}", &WRONG[..at], &WRONG[at..]);
        for text in [&WRONG[..at], &mangled] {
            let lines = text.lines().count();
            let Err(problems) = Rules::read(text) else { continue };
            for problem in problems {
                prop_assert!((1..=lines + 1).contains(&problem.line), "{problem:?}");
                prop_assert!(problem.span.end <= text.len(), "{problem:?}");
            }
        }
    }
}
