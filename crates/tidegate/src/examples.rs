//! Every example of a configuration that a reader may copy: the fenced `toml`
//! blocks of README.md and docs/, and the lines of `--help`, are read as the
//! binary would read them.
//!
//! An example may leave out what its text does not speak of (`is missing`), and
//! name files that are not here; every other error fails.

use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use tidegate_server::config::{Env, File, Severity, Source, load};

use crate::cli::Cli;

/// Every variable that an example names is set.
struct AllSet;

impl Env for AllSet {
    fn get(&self, name: &str) -> Option<String> {
        let is_ours = name.starts_with("TIDEGATE_");
        (!is_ours).then(|| "a-key-of-good-length".to_owned())
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What is wrong with an example: of the configuration, or of a script of rules.
fn errors(name: &str, text: &str) -> Vec<String> {
    if text
        .lines()
        .any(|line| line.trim_start().starts_with("[[rule]]"))
    {
        let problems = tidegate_sim::Rules::read(text).err().unwrap_or_default();
        return problems.iter().map(|one| format!("{one:?}")).collect();
    }
    let file = File::Text {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let source = Source {
        file,
        ..Source::default()
    };
    let Err(problems) = load(source, &AllSet) else {
        return Vec::new();
    };
    let errors = problems.iter().filter(|one| {
        let is_file = one.expected.as_deref() == Some("the path of a file that can be read");
        one.severity == Severity::Error && !is_file && one.what != "is missing"
    });
    errors.map(ToString::to_string).collect()
}

/// The fenced blocks of this kind, with the line on which each begins.
fn blocks(page: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut is_open = false;
    for (index, line) in page.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_open = !is_open && line.trim() == "```toml";
            if is_open {
                blocks.push((index + 1, String::new()));
            }
        } else if let (true, Some((_, text))) = (is_open, blocks.last_mut()) {
            *text += line;
            *text += "\n";
        }
    }
    blocks
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let docs = fs::read_dir(root.join("docs")).unwrap();
    let docs = docs.map(|entry| entry.unwrap().path());
    let mut pages: Vec<_> = docs
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .collect();
    pages.push(root.join("README.md"));
    pages
}

#[test]
fn every_example_of_the_documents_is_read() {
    let mut looked_at = 0;
    for page in pages() {
        for (line, text) in blocks(&fs::read_to_string(&page).unwrap()) {
            let name = format!("{}:{line}", page.display());
            assert_eq!(errors(&name, &text), Vec::<String>::new(), "{name}");
            looked_at += 1;
        }
    }
    assert!(
        looked_at >= 2,
        "README.md and docs/configuration.md have one each: {looked_at}"
    );
}

/// In the help an example is a paragraph that begins with the schema's line.
#[test]
fn every_example_of_the_help_is_read() {
    let mut looked_at = 0;
    for command in Cli::command().get_subcommands() {
        let help = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        for (at, _) in help.match_indices("  #:schema") {
            let text = help[at..].split("\n\n").next().unwrap();
            assert_eq!(
                errors(command.get_name(), text),
                Vec::<String>::new(),
                "{text}"
            );
            looked_at += 1;
        }
    }
    assert!(looked_at > 0, "`check --help` has one");
}

#[test]
fn a_wrong_example_is_noticed() {
    let page =
        "a\n```toml\nlisten = 5\n```\n```sh\nlisten\n```\n  ```toml\n  log = \"info\"\n  ```\n";
    let blocks = blocks(page);
    assert_eq!(blocks.len(), 2);
    assert_eq!((blocks[0].0, errors("a", &blocks[0].1).len()), (2, 1));
    assert_eq!(errors("a", &blocks[1].1), Vec::<String>::new());
}
