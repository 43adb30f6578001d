//! Messages out of pieces; every promise of `aws_events.rs` under its number.
//!
//! Messages are built here; one is a published one.

use proptest::prelude::*;

use super::*;

/// A header of type text.
pub(crate) fn header(name: &str, value: &str) -> Vec<u8> {
    let mut out = vec![u8::try_from(name.len()).unwrap()];
    out.extend_from_slice(name.as_bytes());
    out.push(7);
    out.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
    out.extend_from_slice(value.as_bytes());
    out
}

/// A message with these headers, as they are, and this payload.
pub(crate) fn framed(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(PRELUDE + headers.len() + payload.len() + TRAILER).unwrap();
    let mut out = length.to_be_bytes().to_vec();
    out.extend_from_slice(&u32::try_from(headers.len()).unwrap().to_be_bytes());
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(headers);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out
}

pub(crate) fn event(name: &str, payload: &str) -> Vec<u8> {
    let headers = [
        header(":event-type", name),
        header(":content-type", "application/json"),
        header(":message-type", "event"),
    ];
    framed(&headers.concat(), payload.as_bytes())
}

type Found = (Vec<(Vec<u8>, Vec<u8>)>, Result<Tail, Broken>);

/// All messages of `pieces`, and how they ended.
fn messages(pieces: &[&[u8]], max: usize) -> Found {
    let mut framer = Framer::new(max);
    let mut found = Vec::new();
    for piece in pieces {
        framer.push(piece);
        while let Some(message) = framer.next() {
            match message {
                Ok(message) => found.push((message.name().to_vec(), message.data().to_vec())),
                Err(broken) => {
                    framer.push(&event("more", "{}"));
                    assert_eq!(framer.next(), None);
                    return (found, Err(broken));
                }
            }
        }
        assert!(framer.held() < max.max(PRELUDE));
    }
    (found, Ok(framer.finish()))
}

fn one(bytes: &[u8], max: usize) -> Result<(String, String), Broken> {
    let (found, end) = messages(&[bytes], max);
    assert_ne!(end, Ok(Tail::Partial(bytes.len())), "all of it is there");
    end.map(|_| {
        let (name, data) = found.into_iter().next().unwrap();
        (
            String::from_utf8(name).unwrap(),
            String::from_utf8(data).unwrap(),
        )
    })
}

#[test]
fn a_published_message_is_read() {
    // From the examples of the AWS SDKs' event stream tests: one header, a
    // text, and a payload.
    let bytes = [
        0x00, 0x00, 0x00, 0x3d, 0x00, 0x00, 0x00, 0x20, 0x07, 0xfd, 0x83, 0x96, 0x0c, b'c', b'o',
        b'n', b't', b'e', b'n', b't', b'-', b't', b'y', b'p', b'e', 0x07, 0x00, 0x10, b'a', b'p',
        b'p', b'l', b'i', b'c', b'a', b't', b'i', b'o', b'n', b'/', b'j', b's', b'o', b'n', b'{',
        b'\'', b'f', b'o', b'o', b'\'', b':', b'\'', b'b', b'a', b'r', b'\'', b'}', 0x8d, 0x9c,
        0x08, 0xb1,
    ];
    assert_eq!(
        one(&bytes, 1 << 10),
        Ok((String::new(), "{'foo':'bar'}".to_owned()))
    );
}

#[test]
fn promise_2_a_wrong_checksum_ends_the_stream() {
    let good = event("messageStop", r#"{"stopReason":"end_turn"}"#);
    assert!(one(&good, 1 << 10).is_ok());
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        assert_eq!(one(&bad, 1 << 10), Err(Broken::Checksum), "byte {at}");
    }
}

#[test]
fn promise_3_a_large_message_is_refused_by_its_prelude() {
    let bytes = event("contentBlockDelta", &"x".repeat(4096));
    let mut framer = Framer::new(1024);
    framer.push(&bytes[..PRELUDE - 1]);
    assert_eq!(framer.next(), None);
    framer.push(&bytes[PRELUDE - 1..PRELUDE]);
    assert_eq!(framer.next(), Some(Err(Broken::TooLarge { limit: 1024 })));
    let exact = event("a", "{}");
    assert!(one(&exact, exact.len()).is_ok());
    assert_eq!(
        one(&exact, exact.len() - 1),
        Err(Broken::TooLarge {
            limit: exact.len() - 1
        })
    );
}

#[test]
fn promise_4_failures_have_names_of_their_own() {
    let exception = [
        header(":exception-type", "throttlingException"),
        header(":message-type", "exception"),
    ];
    assert_eq!(
        one(
            &framed(&exception.concat(), br#"{"message":"slow"}"#),
            1 << 10
        ),
        Ok((
            "error:throttlingException".to_owned(),
            r#"{"message":"slow"}"#.to_owned()
        ))
    );
    // The order of headers does not matter, nor does an event's type among them.
    let error = [
        header(":error-message", "it \"broke\""),
        header(":event-type", "messageStop"),
        header(":error-code", "InternalFailure"),
        header(":message-type", "error"),
    ];
    assert_eq!(
        one(&framed(&error.concat(), b""), 1 << 10),
        Ok((
            "error:InternalFailure".to_owned(),
            r#"{"message":"it \"broke\""}"#.to_owned()
        ))
    );
}

#[test]
fn headers_of_every_type_are_passed_over_and_others_refused() {
    let mut headers = Vec::new();
    for (kind, bytes) in [
        (0, 0),
        (1, 0),
        (2, 1),
        (3, 2),
        (4, 4),
        (5, 8),
        (8, 8),
        (9, 16),
    ] {
        headers.extend_from_slice(&[1, b'x', kind]);
        headers.extend(std::iter::repeat_n(7, bytes));
    }
    headers.extend_from_slice(&[1, b'x', 6, 0, 2, 0xff, 0xff]);
    headers.extend(header(":event-type", "metadata"));
    assert_eq!(
        one(&framed(&headers, b"{}"), 1 << 10),
        Ok(("metadata".to_owned(), "{}".to_owned()))
    );
    for bad in [
        &[1][..],
        &[1, b'x'],
        &[1, b'x', 10],
        &[1, b'x', 4, 0],
        &[1, b'x', 7, 0, 9, b'a'],
        b"\x0b:event-type\x07\0\x01\xff",
    ] {
        assert_eq!(one(&framed(bad, b"{}"), 1 << 10), Err(Broken::Headers));
    }
}

#[test]
fn lengths_that_do_not_go_together_are_refused() {
    for (length, headers) in [(0u32, 0u32), (15, 0), (20, 5), (64, u32::MAX)] {
        let mut bytes = length.to_be_bytes().to_vec();
        bytes.extend_from_slice(&headers.to_be_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        bytes.extend_from_slice(&[0; 64]);
        assert_eq!(
            one(&bytes, 1 << 10),
            Err(Broken::Length),
            "{length} {headers}"
        );
    }
}

/// A stream of messages, some of them large, with something wrong at its end.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let message = ("[a-z]{0,12}", "[ -~]{0,80}").prop_map(|(name, data)| event(&name, &data));
    (
        proptest::collection::vec(message, 0..5),
        proptest::collection::vec(any::<u8>(), 0..40),
    )
        .prop_map(|(messages, rest)| [messages.concat(), rest].concat())
}

proptest! {
    #[test]
    fn promise_1_any_cut_gives_the_same(
        bytes in streams(),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12),
    ) {
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.sort_unstable();
        let (mut pieces, mut from) = (Vec::new(), 0);
        for to in at.into_iter().chain([bytes.len()]) {
            pieces.push(&bytes[from..to]);
            from = to;
        }
        prop_assert_eq!(messages(&pieces, 256), messages(&[&bytes], 256));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(messages(&[&bytes], 64));
    }

    #[test]
    fn no_headers_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        drop(messages(&[&framed(&bytes, b"{}")], 256));
    }
}
