//! Lines out of pieces; every promise of `lines.rs` under its number.
//!
//! Every cut is compared with the bytes in one piece.

use proptest::prelude::*;

use super::*;

/// All lines of `pieces`, and whether one was too large.
fn lines(pieces: &[&[u8]], max: usize) -> (Vec<Vec<u8>>, bool) {
    let mut framer = Framer::new(max);
    let mut found = Vec::new();
    for piece in pieces {
        framer.push(piece);
        while let Some(line) = framer.next() {
            match line {
                Ok(line) => found.push(line.to_vec()),
                Err(TooLarge { limit }) => {
                    assert_eq!(limit, max);
                    assert!(framer.next().is_none() && framer.finish().is_none());
                    return (found, true);
                }
            }
        }
        assert!(framer.held() <= max + 1);
    }
    match framer.finish() {
        Some(Ok(line)) => found.push(line.to_vec()),
        Some(Err(_)) => return (found, true),
        None => {}
    }
    (found, false)
}

/// `bytes` cut at `cuts`.
fn cut<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    at.sort_unstable();
    let (mut pieces, mut from) = (Vec::new(), 0);
    for to in at.into_iter().chain([bytes.len()]) {
        pieces.push(&bytes[from..to]);
        from = to;
    }
    pieces
}

#[test]
fn promise_2_a_long_line_is_refused_before_its_end() {
    let mut framer = Framer::new(4);
    framer.push(b"1234\r");
    assert!(framer.next().is_none(), "the CR may be the line's end");
    framer.push(b"\n12345");
    assert_eq!(framer.next(), Some(Ok(&b"1234"[..])));
    assert!(framer.next().is_none());
    framer.push(b"6");
    assert_eq!(framer.next(), Some(Err(TooLarge { limit: 4 })));
    framer.push(b"\n1\n");
    assert!(framer.next().is_none(), "after an error there are no more");
}

#[test]
fn promise_3_empty_lines_and_a_last_line_without_an_end() {
    let (found, large) = lines(&[b"\n\r\n{}\r\n\n[1]"], 16);
    assert_eq!(found, [&b"{}"[..], b"[1]"]);
    assert!(!large);
    assert_eq!(lines(&[b"{}\n"], 16).0.len(), 1);
}

proptest! {
    #[test]
    fn promise_1_any_cut_gives_the_same(
        text in "[ab\r\n]{0,60}",
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
        max in 1usize..12,
    ) {
        let whole = lines(&[text.as_bytes()], max);
        prop_assert_eq!(lines(&cut(text.as_bytes(), &cuts), max), whole);
    }
}
