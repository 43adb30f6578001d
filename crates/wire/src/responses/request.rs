//! A create request, read into the neutral form.
//!
//! 1. What would need a store is refused by its name: `store`,
//!    `previous_response_id`, `conversation`, `background`.
//! 2. What has no place in the neutral form is named in `others`.
//!
//! What [`Asked`](super::Asked) echoes and nobody has to obey, such as
//! `metadata`, is no matter of the upstream's and not among the others.

use tidegate_types::Code;

use super::fields::{Fields, must};
use super::{content, items, settings};
use crate::chat::{Choose, Message, Request, Role};
use crate::json;
use crate::openai::{Refused, check_model, check_taken};

/// Paths that are kept; more would tell nobody more.
const MOST_OTHERS: usize = 64;

/// Reads a body that is JSON within its limits.
///
/// # Errors
/// [`Refused`] with the code `invalid_value` or `unsupported_parameter` and the
/// path of the first field that is wrong.
pub fn read_request(body: &[u8]) -> Result<Request, Refused> {
    let mut fields = Fields::read(json::utf8(body)?, String::new())?;
    let mut others = Vec::new();
    refuse_kept(&mut fields)?;
    let stream = fields.flag("stream")?.unwrap_or_default();
    let mut request = Request {
        model: model(&mut fields)?,
        stream,
        wants_usage: stream,
        messages: instructions(&mut fields)?,
        max_tokens: fields.whole("max_output_tokens")?,
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        // Yes is the default, and says nothing.
        parallel_calls: fields.flag("parallel_tool_calls")?.filter(|yes| !yes),
        ..Request::default()
    };
    items::read_input(&mut fields, &mut request.messages, &mut others)?;
    let offered = fields.has("tools");
    request.tools = settings::tools(&mut fields, &mut others)?;
    request.choose = settings::choice(&mut fields, &mut others)?;
    request.format = settings::format(&mut fields, &mut others)?;
    request.reasoning = settings::reasoning(&mut fields, &mut others)?;
    request.logprobs = settings::logprobs(&mut fields, &mut others)?;
    settings::rest(&mut fields, &mut others)?;
    // Two names of one thing; where both are given the newer one is left over.
    request.user = fields.text("user")?.map(Into::into);
    if request.user.is_none() {
        request.user = fields.text("safety_identifier")?.map(Into::into);
    }
    fields.names().try_for_each(check_taken)?;
    fields.others(&mut others);
    others.truncate(MOST_OTHERS);
    request.others = others;
    about_tools(&mut request, offered)?;
    Ok(request)
}

/// Refuses what only a store could answer.
fn refuse_kept(fields: &mut Fields<'_>) -> Result<(), Refused> {
    const WHY: &str = "no response is kept here after its call";
    for name in ["previous_response_id", "conversation"] {
        if fields.take(name).is_some() {
            let text =
                format!("`{name}` cannot be used: {WHY}. Send the earlier items in `input`.");
            return Err(unsupported(name, text));
        }
    }
    if fields.flag("store")? == Some(true) {
        let text = format!(
            "`store` cannot be true: {WHY}. Leave it out or set it to false, and send earlier \
             items in `input`."
        );
        return Err(unsupported("store", text));
    }
    if fields.flag("background")? == Some(true) {
        return Err(no_background());
    }
    Ok(())
}

/// The refusal of an answer that is made while nobody waits for it, whoever would
/// make it.
pub(super) fn no_background() -> Refused {
    let text = "`background` cannot be true: no response is kept here, or fetched, after its call. \
                Leave it out or set it to false, and wait for the answer or stream it.";
    unsupported("background", text.to_owned())
}

fn unsupported(name: &str, text: String) -> Refused {
    Refused {
        code: Code::UnsupportedParameter,
        ..Refused::value(name, text)
    }
}

/// Where no function can be called there is nothing that these could be about.
fn about_tools(request: &mut Request, offered: bool) -> Result<(), Refused> {
    if !offered && matches!(request.choose, Some(Choose::Any | Choose::Named(_))) {
        return Err(must("tool_choice", "left out where there are no `tools`"));
    }
    if request.tools.is_empty() {
        (request.choose, request.parallel_calls) = (None, None);
    }
    Ok(())
}

fn model(fields: &mut Fields<'_>) -> Result<String, Refused> {
    let model = fields.needed("model")?;
    check_model(&model)?;
    Ok(model.into_owned())
}

/// The instructions, which stand in front of all else.
fn instructions(fields: &mut Fields<'_>) -> Result<Vec<Message>, Refused> {
    let message = fields.text("instructions")?.map(|text| Message {
        role: Role::System,
        parts: vec![content::plain(text)],
    });
    Ok(message.into_iter().collect())
}
