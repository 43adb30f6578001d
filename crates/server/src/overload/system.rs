//! The system's own files about a process, as short texts.
//!
//! Behind a face, so that a test can be a machine of any kind. What cannot be
//! read is not known; on systems without such files nothing is.

use std::path::Path;

/// Looks at what stands at a path.
type Look<T> = Box<dyn Fn(&str) -> Option<T> + Send + Sync>;

/// Reads what the system says.
pub(super) struct System {
    text: Look<String>,
    entries: Look<u64>,
}

impl System {
    /// This machine, under `/proc` and `/sys`.
    pub(super) fn proc() -> Self {
        Self {
            text: Box::new(|path| std::fs::read_to_string(path).ok()),
            entries: Box::new(|path| count(Path::new(path))),
        }
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let files: std::collections::BTreeMap<String, String> = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        let folder = files.clone();
        Self {
            text: Box::new(move |path| files.get(path).cloned()),
            entries: Box::new(move |path| folder.get(path)?.parse().ok()),
        }
    }

    pub(super) fn text(&self, path: &str) -> Option<String> {
        (self.text)(path)
    }

    /// A file that holds one number.
    pub(super) fn number(&self, path: &str) -> Option<u64> {
        self.text(path)?.trim().parse().ok()
    }

    /// The number after a word that begins a line.
    pub(super) fn field(&self, path: &str, word: &str) -> Option<u64> {
        field(&self.text(path)?, word)
    }

    /// How many entries a folder has.
    pub(super) fn entries(&self, path: &str) -> Option<u64> {
        (self.entries)(path)
    }
}

/// The number after a word that begins a line.
fn field(text: &str, word: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(word))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Newer kernels tell the number of open files as the size of their folder;
/// others let it be counted.
fn count(folder: &Path) -> Option<u64> {
    let told = std::fs::metadata(folder).ok()?.len();
    if told > 0 {
        return Some(told);
    }
    u64::try_from(std::fs::read_dir(folder).ok()?.count()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_where_they_stand() {
        let system = System::of(&[
            ("/a", "12\n"),
            ("/b", "x 1\nVmRSS:\t  34 kB\n"),
            ("/c", "max"),
        ]);
        assert_eq!(system.number("/a"), Some(12));
        assert_eq!(system.field("/b", "VmRSS:"), Some(34));
        assert_eq!((system.number("/c"), system.number("/d")), (None, None));
        assert_eq!(system.field("/b", "VmSwap:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_tells_of_itself() {
        let system = System::proc();
        let before = system.entries("/proc/self/fd").unwrap();
        let held: Vec<_> = (0..50)
            .map(|_| std::fs::File::open("/dev/null").unwrap())
            .collect();
        let after = system.entries("/proc/self/fd").unwrap();
        // Other tests open and close files meanwhile.
        assert!(
            after > before + 25,
            "{before} and {} more: {after}",
            held.len()
        );
        assert!(system.field("/proc/self/status", "VmRSS:").unwrap() > 100);
    }
}
