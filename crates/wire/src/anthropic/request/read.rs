//! A caller's request, as the neutral form has it.
//!
//! 1. A refusal names the field by its path.
//! 2. What means something and has no place in the neutral form is named in
//!    `others`: server tools, search results, citations, the service tier.
//!
//! Whether a bound on tokens must be there depends on the endpoint, and is the
//! matter of [`scan`](crate::anthropic::scan).

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::fields::{Object, Path, checked, elements, other};
use crate::chat::{
    Choose, Effort, Format, Media, Message, Part, Reasoning, Request, Role, Tool, ToolCall,
    ToolResult, Where,
};
use crate::json::Kind;
use crate::openai::{Refused, check_model};

/// Reads a request; one for counting tokens has the same form.
///
/// # Errors
/// [`Refused`] with `invalid_value` for the first field that is missing or has
/// not the form that the API has, or `invalid_json`.
pub fn read_request(body: &[u8]) -> Result<Request, Refused> {
    let mut top = Object::whole(body)?;
    let model = top.need("model")?;
    check_model(&model)?;
    let mut request = Request {
        model,
        stream: top.flag("stream")?,
        wants_usage: true,
        max_tokens: top.count("max_tokens")?,
        temperature: top.number("temperature")?,
        top_p: top.number("top_p")?,
        top_k: top.count("top_k")?,
        ..Request::default()
    };
    let mut reading = Reading::default();
    let at = Path::Top;
    if let Some(span) = top.take("system") {
        let parts = reading.texts(span, Path::Name(&at, "system"))?;
        request.messages.push(Message {
            role: Role::System,
            parts,
        });
    }
    let messages = top.need_span("messages")?;
    elements(messages, Path::Name(&at, "messages"), |scan, at| {
        let message = reading.message(Object::read(scan, at)?)?;
        request.messages.push(message);
        Ok(())
    })?;
    if let Some(span) = top.take("tools") {
        elements(span, Path::Name(&at, "tools"), |scan, at| {
            request.tools.extend(reading.tool(Object::read(scan, at)?)?);
            Ok(())
        })?;
    }
    if let Some(span) = top.take("stop_sequences") {
        elements(span, Path::Name(&at, "stop_sequences"), |scan, at| {
            let text = scan.text()?.ok_or_else(|| at.refuse("must be a string"))?;
            request.stop.push(text.decode().into_owned());
            Ok(())
        })?;
    }
    if let Some(span) = top.take("tool_choice") {
        reading.tool_choice(&mut request, span, Path::Name(&at, "tool_choice"))?;
    }
    if let Some(span) = top.take("metadata") {
        let mut metadata = Object::of(span, Path::Name(&at, "metadata"))?;
        request.user = metadata.text("user_id")?;
        metadata.rest(&mut reading.others)?;
    }
    reading.thinking(&mut request, &mut top)?;
    reading.output(&mut request, &mut top)?;
    top.default_is("service_tier", "\"auto\"");
    top.rest(&mut reading.others)?;
    request.others = reading.others;
    Ok(request)
}

/// What is gathered on the way.
#[derive(Default)]
struct Reading {
    others: Vec<String>,
    /// The tools' names by the ids of their calls, for the results.
    called: HashMap<String, String>,
}

impl Reading {
    fn message(&mut self, mut object: Object<'_, '_>) -> Result<Message, Refused> {
        let role = match object.need("role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => {
                let at = Path::Name(&object.at, "role");
                return Err(at.refuse("must be `user`, `assistant` or `system`"));
            }
        };
        let content = object.need_span("content")?;
        let at = Path::Name(&object.at, "content");
        let parts = match role {
            Role::System => self.texts(content, at)?,
            Role::User | Role::Assistant => self.parts(content, at)?,
        };
        object.rest(&mut self.others)?;
        Ok(Message { role, parts })
    }

    /// Content that is text or blocks of text.
    fn texts(&mut self, span: &str, at: Path<'_>) -> Result<Vec<Part>, Refused> {
        let parts = self.parts(span, at)?;
        match parts.iter().all(|part| matches!(part, Part::Text { .. })) {
            true => Ok(parts),
            false => Err(at.refuse("must be text, or a list of blocks of text")),
        }
    }

    /// Content that is text or blocks.
    fn parts(&mut self, span: &str, at: Path<'_>) -> Result<Vec<Part>, Refused> {
        let mut scan = checked(span);
        let mut parts = Vec::new();
        match scan.kind()? {
            Kind::String => parts.push(Part::Text {
                text: scan.string()?.decode().into_owned(),
                cache: None,
            }),
            Kind::Array => elements(span, at, |scan, at| {
                parts.extend(self.block(Object::read(scan, at)?)?);
                Ok(())
            })?,
            _ => return Err(at.refuse("must be a string or an array")),
        }
        Ok(parts)
    }

    /// One block; `None` if it has no place.
    fn block(&mut self, mut block: Object<'_, '_>) -> Result<Option<Part>, Refused> {
        let kind = block.need("type")?;
        let part = match kind.as_str() {
            "text" => Part::Text {
                text: block.need("text")?,
                cache: block.raw("cache_control")?,
            },
            "image" => match self.source(&mut block)? {
                Some(place) => Part::Image {
                    place,
                    detail: None,
                    cache: block.raw("cache_control")?,
                },
                None => return Ok(None),
            },
            "document" => match self.source(&mut block)? {
                Some(place) => self.document(&mut block, place)?,
                None => return Ok(None),
            },
            "tool_use" => {
                let call = ToolCall {
                    id: block.need("id")?,
                    name: block.need("name")?,
                    arguments: block.need_span("input")?.to_owned(),
                };
                block.default_is("caller", r#"{"type":"direct"}"#);
                self.called.insert(call.id.clone(), call.name.clone());
                Part::Call(call)
            }
            "tool_result" => Part::Result(self.result(&mut block)?),
            "thinking" => Part::Thinking {
                text: block.need("thinking")?,
                signature: block.text("signature")?.filter(|proof| !proof.is_empty()),
            },
            "redacted_thinking" => Part::Redacted(block.need("data")?),
            _ => {
                other(&mut self.others, block.at);
                return Ok(None);
            }
        };
        block.rest(&mut self.others)?;
        Ok(Some(part))
    }

    fn document(&mut self, block: &mut Object<'_, '_>, place: Where) -> Result<Part, Refused> {
        let at = block.at;
        if let Some(span) = block.take("citations") {
            let at = Path::Name(&at, "citations");
            Object::of(span, at)?.rest(&mut self.others)?;
        }
        Ok(Part::Document {
            place,
            name: block.text("title")?,
            cache: block.raw("cache_control")?,
        })
    }

    fn result(&mut self, block: &mut Object<'_, '_>) -> Result<ToolResult, Refused> {
        let id = block.need("tool_use_id")?;
        let at = block.at;
        let parts = match block.take("content") {
            Some(span) => self.parts(span, Path::Name(&at, "content"))?,
            None => Vec::new(),
        };
        Ok(ToolResult {
            name: self.called.get(&id).cloned(),
            id,
            parts,
            failed: block.flag("is_error")?,
            cache: block.raw("cache_control")?,
        })
    }

    /// Where a block's bytes are; `None` if that has no place. Plain text is
    /// carried in base64, as all data are.
    fn source(&mut self, block: &mut Object<'_, '_>) -> Result<Option<Where>, Refused> {
        let span = block.need_span("source")?;
        let at = Path::Name(&block.at, "source");
        let mut source = Object::of(span, at)?;
        let place = match source.need("type")?.as_str() {
            "base64" => Where::Data(Media {
                kind: source.need("media_type")?,
                data: source.need("data")?,
            }),
            "text" => Where::Data(Media {
                kind: source.need("media_type")?,
                data: STANDARD.encode(source.need("data")?),
            }),
            "url" => Where::Url(source.need("url")?),
            "file" => Where::File(source.need("file_id")?),
            _ => {
                other(&mut self.others, at);
                return Ok(None);
            }
        };
        source.rest(&mut self.others)?;
        Ok(Some(place))
    }

    /// One tool; `None` if the provider runs it.
    fn tool(&mut self, mut object: Object<'_, '_>) -> Result<Option<Tool>, Refused> {
        if object.text("type")?.is_some_and(|kind| kind != "custom") {
            other(&mut self.others, object.at);
            return Ok(None);
        }
        let tool = Tool {
            name: object.need("name")?,
            description: object.text("description")?,
            schema: object.raw("input_schema")?,
            strict: Some(object.flag("strict")?).filter(|strict| *strict),
            cache: object.raw("cache_control")?,
        };
        object.default_is("allowed_callers", r#"["direct"]"#);
        object.rest(&mut self.others)?;
        Ok(Some(tool))
    }

    fn tool_choice(
        &mut self,
        request: &mut Request,
        span: &str,
        at: Path<'_>,
    ) -> Result<(), Refused> {
        let mut object = Object::of(span, at)?;
        request.choose = match object.need("type")?.as_str() {
            // The default.
            "auto" => None,
            "any" => Some(Choose::Any),
            "none" => Some(Choose::Never),
            "tool" => Some(Choose::Named(object.need("name")?)),
            _ => return Err(Path::Name(&at, "type").refuse("is not known")),
        };
        let one = object.flag("disable_parallel_tool_use")?;
        request.parallel_calls = one.then_some(false);
        object.rest(&mut self.others)
    }

    fn thinking(&mut self, request: &mut Request, top: &mut Object<'_, '_>) -> Result<(), Refused> {
        let Some(span) = top.take("thinking") else {
            return Ok(());
        };
        let at = Path::Name(&Path::Top, "thinking");
        let mut object = Object::of(span, at)?;
        let mut reasoning = Reasoning::default();
        match object.need("type")?.as_str() {
            "disabled" => reasoning.budget = Some(0),
            "adaptive" => reasoning.told = true,
            "enabled" => {
                reasoning.told = true;
                reasoning.budget = object.count("budget_tokens")?;
                if reasoning.budget.is_none_or(|budget| budget == 0) {
                    let at = Path::Name(&at, "budget_tokens");
                    return Err(at.refuse("must be a whole number from 1"));
                }
            }
            _ => {
                let at = Path::Name(&at, "type");
                return Err(at.refuse("must be `enabled`, `adaptive` or `disabled`"));
            }
        }
        if object.text("display")?.as_deref() == Some("omitted") {
            reasoning.told = false;
        }
        request.reasoning = Some(reasoning);
        object.rest(&mut self.others)
    }

    /// `output_config`, and `output_format` as it was called before.
    fn output(&mut self, request: &mut Request, top: &mut Object<'_, '_>) -> Result<(), Refused> {
        let top_at = Path::Top;
        if let Some(span) = top.take("output_format") {
            self.format(request, span, Path::Name(&top_at, "output_format"))?;
        }
        let Some(span) = top.take("output_config") else {
            return Ok(());
        };
        let at = Path::Name(&top_at, "output_config");
        let mut object = Object::of(span, at)?;
        if let Some(effort) = object.text("effort")? {
            let effort = match effort.as_str() {
                "low" => Effort::Low,
                "medium" => Effort::Medium,
                "high" => Effort::High,
                "xhigh" => Effort::Highest,
                "max" => Effort::Max,
                _ => {
                    let at = Path::Name(&at, "effort");
                    return Err(at.refuse("must be `low`, `medium`, `high`, `xhigh` or `max`"));
                }
            };
            request.reasoning.get_or_insert_default().effort = Some(effort);
        }
        if let Some(span) = object.take("format") {
            self.format(request, span, Path::Name(&at, "format"))?;
        }
        object.rest(&mut self.others)
    }

    fn format(&mut self, request: &mut Request, span: &str, at: Path<'_>) -> Result<(), Refused> {
        let mut object = Object::of(span, at)?;
        if object.need("type")? != "json_schema" {
            return Err(Path::Name(&at, "type").refuse("must be `json_schema`"));
        }
        let Some(schema) = object.raw("schema")? else {
            return Err(Path::Name(&at, "schema").refuse("is missing"));
        };
        request.format = Some(Format::Schema {
            // The API has no name for it; others must have one.
            name: "answer".to_owned(),
            description: None,
            schema,
            strict: Some(true),
        });
        object.rest(&mut self.others)
    }
}
