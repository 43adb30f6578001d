//! Whoever reads standard output: that they left is noticed while there is
//! nothing to write, not only by the next write.
//!
//! Pipes and sockets tell; files and terminals do not, and then nobody leaves.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;

use tokio::io::Interest;
use tokio::net::unix::pipe::Sender;

/// Waits until nobody reads standard output any more. Needs a runtime around
/// it. Cancel safe.
pub(crate) async fn gone() {
    if let Ok(stdout) = watched()
        && stdout.ready(Interest::ERROR).await.is_ok()
    {
        return;
    }
    std::future::pending().await
}

/// Fails for a file, which is not to be waited for.
fn watched() -> io::Result<Sender> {
    let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    // Unchecked, since that leaves it blocking, as those who write expect.
    Sender::from_file_unchecked(stdout)
}
