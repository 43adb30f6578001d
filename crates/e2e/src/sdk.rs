//! Runs a program of `python/` with the official SDK.
//!
//! The interpreter with the pinned SDK comes from `cargo xtask test` in
//! `TIDEGATE_E2E_PYTHON`; without it these tests are skipped, told loudly, and
//! fail on a build server.

use std::path::{Path, PathBuf};
use std::process::Command;

use tidegate_testkit::figure;
use tidegate_testkit::gate::command_output;

/// The interpreter, or `None` where there may be none.
///
/// # Panics
/// When there is none on a build server.
pub fn interpreter() -> Option<PathBuf> {
    let given = std::env::var_os("TIDEGATE_E2E_PYTHON").filter(|path| !path.is_empty());
    if given.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "no Python with the SDK: TIDEGATE_E2E_PYTHON is not set on a build server"
        );
        figure("SKIPPED, no Python with the SDK: run this by `cargo xtask test`");
    }
    given.map(PathBuf::from)
}

/// Runs a program to its end, and tells what it wrote when it fails.
///
/// # Panics
/// When it fails.
pub async fn run(python: &Path, program: &str, args: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let mut command = Command::new(python);
    command
        .arg(folder.join(program))
        .args(args)
        .env_remove("OPENAI_API_KEY");
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let (status, told) = command_output(command).await;
    assert!(status.success(), "{program}: {status}\n{told}");
}
