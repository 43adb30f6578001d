//! How to answer: tools and their choice, the form, the thinking, likelihoods.
//!
//! A value that is the default of the API says nothing and is not carried. A
//! schema binds where `strict` says so; the API itself binds the arguments of
//! functions also where it is left out, if their schema allows that.

use serde_json::value::RawValue;

use super::fields::{self, Fields, must};
use crate::chat::{Choose, Effort, Format, Reasoning, Tool};
use crate::openai::{MOST_TOOLS, Refused};

/// Others at each place that `top_logprobs` can ask for.
const MOST_LIKELY: u64 = 20;

/// Functions. Tools that OpenAI itself runs are named in `others`.
pub(super) fn tools(
    fields: &mut Fields<'_>,
    others: &mut Vec<String>,
) -> Result<Vec<Tool>, Refused> {
    let list = fields.list("tools")?.unwrap_or_default();
    if list.len() > MOST_TOOLS {
        let message = format!("`tools` has more than {MOST_TOOLS} elements.");
        return Err(Refused::value("tools", message));
    }
    let mut tools = Vec::with_capacity(list.len());
    for (index, tool) in list.into_iter().enumerate() {
        let mut tool = Fields::read(tool.get(), format!("tools[{index}]"))?;
        match tool.needed("type")?.as_ref() {
            "function" => tools.push(function(tool, others)?),
            _ => others.push(tool.here().to_owned()),
        }
    }
    Ok(tools)
}

fn function(mut tool: Fields<'_>, others: &mut Vec<String>) -> Result<Tool, Refused> {
    let read = Tool {
        name: tool.needed("name")?.into_owned(),
        description: tool.text("description")?.map(Into::into),
        schema: tool.take("parameters").map(ToOwned::to_owned),
        strict: tool.flag("strict")?.filter(|strict| *strict),
        cache: None,
    };
    for name in ["async", "defer_loading"] {
        if tool.flag(name)? == Some(true) {
            others.push(tool.path(name));
        }
    }
    tool.others(others);
    Ok(read)
}

pub(super) fn choice(
    fields: &mut Fields<'_>,
    others: &mut Vec<String>,
) -> Result<Option<Choose>, Refused> {
    let Some(value) = fields.take("tool_choice") else {
        return Ok(None);
    };
    if let Some(word) = fields::text(value) {
        return match word.as_ref() {
            "auto" => Ok(None),
            "none" => Ok(Some(Choose::Never)),
            "required" => Ok(Some(Choose::Any)),
            _ => Err(must("tool_choice", "auto, none, required or an object")),
        };
    }
    let mut choice = Fields::read(value.get(), "tool_choice".to_owned())
        .map_err(|_| must("tool_choice", "auto, none, required or an object"))?;
    if choice.needed("type")? != "function" {
        others.push("tool_choice".to_owned());
        return Ok(None);
    }
    let name = choice.needed("name")?.into_owned();
    choice.others(others);
    Ok(Some(Choose::Named(name)))
}

/// Reads `text`: its format, and its verbosity by name.
pub(super) fn format(
    fields: &mut Fields<'_>,
    others: &mut Vec<String>,
) -> Result<Option<Format>, Refused> {
    let Some(mut text) = fields.object("text")? else {
        return Ok(None);
    };
    default_word(&mut text, "verbosity", "medium", others)?;
    let format = text.object("format")?;
    text.others(others);
    let Some(mut format) = format else {
        return Ok(None);
    };
    let read = match format.needed("type")?.as_ref() {
        "text" => None,
        "json_object" => Some(Format::Json),
        "json_schema" => Some(Format::Schema {
            name: format.needed("name")?.into_owned(),
            description: format.text("description")?.map(Into::into),
            schema: format
                .take("schema")
                .map(RawValue::to_owned)
                .ok_or_else(|| format.missing("schema"))?,
            strict: format.flag("strict")?.filter(|strict| *strict),
        }),
        _ => {
            others.push(format.here().to_owned());
            return Ok(None);
        }
    };
    format.others(others);
    Ok(read)
}

pub(super) fn reasoning(
    fields: &mut Fields<'_>,
    others: &mut Vec<String>,
) -> Result<Option<Reasoning>, Refused> {
    let Some(mut reasoning) = fields.object("reasoning")? else {
        return Ok(None);
    };
    let mut read = Reasoning::default();
    if let Some(effort) = reasoning.text("effort")? {
        read.effort = effort_of(&effort);
        if read.effort.is_none() {
            others.push(reasoning.path("effort"));
        }
    }
    // The second is the older name of the first.
    for name in ["summary", "generate_summary"] {
        read.told |= reasoning.text(name)?.is_some();
    }
    default_word(&mut reasoning, "mode", "standard", others)?;
    default_word(&mut reasoning, "context", "auto", others)?;
    reasoning.others(others);
    Ok((read != Reasoning::default()).then_some(read))
}

fn effort_of(word: &str) -> Option<Effort> {
    Some(match word {
        "none" => Effort::Nothing,
        "minimal" => Effort::Minimal,
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" => Effort::Highest,
        "max" => Effort::Max,
        _ => return None,
    })
}

/// Likelihoods, which either of two fields asks for. `include` asks for other
/// things too: the proof of what was thought is always told, the rest is of
/// tools that OpenAI runs.
pub(super) fn logprobs(
    fields: &mut Fields<'_>,
    others: &mut Vec<String>,
) -> Result<Option<u8>, Refused> {
    let mut asked = false;
    for (index, name) in fields
        .list("include")?
        .unwrap_or_default()
        .into_iter()
        .enumerate()
    {
        let path = format!("include[{index}]");
        match fields::text(name).as_deref() {
            Some("message.output_text.logprobs") => asked = true,
            Some("reasoning.encrypted_content") => {}
            Some(_) => others.push(path),
            None => return Err(must(&path, "a string")),
        }
    }
    let others_at_each = fields.whole("top_logprobs")?.unwrap_or_default();
    match u8::try_from(others_at_each) {
        Ok(count) if others_at_each <= MOST_LIKELY => Ok((asked || count > 0).then_some(count)),
        _ => Err(must("top_logprobs", "a whole number from 0 to 20")),
    }
}

/// Fields that are obeyed by doing nothing, at least in one of their values.
pub(super) fn rest(fields: &mut Fields<'_>, others: &mut Vec<String>) -> Result<(), Refused> {
    default_word(fields, "truncation", "disabled", others)?;
    default_word(fields, "service_tier", "auto", others)?;
    // It is told back, and that is all there is to it.
    if let Some(metadata) = fields.take("metadata") {
        Fields::read(metadata.get(), "metadata".to_owned())?;
    }
    if let Some(mut options) = fields.object("stream_options")? {
        if options.flag("include_obfuscation")? == Some(true) {
            others.push(options.path("include_obfuscation"));
        }
        options.others(others);
    }
    Ok(())
}

/// A word that says nothing if it is the default, and else is named.
fn default_word(
    fields: &mut Fields<'_>,
    name: &str,
    default: &str,
    others: &mut Vec<String>,
) -> Result<(), Refused> {
    if fields.text(name)?.is_some_and(|word| word != default) {
        others.push(fields.path(name));
    }
    Ok(())
}
