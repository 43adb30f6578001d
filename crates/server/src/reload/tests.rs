//! What changes between the loading of a configuration and the first look at it
//! told nobody, and is found all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tidegate_kernel::Clock;
use tidegate_testkit::gate::Folder;
use tidegate_testkit::{Certificate, until};

use super::Following;
use crate::Server;
use crate::config::{File, ProcessEnv, Source, load};

const TEXT: &str = "\
listen = \"127.0.0.1:0\"
checks = \"off\"
[providers.up]
kind = \"openai\"
base_url = \"https://127.0.0.1:9/v1\"
ca_file = \"ca.pem\"
";

/// How often another configuration is taken, when `change` comes before anything
/// is watched; then, if `asks`, a look is asked for.
async fn taken(change: impl FnOnce(&Folder), asks: bool) -> usize {
    let folder = Folder::new();
    folder.file("ca.pem", Certificate::good().authority_pem());
    let source = Source {
        file: File::At(folder.file("gate.toml", TEXT)),
        ..Source::default()
    };
    let loaded = load(source.clone(), &ProcessEnv).unwrap();
    let server = Server::start(loaded.config.clone(), Clock).await.unwrap();
    change(&folder);
    let count = Arc::<AtomicUsize>::default();
    let seen = Arc::clone(&count);
    let following = Following {
        source,
        fit: Box::new(|_| {}),
        taken: Box::new(move |_| {
            seen.fetch_add(1, Ordering::SeqCst);
        }),
    };
    let reloader = server.follow(&loaded, following).unwrap();
    if asks {
        reloader.reload();
    }
    let some = || (count.load(Ordering::SeqCst) > 0).then_some(());
    until("a configuration is taken", some).await;
    server.drain().await;
    count.load(Ordering::SeqCst)
}

#[tokio::test]
async fn what_changed_before_it_was_watched_is_found() {
    let text = |folder: &Folder| {
        folder.file("gate.toml", &format!("shutdown_timeout = \"7s\"\n{TEXT}"));
    };
    assert_eq!(taken(text, false).await, 1);
    // What it names was read, too, and long before.
    let named = |folder: &Folder| {
        folder.file("ca.pem", Certificate::good().authority_pem());
    };
    assert_eq!(taken(named, false).await, 1);
}

#[tokio::test]
async fn what_did_not_change_is_taken_only_when_asked() {
    assert_eq!(taken(|_| (), true).await, 1);
}
