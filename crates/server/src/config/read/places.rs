//! Readers of what stands elsewhere: a URL, and a file that must be there.
//!
//! Promise: a file is remembered as it was before anybody used it, also one that
//! is missing, so that a reload hears when it comes.

use std::path::PathBuf;

use super::super::base_url::{self, BaseUrl};
use super::super::form::{Form, Text};
use super::super::reading::Reading;
use super::super::source::Seen;
use super::super::table::{Node, Reader, Shown};

/// The base of an upstream's API.
pub(in crate::config) struct Url;

impl Reader<BaseUrl> for Url {
    fn form(&self) -> Form {
        Form::Text(Text {
            expected: "a URL such as \"https://api.openai.com/v1\"",
            pattern: r"^\s*[Hh][Tt][Tt][Pp][Ss]?://[^@?#\s]+\s*$",
            examples: &["https://api.openai.com/v1", "http://127.0.0.1:9100/v1"],
            is_wide: true,
        })
    }

    fn show(&self, value: &BaseUrl) -> Shown {
        match value.host.is_empty() {
            true => Shown::Unset,
            false => Shown::Text(value.to_string()),
        }
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<BaseUrl> {
        let expected = Reader::<BaseUrl>::form(self).expected();
        let Some(text) = node.get_ref().as_str() else {
            cx.wrong_type(node, &expected);
            return None;
        };
        if !base_url::may_hold_secret(text) {
            cx.plain(node);
        }
        match BaseUrl::parse(text.trim()) {
            Ok(url) => Some(url),
            Err(why) => {
                cx.error(node.span(), why).expected(expected);
                None
            }
        }
    }
}

/// A file that must be there; a relative path starts at the configuration's folder.
pub(in crate::config) struct ExistingFile {
    pub(in crate::config) examples: &'static [&'static str],
}

impl Reader<Option<PathBuf>> for ExistingFile {
    fn form(&self) -> Form {
        Form::Text(Text {
            expected: "the path of a file",
            pattern: "^[^\\u0000]+$",
            examples: self.examples,
            is_wide: true,
        })
    }

    fn show(&self, value: &Option<PathBuf>) -> Shown {
        // Whole, so that it is found from wherever it is read again.
        let whole = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let path = value.as_ref().map(whole);
        path.map_or(Shown::Unset, |path| {
            Shown::Text(path.to_string_lossy().into_owned())
        })
    }

    fn read(&self, node: &Node<'_>, cx: &mut Reading<'_>) -> Option<Option<PathBuf>> {
        cx.plain(node);
        let Some(text) = node.get_ref().as_str() else {
            cx.unfit(node, "the path of a file");
            return None;
        };
        let path = cx.folder.join(text);
        // Before anybody uses it: what changes meanwhile is news afterwards.
        cx.named.push(Seen::now(path.clone()));
        // Looked at before it is opened: a pipe would be waited for.
        let plain = path.metadata().and_then(|found| match found.is_file() {
            true => std::fs::File::open(&path).map(|_| true),
            false => Ok(false),
        });
        match plain {
            Ok(true) => Some(Some(path)),
            Ok(false) => {
                cx.error(node.span(), "is not a file")
                    .expected("the path of a file");
                None
            }
            Err(error) => {
                let expected = "the path of a file that can be read";
                cx.error(node.span(), "cannot be read")
                    .found(error.to_string())
                    .expected(expected);
                None
            }
        }
    }
}
