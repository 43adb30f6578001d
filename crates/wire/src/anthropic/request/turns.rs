//! The messages of a request for an upstream.
//!
//! Messages of one role that follow each other become one: the API wants the
//! results of parallel calls in one message. Texts without a character are
//! left out, since it refuses them and they say nothing.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;

use super::super::block::{Block, Source};
use super::Ways;
use crate::chat::{Lacks, Message, Part, Role, ToolResult, Where};

/// One message, as it is written.
#[derive(Debug, Serialize)]
pub(super) struct Turn<'a> {
    role: &'static str,
    content: Content<'a>,
}

/// Text, or blocks.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Content<'a> {
    Text(&'a str),
    Blocks(Vec<Block<'a>>),
}

impl<'a> Content<'a> {
    fn of(mut blocks: Vec<Block<'a>>) -> Self {
        if let [
            Block::Text {
                text,
                cache_control: None,
            },
        ] = blocks.as_mut_slice()
        {
            return Self::Text(text);
        }
        Self::Blocks(blocks)
    }
}

/// Messages and what stands before them.
#[derive(Debug, Default)]
pub(super) struct Turns<'a> {
    system: Vec<Block<'a>>,
    turns: Vec<(Role, Vec<Block<'a>>)>,
}

impl<'a> Turns<'a> {
    /// Sorts out `messages`. Instructions behind the first message go to those
    /// in front, and that is told as lacking, unless the model takes them there.
    pub(super) fn of(messages: &'a [Message], ways: &Ways, lacks: &mut Lacks) -> Self {
        let mut turns = Self::default();
        for (index, message) in messages.iter().enumerate() {
            let mut blocks = Vec::with_capacity(message.parts.len());
            for part in &message.parts {
                blocks.extend(block(part, message.role, index, lacks));
            }
            if blocks.is_empty() {
                continue;
            }
            let front = message.role == Role::System && turns.turns.is_empty();
            if front || message.role == Role::System && !ways.system_within {
                if !front {
                    lacks.add(format_args!("messages[{index}].role"));
                }
                turns.system.append(&mut blocks);
                continue;
            }
            match turns.turns.last_mut() {
                Some((role, last)) if *role == message.role => last.append(&mut blocks),
                _ => turns.turns.push((message.role, blocks)),
            }
        }
        turns
    }

    pub(super) fn finish(self) -> (Option<Content<'a>>, Vec<Turn<'a>>) {
        let system = Some(self.system).filter(|blocks| !blocks.is_empty());
        let turns = self.turns.into_iter().map(|(role, blocks)| Turn {
            role: match role {
                Role::System => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
            },
            content: Content::of(blocks),
        });
        (system.map(Content::of), turns.collect())
    }
}

/// A part as a block; `None` if it says nothing or cannot be told.
fn block<'a>(part: &'a Part, role: Role, message: usize, lacks: &mut Lacks) -> Option<Block<'a>> {
    match (part, role) {
        (Part::Text { text, cache }, _) => (!text.is_empty()).then(|| Block::Text {
            text,
            cache_control: cache.as_deref(),
        }),
        // What the model refused with is what it said.
        (Part::Refusal(text), Role::Assistant) => (!text.is_empty()).then(|| Block::text(text)),
        (Part::Call(call), Role::Assistant) => Some(Block::call(id(&call.id), call)),
        (
            Part::Thinking {
                text,
                signature: Some(signature),
            },
            Role::Assistant,
        ) if !signature.contains(':') => Some(Block::Thinking {
            thinking: text,
            signature,
        }),
        (Part::Thinking { .. }, _) => {
            lacks.add(format_args!("messages[{message}].reasoning_content"));
            None
        }
        (Part::Redacted(data), Role::Assistant) => Some(Block::RedactedThinking { data }),
        (Part::Result(result), Role::User) => Some(answered(result, message, lacks)),
        (Part::Image { .. } | Part::Document { .. }, Role::User) => media(part, lacks),
        (Part::Audio { .. }, _) => {
            lacks.add("input_audio");
            None
        }
        _ => {
            lacks.add(format_args!("messages[{message}].content"));
            None
        }
    }
}

/// The result of a call.
fn answered<'a>(result: &'a ToolResult, message: usize, lacks: &mut Lacks) -> Block<'a> {
    let mut content = Vec::with_capacity(result.parts.len());
    for part in &result.parts {
        match part {
            Part::Text { .. } | Part::Image { .. } | Part::Document { .. } | Part::Audio { .. } => {
                content.extend(block(part, Role::User, message, lacks));
            }
            _ => lacks.add(format_args!("messages[{message}].content")),
        }
    }
    Block::ToolResult {
        tool_use_id: id(&result.id),
        content,
        is_error: result.failed,
        cache_control: result.cache.as_deref(),
    }
}

/// A picture or a document.
fn media<'a>(part: &'a Part, lacks: &mut Lacks) -> Option<Block<'a>> {
    match part {
        Part::Image {
            place,
            detail,
            cache,
        } => {
            if detail.as_deref().is_some_and(|detail| detail != "auto") {
                lacks.add("image_url.detail");
            }
            let source = match place {
                Where::Data(media) => Source::Base64 {
                    media_type: &media.kind,
                    data: &media.data,
                },
                Where::Url(url) => Source::Url { url },
                Where::File(file_id) => Source::File { file_id },
            };
            let cache_control = cache.as_deref();
            Some(Block::Image {
                source,
                cache_control,
            })
        }
        Part::Document { place, name, cache } => {
            let source = document(place);
            if source.is_none() {
                lacks.add("file.file_data");
            }
            Some(Block::Document {
                source: source?,
                title: name.as_deref(),
                cache_control: cache.as_deref().map(|raw: &RawValue| raw),
            })
        }
        _ => None,
    }
}

/// A document's bytes: PDF, or text in any of its kinds. Nothing else is taken.
fn document(place: &Where) -> Option<Source<'_>> {
    match place {
        Where::Url(url) => Some(Source::Url { url }),
        Where::File(file_id) => Some(Source::File { file_id }),
        Where::Data(media) if media.kind == "application/pdf" => Some(Source::Base64 {
            media_type: &media.kind,
            data: &media.data,
        }),
        Where::Data(media) if media.kind.starts_with("text/") => {
            let bytes = STANDARD.decode(&media.data).ok()?;
            Some(Source::Text {
                media_type: "text/plain",
                data: String::from_utf8(bytes).ok()?,
            })
        }
        Where::Data(_) => None,
    }
}

/// A call's id as the API takes it: letters, digits, `_` and `-`. Other bytes
/// are told by their two digits, the same each time, so that call and result
/// still meet.
fn id(id: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !id.is_empty() && id.bytes().all(plain) {
        return Cow::Borrowed(id);
    }
    let mut out = String::with_capacity(id.len() + 8);
    for byte in id.bytes() {
        match plain(byte) {
            true => out.push(char::from(byte)),
            // Writing to a string does not fail.
            false => write!(out, "_{byte:02x}").unwrap_or_default(),
        }
    }
    if out.is_empty() {
        out.push('_');
    }
    Cow::Owned(out)
}
