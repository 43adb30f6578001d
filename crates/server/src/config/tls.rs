//! `[tls]`: the two files, looked at before anybody is shown them.
//!
//! Promises: 1. a pair that cannot be served is an error, by the file that is
//! wrong; 2. a certificate that is not valid now, and a key that others can
//! read, are warnings: to refuse to start would be worse.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tidegate_kernel::Clock;

use super::keys::Tls;
use super::reading::Reading;
use super::report::Severity::{Error, Warning};
use crate::certificate::{Pair, Unfit};

/// The bit of a file's mode by which everybody may read it.
const OTHERS_READ: u32 = 0o004;

impl Tls {
    /// Both files, if callers are to be shown a certificate.
    pub(crate) fn files(&self) -> Option<(&Path, &Path)> {
        Some((self.cert.as_deref()?, self.key.as_deref()?))
    }

    /// Whether `listen` speaks TLS.
    pub fn is_on(&self) -> bool {
        self.files().is_some()
    }

    /// Reads both files, if there are any.
    pub(crate) fn load(&self) -> Result<Option<Pair>, Unfit> {
        let files = self.files();
        files.map(|(cert, key)| Pair::load(cert, key)).transpose()
    }
}

/// Finds what does not fit together.
pub(super) fn check(tls: &Tls, cx: &mut Reading<'_>) {
    let doubtful = ["tls.cert", "tls.key"]
        .iter()
        .any(|key| cx.is_doubtful(key));
    match tls.files() {
        _ if doubtful => {}
        Some((cert, key)) => pair(cert, key, cx),
        None if tls.cert.is_some() => half("tls.cert", "key = \"...\"", cx),
        None if tls.key.is_some() => half("tls.key", "cert = \"...\"", cx),
        None if cx.place("tls.handshake_timeout").is_some() => {
            let what = "has no effect without a certificate".to_owned();
            cx.about(Warning, "tls.handshake_timeout", what)
                .hint("set cert and key beside it, or leave it out");
        }
        None => {}
    }
}

fn half(key: &str, other: &str, cx: &mut Reading<'_>) {
    cx.about(Error, key, "is only half of a pair".to_owned())
        .expected("both `cert` and `key`")
        .hint(format!("add {other} to [tls]"));
}

fn pair(cert: &Path, key: &Path, cx: &mut Reading<'_>) {
    match Pair::load(cert, key) {
        Err(unfit) => {
            let path = format!("tls.{}", unfit.part.as_str());
            let finding = cx.about(Error, &path, unfit.what);
            if let Some(expected) = unfit.expected {
                finding.expected(expected);
            }
            if let Some(hint) = unfit.hint {
                finding.hint(hint);
            }
        }
        Ok(pair) => {
            if let Some(fault) = pair.valid.fault(Clock.unix_millis() / 1000) {
                cx.about(Warning, "tls.cert", fault.to_owned())
                    .hint("callers who look at it will not connect: renew it");
            }
        }
    }
    let mode = std::fs::metadata(key).map(|found| found.permissions().mode());
    if mode.is_ok_and(|mode| mode & OTHERS_READ != 0) {
        cx.about(Warning, "tls.key", "can be read by everybody".to_owned())
            .found(format!("the file {}", key.display()))
            .hint("chmod 600 it, or 640 for a group of its own");
    }
}
