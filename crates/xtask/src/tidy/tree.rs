//! The tree that the rules look at: text files, Rust sources, members.
//!
//! Promises: (1) what git tracks and what it would track is read, what it
//! ignores is not; (2) it can be made from samples, so that every rule is
//! tested without a disk.

use std::fs;

use cargo_metadata::DependencyKind;

use super::source::Source;
use crate::workspace::{Outcome, Workspace};

/// A text file of the repository.
pub(super) struct TextFile {
    /// From the root, with forward slashes.
    pub(super) path: String,
    pub(super) text: String,
}

impl TextFile {
    /// The last part of the path.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// The lines with their numbers, counted from 1.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }
}

/// A crate of the workspace.
pub(super) struct Member {
    pub(super) package: String,
    /// Its folder from the root, such as `crates/kernel`.
    pub(super) folder: String,
    pub(super) needs: Vec<Need>,
}

/// A dependency as a manifest declares it.
pub(super) struct Need {
    pub(super) package: String,
    /// The name that the code uses.
    pub(super) ident: String,
    pub(super) kind: DependencyKind,
}

/// The repository.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) files: Vec<TextFile>,
    pub(super) sources: Vec<Source>,
    pub(super) members: Vec<Member>,
}

impl Tree {
    /// Reads the checkout.
    pub(super) fn read(workspace: &Workspace) -> Outcome<Self> {
        let listed = workspace
            .program("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
            ])
            .output()
            .map_err(|error| format!("git does not start: {error}"))?;
        if !listed.status.success() {
            return Err("`git ls-files` failed: tidy needs a git checkout".to_owned());
        }
        let listed = String::from_utf8_lossy(&listed.stdout);
        let mut paths: Vec<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
        paths.sort_unstable();
        paths.dedup();
        let mut tree = Self::default();
        for path in paths {
            // A tracked file may be gone from the folder; a binary is not ours to read.
            if let Ok(text) = fs::read_to_string(workspace.root.join(path)) {
                tree.add(path, text);
            }
        }
        tree.members = workspace
            .members
            .iter()
            .map(|package| member(workspace, package))
            .collect();
        Ok(tree)
    }

    fn add(&mut self, path: &str, text: String) {
        if path.ends_with(".rs") {
            self.sources.push(Source::new(path, &text));
        }
        self.files.push(TextFile {
            path: path.to_owned(),
            text,
        });
    }

    /// The file of this path.
    pub(super) fn file(&self, path: &str) -> Option<&TextFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The line of `path` that starts with one of `starts`; 1 if there is none.
    pub(super) fn line_of(&self, path: &str, start: &str) -> usize {
        let line = self.file(path).and_then(|file| {
            file.lines()
                .find(|(_, line)| line.trim_start().starts_with(start))
        });
        line.map_or(1, |(number, _)| number)
    }

    /// A tree of samples, without members.
    #[cfg(test)]
    pub(super) fn sample(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.add(path, (*text).to_owned());
        }
        tree
    }

    /// Adds a member `tidegate-<folder name>` with normal dependencies.
    #[cfg(test)]
    pub(super) fn with(mut self, folder: &str, kind: DependencyKind, needs: &[&str]) -> Self {
        let name = folder.trim_start_matches("crates/");
        let package = if name == "tidegate" {
            name.into()
        } else {
            format!("tidegate-{name}")
        };
        let need = |need: &&str| Need {
            package: (*need).into(),
            ident: need.replace('-', "_"),
            kind,
        };
        let needs = needs.iter().map(need).collect();
        self.members.push(Member {
            package,
            folder: folder.into(),
            needs,
        });
        self
    }
}

fn member(workspace: &Workspace, package: &cargo_metadata::Package) -> Member {
    let folder = package
        .manifest_path
        .parent()
        .map(|folder| folder.as_std_path());
    let folder = folder.and_then(|folder| folder.strip_prefix(&workspace.root).ok());
    let needs = package.dependencies.iter().map(|need| Need {
        package: need.name.clone(),
        ident: need.rename.as_ref().unwrap_or(&need.name).replace('-', "_"),
        kind: need.kind,
    });
    Member {
        package: package.name.to_string(),
        folder: folder
            .unwrap_or(std::path::Path::new(""))
            .to_string_lossy()
            .replace('\\', "/"),
        needs: needs.collect(),
    }
}
