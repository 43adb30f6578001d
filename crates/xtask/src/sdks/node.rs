//! The Node packages of the SDK tests: `node_modules` from the lock file of
//! `crates/e2e/node`, and beside it a link to the programs, which so find their
//! packages as any application does. The place is the folder of both.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{Made, pins, version};
use crate::workspace::{Outcome, Workspace, run};

/// The programs and their pins, from the root of the workspace.
const PROGRAMS: &str = "crates/e2e/node";
/// What says which packages there are, and which bytes they have.
const PINS: [&str; 2] = ["package.json", "package-lock.json"];

pub(super) fn prepare(workspace: &Workspace) -> Outcome<PathBuf> {
    let mut all = String::new();
    for file in PINS {
        all += &pins(workspace, &format!("{PROGRAMS}/{file}"))?;
    }
    let node = version(workspace.program("node").arg("--version"))?;
    let modules = Made::new(workspace.target.join("sdk-node"), &node, &all);
    let folder = modules.folder.clone();
    if !modules.is_ready(Path::new("node_modules/openai")) {
        install(workspace, &modules)?;
    }
    link(&workspace.root.join(PROGRAMS), &folder.join("programs"))
        .map_err(|error| format!("cannot link to {PROGRAMS}: {error}"))?;
    Ok(folder)
}

fn install(workspace: &Workspace, modules: &Made) -> Outcome {
    version(workspace.program("npm").arg("--version"))?;
    let folder = &modules.folder;
    println!(
        "Installing the Node packages of the SDK tests in {}",
        folder.display()
    );
    let copied = fs::create_dir_all(folder).and_then(|()| {
        PINS.iter().try_for_each(|file| {
            let pins = workspace.root.join(PROGRAMS).join(file);
            fs::copy(pins, folder.join(file)).map(drop)
        })
    });
    copied.map_err(|error| format!("cannot write {}: {error}", folder.display()))?;
    // Packages are data here: none of them runs anything while it is installed.
    // The SDK that wants a later Node is there for a machine that has it.
    let mut npm = workspace.program("npm");
    npm.current_dir(folder).args([
        "ci",
        "--ignore-scripts",
        "--engine-strict=false",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]);
    run(&mut npm)?;
    modules.done()
}

/// A symbolic link, made anew when it leads elsewhere.
fn link(to: &Path, at: &Path) -> io::Result<()> {
    if fs::read_link(at).is_ok_and(|found| found == to) {
        return Ok(());
    }
    match fs::remove_file(at) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => symlink(to, at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_follows_the_checkout() {
        let folder = std::env::temp_dir().join(format!("xtask-link-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let at = folder.join("programs");
        for to in ["/one", "/two", "/two"] {
            link(Path::new(to), &at).unwrap();
            assert_eq!(fs::read_link(&at).unwrap(), Path::new(to));
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
