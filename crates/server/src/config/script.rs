//! The script of the built-in simulated provider: a file of rules (docs/sim.md).
//!
//! It is read with the configuration, so that all that is wrong with both is
//! told at once, and a reload takes both or none.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidegate_sim::{MAX_SCRIPT, Rules};

use super::form::Form;
use super::read::ExistingFile;
use super::reading::Reading;
use super::table::{Node, Reader, Shown};

/// A script that can be used.
#[derive(Clone, PartialEq, Eq)]
pub struct Script {
    /// Where it stands.
    pub path: PathBuf,
    /// What stands there.
    pub text: Arc<str>,
}

/// Without its text: a condition may name a credential.
impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Script");
        shown.field("path", &self.path).finish_non_exhaustive()
    }
}

/// Reads the path of one, and the script.
pub(super) struct ScriptFile;

const FILE: ExistingFile = ExistingFile {
    examples: &["rules.toml"],
};

impl Reader<Option<Script>> for ScriptFile {
    fn form(&self) -> Form {
        FILE.form()
    }

    fn show(&self, value: &Option<Script>) -> Shown {
        FILE.show(&value.as_ref().map(|script| script.path.clone()))
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<Option<Script>> {
        let path = FILE.read(node, cx)??;
        let text = match text(&path) {
            Ok(text) => text,
            Err(why) => {
                cx.error(node.span(), "cannot be read").found(why);
                return None;
            }
        };
        let Err(problems) = Rules::read(&text) else {
            let text = Arc::from(text);
            return Some(Some(Script { path, text }));
        };
        for problem in problems {
            // Nothing of a line is shown: a condition may name a credential.
            let (line, column, key) = (problem.line, problem.column, problem.key);
            let what = match key.is_empty() {
                true => format!("is wrong at {line}:{column}: {}", problem.what),
                false => format!("is wrong at {line}:{column}: {key} {}", problem.what),
            };
            let error = cx.error(node.span(), &what);
            let error = match &problem.expected {
                Some(expected) => error.expected(expected),
                None => error,
            };
            if let Some(hint) = &problem.hint {
                error.hint(hint);
            }
        }
        None
    }
}

/// One byte more than it may have, so that a file that is too large is told as such.
fn text(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut file = file.take(MAX_SCRIPT as u64 + 1);
    file.read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "text that is not UTF-8".to_owned())
}
