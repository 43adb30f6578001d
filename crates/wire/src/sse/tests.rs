//! The framer against a reader of whole inputs, written apart from it from the
//! text of the standard; every promise of `sse.rs` under its number.

use proptest::prelude::*;

use super::*;

/// A stream with all that the standard's grammar allows.
const RICH: &str = "\u{feff}: hello\nevent: note\ndata: one\n\ndata:two\ndata\ndata:  zwölf\n\n\
    id: 7\nretry: 10\n\n\n: ping\n\ndata: {\"a\":\"€𝄞\"}\nunknown: x\n\nevent: a\nevent: b\ndata:\n\n\
    \u{feff}data: not data\n\ndata\n\ndata: [DONE]\n\ndata: cut";

type Told = Vec<(Vec<u8>, Vec<u8>)>;

/// What a reader is told (name, data), by the standard: decode, cut into lines,
/// take line after line. Also the bytes behind the last whole event.
fn reference(input: &[u8]) -> (Told, usize) {
    let body = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input);
    let (mut told, mut name, mut data) = (Vec::new(), Vec::new(), Vec::new());
    let (mut line, mut at, mut whole) = (Vec::new(), 0, 0);
    while at < body.len() {
        let byte = body[at];
        at += 1;
        if byte != b'\r' && byte != b'\n' {
            line.push(byte);
            continue;
        }
        if byte == b'\r' && body.get(at) == Some(&b'\n') {
            at += 1;
        }
        if line.is_empty() {
            whole = at;
            let (name, mut data) = (std::mem::take(&mut name), std::mem::take(&mut data));
            if data.pop().is_some() {
                told.push((name, data));
            }
            continue;
        }
        let mut parts = line.splitn(2, |&byte| byte == b':');
        let field = parts.next().unwrap_or_default();
        let value = parts.next().unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => name = value.to_vec(),
            b"data" => {
                data.extend_from_slice(value);
                data.push(b'\n');
            }
            _ => {}
        }
        line.clear();
    }
    // A lone byte order mark that never became whole is not an event either.
    (told, body.len() - whole)
}

/// What came out of a framer.
#[derive(Debug, PartialEq)]
struct Seen {
    told: Told,
    out: Vec<u8>,
    tail: Result<Tail, TooLarge>,
}

/// Runs a framer over `pieces`, forwarding the events that `wanted` chooses by
/// their number.
fn run<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    max: usize,
    wanted: impl Fn(usize) -> bool,
) -> Seen {
    let mut framer = Framer::new(max);
    let (mut told, mut out, mut count, mut error) = (Vec::new(), Vec::new(), 0, None);
    for (number, piece) in pieces.into_iter().enumerate() {
        framer.push(piece);
        while let Some(event) = framer.next() {
            match event {
                Ok(event) => {
                    if event.kind() == Kind::Data {
                        told.push((event.name().to_vec(), event.data().to_vec()));
                    }
                    if wanted(count) {
                        framer.forward();
                    }
                    count += 1;
                }
                Err(too_large) => error = Some(too_large),
            }
        }
        // Some pieces leave together.
        if number % 3 != 1 {
            out.extend_from_slice(&framer.drain());
        }
    }
    let tail = framer.finish();
    out.extend_from_slice(&framer.drain());
    Seen {
        told,
        out,
        tail: error.map_or(Ok(tail), Err),
    }
}

fn cut(input: &[u8], mut at: Vec<usize>) -> Vec<&[u8]> {
    at.iter_mut().for_each(|at| *at %= input.len() + 1);
    at.extend([0, input.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &input[pair[0]..pair[1]]).collect()
}

fn styles(text: &str) -> [String; 3] {
    [
        text.to_owned(),
        text.replace('\n', "\r"),
        text.replace('\n', "\r\n"),
    ]
}

fn assert_as_reference(input: &[u8], seen: &Seen) {
    let (told, partial) = reference(input);
    assert_eq!(seen.told, told);
    let tail = if partial == 0 {
        Tail::Clean
    } else {
        Tail::Partial(partial)
    };
    assert_eq!(seen.tail, Ok(tail));
    let body = input.strip_prefix(BOM).unwrap_or(input);
    assert_eq!(seen.out, &body[..body.len() - partial]);
}

#[test]
fn promise_1_every_cut_in_two_or_three_and_byte_by_byte_gives_the_same() {
    for input in styles(RICH) {
        let input = input.as_bytes();
        assert_eq!(reference(input).0.len(), 6);
        assert_as_reference(input, &run(input.chunks(1), 1000, |_| true));
        for first in 0..=input.len() {
            for second in (first..=input.len()).step_by(7) {
                let pieces = [&input[..first], &input[first..second], &input[second..]];
                assert_as_reference(input, &run(pieces, 1000, |_| true));
            }
        }
    }
}

/// Bytes that the grammar cares about, far more often than others.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => Just(b"\n".to_vec()),
        4 => Just(b"\r".to_vec()),
        2 => Just(b"\r\n".to_vec()),
        4 => Just(b"data: ".to_vec()),
        2 => Just(b"data".to_vec()),
        1 => Just(b"event:".to_vec()),
        1 => Just(b":".to_vec()),
        1 => Just(BOM.to_vec()),
        2 => any::<u8>().prop_map(|byte| vec![byte]),
        2 => "[a-zäß ]{0,12}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn promise_1_any_bytes_in_any_pieces_are_read_as_the_standard_says(
        input in soup(), at in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        assert_as_reference(&input, &run(cut(&input, at), 1000, |_| true));
    }

    #[test]
    fn promise_2_just_what_is_forwarded_comes_out_for_every_cut(
        input in soup(), at in prop::collection::vec(any::<usize>(), 0..12), choice in any::<u64>(),
    ) {
        let wanted = |number: usize| choice >> (number % 64) & 1 == 1;
        let whole = run([input.as_slice()], 1000, wanted);
        prop_assert_eq!(run(cut(&input, at), 1000, wanted), whole);
    }

    #[test]
    fn promise_3_the_limit_strikes_at_the_same_event_for_every_cut(
        input in soup(), at in prop::collection::vec(any::<usize>(), 0..12), max in 1usize..40,
    ) {
        let whole = run([input.as_slice()], max, |_| true);
        prop_assert_eq!(run(cut(&input, at), max, |_| true), whole);
    }

    #[test]
    fn lossy_events_read_as_a_decoder_of_the_whole_stream_would(input in soup()) {
        let mut framer = Framer::new(1000);
        framer.push(&input);
        while let Some(Ok(event)) = framer.next() {
            let fixed = lossy_event(event.raw());
            framer.put(&fixed);
        }
        let body = input.strip_prefix(BOM).unwrap_or(&input);
        let whole = &body[..body.len() - reference(&input).1];
        prop_assert_eq!(framer.drain(), String::from_utf8_lossy(whole).into_owned());
    }
}

#[test]
fn promise_2_events_that_lie_together_leave_as_one_piece() {
    let mut framer = Framer::new(100);
    framer.push(b"data: a\n\n: ping\n\ndata: b\n\ndata: c\n\n");
    while let Some(Ok(event)) = framer.next() {
        if event.kind() != Kind::Comment {
            framer.forward();
        }
    }
    assert_eq!(framer.kept(), 27);
    assert_eq!(framer.drain(), "data: a\n\ndata: b\n\ndata: c\n\n");
    assert!(framer.drain().is_empty());
}

#[test]
fn promise_2_the_cut_lf_shares_the_fate_of_its_event() {
    for (wanted, out) in [(true, "data: a\r\n\r\n"), (false, "")] {
        let seen = run([b"data: a\r\n\r".as_slice(), b"\n"], 100, |_| wanted);
        assert_eq!(seen.out, out.as_bytes());
        assert_eq!(seen.tail, Ok(Tail::Clean));
    }
}

#[test]
fn own_bytes_stand_where_they_were_put() {
    let mut framer = Framer::new(100);
    framer.push(b"data: one\n\ndata: two\n\ndata: three\n\ndata: f");
    assert!(framer.next().is_some());
    framer.forward();
    assert!(framer.next().is_some());
    // Longer than the event that it stands for.
    framer.put(b"data: TWO, REPAIRED\n\n");
    assert!(framer.next().is_some());
    framer.put(PING);
    framer.forward();
    assert!(framer.next().is_none());
    framer.put(PING);
    let expected = "data: one\n\ndata: TWO, REPAIRED\n\n: ping\n\ndata: three\n\n: ping\n\n";
    assert_eq!(framer.drain(), expected);
    framer.push(b"our\n\n");
    assert!(
        framer
            .next()
            .is_some_and(|event| event.is_ok_and(|event| &*event.data() == b"four"))
    );
    framer.forward();
    assert_eq!(framer.drain(), "data: four\n\n");
}

#[test]
fn promise_3_a_large_event_is_refused_before_it_is_whole() {
    let mut framer = Framer::new(20);
    framer.push(b"data: small\n\ndata: ");
    assert!(matches!(framer.next(), Some(Ok(_))));
    framer.forward();
    assert!(framer.next().is_none());
    framer.push(&[b'x'; 15]);
    assert_eq!(
        framer.next().map(|event| event.err()),
        Some(Some(TooLarge { limit: 20 }))
    );
    framer.push(b"\n\ndata: after\n\n");
    assert!(framer.next().is_none(), "nothing comes after it");
    assert_eq!(framer.drain(), "data: small\n\n");
    assert_eq!(framer.buffer.capacity(), 0);
}

#[test]
fn promise_3_the_limit_itself_is_allowed() {
    for ending in ["\n\n", "\r\r", "\r\n\r\n"] {
        let event = format!("data: x{ending}");
        let counted = event.len() - usize::from(ending.len() == 4);
        assert!(run([event.as_bytes()], counted, |_| true).tail.is_ok());
        assert!(run([event.as_bytes()], counted - 1, |_| true).tail.is_err());
    }
}

#[test]
fn promise_4_an_unfinished_event_is_told_and_not_given() {
    for (input, partial) in [
        ("data: a\n\ndata: [DONE]\n", 13),
        ("data: a\n\ndata: [DONE]", 12),
    ] {
        let seen = run([input.as_bytes()], 100, |_| true);
        assert_eq!(seen.tail, Ok(Tail::Partial(partial)));
        assert_eq!(seen.out, b"data: a\n\n");
    }
    assert_eq!(
        run([b"\xef\xbb".as_slice()], 100, |_| true).tail,
        Ok(Tail::Partial(2))
    );
}

#[test]
fn an_event_that_ends_with_cr_does_not_wait_for_the_next_byte() {
    let seen = run([b"data: a\r\r".as_slice()], 100, |_| true);
    assert_eq!(seen.told, [(vec![], b"a".to_vec())]);
    assert_eq!(seen.tail, Ok(Tail::Clean));
}

#[test]
fn events_say_what_they_are_made_of() {
    let mut framer = Framer::new(100);
    framer.push(b": ping\n\nretry: 1\n: c\n\n\ndata\n\nevent: x\ndata: 1\ndata: 2\n\n");
    let mut kinds = Vec::new();
    while let Some(Ok(event)) = framer.next() {
        kinds.push((event.kind(), event.name().to_vec(), event.data().to_vec()));
    }
    let of = |kind, name: &str, data: &str| (kind, name.into(), data.into());
    let expected = [
        of(Kind::Comment, "", ""),
        of(Kind::Fields, "", ""),
        of(Kind::Blank, "", ""),
        of(Kind::Data, "", ""),
        of(Kind::Data, "x", "1\n2"),
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn an_idle_framer_lets_go_of_its_buffer() {
    let mut framer = Framer::new(1 << 20);
    let large = format!("data: {}\n\n", "x".repeat(500_000));
    framer.push(large.as_bytes());
    framer.push(b"data: tail");
    assert!(framer.next().is_some());
    framer.forward();
    assert!(framer.next().is_none());
    assert_eq!(framer.drain().len(), large.len());
    assert!(framer.buffer.capacity() <= RETAIN);
    framer.push(b"\n\n");
    assert!(framer.next().is_some(), "withheld");
    assert!(framer.next().is_none());
    assert!(framer.drain().is_empty());
    assert_eq!(framer.buffer.capacity(), 0);
}
