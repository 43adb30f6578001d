//! Forms (`multipart/form-data`), written and read a second time, naively:
//! nothing is shared with the code under test.

use std::fmt::Write as _;

/// The boundary of every form here.
pub const BOUNDARY: &str = "tide-0123456789";

/// A request that sends a form: its head, and its body.
pub fn request(path: &str, fields: &[(&str, &str)], file: &[u8]) -> (String, Vec<u8>) {
    let body = body(fields, file);
    let head = head(path, &format!("content-length: {}\r\n", body.len()));
    (head, body)
}

/// The head of a POST of a form, with these lines more.
pub fn head(path: &str, lines: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\n\
         content-type: multipart/form-data; boundary={BOUNDARY}\r\n{lines}\r\n"
    )
}

/// A form of these fields and one file.
pub fn body(fields: &[(&str, &str)], file: &[u8]) -> Vec<u8> {
    let mut text = String::new();
    for (name, value) in fields {
        let _ = write!(
            text,
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
    }
    let _ = write!(
        text,
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; \
         filename=\"a.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n"
    );
    let end = format!("\r\n--{BOUNDARY}--\r\n");
    [text.as_bytes(), file, end.as_bytes()].concat()
}

/// The content of the part of this name in a form of any boundary.
pub fn part(body: &[u8], name: &str) -> Option<Vec<u8>> {
    let find = |text: &[u8], what: &[u8]| text.windows(what.len()).position(|at| at == what);
    let boundary = body.get(..find(body, b"\r\n")?)?;
    let label = format!("name=\"{name}\"");
    let from = find(body, label.as_bytes())?;
    let rest = body.get(from..)?;
    let rest = rest.get(find(rest, b"\r\n\r\n")? + 4..)?;
    let end = find(rest, &[b"\r\n", boundary].concat())?;
    rest.get(..end).map(<[u8]>::to_vec)
}
