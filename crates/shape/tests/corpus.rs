//! The fuzzer's corpus, without a fuzzer: what it starts from, and what it has
//! found, stays held to what shaping promises.
//!
//! What is held to what stands in `fuzz/src/shapes.rs`; this runs with every test.

#[expect(unreachable_pub, reason = "the same file is part of a program")]
#[path = "../../../fuzz/src/shapes.rs"]
mod shapes;

use std::fs;
use std::path::Path;

#[test]
fn every_target_keeps_its_promises_over_the_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, _) in shapes::TARGETS {
        let mut count = 0;
        for entry in fs::read_dir(corpus.join(name)).expect(name) {
            let path = entry.expect(name).path();
            let data = fs::read(&path).expect(name);
            println!("{}", path.display());
            assert!(shapes::run(name, &data));
            // And cut anywhere, as it may come.
            let step = data.len() / 64 + 1;
            (0..data.len())
                .step_by(step)
                .for_each(|end| assert!(shapes::run(name, &data[..end])));
            count += 1;
        }
        assert!(count > 0, "{name} has no corpus");
    }
}

#[test]
fn no_corpus_of_shapes_is_without_its_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let names = fs::read_dir(corpus).expect("a corpus");
    let names = names.map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("shape_")).collect();
    names.sort();
    let targets: Vec<_> = shapes::TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, targets);
}
