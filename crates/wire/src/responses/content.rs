//! The parts of a message or of a call's result.
//!
//! A part of another kind is named in `others` as a whole. Likelihoods of an
//! earlier answer say nothing to the model, and are passed over.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::fields::{Fields, must, text};
use crate::chat::{Media, Part, Where};
use crate::openai::Refused;

/// A part of plain text.
pub(super) fn plain(text: Cow<'_, str>) -> Part {
    Part::Text {
        text: text.into_owned(),
        cache: None,
    }
}

/// Reads a member that is a text or an array of parts; `None` if it is not there.
pub(super) fn read(
    fields: &mut Fields<'_>,
    name: &str,
    others: &mut Vec<String>,
) -> Result<Option<Vec<Part>>, Refused> {
    let Some(value) = fields.take(name) else {
        return Ok(None);
    };
    if let Some(text) = text(value) {
        return Ok(Some(vec![plain(text)]));
    }
    let path = fields.path(name);
    let list: Vec<&RawValue> =
        serde_json::from_str(value.get()).map_err(|_| must(&path, "a string or an array"))?;
    let mut parts = Vec::with_capacity(list.len());
    for (index, part) in list.into_iter().enumerate() {
        let part = Fields::read(part.get(), format!("{path}[{index}]"))?;
        parts.extend(read_part(part, others)?);
    }
    Ok(Some(parts))
}

/// The texts of a list of `summary_text` or `reasoning_text`, a blank line
/// between them; `None` if there is none.
pub(super) fn texts(fields: &mut Fields<'_>, name: &str) -> Result<Option<String>, Refused> {
    let list = fields.list(name)?.unwrap_or_default();
    let mut whole: Option<String> = None;
    for (index, part) in list.into_iter().enumerate() {
        let path = fields.path(&format!("{name}[{index}]"));
        let text = Fields::read(part.get(), path)?.needed("text")?;
        match &mut whole {
            None => whole = Some(text.into_owned()),
            Some(whole) => whole.extend(["\n\n", text.as_ref()]),
        }
    }
    Ok(whole)
}

fn read_part(mut part: Fields<'_>, others: &mut Vec<String>) -> Result<Option<Part>, Refused> {
    let read = match part.needed("type")?.as_ref() {
        "input_text" | "output_text" | "text" => {
            part.take("logprobs");
            plain(part.needed("text")?)
        }
        "refusal" => Part::Refusal(part.needed("refusal")?.into_owned()),
        "input_image" => Part::Image {
            place: image(&mut part)?,
            detail: detail(&mut part)?,
            cache: None,
        },
        "input_file" => {
            if detail(&mut part)?.is_some() {
                others.push(part.path("detail"));
            }
            let name = part.text("filename")?;
            Part::Document {
                place: file(&mut part, name.as_deref())?,
                name: name.map(Into::into),
                cache: None,
            }
        }
        "input_audio" => {
            let mut audio = part
                .object("input_audio")?
                .ok_or_else(|| part.missing("input_audio"))?;
            let read = Part::Audio {
                data: audio.needed("data")?.into_owned(),
                format: audio.needed("format")?.into_owned(),
            };
            audio.others(others);
            read
        }
        _ => {
            others.push(part.here().to_owned());
            return Ok(None);
        }
    };
    part.others(others);
    Ok(Some(read))
}

/// How closely to look, if it is not left to the model.
fn detail(part: &mut Fields<'_>) -> Result<Option<String>, Refused> {
    let detail = part.text("detail")?.filter(|word| word != "auto");
    Ok(detail.map(Into::into))
}

fn image(part: &mut Fields<'_>) -> Result<Where, Refused> {
    let url = part.text("image_url")?;
    let id = part.text("file_id")?;
    match (url, id) {
        (Some(url), None) => Ok(data(&url).map_or_else(|| Where::Url(url.into()), Where::Data)),
        (None, Some(id)) => Ok(Where::File(id.into())),
        (None, None) => Err(part.missing("image_url")),
        (Some(_), Some(_)) => Err(one_of(part, "`image_url` or `file_id`")),
    }
}

fn file(part: &mut Fields<'_>, name: Option<&str>) -> Result<Where, Refused> {
    let url = part.text("file_url")?;
    let id = part.text("file_id")?;
    let bytes = part.text("file_data")?;
    match (url, id, bytes) {
        (Some(url), None, None) => Ok(Where::Url(url.into())),
        (None, Some(id), None) => Ok(Where::File(id.into())),
        (None, None, Some(bytes)) => Ok(Where::Data(data(&bytes).unwrap_or_else(|| Media {
            kind: kind(name).to_owned(),
            data: bytes.into(),
        }))),
        (None, None, None) => Err(part.missing("file_data")),
        _ => Err(one_of(part, "`file_data`, `file_url` or `file_id`")),
    }
}

fn one_of(part: &Fields<'_>, names: &str) -> Refused {
    let path = part.here();
    Refused::value(path, format!("`{path}` must have only one of {names}."))
}

/// The bytes of a data URL in base64; other URLs are for the provider to fetch.
fn data(url: &str) -> Option<Media> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let kind = head.strip_suffix(";base64")?;
    Some(Media {
        kind: kind.split(';').next().unwrap_or(kind).to_owned(),
        data: data.to_owned(),
    })
}

/// What a file without a type of its own is, by its name; if that does not tell,
/// a PDF, which is what the API took first.
fn kind(name: Option<&str>) -> &'static str {
    let ending = name.and_then(|name| name.rsplit_once('.')).map(|(_, e)| e);
    match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("txt" | "md" | "log") => "text/plain",
        Some("csv") => "text/csv",
        Some("html" | "htm") => "text/html",
        Some("json") => "application/json",
        Some("xml") => "application/xml",
        _ => "application/pdf",
    }
}
