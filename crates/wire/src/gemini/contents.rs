//! Who said what: `contents`, with the roles `user` and `model`, and
//! `systemInstruction`.
//!
//! 1. Messages of one role that follow each other are one content, as Gemini
//!    wants the results of a turn's calls.
//! 2. Bytes in base64, and the arguments of calls, are passed on as they are.
//! 3. Results stand as text under `output` or `error`, so that they come to the
//!    model as they are: as an object Google would round their numbers.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::model::before_3;
use super::signature::{UNKNOWN, unmark};
use crate::chat::{self, Lacks, Message, Request, Role, ToolCall, ToolResult, Where};

#[derive(Serialize)]
pub(super) struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    parts: Vec<Part<'a>>,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inline_data: Option<Blob<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<File<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_response: Option<Outcome<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Blob<'a> {
    mime_type: &'a str,
    data: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'static str>,
    file_uri: &'a str,
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Outcome<'a> {
    id: &'a str,
    name: &'a str,
    response: Response<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Part<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Response<'a> {
    Output(Texts<'a>),
    Error(Texts<'a>),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Texts<'a> {
    One(&'a str),
    More(Vec<&'a str>),
}

/// The messages of a request, as they are written.
pub(super) struct Contents<'a> {
    pub(super) system: Option<Content<'a>>,
    pub(super) turns: Vec<Content<'a>>,
    /// How closely to look at each image.
    details: Vec<Option<&'a str>>,
    /// Names of the calls so far, by their ids.
    names: HashMap<&'a str, &'a str>,
    /// Calls need a signature, or the word in its place.
    signed: bool,
    /// The last content has a call.
    called: bool,
}

impl<'a> Contents<'a> {
    pub(super) fn of(request: &'a Request, lacks: &mut Lacks) -> Self {
        let mut contents = Self {
            system: None,
            turns: Vec::new(),
            details: Vec::new(),
            names: HashMap::new(),
            signed: !before_3(&request.model),
            called: false,
        };
        for (at, message) in request.messages.iter().enumerate() {
            match message.role {
                Role::System => contents.instruct(at, message, lacks),
                Role::User | Role::Assistant => contents.say(at, message, lacks),
            }
        }
        contents
    }

    /// One resolution holds for all images.
    pub(super) fn resolution(&self, lacks: &mut Lacks) -> Option<&'static str> {
        let first = *self.details.first()?;
        if self.details.iter().any(|detail| *detail != first) {
            lacks.add("image_url.detail");
            return None;
        }
        match first? {
            "low" => Some("MEDIA_RESOLUTION_LOW"),
            "high" => Some("MEDIA_RESOLUTION_HIGH"),
            _ => {
                lacks.add("image_url.detail");
                None
            }
        }
    }

    /// Instructions have one place, in front of all.
    fn instruct(&mut self, at: usize, message: &'a Message, lacks: &mut Lacks) {
        if !self.turns.is_empty() {
            lacks.add(format_args!("messages[{at}].role"));
        }
        for (place, part) in message.parts.iter().enumerate() {
            match part {
                chat::Part::Text { text, cache } => {
                    lacks.given(cache.as_ref(), "cache_control");
                    if !text.is_empty() {
                        let system = self.system.get_or_insert(Content {
                            role: None,
                            parts: Vec::new(),
                        });
                        system.parts.push(Part::said(text));
                    }
                }
                _ => lacks.add(format_args!("messages[{at}].content[{place}]")),
            }
        }
    }

    fn say(&mut self, at: usize, message: &'a Message, lacks: &mut Lacks) {
        let role = match message.role {
            Role::Assistant => "model",
            _ => "user",
        };
        // Of the thought in front of a call.
        let mut signature = None;
        for (place, part) in message.parts.iter().enumerate() {
            let path = Path { at, place };
            let before_call = matches!(message.parts.get(place + 1), Some(chat::Part::Call(_)));
            match part {
                chat::Part::Text { text, cache } => {
                    lacks.given(cache.as_ref(), "cache_control");
                    self.text(role, text);
                }
                chat::Part::Refusal(text) => self.text(role, text),
                chat::Part::Image {
                    place,
                    detail,
                    cache,
                } => {
                    lacks.given(cache.as_ref(), "cache_control");
                    self.details
                        .push(detail.as_deref().filter(|detail| *detail != "auto"));
                    self.media(role, place, path, lacks);
                }
                chat::Part::Document { place, name, cache } => {
                    lacks.given(cache.as_ref(), "cache_control");
                    // There is no field for a name, and the model should know it.
                    self.text(role, name.as_deref().unwrap_or_default());
                    self.media(role, place, path, lacks);
                }
                chat::Part::Audio { data, format } => match Part::sound(data, format) {
                    Some(part) => self.push(role, part),
                    None => lacks.add(format_args!("{path}.input_audio.format")),
                },
                chat::Part::Call(call) => self.call(role, call, signature.take(), path, lacks),
                chat::Part::Result(result) => self.result(role, result, path, lacks),
                chat::Part::Thinking {
                    text,
                    signature: given,
                } => {
                    let given = given.as_deref().and_then(unmark);
                    let own = given.filter(|_| !before_call);
                    signature = given.filter(|_| before_call);
                    self.thought(role, text, own);
                }
                chat::Part::Redacted(_) => lacks.add("redacted_thinking"),
            }
        }
    }

    fn push(&mut self, role: &'static str, part: Part<'a>) {
        match self.turns.last_mut() {
            Some(last) if last.role == Some(role) => last.parts.push(part),
            _ => {
                self.called = false;
                self.turns.push(Content {
                    role: Some(role),
                    parts: vec![part],
                });
            }
        }
    }

    /// Gemini refuses a part without text.
    fn text(&mut self, role: &'static str, text: &'a str) {
        if !text.is_empty() {
            self.push(role, Part::said(text));
        }
    }

    /// What was thought; a signature alone stands beside an empty text, as
    /// Gemini itself gives it behind its words.
    fn thought(&mut self, role: &'static str, text: &'a str, signature: Option<&'a str>) {
        if text.is_empty() && signature.is_none() {
            return;
        }
        self.push(
            role,
            Part {
                text: Some(text),
                thought: (!text.is_empty()).then_some(true),
                thought_signature: signature,
                ..Part::default()
            },
        );
    }

    fn media(&mut self, role: &'static str, place: &'a Where, path: Path, lacks: &mut Lacks) {
        match Part::media(place) {
            Some(part) => self.push(role, part),
            None => lacks.add(format_args!("{path}.file_id")),
        }
    }

    fn call(
        &mut self,
        role: &'static str,
        call: &'a ToolCall,
        signature: Option<&'a str>,
        path: Path,
        lacks: &mut Lacks,
    ) {
        let args = call.object();
        if args.is_none() {
            lacks.add(format_args!(
                "messages[{}].tool_calls.function.arguments",
                path.at
            ));
        }
        self.names.insert(&call.id, &call.name);
        self.push(
            role,
            Part {
                function_call: Some(Call {
                    id: &call.id,
                    name: &call.name,
                    args,
                }),
                ..Part::default()
            },
        );
        // Of calls made at once the first carries the signature.
        let first = !std::mem::replace(&mut self.called, true);
        let unknown = (first && self.signed).then_some(UNKNOWN);
        let last = self.turns.last_mut().and_then(|turn| turn.parts.last_mut());
        if let Some(part) = last {
            part.thought_signature = signature.or(unknown);
        }
    }

    fn result(
        &mut self,
        role: &'static str,
        result: &'a ToolResult,
        path: Path,
        lacks: &mut Lacks,
    ) {
        lacks.given(result.cache.as_ref(), "cache_control");
        let called = self.names.get(result.id.as_str()).copied();
        let name = result.name.as_deref().or(called).unwrap_or_else(|| {
            // Gemini wants the name of what was called, and nobody told it.
            lacks.add(format_args!("messages[{}].tool_call_id", path.at));
            &result.id
        });
        let mut texts = Vec::new();
        let mut parts = Vec::new();
        for part in &result.parts {
            match part {
                chat::Part::Text { text, cache } => {
                    lacks.given(cache.as_ref(), "cache_control");
                    texts.push(text.as_str());
                }
                chat::Part::Image {
                    place: place @ Where::Data(_),
                    cache,
                    ..
                }
                | chat::Part::Document {
                    place: place @ Where::Data(_),
                    cache,
                    ..
                } => {
                    lacks.given(cache.as_ref(), "cache_control");
                    parts.extend(Part::media(place));
                }
                _ => lacks.add(path),
            }
        }
        let texts = match texts.as_slice() {
            [] => Texts::One(""),
            [text] => Texts::One(text),
            _ => Texts::More(texts),
        };
        let outcome = Outcome {
            id: &result.id,
            name,
            response: match result.failed {
                true => Response::Error(texts),
                false => Response::Output(texts),
            },
            parts,
        };
        self.push(
            role,
            Part {
                function_response: Some(outcome),
                ..Part::default()
            },
        );
    }
}

impl<'a> Part<'a> {
    fn said(text: &'a str) -> Self {
        Self {
            text: Some(text),
            ..Self::default()
        }
    }

    /// `None` for a format that Gemini does not hear.
    fn sound(data: &'a str, format: &str) -> Option<Self> {
        let mime_type = match format {
            "wav" => "audio/wav",
            "mp3" => "audio/mp3",
            "flac" => "audio/flac",
            "ogg" | "opus" => "audio/ogg",
            "aac" => "audio/aac",
            "aiff" => "audio/aiff",
            _ => return None,
        };
        Some(Self {
            inline_data: Some(Blob { mime_type, data }),
            ..Self::default()
        })
    }

    /// `None` for a file of another provider.
    fn media(place: &'a Where) -> Option<Self> {
        let uri = match place {
            Where::Data(media) => {
                return Some(Self {
                    inline_data: Some(Blob {
                        mime_type: &media.kind,
                        data: &media.data,
                    }),
                    ..Self::default()
                });
            }
            Where::Url(url) => url,
            Where::File(id) => Some(id).filter(|id| {
                ["files/", "https://", "gs://"]
                    .iter()
                    .any(|ours| id.starts_with(ours))
            })?,
        };
        Some(Self {
            file_data: Some(File {
                mime_type: kind_of(uri),
                file_uri: uri,
            }),
            ..Self::default()
        })
    }
}

/// What an address says of its kind; Gemini finds out where it says nothing.
fn kind_of(uri: &str) -> Option<&'static str> {
    let path = uri.split(['?', '#']).next()?;
    let (_, ending) = path.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "heif" => "image/heif",
        "bmp" => "image/bmp",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "html" => "text/html",
        "csv" => "text/csv",
        _ => return None,
    })
}

/// Where a part stands, for what is lacking.
#[derive(Clone, Copy)]
struct Path {
    at: usize,
    place: usize,
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "messages[{}].content[{}]", self.at, self.place)
    }
}
