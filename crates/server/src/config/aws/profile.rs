//! The files that all of Amazon's programs share, `credentials` and `config`, as
//! profiles: sections of names and values.
//!
//! Promises: 1. any text at all gives profiles, never a panic; what is no section
//! and no value is passed over, as Amazon's programs do; 2. what `credentials` says
//! of a profile wins over `config`; 3. only plain files are read, and not all of a
//! large one; 4. values are never shown: they are secrets as likely as not.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::super::reading::Reading;
use super::super::source::{Seen, is_odd};

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// The files, by the variable that names another place for each, and its usual
/// place under the home folder.
const FILES: [(&str, &str, Shape); 2] = [
    ("AWS_CONFIG_FILE", ".aws/config", Shape::Config),
    (
        "AWS_SHARED_CREDENTIALS_FILE",
        ".aws/credentials",
        Shape::Credentials,
    ),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Sections but `default` are named `profile x`.
    Config,
    /// Sections are named as they are.
    Credentials,
}

/// What is said of one profile.
#[derive(Default)]
pub(super) struct Profile(BTreeMap<String, String>);

impl Profile {
    /// A value, if there is one.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// Whether one of these is said.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.get(name).is_some())
    }
}

/// All profiles.
#[derive(Default)]
pub(super) struct Profiles {
    named: BTreeMap<String, Profile>,
    /// The files that were looked for.
    pub(super) files: Vec<PathBuf>,
}

impl Profiles {
    /// As the files are now. If a profile is `wanted` they are followed also while
    /// they are not there.
    pub(super) fn read(wanted: bool, cx: &mut Reading<'_>) -> Self {
        let mut all = Self::default();
        for (variable, usual, shape) in FILES {
            let Some(path) = place(variable, usual, cx) else {
                continue;
            };
            if wanted || path.exists() {
                // Before it is used: what changes meanwhile is news afterwards.
                cx.named.push(Seen::now(path.clone()));
            }
            if let Some(text) = text(&path) {
                all.add(&text, shape);
            }
            all.files.push(path);
        }
        all
    }

    pub(super) fn get(&self, name: &str) -> Option<&Profile> {
        self.named.get(name)
    }

    /// The files, for people.
    pub(super) fn places(&self) -> String {
        let files = self.files.iter().map(|file| file.display().to_string());
        files.collect::<Vec<_>>().join(" and ")
    }

    fn add(&mut self, text: &str, shape: Shape) {
        let mut section = None;
        for line in text.lines() {
            if line.trim().is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(rest) = line.strip_prefix('[') {
                let name = rest
                    .split_once(']')
                    .and_then(|(name, _)| named(name, shape));
                section = name.map(|name| self.named.entry(name).or_default());
                continue;
            }
            // What is indented belongs to the value above, which is none of ours.
            let is_own = !line.starts_with([' ', '\t']);
            if let (Some(section), Some((name, value))) =
                (&mut section, line.split_once('=').filter(|_| is_own))
            {
                let value = uncommented(value).trim().to_owned();
                section.0.insert(name.trim().to_ascii_lowercase(), value);
            }
        }
    }
}

/// The profile that a section is about, if it is about one.
fn named(section: &str, shape: Shape) -> Option<String> {
    let section = section.trim();
    let name = match (shape, section.strip_prefix("profile")) {
        (Shape::Config, Some(rest)) if rest.starts_with([' ', '\t']) => rest.trim(),
        (Shape::Config, _) if section == "default" => section,
        (Shape::Config, _) => return None,
        (Shape::Credentials, _) => section,
    };
    let name = name.trim_matches(['"', '\'']);
    (!name.is_empty()).then(|| name.to_owned())
}

/// A value ends where a blank and a comment follow.
fn uncommented(value: &str) -> &str {
    let ends = [" #", " ;", "\t#", "\t;"];
    let end = ends.iter().filter_map(|end| value.find(end)).min();
    end.map_or(value, |end| &value[..end])
}

fn place(variable: &str, usual: &str, cx: &Reading<'_>) -> Option<PathBuf> {
    let home = cx.env.get("HOME").map(PathBuf::from);
    match cx.env.get(variable) {
        Some(written) => Some(match (written.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(written),
        }),
        None => home.map(|home| home.join(usual)),
    }
}

fn text(path: &Path) -> Option<String> {
    // A pipe would be waited for.
    if is_odd(path) {
        return None;
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(LARGEST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn profiles(config: &str, credentials: &str) -> Profiles {
        let mut all = Profiles::default();
        all.add(config, Shape::Config);
        all.add(credentials, Shape::Credentials);
        all
    }

    #[test]
    fn p2_both_files_tell_of_a_profile() {
        let all = profiles(
            "# mine\n[default]\nregion = eu-central-1 # here\n\n[profile dev]\nrole_arn=arn:x\n\
             s3 =\n  region = other\n[ profile \"a b\" ]\nregion = x\n[dev]\nregion = none\n\
             [sso-session s]\nregion = none\nno value\n",
            "[default]\naws_access_key_id = A\nAWS_SECRET_ACCESS_KEY = a#b;c=\nregion = us-east-1\n\
             [dev]\naws_access_key_id = B\n[unended\nregion = none\n",
        );
        let value = |profile, name| all.get(profile).and_then(|one| one.get(name));
        assert_eq!(value("default", "region"), Some("us-east-1"));
        assert_eq!(value("default", "aws_access_key_id"), Some("A"));
        assert_eq!(value("default", "aws_secret_access_key"), Some("a#b;c="));
        assert_eq!(value("dev", "role_arn"), Some("arn:x"));
        assert_eq!(value("dev", "aws_access_key_id"), Some("B"));
        assert_eq!(value("dev", "region"), None);
        assert_eq!(value("dev", "s3"), None);
        assert_eq!(value("a b", "region"), Some("x"));
        assert!(all.get("unended").is_none() && all.get("sso-session s").is_none());
    }

    proptest! {
        #[test]
        fn p1_any_text_gives_profiles(text in "[\\[\\]=# \\t\\n;a-z\"é]{0,80}") {
            profiles(&text, &text);
        }
    }
}
