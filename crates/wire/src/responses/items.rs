//! `input`: a text, or the items of a conversation.
//!
//! 1. What the model did in one turn (thought, said, called) is one message;
//!    results that follow each other are one message of the user's.
//! 2. An item of another kind is named in `others` as a whole.
//!
//! Ids and states of items say nothing where none is kept, and are passed over.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::content;
use super::fields::{Fields, must, text};
use crate::chat::{Message, Part, Role, ToolCall, ToolResult};
use crate::openai::Refused;

/// Reads `input` behind what `messages` holds.
pub(super) fn read_input(
    fields: &mut Fields<'_>,
    messages: &mut Vec<Message>,
    others: &mut Vec<String>,
) -> Result<(), Refused> {
    let Some(input) = fields.take("input") else {
        return Err(fields.missing("input"));
    };
    let mut reading = Reading {
        messages,
        names: HashMap::new(),
        others,
        turn: None,
    };
    if let Some(text) = text(input) {
        reading.say(Role::User, vec![content::plain(text)]);
        return Ok(());
    }
    let items: Vec<&RawValue> =
        serde_json::from_str(input.get()).map_err(|_| must("input", "a string or an array"))?;
    for (index, item) in items.into_iter().enumerate() {
        reading.item(Fields::read(item.get(), format!("input[{index}]"))?)?;
    }
    Ok(())
}

/// Whose turn the last message is, as long as more can join it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The model's.
    Model,
    /// The results of its calls.
    Results,
}

struct Reading<'r> {
    messages: &'r mut Vec<Message>,
    /// The tools' names by their calls' ids.
    names: HashMap<String, String>,
    others: &'r mut Vec<String>,
    turn: Option<Turn>,
}

impl Reading<'_> {
    fn item(&mut self, mut item: Fields<'_>) -> Result<(), Refused> {
        let kind = match item.text("type")? {
            Some(kind) => kind,
            None if item.has("role") => Cow::Borrowed("message"),
            // A bare id points at an item that is kept elsewhere.
            None if item.has("id") => {
                self.others.push(item.here().to_owned());
                return Ok(());
            }
            None => return Err(item.missing("type")),
        };
        if !matches!(
            kind.as_ref(),
            "message" | "function_call" | "function_call_output" | "reasoning"
        ) {
            self.others.push(item.here().to_owned());
            return Ok(());
        }
        item.take("id");
        item.take("status");
        match kind.as_ref() {
            "message" => self.message(&mut item)?,
            "function_call" => self.call(&mut item)?,
            "function_call_output" => self.result(&mut item)?,
            _ => self.thought(&mut item)?,
        }
        item.others(self.others);
        Ok(())
    }

    fn message(&mut self, item: &mut Fields<'_>) -> Result<(), Refused> {
        let role = match item.needed("role")?.as_ref() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" | "developer" => Role::System,
            _ => {
                let path = item.path("role");
                return Err(must(&path, "user, assistant, system or developer"));
            }
        };
        let parts =
            content::read(item, "content", self.others)?.ok_or_else(|| item.missing("content"))?;
        match role {
            Role::Assistant => {
                // Two messages in a row stay two.
                let said = self.last_part().is_some_and(said);
                if said {
                    self.turn = None;
                }
                self.join(Turn::Model, parts);
            }
            role => self.say(role, parts),
        }
        Ok(())
    }

    fn call(&mut self, item: &mut Fields<'_>) -> Result<(), Refused> {
        let call = ToolCall {
            id: item.needed("call_id")?.into_owned(),
            name: item.needed("name")?.into_owned(),
            arguments: item.needed("arguments")?.into_owned(),
        };
        if item.flag("async")? == Some(true) {
            self.others.push(item.path("async"));
        }
        self.names.insert(call.id.clone(), call.name.clone());
        self.join(Turn::Model, vec![Part::Call(call)]);
        Ok(())
    }

    fn result(&mut self, item: &mut Fields<'_>) -> Result<(), Refused> {
        let id = item.needed("call_id")?.into_owned();
        let told = item.text("name")?.map(Into::into);
        let parts =
            content::read(item, "output", self.others)?.ok_or_else(|| item.missing("output"))?;
        let result = ToolResult {
            name: told.or_else(|| self.names.get(&id).cloned()),
            id,
            parts,
            failed: false,
            cache: None,
        };
        self.join(Turn::Results, vec![Part::Result(result)]);
        Ok(())
    }

    /// An empty `summary` beside a proof is thinking that nobody may see; a
    /// summary of empty text is thinking that was not told.
    fn thought(&mut self, item: &mut Fields<'_>) -> Result<(), Refused> {
        let summary = content::texts(item, "summary")?;
        let full = content::texts(item, "content")?;
        let proof = item.text("encrypted_content")?.map(String::from);
        if summary.is_some() && full.is_some() {
            self.others.push(item.path("summary"));
        }
        let part = match (full.or(summary), proof) {
            (None, None) => return Ok(()),
            (None, Some(data)) => Part::Redacted(data),
            (Some(text), signature) => Part::Thinking { text, signature },
        };
        self.join(Turn::Model, vec![part]);
        Ok(())
    }

    /// A message that stands for itself.
    fn say(&mut self, role: Role, parts: Vec<Part>) {
        self.messages.push(Message { role, parts });
        self.turn = None;
    }

    fn join(&mut self, turn: Turn, parts: Vec<Part>) {
        match self.messages.last_mut() {
            Some(last) if self.turn == Some(turn) => last.parts.extend(parts),
            _ => {
                let role = match turn {
                    Turn::Model => Role::Assistant,
                    Turn::Results => Role::User,
                };
                self.say(role, parts);
                self.turn = Some(turn);
            }
        }
    }

    fn last_part(&self) -> Option<&Part> {
        self.messages.last()?.parts.last()
    }
}

/// Whether the part is of what the model said.
fn said(part: &Part) -> bool {
    matches!(part, Part::Text { .. } | Part::Refusal(_))
}
