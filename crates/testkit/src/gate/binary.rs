//! Finds the binary under test.
//!
//! A binary that exists is taken as it is: who changes the product builds it
//! (`cargo xtask test` does).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The binary: `TIDEGATE_E2E_BIN`, else `tidegate` of the target folder that
/// the test runs from, built once when it is missing.
///
/// # Panics
/// When it is neither there nor can be built.
pub fn binary() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(find).clone()
}

fn find() -> PathBuf {
    if let Some(given) = std::env::var_os("TIDEGATE_E2E_BIN") {
        let given = PathBuf::from(given);
        assert!(
            given.is_file(),
            "TIDEGATE_E2E_BIN is not a file: {}",
            given.display()
        );
        return given;
    }
    // A test runs as <target>/<profile>/deps/<test>.
    let test = std::env::current_exe().expect("the path of this test");
    let profile = test.ancestors().nth(2).expect("a target folder").to_owned();
    let binary = profile.join("tidegate");
    if !binary.is_file() {
        build(profile.parent().expect("a target folder"));
    }
    assert!(
        binary.is_file(),
        "`cargo build -p tidegate` made no {}",
        binary.display()
    );
    binary
}

fn build(target: &Path) {
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "-p", "tidegate"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .env("CARGO_TARGET_DIR", target)
        .status()
        .expect("cargo starts");
    assert!(status.success(), "`cargo build -p tidegate` failed");
}
