//! Where the configuration comes from: the file, found and read whole.
//!
//! Promises: 1. a file that was asked for and is not there is an error, the
//! default one may be absent; 2. what is read is bounded; 3. bytes that are
//! not text are an error with their place.

use std::hash::{BuildHasher as _, RandomState};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::env::{CONFIG, Env};
use super::report::{Problem, Problems, Severity};

/// The file that is taken when none is named.
const DEFAULT: &str = "tidegate.toml";
/// The largest file that is read, in bytes.
const LARGEST: u64 = 4 << 20;

/// What to load.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// The file.
    pub file: File,
    /// `--listen`, over everything else.
    pub listen: Option<String>,
    /// `--log`, over everything else.
    pub log: Option<String>,
}

/// Which file to read.
#[derive(Clone, Default)]
pub enum File {
    /// `TIDEGATE_CONFIG`, else `./tidegate.toml` if it is there, else none.
    #[default]
    Search,
    /// This one.
    At(PathBuf),
    /// This one, by a process that has read it before. Only a plain file that
    /// says something will do: a pipe gives its text once, and would be waited
    /// for; and what is empty is more likely cut off than meant, and would take
    /// every key away.
    Again(PathBuf),
    /// A text that is already here, with the name that problems give it.
    Text {
        /// The name in problems.
        name: String,
        /// The text.
        text: String,
    },
}

impl File {
    /// Where it is; `None` for a text, and when there is none to read.
    fn path(&self, env: &dyn Env) -> Option<PathBuf> {
        match self {
            Self::Text { .. } => None,
            Self::At(path) | Self::Again(path) => Some(path.clone()),
            Self::Search => match env.get(CONFIG) {
                Some(path) => Some(PathBuf::from(path)),
                None => Some(PathBuf::from(DEFAULT)).filter(|path| path.exists()),
            },
        }
    }

    /// The name that problems give it; `None` when there is none to read.
    pub fn name(&self, env: &dyn Env) -> Option<String> {
        match self {
            Self::Text { name, .. } => Some(name.clone()),
            _ => self.path(env).map(|path| path.display().to_string()),
        }
    }
}

impl std::fmt::Debug for File {
    // The text may hold keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Search => f.write_str("Search"),
            Self::At(path) => f.debug_tuple("At").field(path).finish(),
            Self::Again(path) => f.debug_tuple("Again").field(path).finish(),
            Self::Text { name, .. } => f.debug_tuple("Text").field(name).finish(),
        }
    }
}

/// A file, and what told its content from others when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) path: PathBuf,
    print: u64,
}

impl Seen {
    /// As it is now, also where there is none. It never waits for a writer.
    pub(crate) fn now(path: PathBuf) -> Self {
        let print = print(&path);
        Self { path, print }
    }

    /// Looks again; whether it says something else.
    pub(crate) fn refresh(&mut self) -> bool {
        let now = print(&self.path);
        std::mem::replace(&mut self.print, now) != now
    }

    /// Whether it says something else now.
    pub(crate) fn is_stale(&self) -> bool {
        print(&self.path) != self.print
    }
}

/// A file that was read.
pub(super) struct Document {
    /// Where it was read; none for a text that was here already.
    pub(super) seen: Option<Seen>,
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) text: String,
}

/// Finds and reads the file; `None` when there is none to read.
pub(super) fn open(file: File, env: &dyn Env) -> Result<Option<Document>, Problems> {
    let again = matches!(file, File::Again(_));
    if let File::Text { name, text } = file {
        return Ok(Some(Document {
            seen: None,
            name,
            folder: PathBuf::new(),
            text,
        }));
    }
    let Some(path) = file.path(env) else {
        return Ok(None);
    };
    let name = path.display().to_string();
    if again && is_odd(&path) {
        let hint = "keep the configuration in a file to have it followed";
        let what = "is not a plain file, and is read once only".to_owned();
        return Err(refuse(name, None, what, hint));
    }
    let bytes = match read_bounded(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let hint = "check the path; without --config and ./tidegate.toml none is needed";
            return Err(refuse(name, None, format!("cannot be read: {error}"), hint));
        }
    };
    if bytes.len() as u64 > LARGEST {
        let hint = "check that it is the file you mean";
        return Err(refuse(name, None, "is larger than 4 MiB".to_owned(), hint));
    }
    if again && bytes.trim_ascii().is_empty() {
        let hint = "write it again; a process without any configuration must be started so";
        return Err(refuse(name, None, "is empty now".to_owned(), hint));
    }
    let print = print_of(&Ok(&bytes[..]));
    match String::from_utf8(bytes) {
        Ok(text) => {
            let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
            Ok(Some(Document {
                seen: Some(Seen { path, print }),
                name,
                folder,
                text,
            }))
        }
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let before = error.as_bytes().get(..good).unwrap_or_default();
            let position = super::text::Text::new(&String::from_utf8_lossy(before)).position(good);
            let hint = "save the file as UTF-8";
            Err(refuse(
                name,
                Some(position),
                "holds bytes that are not UTF-8".to_owned(),
                hint,
            ))
        }
    }
}

/// Differs between two contents, and tells nothing of either: keys may stand
/// in them. For comparisons within this process. It never waits for a writer.
fn print(path: &Path) -> u64 {
    if is_odd(path) {
        return print_of(&Err(std::io::ErrorKind::InvalidInput));
    }
    let read = read_bounded(path);
    print_of(&read.as_deref().map_err(std::io::Error::kind))
}

/// Whether there is something that is no plain file, such as a pipe, whose
/// reader may have to wait for ever.
pub(crate) fn is_odd(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| !found.is_file())
}

fn print_of(read: &Result<&[u8], std::io::ErrorKind>) -> u64 {
    static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    SEED.hash_one(read)
}

fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn refuse(origin: String, position: Option<(usize, usize)>, what: String, hint: &str) -> Problems {
    Problems::new(vec![Problem {
        severity: Severity::Error,
        what: format!("the configuration file {what}"),
        origin,
        position,
        key: String::new(),
        found: None,
        expected: None,
        hint: Some(hint.to_owned()),
        echo: None,
    }])
}
