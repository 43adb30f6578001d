//! A terminal of a test: a pair of pseudo-terminals, one side the process's
//! standard streams, the other kept in a file.
//!
//! It is not the controlling terminal: signals are sent, keys are not typed.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Opens a terminal of 160 columns and 24 lines; what is shown on it goes into
/// `shown` until every holder of the terminal is gone.
pub(super) fn open(mut shown: File) -> File {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
    grantpt(&ours).expect("the right to it");
    unlockpt(&ours).expect("its other side");
    let size = Winsize {
        ws_row: 24,
        ws_col: 160,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&ours, size).expect("the size of a terminal");
    let name = ptsname(&ours, Vec::new()).expect("the name of a terminal");
    let no_controlling_terminal = i32::try_from(OFlags::NOCTTY.bits()).expect("a flag");
    let theirs = File::options()
        .read(true)
        .write(true)
        .custom_flags(no_controlling_terminal)
        .open(OsStr::from_bytes(name.to_bytes()))
        .expect("the other side of a terminal");
    let mut ours = File::from(ours);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        // An error is the end: nobody holds the other side any more.
        while let Ok(read @ 1..) = ours.read(&mut buffer) {
            shown
                .write_all(&buffer[..read])
                .expect("a file in a temporary folder");
        }
    });
    theirs
}
