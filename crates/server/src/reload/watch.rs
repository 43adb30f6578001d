//! The folders in which the watched files can change, and who tells of it.
//!
//! Promises: 1. a file is noticed however it is replaced: written, renamed over,
//! removed and made anew, or by another target of a link on its path, as where
//! a folder of links is swapped whole; 2. what else happens in those folders
//! wakes nobody but the system's own thread; 3. nothing is looked at before
//! something happened.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use kernel::sync::Mutex;
use notify::event::{AccessKind, AccessMode, Event, EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tidegate_kernel as kernel;

use super::knocks::Knocks;

/// Links on the way to one file; the system follows as many.
const MOST_LINKS: usize = 40;

/// See the module's text. Dropping it ends the watch.
pub(super) struct Watch {
    watcher: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
    entries: Arc<Mutex<BTreeSet<PathBuf>>>,
}

impl Watch {
    pub(super) fn start(knocks: Arc<Knocks>) -> notify::Result<Self> {
        let entries = Arc::<Mutex<BTreeSet<PathBuf>>>::default();
        let theirs = Arc::clone(&entries);
        let watcher = notify::recommended_watcher(move |told: notify::Result<Event>| {
            let ours = |path: &PathBuf| theirs.lock().contains(path);
            match told {
                Ok(event) if event.need_rescan() => knocks.changed(false),
                Ok(event) => {
                    if let Some(open) = matters(event.kind)
                        && event.paths.iter().any(ours)
                    {
                        knocks.changed(open);
                    }
                }
                // Something was missed; a look finds out what.
                Err(_) => knocks.changed(false),
            }
        })?;
        Ok(Self {
            watcher,
            folders: BTreeSet::new(),
            entries,
        })
    }

    /// Watches these files from here on, by the folders that lead to them now;
    /// whoever calls it looks at the files afterwards. The folders that cannot
    /// be watched, each with the reason.
    ///
    /// All are watched anew: one that was removed and made again under the same
    /// name is another folder to the system.
    pub(super) fn look_at(&mut self, files: &[PathBuf]) -> Vec<(PathBuf, String)> {
        let mut entries = BTreeSet::new();
        for file in files {
            trail(file, &mut entries);
        }
        for folder in std::mem::take(&mut self.folders) {
            // It may be gone already.
            let _ = self.watcher.unwatch(&folder);
        }
        let parents = entries.iter().filter_map(|entry| entry.parent());
        let folders: BTreeSet<_> = parents.map(Path::to_path_buf).collect();
        // The folder itself may go away as well.
        entries.extend(folders.iter().cloned());
        *self.entries.lock() = entries;
        let mut failed = Vec::new();
        for folder in folders {
            match self.watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.folders.insert(folder);
                }
                Err(error) => failed.push((folder, error.to_string())),
            }
        }
        failed
    }
}

/// Whether a file may say something else now; and then whether its writer is
/// still at it, as far as the system tells.
fn matters(kind: EventKind) -> Option<bool> {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(false),
        EventKind::Access(_) => None,
        // Only Linux tells of the end of writing.
        EventKind::Modify(ModifyKind::Data(_)) => Some(cfg!(target_os = "linux")),
        _ => Some(false),
    }
}

/// Every entry of a folder on which it depends what `file` leads to: the links
/// on its path, and the file; or the first that is not there.
fn trail(file: &Path, entries: &mut BTreeSet<PathBuf>) {
    let Ok(mut path) = std::path::absolute(file) else {
        return;
    };
    for _ in 0..MOST_LINKS {
        match next_link(&path, entries) {
            Some(further) => path = further,
            None => return,
        }
    }
}

/// Walks down to the first link, and says where it leads.
fn next_link(path: &Path, entries: &mut BTreeSet<PathBuf>) -> Option<PathBuf> {
    let mut at = PathBuf::new();
    let mut rest = path.components();
    while let Some(component) = rest.next() {
        match component {
            Component::CurDir => continue,
            // What stands in `at` holds no link, so this is the folder above.
            Component::ParentDir => {
                at.pop();
                continue;
            }
            other => at.push(other),
        }
        match at.symlink_metadata() {
            Ok(found) if found.is_symlink() => {
                entries.insert(at.clone());
                let target = at.read_link().ok()?;
                return Some(at.parent()?.join(target).join(rest.as_path()));
            }
            Ok(_) => {}
            // Whatever comes, it begins with this.
            Err(_) => break,
        }
    }
    entries.insert(at);
    None
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder that is removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("tidegate-watch-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path.canonicalize().unwrap())
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn found(file: &Path) -> Vec<PathBuf> {
        let mut entries = BTreeSet::new();
        trail(file, &mut entries);
        entries.into_iter().collect()
    }

    #[test]
    fn promise_1_every_link_on_the_way_is_an_entry() {
        let folder = Folder::new("trail");
        let root = &folder.0;
        // As a cluster mounts a map of files.
        fs::create_dir(root.join("..1")).unwrap();
        fs::write(root.join("..1/gate.toml"), "").unwrap();
        symlink("..1", root.join("..data")).unwrap();
        symlink("..data/gate.toml", root.join("gate.toml")).unwrap();
        let entries = ["..1/gate.toml", "..data", "gate.toml"].map(|name| root.join(name));
        assert_eq!(found(&root.join("gate.toml")), entries);
        // As a release is switched.
        fs::create_dir(root.join("one")).unwrap();
        symlink("one", root.join("live")).unwrap();
        let entries = ["live", "one/gate.toml"].map(|name| root.join(name));
        assert_eq!(found(&root.join("live/../live/gate.toml")), entries);
        // What is not there yet is waited for where it would be.
        assert_eq!(found(&root.join("no/where/gate.toml")), [root.join("no")]);
        symlink("circle", root.join("circle")).unwrap();
        assert_eq!(found(&root.join("circle")), [root.join("circle")]);
    }

    #[test]
    fn promise_2_reading_is_no_news() {
        use notify::event::{CreateKind, DataChange, RenameMode};
        for (kind, news) in [
            (EventKind::Access(AccessKind::Open(AccessMode::Any)), None),
            (EventKind::Access(AccessKind::Close(AccessMode::Read)), None),
            (
                EventKind::Access(AccessKind::Close(AccessMode::Write)),
                Some(false),
            ),
            (
                EventKind::Modify(ModifyKind::Data(DataChange::Any)),
                Some(cfg!(target_os = "linux")),
            ),
            (
                EventKind::Modify(ModifyKind::Name(RenameMode::To)),
                Some(false),
            ),
            (EventKind::Create(CreateKind::File), Some(false)),
        ] {
            assert_eq!(matters(kind), news, "{kind:?}");
        }
    }
}
