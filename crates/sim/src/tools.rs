//! Which tools are called, and with what.
//!
//! Promises: (1) the arguments fit the tool's schema, as far as `schema` knows it; (2) a request
//! whose last message is a tool's result gets a text; (3) `parallel_tool_calls: false` gets one
//! call at most. Which tool: the one that the request names, else the first one whose name stands
//! in the last user message, else the first.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use crate::ask::Ask;
use crate::refusal::Refusal;
use crate::said::ToolCall;
use crate::schema::fitting;

/// The most tools of one request, as OpenAI has it.
const MAX_TOOLS: usize = 128;

#[derive(Deserialize)]
struct Tool<'a> {
    #[serde(borrow)]
    function: Option<Function<'a>>,
}

#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    parameters: Option<Value>,
}

/// What a request says about calling.
enum Choice {
    Never,
    Free,
    Some,
    This(String),
}

/// A call that a rule asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) name: String,
    /// `None`: made from the schema of the request's tool.
    pub(crate) arguments: Option<String>,
}

/// The calls that a request gets whose model would make `wanted` by itself; empty for a text.
pub(crate) fn calls(ask: &Ask<'_>, wanted: u32) -> Result<Vec<ToolCall>, Refusal> {
    let Some(raw) = ask.tools else {
        return Ok(Vec::new());
    };
    let choice = choice(ask)?;
    let count = match choice {
        Choice::Never => 0,
        Choice::Free => wanted,
        Choice::Some | Choice::This(_) => wanted.max(1),
    };
    if count == 0 || ask.follows_a_tool() {
        return Ok(Vec::new());
    }
    let tools = functions(raw.get())?;
    let names = |tool: &Function<'_>| tool.name.clone().into_owned();
    let first = match &choice {
        Choice::This(name) => {
            let found = tools.iter().position(|tool| tool.name == name.as_str());
            found.ok_or_else(|| {
                let known: Vec<_> = tools.iter().map(names).collect();
                let message = format!(
                    "There is no tool `{name}` in `tools`, only: {}.",
                    known.join(", ")
                );
                Refusal::value("tool_choice", message)
            })?
        }
        _ => {
            let said = ask.last_words();
            tools
                .iter()
                .position(|tool| said.contains(&*tool.name))
                .unwrap_or(0)
        }
    };
    if tools.is_empty() {
        return Err(Refusal::value(
            "tools",
            "There is no function in `tools`.".to_owned(),
        ));
    }
    let count = if ask.parallel() { count as usize } else { 1 };
    let turn = |at: usize| match choice {
        Choice::This(_) => &tools[first],
        _ => &tools[(first + at) % tools.len()],
    };
    (0..count).map(|at| call(turn(at))).collect()
}

/// The calls that a rule asks for, their arguments made where it has none.
pub(crate) fn wished(ask: &Ask<'_>, wishes: &[Wish]) -> Result<Vec<ToolCall>, Refusal> {
    let tools = match ask.tools {
        Some(raw) => functions(raw.get())?,
        None => Vec::new(),
    };
    let made = |wish: &Wish| {
        if let Some(arguments) = &wish.arguments {
            return Ok(ToolCall {
                name: wish.name.clone(),
                arguments: arguments.clone(),
            });
        }
        match tools.iter().find(|tool| tool.name == wish.name.as_str()) {
            Some(tool) => call(tool),
            None => Ok(ToolCall {
                name: wish.name.clone(),
                arguments: "{}".to_owned(),
            }),
        }
    };
    wishes.iter().map(made).collect()
}

fn functions(raw: &str) -> Result<Vec<Function<'_>>, Refusal> {
    let tools: Vec<Tool<'_>> = serde_json::from_str(raw)
        .map_err(|why| Refusal::value("tools", format!("`tools` cannot be read: {why}.")))?;
    if tools.len() > MAX_TOOLS {
        let message = format!("At most {MAX_TOOLS} tools are read.");
        return Err(Refusal::value("tools", message));
    }
    Ok(tools.into_iter().filter_map(|tool| tool.function).collect())
}

fn call(tool: &Function<'_>) -> Result<ToolCall, Refusal> {
    let none = Value::Object(serde_json::Map::new());
    let name = tool.name.clone().into_owned();
    let value = match &tool.parameters {
        None => none,
        // A tool without arguments is called with none, whatever else is said of them.
        Some(schema) if schema.as_object().is_some_and(serde_json::Map::is_empty) => none,
        Some(schema) => fitting(schema).map_err(|why| {
            Refusal::value(
                "tools",
                format!("The schema of `{name}` cannot be met: {why}."),
            )
        })?,
    };
    Ok(ToolCall {
        name,
        arguments: value.to_string(),
    })
}

fn choice(ask: &Ask<'_>) -> Result<Choice, Refusal> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Word(String),
        Named { function: Named },
        Allowed { allowed_tools: Allowed },
    }
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    #[derive(Deserialize)]
    struct Allowed {
        mode: String,
        tools: Vec<AllowedTool>,
    }
    #[derive(Deserialize)]
    struct AllowedTool {
        function: Option<Named>,
    }
    let wrong = || {
        let message = "`tool_choice` is `none`, `auto`, `required`, or names a function.";
        Refusal::value("tool_choice", message.to_owned())
    };
    let word = |word: &str| match word {
        "none" => Ok(Choice::Never),
        "auto" => Ok(Choice::Free),
        "required" => Ok(Choice::Some),
        _ => Err(wrong()),
    };
    let Some(raw) = ask.tool_choice else {
        return Ok(Choice::Free);
    };
    match serde_json::from_str(raw.get()) {
        Ok(Form::Word(text)) => word(&text),
        Ok(Form::Named { function }) => Ok(Choice::This(function.name)),
        Ok(Form::Allowed { allowed_tools }) => {
            let named = allowed_tools
                .tools
                .into_iter()
                .find_map(|tool| tool.function);
            match (word(&allowed_tools.mode)?, named) {
                (Choice::Some, Some(named)) => Ok(Choice::This(named.name)),
                (other, _) => Ok(other),
            }
        }
        Err(_) => Err(wrong()),
    }
}

/// The text that a `response_format` asks for; `None` for plain text. `text` is what would be
/// said without it.
pub(crate) fn structured(
    ask: &Ask<'_>,
    text: impl FnOnce() -> String,
) -> Result<Option<String>, Refusal> {
    #[derive(Deserialize)]
    struct Format<'a> {
        #[serde(borrow, default)]
        r#type: Cow<'a, str>,
        json_schema: Option<Schema>,
    }
    #[derive(Deserialize)]
    struct Schema {
        schema: Option<Value>,
    }
    let param = "response_format";
    let Some(raw) = ask.response_format else {
        return Ok(None);
    };
    let format: Format<'_> = serde_json::from_str(raw.get())
        .map_err(|why| Refusal::value(param, format!("`{param}` cannot be read: {why}.")))?;
    match &*format.r#type {
        "text" => Ok(None),
        "json_object" => Ok(Some(serde_json::json!({ "answer": text() }).to_string())),
        "json_schema" => {
            let schema = format.json_schema.and_then(|named| named.schema);
            let schema = schema.ok_or_else(|| {
                let message = "`json_schema.schema` is missing.".to_owned();
                Refusal::value(param, message)
            })?;
            let value = fitting(&schema).map_err(|why| {
                let message = format!("The schema cannot be met: {why}.");
                Refusal::value(param, message)
            })?;
            Ok(Some(value.to_string()))
        }
        _ => {
            let message = "Its type is `text`, `json_object` or `json_schema`.".to_owned();
            Err(Refusal::value(param, message))
        }
    }
}
