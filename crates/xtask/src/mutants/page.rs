//! `docs/mutations.md`: the table of mutants with the last result of each.
//!
//! Promises: (1) the page has a row for each mutant of the table, in order;
//! (2) a row keeps its last result until its mutant is tried again, with date
//! and commit. What stands before and after the markers is written by hand.

use std::collections::HashMap;
use std::fs;

use super::Trial;
use super::table::{Mutant, Test, all};
use crate::workspace::{Outcome, Workspace};

/// The page.
pub(super) const PLACE: &str = "docs/mutations.md";
const BEGIN: &str = "<!-- cargo xtask mutants --write: begin -->\n";
const END: &str = "<!-- cargo xtask mutants --write: end -->\n";
const HEAD: &str = "| # | seeded bug | why it matters | caught by | last tried |\n\
    |---|---|---|---|---|\n";

/// The page in parts.
pub(super) struct Page {
    before: String,
    after: String,
    /// The last cell of each row, by the mutant's name.
    last: HashMap<String, String>,
}

impl Page {
    pub(super) fn read(workspace: &Workspace) -> Outcome<Self> {
        let text = fs::read_to_string(workspace.root.join(PLACE));
        Self::of(&text.map_err(|error| format!("{PLACE}: {error}"))?)
    }

    fn of(text: &str) -> Outcome<Self> {
        let lost = || format!("{PLACE} has lost its markers");
        let (before, rest) = text.split_once(BEGIN).ok_or_else(lost)?;
        let (rows, after) = rest.split_once(END).ok_or_else(lost)?;
        let cells = rows.lines().filter_map(|row| {
            let cells: Vec<&str> = row.split(" | ").collect();
            let last = cells.last()?.trim_end_matches(" |");
            Some((cells.get(1)?.to_string(), last.to_owned()))
        });
        Ok(Self {
            before: before.to_owned(),
            after: after.to_owned(),
            last: cells.collect(),
        })
    }

    /// With these results instead of older ones.
    pub(super) fn with(mut self, trials: &[Trial], when: &str) -> Self {
        for trial in trials {
            let seconds = trial.took.as_secs();
            let result = format!("{}, {seconds} s, {when}", trial.result);
            self.last.insert(trial.mutant.name.to_owned(), result);
        }
        self
    }

    fn text(&self) -> String {
        let mut text = format!("{}{BEGIN}{HEAD}", self.before);
        for (number, mutant) in (1..).zip(all()) {
            let last = self.last.get(mutant.name).map_or("never", String::as_str);
            text += &row(number, mutant, last);
        }
        text + END + &self.after
    }

    pub(super) fn write(&self, workspace: &Workspace) -> Outcome {
        fs::write(workspace.root.join(PLACE), self.text())
            .map_err(|error| format!("{PLACE}: {error}"))
    }
}

/// One mutant as a row.
fn row(number: usize, mutant: &Mutant, last: &str) -> String {
    let Mutant {
        name,
        why,
        caught_by,
        ..
    } = mutant;
    let tests: Vec<String> = caught_by.iter().map(quoted).collect();
    format!(
        "| {number} | {name} | {why} | {} | {last} |\n",
        tests.join(", ")
    )
}

fn quoted(test: &Test) -> String {
    format!("`{}`", test.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        Page::read(&Workspace::load().unwrap()).unwrap()
    }

    #[test]
    fn the_page_lists_the_mutants_of_the_table_and_each_was_caught() {
        let workspace = Workspace::load().unwrap();
        let text = fs::read_to_string(workspace.root.join(PLACE)).unwrap();
        let page = page();
        assert!(page.text() == text, "run `cargo xtask mutants --write`");
        for mutant in all() {
            let last = page.last.get(mutant.name).unwrap();
            assert!(last.starts_with("caught"), "{}: {last}", mutant.name);
        }
    }

    #[test]
    fn a_row_keeps_its_result_until_it_is_tried_again() {
        let mut page = page();
        let name = all().next().unwrap().name;
        page.last
            .insert(name.to_owned(), "caught, 1 s, then".to_owned());
        let again = Page::of(&page.text()).unwrap();
        assert_eq!(again.last[name], "caught, 1 s, then");
        assert_eq!(again.text(), page.text());
    }
}
