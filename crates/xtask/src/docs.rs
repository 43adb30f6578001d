//! `cargo xtask docs`: the pages of `docs/` that are made from the code.
//!
//! Promises: (1) the same code gives the same bytes; (2) `--check` writes
//! nothing and fails when a page is not what the code says now. A new page is
//! one line in `PAGES`.

mod configuration;
mod dialects;
mod errors;
mod headers;
mod metrics;

use std::fs;

use crate::workspace::{Outcome, Workspace};

/// The generated pages.
const PAGES: &[Page] = &[
    Page {
        path: "docs/configuration.md",
        text: configuration::page,
    },
    Page {
        path: "docs/dialects.md",
        text: dialects::page,
    },
    Page {
        path: "docs/errors.md",
        text: |_| Ok(errors::page()),
    },
    Page {
        path: "docs/metrics.md",
        text: |workspace| Ok(metrics::page(&crate::metrics::all(workspace)?)),
    },
];

/// A page: where it stands, and what it says now.
struct Page {
    path: &'static str,
    text: fn(&Workspace) -> Outcome<String>,
}

/// Options of `cargo xtask docs`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only tell whether the pages are up to date
    #[arg(long)]
    check: bool,
}

/// Writes the pages, or checks them.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Outcome {
    if options.check {
        check(workspace)
    } else {
        write(workspace)
    }
}

/// The path of each page, and what it says now.
fn texts(workspace: &Workspace) -> Outcome<Vec<(&'static str, String)>> {
    let all = PAGES.iter();
    all.map(|page| Ok((page.path, (page.text)(workspace)?)))
        .collect()
}

fn write(workspace: &Workspace) -> Outcome {
    for (path, text) in texts(workspace)? {
        let place = workspace.root.join(path);
        let folder = place.parent().map_or(Ok(()), fs::create_dir_all);
        let written = folder.and_then(|()| fs::write(&place, text));
        written.map_err(|error| format!("cannot write {path}: {error}"))?;
        println!("wrote {path}");
    }
    Ok(())
}

/// Fails with the names of the pages that are not up to date.
pub(crate) fn check(workspace: &Workspace) -> Outcome {
    let read = |path: &str| fs::read_to_string(workspace.root.join(path)).unwrap_or_default();
    let stale = stale(&texts(workspace)?, read);
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!(
        "out of date: {}; run `cargo xtask docs` and commit",
        stale.join(", ")
    ))
}

fn stale(texts: &[(&'static str, String)], read: impl Fn(&str) -> String) -> Vec<&'static str> {
    let stale = texts.iter().filter(|(path, text)| read(path) != *text);
    stale.map(|(path, _)| *path).collect()
}

/// A row of a Markdown table; a bar inside a cell would end it.
fn row(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// The first two lines of a Markdown table.
fn heading(titles: &[&str]) -> String {
    row(titles) + &row(&vec!["---"; titles.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_or_missing_page_is_stale() {
        let texts = [
            ("docs/a.md", "a\n".to_owned()),
            ("docs/b.md", "b\n".to_owned()),
        ];
        let said = |path: &str| match path {
            "docs/a.md" => "a\n".to_owned(),
            _ => "b\n".to_owned(),
        };
        assert_eq!(stale(&texts, said), Vec::<&str>::new());
        assert_eq!(stale(&texts, |path| said(path) + "by hand\n").len(), 2);
        assert_eq!(stale(&texts, |_| "a\n".to_owned()), ["docs/b.md"]);
        assert_eq!(stale(&texts, |_| String::new()).len(), 2);
    }

    #[test]
    fn a_bar_stays_inside_its_cell() {
        assert_eq!(row(&["a|b", "c"]), "| a\\|b | c |\n");
        assert_eq!(heading(&["x", "y"]), "| x | y |\n| --- | --- |\n");
    }
}
