//! The repository's own files and pages, read as a newcomer reads them: what
//! they say to run is run.

use std::path::PathBuf;
use std::process::Command;

/// The folder that holds all of it.
pub fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A file of the repository.
///
/// # Panics
/// When it is not there.
pub fn file(path: &str) -> String {
    let text = std::fs::read_to_string(root().join(path));
    assert!(text.is_ok(), "{path}: {text:?}");
    text.unwrap_or_default()
}

/// The fenced blocks of a page in one language.
pub fn blocks(page: &str, language: &str) -> Vec<String> {
    let open = format!("```{language}\n");
    let rests = page.split(&open).skip(1);
    rests
        .filter_map(|rest| rest.split_once("\n```").map(|(block, _)| block.to_owned()))
        .collect()
}

/// Where a program of the system is; administrators' own are out of a user's path.
pub fn program(name: &str) -> Option<String> {
    ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin"]
        .iter()
        .map(|folder| format!("{folder}/{name}"))
        .find(|path| std::path::Path::new(path).exists())
}

/// Whether this test may do what only root may.
pub fn is_root() -> bool {
    let told = Command::new("id").arg("-u").output();
    told.is_ok_and(|told| told.stdout.trim_ascii() == b"0")
}
