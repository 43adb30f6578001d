//! `[cache]`: off unless it is turned on, and what cannot be meant is told.
//!
//! What is kept is the gateway's.

use super::*;

#[test]
fn the_example_of_the_issue_is_read_as_it_stands() {
    let file = "[cache]\nexact = { enabled = true, ttl = \"5m\", max_bytes = \"64MiB\" }\n";
    let loaded = read(file).unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    let exact = loaded.config.cache.exact;
    assert!(exact.enabled && !read("").unwrap().config.cache.exact.enabled);
    assert_eq!(exact.ttl, Duration::from_mins(5));
    assert_eq!((exact.max_bytes, exact.max_entry), (64 << 20, 1 << 20));
}

#[test]
fn what_cannot_be_meant_is_told() {
    let file = "[cache.exact]\nenabled = true\nmax_bytes = \"64KiB\"\n";
    let told = ["error 3:13 cache.exact.max_bytes leaves no room for one answer"];
    assert_eq!(refused(file), told);
    let file = "[cache.exact]\nttl = \"1m\"\n";
    let told = ["warning 2:7 cache.exact.ttl has no effect while the cache is off"];
    assert_eq!(warned(file), told);
}
