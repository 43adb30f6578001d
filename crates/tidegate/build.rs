//! Puts the commit into `--version`, where git knows one.
//!
//! Without git, or inside of another repository, the version stands alone.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    println!("cargo::rerun-if-changed=build.rs");
    let full = match commit() {
        Some(commit) => format!("{version} ({commit})"),
        None => version,
    };
    println!("cargo::rustc-env=TIDEGATE_VERSION={full}");
}

fn commit() -> Option<String> {
    let top = PathBuf::from(git(&["rev-parse", "--show-toplevel"])?);
    let package = std::env::var("CARGO_MANIFEST_DIR").ok()?;
    let workspace = Path::new(&package).ancestors().nth(2)?;
    // Unpacked inside of somebody else's repository: that commit is not ours.
    if top.canonicalize().ok()? != workspace.canonicalize().ok()? {
        return None;
    }
    // A commit moves a branch, which is a file below `refs/heads` or a line of
    // `packed-refs`; a checkout moves `HEAD`.
    for path in ["HEAD", "refs/heads", "packed-refs"] {
        let path = git(&["rev-parse", "--path-format=absolute", "--git-path", path])?;
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
