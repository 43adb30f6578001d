//! Edits of a request body that leave every other byte where it was.
//!
//! 1. Only the model's value and `include_usage` are ever touched; key order
//!    and white space stay (providers' prompt caches depend on them).
//! 2. No edit, no copy: the same `Bytes` come back.
//!
//! Where to cut was found by [`scan`](super::scan) in its one pass.

use std::ops::Range;

use bytes::Bytes;

use crate::json::write_string;

/// What to change in a body.
#[derive(Debug, Clone, Copy, Default)]
pub struct Edits<'a> {
    /// The name that the upstream knows the model by.
    pub model: Option<&'a str>,
    /// Ask the upstream for the usage of a stream.
    pub ask_usage: bool,
}

/// Where a body can be cut. Offsets into the body that was scanned, which
/// outlive the borrow of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seams {
    /// The model's value with its quotes.
    pub(super) model: Range<usize>,
    pub(super) usage: UsageSeam,
}

impl Seams {
    /// Of a dialect whose streams always tell the usage.
    pub(crate) fn of_model(model: Range<usize>) -> Self {
        Self {
            model,
            usage: UsageSeam::Asks,
        }
    }
}

/// How a body can be made to ask for usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum UsageSeam {
    /// It asks already.
    Asks,
    /// It has no `stream_options`; a member can be added here.
    Absent { at: usize },
    /// Its `stream_options` is null, here.
    Null(Range<usize>),
    /// Its `stream_options` has its first member, or its end, here.
    Inside { at: usize, empty: bool },
    /// It says `include_usage` with this value, which is not true.
    Says(Range<usize>),
}

impl UsageSeam {
    /// The bytes to replace, and with what.
    fn edit(&self) -> Option<(Range<usize>, &'static [u8])> {
        Some(match self {
            Self::Asks => return None,
            Self::Absent { at } => (*at..*at, b",\"stream_options\":{\"include_usage\":true}"),
            Self::Null(value) => (value.clone(), b"{\"include_usage\":true}"),
            Self::Inside { at, empty: true } => (*at..*at, b"\"include_usage\":true"),
            Self::Inside { at, empty: false } => (*at..*at, b"\"include_usage\":true,"),
            Self::Says(value) => (value.clone(), b"true"),
        })
    }
}

impl Seams {
    /// `body`, which must be the one that was scanned, with `edits` made.
    pub fn splice(&self, body: &Bytes, edits: Edits<'_>) -> Bytes {
        let mut name = Vec::new();
        if let Some(model) = edits.model {
            write_string(&mut name, model);
        }
        let model = Some((self.model.clone(), name.as_slice()))
            .filter(|(range, name)| !name.is_empty() && body.get(range.clone()) != Some(*name));
        let usage = if edits.ask_usage {
            self.usage.edit()
        } else {
            None
        };
        let mut cuts = [model, usage];
        cuts.sort_by_key(|cut| cut.as_ref().map(|(range, _)| range.start));

        let added: usize = cuts.iter().flatten().map(|(_, new)| new.len()).sum();
        if added == 0 {
            return body.clone();
        }
        let mut out = Vec::with_capacity(body.len() + added);
        let mut done = 0;
        for (range, new) in cuts.into_iter().flatten() {
            out.extend_from_slice(body.get(done..range.start).unwrap_or_default());
            out.extend_from_slice(new);
            done = range.end;
        }
        out.extend_from_slice(body.get(done..).unwrap_or_default());
        Bytes::from(out)
    }
}
