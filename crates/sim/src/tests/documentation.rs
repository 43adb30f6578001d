//! What `docs/sim.md` shows is what works: its scripts, its keys and its names.
//!
//! The Python of the page is run by the tests of the product.

use super::*;
use crate::Rules;

const PAGE: &str = include_str!("../../../../docs/sim.md");

/// The blocks of one language.
fn blocks(language: &str) -> Vec<&'static str> {
    let opened = format!("```{language}\n");
    let block = |after: &'static str| after.split("\n```").next();
    PAGE.split(opened.as_str())
        .skip(1)
        .filter_map(block)
        .collect()
}

#[test]
fn every_script_of_the_page_is_read() {
    let scripts = blocks("toml");
    assert!(scripts.len() >= 3, "the page has scripts");
    for script in scripts {
        let rules = Rules::read(script);
        assert!(rules.is_ok_and(|rules| !rules.is_empty()), "{script}");
    }
    // Those inside of the Python are told by the server if they are wrong.
    for key in crate::rules::keys() {
        let forms = [format!("`{key}`"), format!(".{key}`"), format!("{key} = ")];
        assert!(
            forms.iter().any(|form| PAGE.contains(form)),
            "{key} is not told"
        );
    }
}

#[test]
fn every_name_of_the_page_s_table_is_one() {
    let (_, names) = PAGE.split_once("## Names").expect("the part about names");
    let (table, _) = names
        .split_once("`TTFT` and `GAP` are")
        .expect("the end of the table");
    let first = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let mut count = 0;
    for name in first.flat_map(|cell| cell.split(", ")) {
        let name = name
            .trim_matches('`')
            .replace("TTFT-CHUNKS-GAP-BYTES", "300~50-40-1..2-8");
        assert!(Sim::is_sim_name(&name), "{name}");
        count += 1;
    }
    assert!(count >= 12, "{count}");
    assert!(Sim::is_sim_name("sim-300~~2000-40-10..40-8"));
}
