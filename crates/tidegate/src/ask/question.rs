//! The question: from the command line, from standard input, or from both.
//!
//! Standard input is read to its end, within a bound; a terminal is read only
//! when there is no question without it.

use std::io::{IsTerminal as _, Read as _};

use crate::fault::Fault;
use crate::say;

/// More than this is not read, in bytes: a server refuses it anyway.
const MOST: u64 = 16 << 20;

/// Finds the question.
pub(super) fn read(given: Option<&str>) -> Result<String, Fault> {
    let terminal = std::io::stdin().is_terminal();
    let given = given.filter(|given| *given != "-");
    let piped = match (given, terminal) {
        (Some(_), true) => None,
        (None, true) => {
            say::note("type the question, and end it with Ctrl-D on a line of its own");
            Some(stdin()?)
        }
        (_, false) => Some(stdin()?),
    };
    join(given, piped.as_deref())
}

fn join(given: Option<&str>, piped: Option<&str>) -> Result<String, Fault> {
    let filled = |text: &&str| !text.trim().is_empty();
    match (given.filter(filled), piped.filter(filled)) {
        (Some(given), Some(piped)) => Ok(format!("{given}\n\n{piped}")),
        (Some(text), None) | (None, Some(text)) => Ok(text.to_owned()),
        (None, None) => Err(Fault::usage("there is no question")
            .help("write it behind `tidegate ask`, or pipe it in")),
    }
}

fn stdin() -> Result<String, Fault> {
    let mut bytes = Vec::new();
    // One byte more tells that there is too much.
    std::io::stdin()
        .lock()
        .take(MOST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Fault::running(format!("cannot read standard input: {error}")))?;
    text(bytes)
}

fn text(bytes: Vec<u8>) -> Result<String, Fault> {
    if u64::try_from(bytes.len()).is_ok_and(|len| len > MOST) {
        return Err(
            Fault::usage(format!("standard input is longer than {} MiB", MOST >> 20))
                .help("ask about a part of it"),
        );
    }
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        Fault::usage(format!(
            "standard input is no text: byte {place} is not UTF-8"
        ))
        .help("models read text; convert it first")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_input_is_the_question_or_what_it_is_about() {
        assert_eq!(join(Some("why?"), None), Ok("why?".to_owned()));
        assert_eq!(join(None, Some("why?\n")), Ok("why?\n".to_owned()));
        assert_eq!(
            join(Some("what is it?"), Some("fn main() {}\n")),
            Ok("what is it?\n\nfn main() {}\n".to_owned())
        );
        assert_eq!(join(Some("why?"), Some("")), Ok("why?".to_owned()));
        for nothing in [None, Some(" \n")] {
            assert!(matches!(join(nothing, Some("\n")), Err(Fault::Usage(_))));
        }
    }

    #[test]
    fn what_is_no_text_is_told_with_its_place() {
        let Err(Fault::Usage(told)) = text(b"abc\xff".to_vec()) else {
            panic!("taken")
        };
        assert!(told.what.contains("byte 3"), "{}", told.what);
    }
}
