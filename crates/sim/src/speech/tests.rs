//! Texts, cut in every way, come to what they were.
//!
//! Each count is compared with that of the text put together again.

use proptest::prelude::*;

use super::*;

fn said(mut pieces: Pieces) -> Vec<String> {
    let mut all = Vec::new();
    while !pieces.is_empty() {
        let mut json = BytesMut::new();
        pieces.quote_next(&mut json);
        all.push(serde_json::from_slice(&json).unwrap());
    }
    all
}

fn whole(speech: Speech) -> String {
    said(speech.pieces()).concat()
}

#[test]
fn the_endless_text_needs_no_escaping_and_joins_at_a_space() {
    assert!(TIDE.bytes().all(|byte| byte.is_ascii() && byte >= b' '));
    assert!(!TIDE.contains(['"', '\\']) && TIDE.ends_with(' ') && !TIDE.contains("  "));
}

#[test]
fn pieces_make_the_whole_and_words_are_counted_exactly() {
    for (chunks, bytes) in [(0, 4), (1, 1), (20, 4), (7, 1_000), (3, 0), (331, 13)] {
        let speech = Speech::paced(chunks, bytes);
        let text = whole(speech.clone());
        assert_eq!(speech.count(), chunks);
        assert_eq!(text.len(), (chunks * bytes) as usize);
        assert_eq!(
            speech.words(),
            text.split_ascii_whitespace().count() as u64,
            "{text}"
        );
    }
}

#[test]
fn an_echo_is_exact_whatever_the_message() {
    for text in [
        "",
        "one",
        " a  b\n\tc ",
        "größe \"quoted\" \\ \u{1F30A} \u{0} end",
    ] {
        for cut in [Cut::Words, Cut::Bytes(0), Cut::Bytes(3), Cut::Even(4)] {
            let speech = Speech::text(text, cut);
            assert_eq!(speech.words(), text.split_ascii_whitespace().count() as u64);
            assert_eq!(speech.count() as usize, said(speech.clone().pieces()).len());
            assert_eq!(whole(speech), text);
        }
    }
    let even = said(Speech::text("abcdefghij", Cut::Even(4)).pieces());
    assert_eq!(even, ["ab", "cde", "fg", "hij"]);
    let few = said(Speech::text("öl", Cut::Even(9)).pieces());
    assert_eq!(few, ["ö", "l"]);
}

#[test]
fn pieces_taken_off_are_the_first_ones() {
    let text = "one two three four";
    for speech in [
        Speech::paced(5, 4),
        Speech::text(text, Cut::Words),
        Speech::text(text, Cut::Even(5)),
    ] {
        let all = said(speech.clone().pieces());
        for count in 0..7 {
            let mut rest = speech.clone().pieces();
            let mut parts = said(rest.split(count as u32));
            assert_eq!(parts.len(), count.min(all.len()));
            parts.extend(said(rest));
            assert_eq!(parts, all);
        }
    }
}

#[test]
fn a_bound_cuts_after_a_word_and_a_stop_before_its_text() {
    for (chunks, bytes) in [(20, 4), (90, 50), (3, 1_000)] {
        let full = whole(Speech::paced(chunks, bytes));
        let words: Vec<_> = full.split_ascii_whitespace().collect();
        for most in [0, 1, 5, 66, 67, 68, 140, words.len(), 9_999] {
            let mut speech = Speech::paced(chunks, bytes);
            let cut = speech.stop_after(most as u64);
            assert_eq!(cut, words.len() > most, "{chunks} {bytes} {most}");
            let said = whole(speech.clone());
            assert_eq!(speech.len(), said.len() as u64);
            if cut {
                assert_eq!(said, words[..most].join(" "));
            }
        }
        let mut speech = Speech::paced(chunks, bytes);
        assert!(speech.stop_before(&["nowhere", "twice a", "day", ""]));
        assert_eq!(whole(speech), "the tide comes in ");
    }
    let mut speech = Speech::paced(9, 1_000);
    assert!(speech.stop_before(&["morning. the"]), "it spans a turn");
    let mut text = Speech::text(" a  bb c", Cut::Words);
    assert!(text.stop_after(2) && !text.stop_before(&["c"]));
    assert_eq!(whole(text), " a  bb");
}

#[test]
fn a_slice_far_out_wraps() {
    let mut out = BytesMut::new();
    tide(&mut out, u64::from(u32::MAX) * 7, TIDE.len() * 2);
    let start = (u64::from(u32::MAX) * 7 % TIDE.len() as u64) as usize;
    assert_eq!(out[..4], TIDE.repeat(2).as_bytes()[start..start + 4]);
    assert_eq!(out[..TIDE.len()], out[TIDE.len()..]);
}

proptest! {
    #[test]
    fn any_text_cut_in_any_way_comes_whole(text in "\\PC*", number in 0..20_u32, taken in 0..20_u32) {
        for cut in [Cut::Words, Cut::Bytes(number), Cut::Even(number)] {
            let speech = Speech::text(text.as_str(), cut);
            let mut rest = speech.clone().pieces();
            let first = said(rest.split(taken)).concat();
            prop_assert_eq!(first + &said(rest).concat(), text.as_str());
            let mut bounded = speech.clone();
            let cut = bounded.stop_after(number.into());
            prop_assert_eq!(cut, speech.words() > number.into());
            prop_assert!(bounded.words() <= number.into() && text.starts_with(&whole(bounded)));
        }
    }
}
