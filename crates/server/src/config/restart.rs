//! Which keys a running process follows, and which need a restart.
//!
//! Promise: every key of the table stands in one of the two lists, which a test
//! holds, so that none is changed in the file and silently without effect.

use super::Config;

/// A key that is looked at when the process starts, and how it is carried over
/// from the configuration of the start to a later one.
struct Fixed {
    key: &'static str,
    /// Whether what is inside it stays as well, or only that it is there.
    whole: bool,
    /// Puts the value of the first into the second; whether it was another one.
    hold: fn(&Config, &mut Config) -> bool,
}

/// A key's line in the list below.
macro_rules! fixed {
    ($key:literal, $($field:ident).+) => {
        Fixed {
            key: $key,
            whole: true,
            hold: |started, now| {
                let other = now.$($field).+ != started.$($field).+;
                now.$($field).+.clone_from(&started.$($field).+);
                other
            },
        }
    };
}

/// What stays as it was at the start.
const FIXED: &[Fixed] = &[
    fixed!("listen", listen),
    fixed!("admin_listen", admin_listen),
    fixed!("checks", checks),
    Fixed {
        // Whether there is one: which one is followed.
        key: "tls",
        whole: false,
        hold: |started, now| {
            let other = now.tls.is_on() != started.tls.is_on();
            if other {
                now.tls = started.tls.clone();
            }
            other
        },
    },
];

/// What a reload changes, tables by their name.
#[cfg(test)]
const FOLLOWED: &[&str] = &[
    "default_provider",
    "shutdown_timeout",
    "log",
    "auth",
    "limits",
    "retry",
    "providers",
    "catalogue",
    "routes",
    "cache",
];

/// Whether a running process follows a change of this key, by its whole path.
pub(super) fn is_followed(path: &str) -> bool {
    let holds = |fixed: &Fixed| {
        let rest = path.strip_prefix(fixed.key);
        rest.is_some_and(|rest| rest.is_empty() || (fixed.whole && rest.starts_with('.')))
    };
    !FIXED.iter().any(holds)
}

/// Makes `now` what a process that was started as `started` can become, and
/// names the keys for which it must be started again.
pub(crate) fn hold(started: &Config, now: &mut Config) -> Vec<&'static str> {
    let held = FIXED.iter().filter(|one| (one.hold)(started, now));
    held.map(|one| one.key).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::form::Form;
    use super::super::keys::Document;
    use super::super::table::Table as _;
    use super::super::{Checks, File, Source, load};
    use super::*;

    #[test]
    fn every_key_is_followed_or_needs_a_restart() {
        let fixed = || FIXED.iter().map(|one| one.key);
        let mut seen = Vec::new();
        for key in Document::keys() {
            let whole = usize::from(FOLLOWED.contains(&key.name));
            let prefix = format!("{}.", key.name);
            let inside: Vec<_> = fixed().filter(|one| one.starts_with(&prefix)).collect();
            let itself = fixed().filter(|one| *one == key.name).count();
            seen.extend(inside.iter().map(|one| (*one).to_owned()));
            seen.push(key.name.to_owned());
            match key.form {
                // All of it, or each key of it by itself.
                Form::Table(keys) if whole + itself == 0 => {
                    for inner in keys {
                        let path = format!("{prefix}{}", inner.name);
                        assert!(inside.contains(&&*path), "`{path}` is in no list");
                    }
                }
                _ => assert_eq!(whole + itself, 1, "`{}` is in one list", key.name),
            }
        }
        for name in FOLLOWED.iter().copied().chain(fixed()) {
            assert!(seen.iter().any(|one| one == name), "no key `{name}`");
        }
    }

    fn config(text: &str) -> Config {
        let file = File::Text {
            name: "gate.toml".to_owned(),
            text: text.to_owned(),
        };
        let source = Source {
            file,
            ..Source::default()
        };
        load(source, &BTreeMap::new()).unwrap().config
    }

    #[test]
    fn which_certificate_is_followed_and_whether_there_is_one_is_not() {
        assert!(is_followed("tls.cert") && is_followed("tls.handshake_timeout"));
        assert!(!is_followed("tls"));
        let plain = config("");
        let mut shown = plain.clone();
        shown.tls.cert = Some("a.pem".into());
        shown.tls.key = Some("a.key".into());
        let mut other = shown.clone();
        other.tls.cert = Some("b.pem".into());
        assert!(hold(&shown, &mut other).is_empty());
        assert_eq!(other.tls.cert.as_deref(), Some("b.pem".as_ref()));
        let mut now = plain.clone();
        assert_eq!(hold(&shown, &mut now), ["tls"]);
        assert!(now.tls.is_on(), "it goes on as it was started");
        assert_eq!(hold(&plain, &mut other), ["tls"]);
        assert!(!other.tls.is_on());
    }

    #[test]
    fn what_needs_a_restart_is_named_and_stays() {
        let started = config("checks = \"off\"");
        let mut now = config("listen = \"127.0.0.1:9\"\nshutdown_timeout = \"7s\"");
        assert_eq!(hold(&started, &mut now), ["listen", "checks"]);
        assert_eq!(now.listen, started.listen);
        assert_eq!(now.checks, Checks::Off);
        assert_eq!(now.shutdown_timeout.as_secs(), 7, "this one is followed");
        assert!(hold(&started, &mut now).is_empty());
    }
}
