//! A folder of one test, removed with it.
//!
//! It holds the configuration and all that a process wrote.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A temporary folder.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new one, which no other test has.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tidegate-e2e-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a file in a temporary folder");
        path
    }

    /// A file to be written by a process.
    pub(super) fn writer(&self, name: &str) -> File {
        File::create(self.0.join(name)).expect("a file in a temporary folder")
    }

    /// A file with these bytes, to be read by a process.
    pub(super) fn reader(&self, name: &str, bytes: &[u8]) -> File {
        let path = self.0.join(name);
        fs::write(&path, bytes).expect("a file in a temporary folder");
        File::open(path).expect("a file in a temporary folder")
    }

    /// What a file holds now; empty when there is none.
    pub(super) fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.0.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
