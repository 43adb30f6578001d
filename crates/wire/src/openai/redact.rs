//! An upstream's words made fit for a caller: no secrets, no control
//! characters, no insides of its machine, no more than 1 KiB.
//!
//! 1. A given secret never comes through.
//! 2. What looks like a key does not either, known or not.
//! 3. The result is one line of plain text.
//!
//! It is a filter for messages, not for whole bodies; and a guess, where it
//! does not know the secret: it rather hides a word too many.

/// What stands in the place of something hidden.
const HIDDEN: &str = "[redacted]";

/// The longest result in bytes.
const LONGEST: usize = 1024;

/// Bytes of the message that are looked at; with stack lines dropped the
/// result may come from well behind the first kilobyte.
const LOOKED_AT: usize = 16 * 1024;

/// Shorter secrets are taken for configuration by hand (`x`), and hiding each
/// letter of it would leave no message.
const SHORTEST_SECRET: usize = 4;

/// How keys of known makers begin.
const KEY_PREFIXES: &[&str] = &[
    "sk-",
    "sk_",
    "pk-",
    "pk_",
    "rk_",
    "key-",
    "gsk_",
    "xai-",
    "hf_",
    "r8_",
    "pplx-",
    "AIza",
    "AKIA",
    "ASIA",
    "ya29",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "eyJ",
    "tvly-",
    "nvapi-",
    "csk-",
    "fw_",
];

/// Names before `=` or `:` whose value is a key; endings count (`x-api-key`).
const KEY_NAMES: &[&str] = &[
    "key",
    "apikey",
    "token",
    "secret",
    "password",
    "passwd",
    "authorization",
    "signature",
];

/// Schemes of an `authorization` value.
const SCHEMES: &[&str] = &["bearer", "basic", "token"];

/// Roots that only a path on some machine has (a route as `/v1/models` has not).
const FILE_ROOTS: &[&str] = &[
    "/home/",
    "/usr/",
    "/var/",
    "/opt/",
    "/root/",
    "/etc/",
    "/tmp/",
    "/app/",
    "/srv/",
    "/mnt/",
    "/workspace/",
    "/Users/",
    "/data/",
    "/private/",
    "/proc/",
    "/lib/",
    "/build/",
    "/run/",
];

/// Endings of source files.
const SOURCE_ENDINGS: &[&str] = &[
    ".py", ".rs", ".go", ".js", ".mjs", ".ts", ".java", ".cc", ".cpp", ".rb", ".php", ".so",
];

/// An upstream's `message` with nothing in it that a caller must not see.
/// `secrets` are the values to hide: those of at least four bytes are.
pub fn redact(message: &str, secrets: &[&str]) -> String {
    // Before cleaning, in case that a secret has a character that cleaning
    // changes, and after it, in case that cleaning joins one together.
    let text = hide_secrets(head(message), secrets);
    let text = hide_secrets(&one_line(&without_controls(&text)), secrets);
    let mut text = hide_keys(&text);
    text.truncate(text.floor_char_boundary(LONGEST));
    text.truncate(text.trim_end().len());
    text
}

/// The front that is looked at, up to a white space: half a secret would not
/// be found.
fn head(message: &str) -> &str {
    if message.len() <= LOOKED_AT {
        return message;
    }
    let front = message
        .get(..message.floor_char_boundary(LOOKED_AT))
        .unwrap_or_default();
    front
        .rfind(char::is_whitespace)
        .and_then(|end| front.get(..end))
        .unwrap_or_default()
}

fn hide_secrets(text: &str, secrets: &[&str]) -> String {
    let mut secrets: Vec<&str> = secrets
        .iter()
        .copied()
        .filter(|secret| secret.len() >= SHORTEST_SECRET && !HIDDEN.contains(*secret))
        .collect();
    // The longest first: one may begin with another.
    secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.iter().fold(text.to_owned(), |text, secret| {
        if text.contains(secret) {
            text.replace(secret, HIDDEN)
        } else {
            text
        }
    })
}

/// Without terminal sequences, control characters (line ends stay) and
/// characters that are not seen but turn or join what is.
fn without_controls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\u{1b}' if chars.peek() == Some(&'[') => {
                chars.next();
                // Parameters, then one final character (ECMA-48).
                while chars.next_if(|char| matches!(char, ' '..='?')).is_some() {}
                chars.next_if(|char| matches!(char, '@'..='~'));
            }
            '\n' => out.push('\n'),
            '\t' | '\r' | '\u{2028}' | '\u{2029}' => out.push(' '),
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => {}
            char if char.is_control() => {}
            char => out.push(char),
        }
    }
    out
}

/// The lines joined, those of a stack trace left out.
fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !is_stack(line))
    {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(line);
    }
    out
}

fn is_stack(line: &str) -> bool {
    let frame = line.starts_with("at ")
        && (line.ends_with(')') || line.contains(":\\") || {
            let place = line.rsplit(' ').next().unwrap_or_default();
            place.contains('/') && place.contains(':')
        });
    let numbered = line.split_once(": ").is_some_and(|(number, rest)| {
        number.bytes().all(|byte| byte.is_ascii_digit()) && rest.contains("::")
    });
    frame
        || numbered
        || line.starts_with("Traceback (most recent call last)")
        || (line.starts_with("File \"") && line.contains(", line "))
        || (line.starts_with("goroutine ") && line.ends_with(':'))
        || (line.starts_with("thread '") && line.contains("panicked at"))
        || line.starts_with("stack backtrace:")
        || line.bytes().all(|byte| matches!(byte, b'^' | b'~' | b' '))
}

/// One word of a message: a run of the characters that keys and paths have.
struct Word<'a> {
    text: &'a str,
    /// The word before it.
    before: &'a str,
    /// What stands between the two.
    gap: &'a str,
    /// The character behind it.
    next: Option<char>,
}

fn hide_keys(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = "";
    loop {
        let start = rest.find(in_word).unwrap_or(rest.len());
        let (gap, tail) = rest.split_at(start);
        out.push_str(gap);
        if tail.is_empty() {
            return out;
        }
        let (word, tail) = tail.split_at(tail.find(|c| !in_word(c)).unwrap_or(tail.len()));
        let seen = Word {
            text: word,
            before,
            gap,
            next: tail.chars().next(),
        };
        if seen.is_key() {
            out.push_str(HIDDEN);
        } else if seen.is_path() {
            out.push_str("[path]");
        } else {
            out.push_str(word);
        }
        // In `Authorization: Bearer x` the name still counts for the x.
        before = word;
        rest = tail;
    }
}

fn in_word(char: char) -> bool {
    char.is_ascii_alphanumeric()
        || matches!(char, '_' | '-' | '.' | '+' | '/' | '*' | '~' | '%' | '\\')
}

impl Word<'_> {
    fn is_key(&self) -> bool {
        self.has_key_prefix() || self.has_scheme() || self.has_name() || self.is_login() || {
            // No word of a language and no model's name is so long in one
            // piece and has digits as well; the pieces of a UUID are short.
            let piece = |text: &str| text.len() >= 32 && has_digit(text) && has_letter(text);
            self.text
                .split(|c: char| !c.is_ascii_alphanumeric())
                .any(piece)
        }
    }

    fn has_key_prefix(&self) -> bool {
        self.text.split(['/', '\\', '.']).any(|part| {
            let long = part.starts_with("sk-") || part.len() >= 12;
            long && KEY_PREFIXES.iter().any(|prefix| part.starts_with(prefix))
        })
    }

    fn has_scheme(&self) -> bool {
        let scheme = SCHEMES
            .iter()
            .any(|scheme| self.before.eq_ignore_ascii_case(scheme));
        let spaces = !self.gap.is_empty() && self.gap.bytes().all(|byte| byte == b' ');
        scheme && spaces && (self.text.len() >= 16 || self.text.len() >= 6 && has_digit(self.text))
    }

    fn has_name(&self) -> bool {
        let named = KEY_NAMES
            .iter()
            .any(|name| ends_with_ignoring_case(self.before, name));
        let sign = self.gap.bytes().find(|byte| matches!(byte, b'=' | b':'));
        let tight = self.gap.len() <= 5 && self.gap.bytes().all(|byte| b"=: \"'`".contains(&byte));
        let value = self.text.len() >= 20 || self.text.len() >= 8 && has_digit(self.text);
        named && tight && (sign == Some(b'=') || sign == Some(b':') && value)
    }

    /// The password of `//user:password@host`.
    fn is_login(&self) -> bool {
        self.next == Some('@') && self.gap == ":"
    }

    fn is_path(&self) -> bool {
        let drive =
            self.gap.ends_with(':') && self.before.len() == 1 && self.text.starts_with('\\');
        let source = SOURCE_ENDINGS
            .iter()
            .any(|ending| self.text.ends_with(ending));
        drive
            || FILE_ROOTS.iter().any(|root| self.text.starts_with(root))
            || source && self.text.contains(['/', '\\'])
            || self.text.starts_with("~/")
    }
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

fn has_letter(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn ends_with_ignoring_case(text: &str, end: &str) -> bool {
    let start = text.len().checked_sub(end.len());
    start
        .and_then(|at| text.get(at..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests;
