//! Readers of what a provider's table says of its account.
//!
//! A role and a profile are names that go to Amazon; nothing here is looked up.

use super::super::form::Text;
use super::super::read::{Choice, Parsed, Perhaps};
use super::Lends;

/// Under which name our calls show in an account's records.
pub(super) const SESSION: &str = "tidegate";

pub(in crate::config) const LENDS: Perhaps<Choice<Lends>> = Perhaps(Choice {
    words: &["web_identity", "profile", "container", "machine"],
    values: &[
        Lends::WebIdentity,
        Lends::Profile,
        Lends::Container,
        Lends::Machine,
    ],
});

/// The ARN of a role.
pub(in crate::config) const ROLE: Parsed<Option<String>> = Parsed {
    form: Text {
        expected: "a role such as \"arn:aws:iam::123456789012:role/name\"",
        pattern: r"^\s*arn:aws[a-z-]{0,16}:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,512}\s*$",
        examples: &["arn:aws:iam::123456789012:role/name"],
        is_wide: false,
    },
    parse: |text| is_role(text).then(|| Some(text.to_owned())),
    show: Clone::clone,
};

/// The name of a profile.
pub(in crate::config) const PROFILE: Parsed<Option<String>> = Parsed {
    form: Text {
        expected: "the name of a profile",
        pattern: r"^\s*[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]{0,126}[^\s\u0000-\u001f\u007f-\u009f])?\s*$",
        examples: &["default"],
        is_wide: false,
    },
    parse: |text| {
        let fits = (1..=128).contains(&text.chars().count()) && !text.contains(char::is_control);
        fits.then(|| Some(text.to_owned()))
    },
    show: Clone::clone,
};

pub(super) fn is_role(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("arn:aws") else {
        return false;
    };
    let Some((partition, rest)) = rest.split_once(":iam::") else {
        return false;
    };
    let Some((account, name)) = rest.split_once(":role/") else {
        return false;
    };
    let part = |c: char| c.is_ascii_lowercase() || c == '-';
    let letter = |c: char| c.is_ascii_alphanumeric() || "_+=,.@/-".contains(c);
    partition.len() <= 16
        && partition.chars().all(part)
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && (1..=512).contains(&name.len())
        && name.chars().all(letter)
}

/// Whether Amazon takes it as the name of a session.
pub(super) fn is_session(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    (2..=64).contains(&text.len()) && text.chars().all(letter)
}
