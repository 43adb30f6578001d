//! Reads along with the output of `cargo test`, to know which tests are
//! running when the watchdog has to end it.
//!
//! Promises: (1) a test that libtest reported as slow and that has not ended is
//! a suspect, (2) and so is one whose line has begun but not ended (one test
//! thread). It keeps no output beyond the line that is being written.

use std::collections::BTreeSet;

/// A line longer than this is no line of libtest; the rest of it is skipped.
const LONGEST_LINE: usize = 4096;

/// Which of the child's two streams a piece came from.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    Out,
    Err,
}

/// What is known of the tests under way.
#[derive(Default)]
pub(super) struct Progress {
    binary: String,
    slow: BTreeSet<String>,
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Progress {
    /// Takes the next piece of one stream.
    pub(super) fn feed(&mut self, stream: Stream, piece: &[u8]) {
        for &byte in piece {
            let line = match stream {
                Stream::Out => &mut self.out,
                Stream::Err => &mut self.err,
            };
            if byte != b'\n' {
                if line.len() < LONGEST_LINE {
                    line.push(byte);
                }
                continue;
            }
            let line = std::mem::take(line);
            self.line(String::from_utf8_lossy(&line).trim());
        }
    }

    fn line(&mut self, line: &str) {
        if let Some(binary) = line
            .strip_prefix("Running ")
            .or(line.strip_prefix("Doc-tests "))
        {
            binary.clone_into(&mut self.binary);
            self.slow.clear();
        }
        let Some(rest) = line.strip_prefix("test ") else {
            return;
        };
        if let Some((name, _)) = rest.split_once(" has been running for over") {
            self.slow.insert(name.to_owned());
        } else if let Some((name, _)) = rest.split_once(" ... ") {
            self.slow.remove(name);
        }
    }

    /// The tests that may hang, as a sentence.
    pub(super) fn suspects(&self) -> String {
        let begun = String::from_utf8_lossy(&self.out);
        let begun = begun
            .strip_prefix("test ")
            .and_then(|rest| rest.split_once(" ... "));
        let names: Vec<&str> = self
            .slow
            .iter()
            .map(String::as_str)
            .chain(begun.map(|(name, _)| name))
            .collect();
        match (names.is_empty(), self.binary.is_empty()) {
            (false, true) => format!("Running then: {}", names.join(", ")),
            (false, false) => format!("Running then: {} (of {})", names.join(", "), self.binary),
            (true, false) => format!("No test was known to be slow; last begun: {}", self.binary),
            (true, true) => "No test had begun".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(out: &str, err: &str) -> String {
        let mut progress = Progress::default();
        // Pieces of three bytes: lines must be found across pieces.
        err.as_bytes()
            .chunks(3)
            .for_each(|piece| progress.feed(Stream::Err, piece));
        out.as_bytes()
            .chunks(3)
            .for_each(|piece| progress.feed(Stream::Out, piece));
        progress.suspects()
    }

    #[test]
    fn a_slow_test_is_a_suspect_until_it_ends() {
        let slow = "test a::b has been running for over 60 seconds\ntest c ... ok\n";
        let running = "     Running unittests src/lib.rs (target/debug/deps/kernel-1)\n";
        assert_eq!(
            after(slow, running),
            "Running then: a::b (of unittests src/lib.rs (target/debug/deps/kernel-1))"
        );
        let ended = format!("{slow}test a::b ... ok\n");
        assert!(after(&ended, running).starts_with("No test was known to be slow"));
    }

    #[test]
    fn a_begun_line_names_its_test() {
        assert_eq!(
            after("test c ... ok\ntest d::e ... ", ""),
            "Running then: d::e"
        );
        assert_eq!(after("", ""), "No test had begun");
    }
}
