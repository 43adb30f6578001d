//! Reads a caller's messages.
//!
//! 1. Results of calls that stand together are one message, as those dialects want
//!    it that answer a turn's calls in one; each gets the name its call had.
//! 2. A kind of part that is not known is named, not lost.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::at::At;
use super::extras::Extras;
use crate::chat::{Media, Message, Part, Role, ToolCall, ToolResult, Where};
use crate::json::{Kind, Scanner};
use crate::openai::Refused;

/// Reads the list at `at`.
pub(super) fn read(
    at: &At<'_>,
    scan: &mut Scanner<'_>,
    extras: &mut Extras,
) -> Result<Vec<Message>, Refused> {
    let mut messages: Vec<Message> = Vec::new();
    // Names of the calls so far, by their ids.
    let mut names: HashMap<String, String> = HashMap::new();
    // The last message holds results and nothing else.
    let mut open = false;
    at.list(scan, |at, scan| {
        let Some(said) = Said::read(at, scan, extras)? else {
            return Ok(());
        };
        let results = said.results;
        let mut message = said.message;
        for part in &mut message.parts {
            match part {
                Part::Call(call) => drop(names.insert(call.id.clone(), call.name.clone())),
                Part::Result(result) => result.name = names.get(&result.id).cloned(),
                _ => {}
            }
        }
        match messages.last_mut() {
            Some(last) if open && results => last.parts.append(&mut message.parts),
            _ => messages.push(message),
        }
        open = results;
        Ok(())
    })?;
    Ok(messages)
}

/// One message, and whether it is the result of a call.
struct Said {
    message: Message,
    results: bool,
}

/// The fields of a message, in whatever order they stand.
#[derive(Default)]
struct Fields<'a> {
    role: Option<Cow<'a, str>>,
    content: Vec<Part>,
    refusal: Option<String>,
    thinking: Option<String>,
    calls: Vec<Part>,
    id: Option<String>,
}

impl Said {
    /// `None` if it has no place in the neutral form, which is noted.
    fn read(
        at: &At<'_>,
        scan: &mut Scanner<'_>,
        extras: &mut Extras,
    ) -> Result<Option<Self>, Refused> {
        let mut fields = Fields::default();
        let given = at.object(scan, |at, name, scan| {
            match name {
                "role" => fields.role = at.text(scan)?,
                "content" => fields.content = content(at, scan, extras)?,
                "refusal" => fields.refusal = at.owned(scan)?,
                "reasoning_content" => {
                    fields.thinking = at.owned(scan)?.or(fields.thinking.take());
                }
                "reasoning" => fields.thinking = fields.thinking.take().or(at.owned(scan)?),
                "tool_calls" => fields.calls = calls(at, scan, extras)?,
                "tool_call_id" => fields.id = at.owned(scan)?,
                _ => extras.read(at, name, scan)?,
            }
            Ok(())
        })?;
        if !given {
            return Err(at.must("an object"));
        }
        fields.finish(at, extras)
    }
}

impl Fields<'_> {
    fn finish(mut self, at: &At<'_>, extras: &mut Extras) -> Result<Option<Said>, Refused> {
        let place = At::In(at, "role");
        let role = match self.role.as_deref() {
            Some("system" | "developer") => Role::System,
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some("tool") => {
                let id = At::In(at, "tool_call_id");
                let result = ToolResult {
                    id: self.id.take().ok_or_else(|| id.missing())?,
                    name: None,
                    parts: std::mem::take(&mut self.content),
                    failed: false,
                    cache: None,
                };
                return Ok(Some(Said {
                    message: Message {
                        role: Role::User,
                        parts: vec![Part::Result(result)],
                    },
                    results: true,
                }));
            }
            // The older form, whose answers no dialect has but this one.
            Some("function") => {
                extras.add(&place);
                return Ok(None);
            }
            Some(_) => {
                return Err(
                    place.must("`developer`, `system`, `user`, `assistant`, `tool` or `function`")
                );
            }
            None => return Err(place.missing()),
        };
        let mut parts = Vec::new();
        if role == Role::Assistant {
            let thinking = self.thinking.filter(|text| !text.is_empty());
            parts.extend(thinking.map(|text| Part::Thinking {
                text,
                signature: None,
            }));
        }
        parts.append(&mut self.content);
        if role == Role::Assistant {
            let refusal = self.refusal.filter(|text| !text.is_empty());
            parts.extend(refusal.map(Part::Refusal));
            parts.append(&mut self.calls);
        }
        Ok(Some(Said {
            message: Message { role, parts },
            results: false,
        }))
    }
}

/// Reads what a message says: text, or a list of parts.
fn content(at: &At<'_>, scan: &mut Scanner<'_>, extras: &mut Extras) -> Result<Vec<Part>, Refused> {
    let mut parts = Vec::new();
    if scan.kind()? == Kind::String {
        let text = scan.string()?.decode().into_owned();
        // An assistant that only calls says nothing.
        if !text.is_empty() {
            parts.push(Part::Text { text, cache: None });
        }
        return Ok(parts);
    }
    at.list(scan, |at, scan| {
        parts.extend(part(at, scan, extras)?);
        Ok(())
    })?;
    Ok(parts)
}

/// The fields of a part, in whatever order they stand.
#[derive(Default)]
struct Piece<'a> {
    kind: Option<Cow<'a, str>>,
    text: Option<String>,
    refusal: Option<String>,
    image: Option<Part>,
    audio: Option<Part>,
    file: Option<Part>,
    cache: Option<Box<RawValue>>,
}

fn part(at: &At<'_>, scan: &mut Scanner<'_>, extras: &mut Extras) -> Result<Option<Part>, Refused> {
    let mut piece = Piece::default();
    let given = at.object(scan, |at, name, scan| {
        match name {
            "type" => piece.kind = at.text(scan)?,
            "text" => piece.text = at.owned(scan)?,
            "refusal" => piece.refusal = at.owned(scan)?,
            "image_url" => piece.image = image(at, scan, extras)?,
            "input_audio" => piece.audio = audio(at, scan, extras)?,
            "file" => piece.file = file(at, scan, extras)?,
            "cache_control" => piece.cache = at.raw(scan)?,
            // What another kind of part is made of is named as a whole.
            _ => scan.skip()?,
        }
        Ok(())
    })?;
    if !given {
        return Err(at.must("an object"));
    }
    let lost = |name: &str| At::In(at, name).missing();
    let mut part = match piece.kind.as_deref() {
        Some("text") => Part::Text {
            text: piece.text.ok_or_else(|| lost("text"))?,
            cache: None,
        },
        Some("refusal") => Part::Refusal(piece.refusal.ok_or_else(|| lost("refusal"))?),
        Some("image_url") => piece.image.ok_or_else(|| lost("image_url"))?,
        Some("input_audio") => piece.audio.ok_or_else(|| lost("input_audio"))?,
        Some("file") => piece.file.ok_or_else(|| lost("file"))?,
        Some(_) => {
            extras.add(at);
            return Ok(None);
        }
        None => return Err(lost("type")),
    };
    if let Part::Text { cache, .. } | Part::Image { cache, .. } | Part::Document { cache, .. } =
        &mut part
    {
        *cache = piece.cache;
    }
    Ok(Some(part))
}

fn image(
    at: &At<'_>,
    scan: &mut Scanner<'_>,
    extras: &mut Extras,
) -> Result<Option<Part>, Refused> {
    let (mut url, mut detail) = (None, None);
    if scan.kind()? == Kind::String {
        // Some clients leave the object out.
        url = at.text(scan)?;
    } else {
        let given = at.object(scan, |at, name, scan| {
            match name {
                "url" => url = at.text(scan)?,
                // The default.
                "detail" => detail = at.owned(scan)?.filter(|detail| detail != "auto"),
                _ => extras.read(at, name, scan)?,
            }
            Ok(())
        })?;
        if !given {
            return Ok(None);
        }
    }
    let url = url.ok_or_else(|| At::In(at, "url").missing())?;
    Ok(Some(Part::Image {
        place: place(url),
        detail,
        cache: None,
    }))
}

fn audio(
    at: &At<'_>,
    scan: &mut Scanner<'_>,
    extras: &mut Extras,
) -> Result<Option<Part>, Refused> {
    let (mut data, mut format) = (None, None);
    let given = at.object(scan, |at, name, scan| {
        match name {
            "data" => data = at.owned(scan)?,
            "format" => format = at.owned(scan)?,
            _ => extras.read(at, name, scan)?,
        }
        Ok(())
    })?;
    if !given {
        return Ok(None);
    }
    Ok(Some(Part::Audio {
        data: data.ok_or_else(|| At::In(at, "data").missing())?,
        format: format.ok_or_else(|| At::In(at, "format").missing())?,
    }))
}

fn file(at: &At<'_>, scan: &mut Scanner<'_>, extras: &mut Extras) -> Result<Option<Part>, Refused> {
    let (mut data, mut id, mut title) = (None, None, None);
    let given = at.object(scan, |at, name, scan| {
        match name {
            "file_data" => data = at.text(scan)?,
            "file_id" => id = at.owned(scan)?,
            "filename" => title = at.owned(scan)?,
            _ => extras.read(at, name, scan)?,
        }
        Ok(())
    })?;
    if !given {
        return Ok(None);
    }
    let place = match (data, id) {
        (Some(data), _) if data.contains(':') => place(data),
        // Bare base64, of what the API takes by this way.
        (Some(data), _) => Where::Data(Media {
            kind: "application/pdf".to_owned(),
            data: data.into_owned(),
        }),
        (None, Some(id)) => Where::File(id),
        (None, None) => return Err(At::In(at, "file_data").missing()),
    };
    Ok(Some(Part::Document {
        place,
        name: title,
        cache: None,
    }))
}

/// Where the bytes behind `url` are: in it, if it is a data URL in base64 without
/// further parameters.
fn place(url: Cow<'_, str>) -> Where {
    let media = url
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(','))
        .and_then(|(head, data)| Some((head.strip_suffix(";base64")?, data)))
        .filter(|(kind, _)| !kind.is_empty() && !kind.contains(';'));
    match media {
        Some((kind, data)) => Where::Data(Media {
            kind: kind.to_owned(),
            data: data.to_owned(),
        }),
        None => Where::Url(url.into_owned()),
    }
}

fn calls(at: &At<'_>, scan: &mut Scanner<'_>, extras: &mut Extras) -> Result<Vec<Part>, Refused> {
    let mut calls = Vec::new();
    at.list(scan, |at, scan| {
        calls.extend(call(at, scan, extras)?.map(Part::Call));
        Ok(())
    })?;
    Ok(calls)
}

fn call(
    at: &At<'_>,
    scan: &mut Scanner<'_>,
    extras: &mut Extras,
) -> Result<Option<ToolCall>, Refused> {
    let (mut id, mut title, mut arguments, mut other) = (None, None, String::new(), false);
    at.object(scan, |at, name, scan| {
        match name {
            "id" => id = at.owned(scan)?,
            "type" => other = at.text(scan)?.is_some_and(|kind| kind != "function"),
            "function" => {
                at.object(scan, |at, name, scan| {
                    match name {
                        "name" => title = at.owned(scan)?,
                        // Some clients send them as an object.
                        "arguments" if scan.kind()? == Kind::Object => {
                            scan.span()?.clone_into(&mut arguments);
                        }
                        "arguments" => arguments = at.owned(scan)?.unwrap_or_default(),
                        _ => extras.read(at, name, scan)?,
                    }
                    Ok(())
                })?;
            }
            // What another kind of call is made of is named as a whole; `index` is a
            // place in a stream that a client gave back with the rest.
            _ => scan.skip()?,
        }
        Ok(())
    })?;
    if other {
        extras.add(at);
        return Ok(None);
    }
    Ok(Some(ToolCall {
        id: id.ok_or_else(|| At::In(at, "id").missing())?,
        name: title.ok_or_else(|| At::In(at, "function.name").missing())?,
        arguments,
    }))
}
