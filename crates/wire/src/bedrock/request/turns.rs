//! The messages: instructions apart, and the rest in turns.
//!
//! 1. Turns alternate: what one speaker says in several messages is one turn.
//! 2. Texts, pictures and arguments keep their bytes. A document's name gets the
//!    characters that a name may have here, and is one that no other has.
//! 3. An empty text is left out where more is said beside it: it is refused here.
//!
//! Instructions within the talk move to its front, and their place is named.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::chat::{Lacks, Media, Message, Part, Role, ToolCall, ToolResult, Where};

#[derive(Serialize)]
pub(super) struct Turn<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Block<'a> {
    Text(&'a str),
    Image {
        format: &'static str,
        source: Source<'a>,
    },
    Document {
        format: &'static str,
        name: String,
        source: Source<'a>,
    },
    Audio {
        format: &'static str,
        source: Source<'a>,
    },
    ToolUse {
        tool_use_id: &'a str,
        name: &'a str,
        input: &'a RawValue,
    },
    ToolResult {
        tool_use_id: &'a str,
        content: Vec<Block<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<&'static str>,
    },
    ReasoningContent(Reasoned<'a>),
    CachePoint(CachePoint),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Source<'a> {
    Bytes(&'a str),
    S3Location { uri: &'a str },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Reasoned<'a> {
    ReasoningText {
        text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<&'a str>,
    },
    RedactedContent(&'a str),
}

/// The prompt up to here is kept.
#[derive(Serialize)]
pub(super) struct CachePoint {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'static str>,
}

impl CachePoint {
    /// By what Anthropic's `cache_control` says.
    pub(super) fn of(cache: &RawValue) -> Self {
        #[derive(Deserialize)]
        struct Control {
            ttl: Option<String>,
        }
        let control: Option<Control> = serde_json::from_str(cache.get()).ok();
        let ttl = match control.and_then(|control| control.ttl).as_deref() {
            Some("5m") => Some("5m"),
            Some("1h") => Some("1h"),
            _ => None,
        };
        Self {
            r#type: "default",
            ttl,
        }
    }
}

/// The messages of a request.
pub(super) struct Turns<'a> {
    pub(super) system: Vec<Block<'a>>,
    pub(super) turns: Vec<Turn<'a>>,
    /// Names of documents.
    names: HashSet<String>,
}

impl<'a> Turns<'a> {
    pub(super) fn of(messages: &'a [Message], lacks: &mut Lacks) -> Self {
        let mut turns = Self {
            system: Vec::new(),
            turns: Vec::new(),
            names: HashSet::new(),
        };
        for (index, message) in messages.iter().enumerate() {
            turns.message(index, message, lacks);
        }
        for turn in &mut turns.turns {
            let empty = |block: &Block<'_>| matches!(block, Block::Text(""));
            if !turn.content.iter().all(empty) {
                turn.content.retain(|block| !empty(block));
            }
        }
        turns
    }

    fn message(&mut self, index: usize, message: &'a Message, lacks: &mut Lacks) {
        let mut content = Vec::with_capacity(message.parts.len());
        for part in &message.parts {
            content.extend(self.block(part, lacks));
            let cache = cache(part);
            content.extend(cache.map(|cache| Block::CachePoint(CachePoint::of(cache))));
        }
        let role = match message.role {
            Role::System => {
                if !self.turns.is_empty() {
                    lacks.add(format_args!("messages[{index}].role"));
                }
                let says = |block: &Block<'_>| match block {
                    Block::Text(text) => !text.is_empty(),
                    block => matches!(block, Block::CachePoint(_)),
                };
                let text = |block: &Block<'_>| matches!(block, Block::Text(_)) || says(block);
                if !content.iter().all(text) {
                    lacks.add(format_args!("messages[{index}].content"));
                }
                self.system.extend(content.into_iter().filter(says));
                return;
            }
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        match self.turns.last_mut().filter(|turn| turn.role == role) {
            Some(turn) => turn.content.append(&mut content),
            None => self.turns.push(Turn { role, content }),
        }
    }

    /// A part; `None` if it cannot be said.
    fn block(&mut self, part: &'a Part, lacks: &mut Lacks) -> Option<Block<'a>> {
        Some(match part {
            // A refusal's words are kept; that it is one, they tell themselves.
            Part::Text { text, .. } | Part::Refusal(text) => Block::Text(text),
            Part::Image { place, detail, .. } => {
                if detail.as_deref().is_some_and(|detail| detail != "auto") {
                    lacks.add("image_url.detail");
                }
                image(place, lacks)?
            }
            Part::Document { place, name, .. } => self.document(place, name.as_deref(), lacks)?,
            Part::Audio { data, format } => {
                let Some(format) = one_of(AUDIO, format) else {
                    lacks.add("input_audio.format");
                    return None;
                };
                let source = Source::Bytes(data);
                Block::Audio { format, source }
            }
            Part::Call(call) => called(call, lacks)?,
            Part::Result(result) => self.result(result, lacks),
            Part::Thinking { text, signature } => {
                Block::ReasoningContent(Reasoned::ReasoningText {
                    text,
                    signature: signature.as_deref(),
                })
            }
            Part::Redacted(data) => Block::ReasoningContent(Reasoned::RedactedContent(data)),
        })
    }

    fn document(
        &mut self,
        place: &'a Where,
        name: Option<&str>,
        lacks: &mut Lacks,
    ) -> Option<Block<'a>> {
        let (format, source) = match place {
            Where::Data(Media { kind, data }) => (document_format(kind), Source::Bytes(data)),
            Where::Url(uri) => (
                one_of(DOCUMENTS, extension(uri)),
                s3(uri, "file.url", lacks)?,
            ),
            Where::File(_) => {
                lacks.add("file.file_id");
                return None;
            }
        };
        let Some(format) = format else {
            lacks.add("file.file_data");
            return None;
        };
        let name = self.name(name.unwrap_or_default(), format);
        Some(Block::Document {
            format,
            name,
            source,
        })
    }

    /// A name as it may be: without its format, of letters, digits, single
    /// spaces, hyphens and brackets, and of no other document.
    fn name(&mut self, given: &str, format: &str) -> String {
        let stem = given.strip_suffix(format);
        let stem = stem.and_then(|stem| stem.strip_suffix('.'));
        let mut name = String::new();
        for char in stem.unwrap_or(given).chars().take(180) {
            match char {
                ' ' if name.is_empty() || name.ends_with(' ') => {}
                ' ' | '-' | '(' | ')' | '[' | ']' => name.push(char),
                _ if char.is_ascii_alphanumeric() => name.push(char),
                _ => name.push('-'),
            }
        }
        let place = self.names.len() + 1;
        if name.is_empty() {
            name = format!("document-{place}");
        }
        if self.names.contains(&name) {
            name = format!("{name}-{place}");
        }
        self.names.insert(name.clone());
        name
    }

    fn result(&mut self, result: &'a ToolResult, lacks: &mut Lacks) -> Block<'a> {
        let mut content = Vec::with_capacity(result.parts.len());
        for part in &result.parts {
            // Within a result nothing can be kept.
            lacks.given(cache(part), "cache_control");
            match self.block(part, lacks) {
                Some(Block::Text("")) | None => {}
                Some(block) => content.push(block),
            }
        }
        Block::ToolResult {
            tool_use_id: &result.id,
            content,
            status: result.failed.then_some("error"),
        }
    }
}

fn called<'a>(call: &'a ToolCall, lacks: &mut Lacks) -> Option<Block<'a>> {
    let Some(input) = call.object() else {
        lacks.add("tool_calls.function.arguments");
        return None;
    };
    Some(Block::ToolUse {
        tool_use_id: &call.id,
        name: &call.name,
        input,
    })
}

fn image<'a>(place: &'a Where, lacks: &mut Lacks) -> Option<Block<'a>> {
    let (format, source) = match place {
        Where::Data(Media { kind, data }) => {
            let format = kind.strip_prefix("image/").unwrap_or_default();
            (one_of(IMAGES, format), Source::Bytes(data))
        }
        Where::Url(uri) => {
            let format = match extension(uri) {
                "jpg" => Some("jpeg"),
                other => one_of(IMAGES, other),
            };
            (format, s3(uri, "image_url.url", lacks)?)
        }
        Where::File(_) => {
            lacks.add("file.file_id");
            return None;
        }
    };
    let Some(format) = format else {
        lacks.add("image_url.url");
        return None;
    };
    Some(Block::Image { format, source })
}

/// Bedrock fetches from S3 and from nowhere else.
fn s3<'a>(uri: &'a str, field: &str, lacks: &mut Lacks) -> Option<Source<'a>> {
    if uri.starts_with("s3://") {
        return Some(Source::S3Location { uri });
    }
    lacks.add(field);
    None
}

const IMAGES: &[&str] = &["png", "jpeg", "gif", "webp"];

const DOCUMENTS: &[&str] = &[
    "pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md",
];

const AUDIO: &[&str] = &[
    "mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "m4a", "mpeg", "mpga", "pcm",
    "webm",
];

fn one_of(names: &[&'static str], name: &str) -> Option<&'static str> {
    names.iter().find(|known| **known == name).copied()
}

/// What stands behind the last dot.
fn extension(uri: &str) -> &str {
    uri.rsplit_once('.').map_or("", |(_, extension)| extension)
}

fn document_format(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "application/pdf" => "pdf",
        "text/csv" => "csv",
        "application/msword" => "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        "text/html" => "html",
        "text/plain" => "txt",
        "text/markdown" => "md",
        _ => return None,
    })
}

/// What was said of keeping the prompt up to this part.
fn cache(part: &Part) -> Option<&RawValue> {
    match part {
        Part::Text { cache, .. } | Part::Image { cache, .. } | Part::Document { cache, .. } => {
            cache.as_deref()
        }
        Part::Result(result) => result.cache.as_deref(),
        _ => None,
    }
}
