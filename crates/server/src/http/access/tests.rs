//! Who may ask, with keys and without, and who is shut out for a while:
//! contracts 9, and a guess at a key that does not pay.

use http::HeaderValue;

use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| {
        (
            http::HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    });
    pairs.collect()
}

fn code<T>(result: Result<T, Failure>) -> Option<Code> {
    result.err().map(|failure| failure.code)
}

#[test]
fn without_keys_only_local_programs() {
    let access = Access::new(Vec::new(), Clock);
    let check = |pairs: &[_]| code(access.check(&Uri::from_static("/"), &headers(pairs), None));
    for host in [
        "127.0.0.1:7070",
        "localhost",
        "LOCALHOST:1",
        "[::1]:7070",
        "127.8.8.8",
    ] {
        let mut map = HeaderMap::new();
        map.insert(header::HOST, HeaderValue::from_static(host));
        assert_eq!(
            code(access.check(&Uri::from_static("/"), &map, None)),
            None,
            "{host}"
        );
    }
    assert_eq!(check(&[]), Some(Code::ForbiddenHost));
    for host in [
        "evil.example",
        "127.0.0.1.evil.example",
        "a@127.0.0.1",
        "127.0.0.1@evil.example",
        "127.0.0.1:80@evil.example",
        "localhost.evil.example",
        "localhost:80.evil.example",
        "LOCALHOST:80.evil.example",
        "localhost:",
        "[::1].evil.example",
        "me@localhost",
        "10.0.0.1",
    ] {
        let mut map = HeaderMap::new();
        map.insert(header::HOST, HeaderValue::from_static(host));
        let refused = code(access.check(&Uri::from_static("/"), &map, None));
        assert_eq!(refused, Some(Code::ForbiddenHost), "{host}");
    }
    for (origin, expected) in [
        ("https://evil.example", Some(Code::ForbiddenOrigin)),
        ("null", Some(Code::ForbiddenOrigin)),
        ("http://localhost:3000", None),
    ] {
        let mut map = headers(&[("host", "localhost")]);
        map.insert(header::ORIGIN, HeaderValue::from_static(origin));
        assert_eq!(
            code(access.check(&Uri::from_static("/"), &map, None)),
            expected,
            "{origin}"
        );
    }
}

/// Whoever has one IPv6 address has many; whoever is here is behind a proxy.
#[tokio::test(start_paused = true)]
async fn mistakes_count_for_a_site_and_never_for_this_machine() {
    let access = Access::new(vec!["tg-one".into()], Clock);
    let tries = |ip: fn(u32) -> String, value: &'static str| {
        let map = headers(&[("host", "any.example"), ("authorization", value)]);
        let try_one = |n| {
            let peer = ip(n).parse().unwrap();
            code(access.check(&Uri::from_static("/"), &map, Some(peer)))
        };
        let tries: Vec<_> = (0..=MOST_FAILURES).map(try_one).collect();
        *tries.last().unwrap()
    };
    let (wrong, shut_out) = (Some(Code::InvalidApiKey), Some(Code::TooManyWrongKeys));
    assert_eq!(tries(|n| format!("2001:db8::{n}"), "Bearer x"), shut_out);
    assert_eq!(tries(|n| format!("2001:db8:{n}::1"), "Bearer x"), wrong);
    assert_eq!(tries(|_| "::ffff:127.0.0.1".to_owned(), "Bearer x"), wrong);
    assert_eq!(
        tries(|_| "::ffff:192.0.2.7".to_owned(), "Bearer x"),
        shut_out
    );
    assert_eq!(tries(|_| "192.0.2.7".to_owned(), "Bearer tg-one"), shut_out);
}

#[tokio::test(start_paused = true)]
async fn with_keys_a_key_and_patience_with_few_mistakes() {
    let access = Access::new(vec!["tg-one".into(), "tg-two".into()], Clock);
    let far: IpAddr = [192, 0, 2, 7].into();
    let check = |value: &'static str| {
        let map = headers(&[("host", "any.example"), ("authorization", value)]);
        code(access.check(&Uri::from_static("/"), &map, Some(far)))
    };
    assert_eq!(check("Bearer tg-two"), None);
    assert_eq!(check("bearer tg-one"), None);
    for wrong in [
        "Bearer tg-",
        "Bearer tg-one2",
        "Basic tg-one",
        "Bearer",
        "tg-one",
    ] {
        assert_eq!(check(wrong), Some(Code::InvalidApiKey), "{wrong}");
    }
    for _ in 0..5 {
        assert_eq!(check("Bearer x"), Some(Code::InvalidApiKey));
    }
    assert_eq!(check("Bearer tg-two"), Some(Code::TooManyWrongKeys));
    Clock.sleep(WINDOW).await;
    assert_eq!(check("Bearer tg-two"), None);
}

/// A tenant is a place in queues and budgets: it stays with its key, and wrong
/// guesses are not forgiven by a reload.
#[tokio::test(start_paused = true)]
async fn other_keys_leave_tenants_their_numbers_and_guesses_their_count() {
    let keys = |names: &[&str]| names.iter().map(|name| (*name).into()).collect();
    let number = |access: &Access, key: &'static str| {
        let map = headers(&[("host", "any.example"), ("authorization", key)]);
        let peer = "192.0.2.7".parse().unwrap();
        access.check(&Uri::from_static("/"), &map, Some(peer)).ok()
    };
    let first = Access::new(keys(&["tg-a", "tg-b"]), Clock);
    assert_eq!(number(&first, "Bearer tg-b"), Some(1));
    let second = first.next(keys(&["tg-c", "tg-b", "tg-d"]));
    let era = |access: &Access| access.tenants().1;
    assert_eq!(second.tenants().0, [0, 1, 2]);
    assert_ne!(era(&second), era(&first), "0 is another's now");
    assert_eq!(
        era(&first.next(keys(&["tg-b", "tg-a", "tg-e"]))),
        era(&first)
    );
    assert_eq!(number(&second, "Bearer tg-b"), Some(1));
    assert_eq!(number(&second, "Bearer tg-a"), None);
    let third = second.next(keys(&["tg-d"]));
    assert_eq!(third.tenants().0, [2]);
    for _ in 1..MOST_FAILURES {
        assert_eq!(number(&third, "Bearer guess"), None);
    }
    let last = third.next(keys(&["tg-d", "tg-d"]));
    assert_eq!(last.tenants().0, [2, 0], "a key twice is two");
    assert_eq!(number(&last, "Bearer tg-d"), None, "it is shut out");
}
