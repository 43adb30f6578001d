//! Forms as callers send them, as attackers do, and as chance makes them: what
//! is found in them, and what is refused.

use bytes::Bytes;
use proptest::prelude::*;
use tidegate_types::Code;

use super::*;

const FILE: &str = "Content-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\
                    Content-Type: audio/mpeg\r\n\r\n\0\r\n--\r\n--not-b\r\nmodel";

/// A form with the boundary `b`.
fn form(parts: &[&str]) -> String {
    let parts: String = parts
        .iter()
        .map(|part| format!("--b\r\n{part}\r\n"))
        .collect();
    parts + "--b--\r\n"
}

fn field(name: &str, value: &str) -> String {
    format!("Content-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}")
}

fn model(form: &str) -> Result<Option<String>, Refused> {
    let found = scan_form(b"b", form.as_bytes())?;
    Ok(found.map(|named| named.model.into_owned()))
}

#[test]
fn a_boundary_is_read_as_it_is_written() {
    for (text, told) in [
        ("multipart/form-data; boundary=b", Some("b")),
        (
            "Multipart/Form-Data ;charset=utf-8; BOUNDARY=\"a b\"",
            Some("a b"),
        ),
        (
            "multipart/form-data; boundary=----WebKit7",
            Some("----WebKit7"),
        ),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=", None),
        ("multipart/form-data; boundary=\"\"", None),
        ("multipart/form-data; boundary=a; boundary=b", None),
        ("multipart/form-data; boundary=a\"b", None),
        ("multipart/form-data; boundary=\"a\\\"b\"", None),
        ("multipart/form-data; boundary=\"a \"", None),
        ("multipart/mixed; boundary=b", None),
        ("application/json", None),
        ("", None),
    ] {
        let found = boundary(text.as_bytes());
        assert_eq!(found, told.map(str::as_bytes), "{text}");
    }
    let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
    assert_eq!(boundary(long.as_bytes()), None);
}

#[test]
fn the_model_is_found_among_other_parts_and_missing_is_not_wrong() {
    let named = field("model", "whisper-1");
    for parts in [&[&*named, FILE][..], &[FILE, &named], &[&named]] {
        assert_eq!(model(&form(parts)), Ok(Some("whisper-1".to_owned())));
    }
    assert_eq!(model(&form(&[FILE])), Ok(None));
    let inline = field("prompt", "x --b and -\n-b");
    assert_eq!(model(&form(&[&inline])), Ok(None));
    assert_eq!(model(&form(&[])), Ok(None));
    assert_eq!(model("--b--"), Ok(None));
    // Tokens, other cases and other params.
    let part = "content-type: text/plain; charset=utf-8\r\n\
                CONTENT-DISPOSITION: form-data;name=model;x=\"a\\\\\"\r\n\r\nm";
    assert_eq!(model(&form(&[part])), Ok(Some("m".to_owned())));
}

/// RFC 2046 allows lines in front of the first boundary and behind the last
/// one; RFC 7578 and those who send forms have file names of several kinds.
#[test]
fn what_is_legal_and_means_nothing_is_passed_over() {
    let good = form(&[&field("model", "a")]);
    for legal in [
        format!("\r\n{good}"),
        format!("This is a form.\r\nWith -- and b.\r\n{good}"),
        format!("{good}epilogue"),
        format!("{good}\r\n--\r\n\n--not-b content"),
    ] {
        assert_eq!(model(&legal), Ok(Some("a".to_owned())), "{legal}");
    }
    for name in [
        r#"filename="say \"hi\".mp3""#,
        r#"filename="\\server\\a.mp3""#,
        r#"filename="a;b=c.mp3""#,
        "filename*=UTF-8''na%C3%AFve%20file.mp3",
        "filename=\"naive.mp3\"; filename*=UTF-8''na%C3%AFve.mp3",
        r#"filename="a\"b.mp3"; filename*=UTF-8''a%22b.mp3"#,
        "filename=\"\u{e4} \u{1f30a}.mp3\"",
        "filename=\"\"",
    ] {
        let file = format!("Content-Disposition: form-data; name=\"file\"; {name}\r\n\r\nx");
        let form = form(&[&file, &field("model", "a")]);
        assert_eq!(model(&form), Ok(Some("a".to_owned())), "{name}");
    }
}

#[test]
fn what_two_readers_could_read_in_two_ways_is_refused() {
    let good = field("model", "a");
    let disposition = |value: &str| format!("Content-Disposition: {value}\r\n\r\na");
    for form in [
        // The frame.
        String::new(),
        "--b".to_owned(),
        "--b\r\n".to_owned(),
        "--c--".to_owned(),
        format!("preamble{}", form(&[&good])),
        format!("preamble\n{}", form(&[&good])),
        format!("x--b\r\n{}", form(&[&good])),
        format!("\n--b\r\n{}", form(&[&good])),
        form(&[&good]).replace("--b--\r\n", "--b--epilogue"),
        form(&[&good]).replace("--b--\r\n", "--b--\n"),
        form(&[&good]).replace("--b--\r\n", "--b-- \r\n"),
        // Parts that only some readers see, in front of all or behind the end.
        format!("{good}\r\n{}", form(&[&field("model", "b")])),
        format!("{}{}", form(&[&good]), form(&[&field("model", "b")])),
        format!("{}\n--b\r\n{good}", form(&[])),
        format!("{}{}", form(&[]), good.replace("Content-D", "cONTENT-d")),
        form(&[&good]).replace("\r\n", "\n"),
        form(&[&good]).replace("--b--", "--b"),
        form(&["x\r\n\r\ny\r\n--bx\r\n", &good]),
        format!("--b \r\n{good}\r\n--b--"),
        // Boundaries that only some readers see: Go's behind an empty part, one
        // behind half a line end, one among the headers.
        form(&[&field("x", &format!("--b\r\n{good}"))]),
        form(&[&field("x", &format!("y\n--b\r\n{good}"))]),
        form(&[&field("x", &format!("y\r--b\r\n{good}"))]),
        form(&[&format!("--b:x\r\n{good}")]),
        // The model.
        form(&[&good, &good]),
        form(&[&good, &field("model", "b")]),
        form(&[&field("model", "")]),
        form(&[&field("model", "a\nb")]),
        form(&[&field("model", &"x".repeat(257))]),
        form(&[&disposition("form-data; name=\"model\"; filename=\"m\"")]),
        form(&[&format!("Content-Transfer-Encoding: base64\r\n{good}")]),
    ] {
        is_refused(&form);
    }
    let many = vec![FILE; MOST_PARTS + 1];
    assert!(model(&form(&many)).is_err());
    let refused = model(&form(&[&field("API_BASE", "x")])).unwrap_err();
    assert_eq!(refused.code, Code::UnsupportedParameter);
}

fn is_refused(form: &str) {
    let refused = model(form).expect_err(form);
    assert_eq!(refused.code, Code::InvalidValue, "{form}");
}

#[test]
fn headers_that_two_readers_could_read_in_two_ways_are_refused() {
    let good = field("model", "a");
    let disposition = |value: &str| format!("Content-Disposition: {value}\r\n\r\na");
    for form in [
        form(&["\r\nno headers"]),
        form(&["Content-Type: text/plain\r\n\r\nno name"]),
        form(&[&disposition("attachment; name=\"model\"")]),
        form(&[&disposition("form-data")]),
        form(&[&disposition("form-data; name=\"model\"; name=\"x\"")]),
        form(&[&disposition("form-data; name*=utf-8''model")]),
        form(&[&disposition("form-data; name=\"mod\\el\"")]),
        form(&[&disposition("form-data; filename=\"x\\\"; name=\"model\"")]),
        form(&[&disposition(
            r#"form-data; name="x"; filename="y\"; name=\"model""#,
        )]),
        form(&[&disposition(
            r#"form-data; name="x"; filename="y\" name=z""#,
        )]),
        form(&[&disposition(r#"form-data; filename="y\"z"; name="model""#)]),
        form(&[&disposition(r#"form-data; name="mod\"el""#)]),
        form(&[&disposition(r#"form-data; name="model"; filename="y\""#)]),
        form(&[&disposition(
            "form-data; name=\"model\"; filename*=utf-8''m",
        )]),
        form(&[&disposition("form-data; name=\"model\"; filename*0=m")]),
        form(&[&disposition("form-data; name=\"x\"; name*0=model")]),
        form(&[&disposition("form-data; name=\"model\" x")]),
        form(&[&disposition("form-data; name=\"model")]),
        form(&[&disposition("form-data;\r\n name=\"model\"")]),
        form(&[&format!(
            "Content-Disposition: form-data; name=\"x\"\r\n{good}"
        )]),
        form(&[&format!("no colon\r\n{good}")]),
        form(&[&format!("x\0: y\r\n{good}")]),
        form(&[&format!("x: {}\r\n{good}", "y".repeat(MOST_HEADERS))]),
    ] {
        is_refused(&form);
    }
}

#[test]
fn text_that_is_no_utf8_is_no_model() {
    let mut body = form(&[&field("model", "a?")]).into_bytes();
    let at = memmem::find(&body, b"a?").unwrap();
    body[at + 1] = 0xff;
    assert_eq!(
        scan_form(b"b", &body).unwrap_err().param.as_deref(),
        Some("model")
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = scan_form(b"b", &body);
        let _ = boundary(&body);
    }

    /// Pieces of a form in any order: read or refused, and never two models.
    #[test]
    fn any_order_of_its_pieces_is_read_or_refused(
        pieces in proptest::collection::vec(prop::sample::select(vec![
            "--b", "\r\n", "--", "\r\n\r\n", "Content-Disposition: form-data; name=\"model\"",
            "Content-Disposition: form-data; name=\"x\"", "m-1", "m-2", ";", "\"", "\\", "\r", "\n",
            "; filename=\"a\\\"b\"", "; filename*=utf-8''a",
        ]), 0..40),
    ) {
        let body = pieces.concat();
        if let Ok(Some(named)) = scan_form(b"b", body.as_bytes()) {
            prop_assert_eq!(&body[named.place.clone()], &*named.model);
        }
    }

    /// Whatever files hold, the model is found, and replacing it changes
    /// nothing else.
    #[test]
    fn files_hide_nothing(
        file in proptest::collection::vec(any::<u8>(), 0..200),
        before in any::<bool>(),
        new in "[a-z0-9-]{1,20}",
    ) {
        let named = format!("--bound\r\n{}\r\n", field("model", "old"));
        let mut upload = b"--bound\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n".to_vec();
        upload.extend_from_slice(&file);
        upload.extend_from_slice(b"\r\n");
        prop_assume!(memmem::find(&file, b"--bound").is_none());
        let whole = |named: &str| {
            let parts = if before { [named.as_bytes(), &upload] } else { [&upload, named.as_bytes()] };
            [parts.concat(), b"--bound--\r\n".to_vec()].concat()
        };
        let body = Bytes::from(whole(&named));
        let found = scan_form(b"bound", &body).unwrap().unwrap();
        prop_assert_eq!(&*found.model, "old");
        let replaced = found.replace(&body, &new);
        prop_assert_eq!(&replaced[..], &whole(&named.replace("old", &new))[..]);
        let same = found.replace(&body, "old");
        prop_assert_eq!(same.as_ptr(), body.as_ptr());
    }
}
