//! The fuzzer's corpus, without a fuzzer: what it starts from, and what it has
//! found, stays held to what every decoder promises.
//!
//! What is held to what stands in `fuzz/src`; this runs with every test.

#[expect(unreachable_pub, reason = "the same files are a library of their own")]
#[path = "../../../fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::path::Path;

#[test]
fn every_decoder_keeps_its_promises_over_the_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, hold) in fuzz::TARGETS {
        let mut count = 0;
        for entry in fs::read_dir(corpus.join(name)).expect(name) {
            let path = entry.expect(name).path();
            let data = fs::read(&path).expect(name);
            println!("{}", path.display());
            hold(&data);
            // And cut anywhere, as it may come.
            let step = data.len() / 64 + 1;
            (0..data.len())
                .step_by(step)
                .for_each(|end| hold(&data[..end]));
            count += 1;
        }
        assert!(count > 0, "{name} has no corpus");
    }
}

#[test]
fn no_corpus_is_without_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut names: Vec<_> = fs::read_dir(&corpus)
        .expect("a corpus")
        .map(|entry| entry.expect("an entry").file_name())
        // Those of the crate `shape`, which has such a test of its own.
        .filter(|name| !name.to_string_lossy().starts_with("shape_"))
        .collect();
    names.sort();
    let targets = fuzz::TARGETS.iter().map(|(name, _)| *name);
    assert_eq!(names, targets.collect::<Vec<_>>());
    fuzz::run(fuzz::TARGETS[0].0, b"{}");
}
