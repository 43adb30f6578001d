//! `[catalogue.NAME]`: what a writer says of models, and nothing beside it. What
//! is known of them anyway is the gateway's.

use super::*;

const FILE: &str = r#"[catalogue."gpt-4.1"]
context_window = 500_000
vision = false
input_price = 1.5
[catalogue."mine/house-model"]
max_output_tokens = 4096
reasoning = true
output_price = 3
cached_price = 0.0
"#;

#[test]
fn contracts_15_what_is_written_is_read_and_nothing_else_is_said() {
    let loaded = read(FILE).unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    let [(first, known), (second, house)] = &loaded.config.catalogue[..] else {
        panic!("{:?}", loaded.config.catalogue)
    };
    assert_eq!((&**first, &**second), ("gpt-4.1", "mine/house-model"));
    assert_eq!(known.context_window, Some(500_000));
    assert_eq!((known.vision, known.tools), (Some(false), None));
    assert_eq!((known.input_price, known.output_price), (Some(1.5), None));
    assert_eq!(house.max_output_tokens, Some(4096));
    assert_eq!(house.reasoning, Some(true));
    assert_eq!(
        (house.output_price, house.cached_price),
        (Some(3.0), Some(0.0))
    );
}

#[test]
fn what_no_model_can_have_is_refused() {
    for (from, to, told) in [
        (
            "500_000",
            "0",
            "error 2:18 catalogue.gpt-4.1.context_window is out of range",
        ),
        (
            "1.5",
            "-1.5",
            "error 4:15 catalogue.gpt-4.1.input_price is out of range",
        ),
        (
            "1.5",
            "nan",
            "error 4:15 catalogue.gpt-4.1.input_price is out of range",
        ),
        (
            "1.5",
            "\"1.5\"",
            "error 4:15 catalogue.gpt-4.1.input_price cannot be read",
        ),
        (
            "false",
            "\"no\"",
            "error 3:10 catalogue.gpt-4.1.vision cannot be read",
        ),
        (
            "vision",
            "sight",
            "error 3:1 catalogue.gpt-4.1.sight is not a known key",
        ),
        (
            "\"gpt-4.1\"",
            "\"gpt-*\"",
            "error 1:12 catalogue.gpt-* is not a name",
        ),
    ] {
        assert_eq!(refused(&FILE.replacen(from, to, 1)), [told], "{to}");
    }
    assert_eq!(
        refused("catalogue = \"gpt-4.1\""),
        ["error 1:13 catalogue has the wrong type"]
    );
}

#[test]
fn what_is_printed_reads_the_same() {
    let (before, printed) = load_effective(source(FILE), &env(&[])).unwrap();
    let printed = printed.to_toml();
    let line = "[catalogue.\"mine/house-model\"]";
    assert!(printed.contains(line), "{printed}");
    let after = read(&printed).unwrap();
    let all = |loaded: &Loaded| format!("{:?}", loaded.config.catalogue);
    assert_eq!(all(&after), all(&before), "{printed}");
}
