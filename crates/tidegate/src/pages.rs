//! What describes the command line: completions for shells, and manual pages.
//!
//! Both are made from the same definitions as `--help`; nothing is written by
//! hand, so nothing can differ from what the commands take.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory as _};
use clap_mangen::roff::{Roff, roman};

use crate::check::WRONG;
use crate::cli::{Cli, Completions, Man};
use crate::fault::{self, Fault, end};
use crate::say;

/// What clap says instead of a command: a page or the version, which are
/// results, or what is wrong with the command line.
pub(crate) fn told(text: &clap::Error) -> ExitCode {
    let printed = text.print().and_then(|()| io::stdout().flush());
    match text.use_stderr() {
        true => ExitCode::from(WRONG),
        false => fault::told(printed, ExitCode::SUCCESS),
    }
}

/// Prints the completions of one shell.
pub(crate) fn completions(args: &Completions) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tidegate", &mut script);
    end(write(&script))
}

/// Prints the page of `tidegate`, or writes it and those of its commands.
pub(crate) fn man(args: &Man) -> ExitCode {
    let written = match &args.out {
        None => page(&command())
            .map_err(Fault::from)
            .and_then(|text| write(&text)),
        Some(folder) => write_all(folder),
    };
    end(written)
}

fn write(bytes: &[u8]) -> Result<ExitCode, Fault> {
    say::bytes(bytes)?;
    Ok(ExitCode::SUCCESS)
}

fn command() -> Command {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

fn write_all(folder: &Path) -> Result<ExitCode, Fault> {
    let top = command();
    for command in std::iter::once(&top).chain(top.get_subcommands()) {
        let name = clap_mangen::Man::new(command.clone()).get_filename();
        let path = folder.join(name);
        let written = page(command).and_then(|text| std::fs::write(&path, text));
        written.map_err(|error| {
            let path = path.display();
            Fault::running(format!("cannot write {path}: {error}"))
                .help("--out names a folder that is there and may be written to")
        })?;
        say::result(path.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One page. The examples stand as they are: clap's own form would fill them
/// into one paragraph.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    type Part = fn(&clap_mangen::Man, &mut dyn io::Write) -> io::Result<()>;
    const PARTS: [Part; 6] = [
        clap_mangen::Man::render_title,
        clap_mangen::Man::render_name_section,
        clap_mangen::Man::render_synopsis_section,
        clap_mangen::Man::render_description_section,
        clap_mangen::Man::render_options_section,
        clap_mangen::Man::render_subcommands_section,
    ];
    // Each part would open with it, and a page needs it once.
    let opening = opening()?;
    let man = clap_mangen::Man::new(command.clone())
        .source(concat!("tidegate ", env!("CARGO_PKG_VERSION")))
        .manual("Tidegate");
    let parts = PARTS.iter().take(match command.has_subcommands() {
        true => PARTS.len(),
        false => PARTS.len() - 1,
    });
    let mut text = opening.clone();
    for part in parts {
        let mut bytes = Vec::new();
        part(&man, &mut bytes)?;
        text.extend_from_slice(bytes.strip_prefix(&*opening).unwrap_or(&bytes));
    }
    if let Some(help) = command.get_after_help() {
        let mut bytes = Vec::new();
        sections(&help.to_string()).to_writer(&mut bytes)?;
        text.extend_from_slice(bytes.strip_prefix(&*opening).unwrap_or(&bytes));
    }
    Ok(text)
}

/// What every piece of a page is written behind: the definition of an apostrophe.
fn opening() -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    Roff::new().to_writer(&mut text)?;
    Ok(text)
}

/// The paragraphs of a help's end: a first line that ends in a colon is the
/// head of a section, whose lines are kept as they are; so are those of a
/// paragraph that is indented.
fn sections(help: &str) -> Roff {
    let mut roff = Roff::new();
    for paragraph in help.split("\n\n") {
        let (first, rest) = paragraph.split_once('\n').unwrap_or((paragraph, ""));
        let codes = paragraph.strip_prefix("Exit codes:");
        if let Some(codes) = codes {
            roff.control("SH", ["EXIT STATUS"]);
            roff.text([roman(codes.trim().replace('\n', " "))]);
        } else if let Some(head) = first.strip_suffix(':').filter(|_| !rest.is_empty()) {
            roff.control("SH", [&*head.to_uppercase()]);
            as_it_is(&mut roff, rest);
        } else if paragraph.lines().all(|line| line.starts_with("  ")) {
            roff.control("PP", []);
            as_it_is(&mut roff, paragraph);
        } else {
            roff.control("PP", []);
            roff.text([roman(paragraph.replace('\n', " "))]);
        }
    }
    roff
}

fn as_it_is(roff: &mut Roff, text: &str) {
    roff.control("nf", []);
    for line in text.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_its_examples() {
        let top = command();
        for command in std::iter::once(&top).chain(top.get_subcommands()) {
            let name = command.get_display_name().unwrap_or(command.get_name());
            let page = String::from_utf8(page(command).unwrap()).unwrap();
            assert_eq!(page.matches(".TH ").count(), 1, "{name}");
            assert_eq!(page.matches(".ds Aq").count(), 2, "{name}:\n{page}");
            assert!(page.contains(".SH EXAMPLES\n.nf\n"), "{name}:\n{page}");
        }
    }
}
