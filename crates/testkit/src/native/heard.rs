//! What was asked, in words that belong to no dialect, and reading of JSON as a
//! strict service does it: a field that it does not know is a 400.
//!
//! [`Heard::digest`] is what an upstream answers by default: all that it heard,
//! so that a caller sees what of its request arrived.

use serde_json::{Map, Value};

/// A whole request.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) model: String,
    pub(crate) stream: bool,
    pub(crate) said: Vec<Said>,
    pub(crate) tools: Vec<Tool>,
    pub(crate) choose: Choose,
    /// Several calls at once are welcome.
    pub(crate) parallel: bool,
    /// JSON Schema of the answer.
    pub(crate) form: Option<Value>,
    /// Words at the most.
    pub(crate) most: Option<usize>,
    /// It shall think first, and tell.
    pub(crate) thinks: bool,
    /// The tokens of a stream are to be told, where one has to ask for that.
    pub(crate) usage: bool,
}

/// One thing that was said.
#[derive(Debug)]
pub(crate) enum Said {
    Text {
        role: &'static str,
        text: String,
    },
    Image {
        kind: String,
        bytes: Vec<u8>,
    },
    /// What was thought, come back from its caller.
    Thought {
        text: String,
    },
    Call {
        id: String,
        name: String,
        arguments: Value,
    },
    Result {
        id: String,
        name: String,
        text: String,
    },
}

#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) name: String,
    pub(crate) schema: Value,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Choose {
    #[default]
    Auto,
    Never,
    Any,
    Named(String),
}

impl Heard {
    /// What was said, in a line.
    pub(crate) fn digest(&self) -> String {
        let lines: Vec<String> = self.said.iter().map(Said::line).collect();
        lines.join(" | ")
    }

    /// A result tells its tool's name where the dialect itself tells only an id.
    /// What was called must have its result before anything else is said, as
    /// every one of these services wants it.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        let mut open: Vec<(String, String)> = Vec::new();
        let mut answering = false;
        for said in &mut self.said {
            match said {
                Said::Call { id, name, .. } => {
                    if answering && !open.is_empty() {
                        return Err(format!("no result for the call {:?}", open[0].0));
                    }
                    answering = false;
                    open.push((id.clone(), name.clone()));
                }
                Said::Result { id, name, .. } => {
                    answering = true;
                    let place = open.iter().position(|(other, _)| other == id);
                    let (_, called) = match place {
                        Some(place) => open.remove(place),
                        None => return Err(format!("a result for {id:?}, which was not called")),
                    };
                    if name.is_empty() {
                        *name = called;
                    } else if *name != called {
                        return Err(format!("a result of {name:?} for a call of {called:?}"));
                    }
                }
                Said::Text { role: "user", .. } | Said::Image { .. } => {
                    if let Some((id, _)) = open.first() {
                        return Err(format!("no result for the call {id:?}"));
                    }
                }
                Said::Text { .. } | Said::Thought { .. } => {}
            }
        }
        match open.first() {
            Some((id, _)) => Err(format!("no result for the call {id:?}")),
            None => Ok(()),
        }
    }

    /// The last words of the user.
    pub(crate) fn asked(&self) -> &str {
        let texts = self.said.iter().rev().filter_map(|said| match said {
            Said::Text { role: "user", text } => Some(text.as_str()),
            _ => None,
        });
        texts.into_iter().next().unwrap_or_default()
    }
}

impl Said {
    fn line(&self) -> String {
        match self {
            Self::Text { role, text } => format!("{role}: {text}"),
            Self::Image { kind, bytes } => {
                let sum = crc32fast::hash(bytes);
                format!("image: {kind} {} {sum:08x}", bytes.len())
            }
            Self::Thought { text } => format!("thought: {text}"),
            Self::Call {
                name, arguments, ..
            } => format!("call: {name} {arguments}"),
            Self::Result { name, text, .. } => format!("result: {name} {text}"),
        }
    }
}

/// The kind of an image, by its first bytes.
pub(crate) fn kind_of(bytes: &[u8]) -> Result<&'static str, String> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Ok("image/png"),
        [0xff, 0xd8, 0xff, ..] => Ok("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Ok("image/gif"),
        _ => Err("could not process the image".to_owned()),
    }
}

/// An image in base64, of which is told what it is.
pub(crate) fn image(kind: &str, data: &str) -> Result<Said, String> {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let bytes = BASE64_STANDARD
        .decode(data)
        .map_err(|_| "the image is no base64".to_owned())?;
    match kind_of(&bytes)? {
        seen if kind.is_empty() || seen == kind => Ok(Said::Image {
            kind: seen.to_owned(),
            bytes,
        }),
        seen => Err(format!("the image is {seen}, not {kind}")),
    }
}

/// An object with no other fields than these.
pub(crate) fn object<'a>(
    value: &'a Value,
    at: &str,
    known: &[&str],
) -> Result<&'a Map<String, Value>, String> {
    let object = value
        .as_object()
        .ok_or_else(|| format!("{at}: should be an object"))?;
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(other) => Err(format!("{at}.{other}: extra inputs are not permitted")),
        None => Ok(object),
    }
}

/// A text that must be there.
pub(crate) fn text(value: &Value, at: &str, name: &str) -> Result<String, String> {
    let text = value.get(name).and_then(Value::as_str);
    text.map(str::to_owned)
        .ok_or_else(|| format!("{at}.{name}: field required"))
}

/// A list; an empty one where there is none.
pub(crate) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    let list = value.get(name).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// A text at a place, which may be missing.
pub(crate) fn at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A number of words at a place.
pub(crate) fn count(value: &Value, pointer: &str) -> Option<usize> {
    let number = value.pointer(pointer)?.as_u64()?;
    usize::try_from(number).ok()
}

/// Arguments that are given as text.
pub(crate) fn arguments(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        _ => Err(format!("arguments that are no object: {text:?}")),
    }
}
