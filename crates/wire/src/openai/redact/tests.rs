//! What must not come through and what must; every promise of `redact.rs`
//! under its number.

use proptest::prelude::*;

use super::*;

fn plain(message: &str) -> String {
    redact(message, &[])
}

#[test]
fn promise_2_keys_are_hidden() {
    for (message, expected) in [
        (
            "Incorrect API key provided: sk-proj-abc***wxYZ. See https://platform.openai.com/account/api-keys.",
            "Incorrect API key provided: [redacted] See https://platform.openai.com/account/api-keys.",
        ),
        ("key 'sk-x' is wrong", "key '[redacted]' is wrong"),
        (
            "Authorization: Bearer abc123def456",
            "Authorization: Bearer [redacted]",
        ),
        (
            "authorization:'Basic dXNlcjpwYXNzd29yZA=='",
            "authorization:'Basic [redacted]=='",
        ),
        (
            "GET https://h/v1?key=abc&alt=sse",
            "GET https://h/v1?key=[redacted]&alt=sse",
        ),
        ("?api_key=hunter2&x=1", "?api_key=[redacted]&x=1"),
        (
            r#"{"x-api-key":"a1b2c3d4e5"}"#,
            r#"{"x-api-key":"[redacted]"}"#,
        ),
        ("token: ghp_abcdefgh1234", "token: [redacted]"),
        (
            "AIzaSyA1234567890abcdef is blocked",
            "[redacted] is blocked",
        ),
        (
            "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
            "jwt [redacted]",
        ),
        (
            "hash 0123456789abcdef0123456789abcdef01234567 leaked",
            "hash [redacted] leaked",
        ),
        (
            "http://user:hunter2@proxy:3128",
            "http://user:[redacted]@proxy:3128",
        ),
    ] {
        assert_eq!(plain(message), expected);
    }
}

#[test]
fn words_stay() {
    for message in [
        "The model `gpt-4o-mini-2024-07-18` does not exist or you do not have access to it.",
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
        "Invalid URL (POST /v1/chat/completions)",
        "Invalid api_key: must be a string",
        "Rate limit reached for meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo on tokens per min. Try again in 1.5s.",
        "Request 7d8f4a52-93c1-4f0e-8a56-0f3d2b1c4e5a failed; mail help@example.com",
        "Missing bearer token",
        "Größe über 10 €: 模型不存在",
    ] {
        assert_eq!(plain(message), message);
    }
}

#[test]
fn promise_3_one_line_of_plain_text() {
    assert_eq!(
        plain("\x1b[31mred\x1b[0m\x07 \x1b]0;t\x07and\r\nmore\t\u{9b}x\u{202e}y\0"),
        "red ]0;tand more xy"
    );
    assert_eq!(plain("a\n\n  b\u{2028}c"), "a b c");
}

#[test]
fn promise_3_insides_of_the_machine_are_left_out() {
    let python = "Internal error\nTraceback (most recent call last):\n  File \"/app/serve.py\", line 12, in run\n    ^^^^\nValueError: bad shape";
    assert_eq!(plain(python), "Internal error ValueError: bad shape");
    let node = "boom\n    at Object.run (/srv/app/index.js:1:2)\n    at /srv/app/x.js:3:4\nend";
    assert_eq!(plain(node), "boom end");
    let rust =
        "thread 'main' panicked at src/x.rs:1:2:\nstack backtrace:\n   0: core::panicking\nbad";
    assert_eq!(plain(rust), "bad");
    assert_eq!(
        plain("cannot open /opt/models/x.bin now"),
        "cannot open [path] now"
    );
    assert_eq!(
        plain("see C:\\models\\x, vllm/engine/core.py:12"),
        "see C:[path], [path]:12"
    );
}

#[test]
fn the_result_is_short_and_whole_characters() {
    let long = "ä ".repeat(3000);
    let short = plain(&long);
    assert!(short.len() <= LONGEST && short.len() > LONGEST - 4);
    assert_eq!(plain(&"a1".repeat(30_000)), "");
    assert!(plain(&"word ".repeat(100_000)).len() <= LONGEST);
}

#[test]
fn promise_1_given_secrets_are_hidden() {
    assert_eq!(
        redact("you sent hunter22x!", &["hunter22", "hunter22x"]),
        "you sent [redacted]!"
    );
    assert_eq!(redact("it is sk-x", &["sk-x"]), "it is [redacted]");
    // Joined again by what cleaning takes away.
    assert_eq!(
        redact(
            "it is correct\u{200b}horse\x1b[0mstaple",
            &["correcthorsestaple"]
        ),
        "it is [redacted]"
    );
    // Too short to be one, empty, or our own word.
    assert_eq!(
        redact("a redacted b", &["", "a", "redacted"]),
        "a redacted b"
    );
}

#[test]
fn promise_1_a_secret_across_the_part_looked_at_does_not_leak_its_front() {
    let secret = "correct-horse-battery-staple";
    // All of the front is dropped, so that the end of it would be shown.
    let line = "    at run (/srv/app/index.js:1:2)\n";
    for shift in 0..40 {
        let mut message = line.repeat(LOOKED_AT / line.len());
        let gap = LOOKED_AT.saturating_sub(message.len() + shift);
        message.extend(std::iter::repeat_n(' ', gap));
        message.push_str(secret);
        assert!(!redact(&message, &[secret]).contains("corr"), "{shift}");
    }
}

proptest! {
    #[test]
    fn promise_1_no_secret_leaks(
        secrets in prop::collection::vec("[A-Za-z0-9_.+/=-]{4,40}", 1..4),
        parts in prop::collection::vec((any::<String>(), any::<prop::sample::Index>(), "[ \n\x1b:='\"/-]{0,3}"), 0..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut message = String::new();
        for (text, index, glue) in parts {
            let secret = index.get(&secrets);
            let at = cut.index(secret.len());
            message.extend([text.as_str(), &glue, secret, &glue]);
            // Once more, with something that cleaning removes in its middle.
            message.extend([&secret[..at], "\u{200b}", &secret[at..]]);
        }
        let given: Vec<_> = secrets.iter().map(String::as_str).collect();
        let safe = redact(&message, &given);
        for secret in given.iter().filter(|secret| !HIDDEN.contains(**secret)) {
            prop_assert!(!safe.contains(secret), "{:?} in {:?}", secret, safe);
        }
    }

    #[test]
    fn promise_3_whatever_comes_is_short_and_plain(message in any::<String>()) {
        let safe = redact(&message, &[]);
        prop_assert!(safe.len() <= LONGEST);
        prop_assert!(!safe.chars().any(char::is_control));
    }

    #[test]
    fn promise_2_no_key_of_a_known_maker_leaks(key in "[A-Za-z0-9]{16,40}", before in "[a-z ]{0,9}[ :='\"(]") {
        for prefix in KEY_PREFIXES {
            let key = format!("{prefix}{key}");
            let safe = plain(&format!("{before}{key}, sorry"));
            prop_assert!(!safe.contains(&key), "{}", safe);
        }
    }
}
