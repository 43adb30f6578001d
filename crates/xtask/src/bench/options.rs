//! What a person asked the benchmark for, and the words that tell how to ask.
//!
//! A wrong word is an error before anything is started. Only a full run of our own
//! build writes: short runs and parts of one are for the eye.

use std::path::PathBuf;

use super::rows;
use crate::workspace::Outcome;

pub(crate) const USAGE: &str = "\
Measures Tidegate beside nginx and the bare upstream, and writes docs/benchmarks.md.

cargo xtask bench [--quick] [--only ROW] [--no-write] [--binary PATH]

  --quick        short rounds, for development (about 45 s); prints, writes nothing
  --only ROW     one row: unary, burst, paced, prompt, open, streams,
                 ready, ask, dialects, reload, nouns or pairs; writes nothing
  --no-write     prints without writing docs/benchmarks.md
  --binary PATH  measures this tidegate instead of building one; writes nothing
";

/// The command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) quick: bool,
    pub(crate) only: Option<String>,
    pub(crate) no_write: bool,
    pub(crate) binary: Option<PathBuf>,
    pub(crate) help: bool,
}

impl Options {
    /// Reads the words behind `bench`.
    pub(crate) fn read(words: &[String]) -> Outcome<Self> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--quick" => options.quick = true,
                "--no-write" => options.no_write = true,
                "--only" => options.only = Some(row(value()?)?),
                "--binary" => options.binary = Some(value()?.into()),
                "--help" | "-h" => options.help = true,
                other => return Err(format!("unknown option {other}")),
            }
        }
        Ok(options)
    }

    /// Only a full run of our own build may stand in the repository.
    pub(crate) fn writes(&self) -> bool {
        !(self.quick || self.no_write || self.only.is_some() || self.binary.is_some())
    }

    /// Whether the row `name` is to be measured.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == name)
    }
}

fn row(name: &str) -> Outcome<String> {
    let known = rows::names();
    if known.contains(&name) {
        Ok(name.to_owned())
    } else {
        Err(format!(
            "unknown row {name}; there are {}",
            known.join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Outcome<Options> {
        Options::read(
            &line
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn only_a_full_run_of_our_own_build_writes() {
        assert!(read("").unwrap().writes());
        for line in ["--quick", "--no-write", "--only unary", "--binary /bin/x"] {
            assert!(!read(line).unwrap().writes(), "{line}");
        }
    }

    #[test]
    fn a_row_is_chosen_by_name_and_a_wrong_word_is_told() {
        let options = read("--only paced").unwrap();
        assert!(options.wants("paced") && !options.wants("unary"));
        assert!(read("").unwrap().wants("ready"));
        assert!(read("--only tea").unwrap_err().contains("burst"));
        assert!(read("--only").unwrap_err().contains("needs a value"));
        assert!(read("--fast").unwrap_err().contains("--fast"));
        for name in rows::names() {
            assert!(USAGE.contains(name), "{name} is not told");
        }
    }
}
