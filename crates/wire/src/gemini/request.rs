//! A request of `generateContent` and `streamGenerateContent`, whose bodies are
//! the same; the model stands in the [path](super::path).
//!
//! 1. Schemas keep every byte, and texts every letter.
//! 2. A field that was not given is not written.

use serde::Serialize;

use super::config::{Config, ToolConfig, Tools};
use super::contents::{Content, Contents};
use crate::chat::{Lacks, Request};
use crate::json::to_vec;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Content<'a>>,
    contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<[Tools<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<ToolConfig<'a>>,
    #[serde(skip_serializing_if = "Config::is_empty")]
    generation_config: Config<'a>,
}

/// Writes the body for `request.model`; what has no place in it goes to `lacks`.
pub fn write_request(request: &Request, lacks: &mut Lacks) -> Vec<u8> {
    let contents = Contents::of(request, lacks);
    let body = Body {
        generation_config: Config::of(request, contents.resolution(lacks), lacks),
        tools: Tools::of(request, lacks),
        tool_config: ToolConfig::of(request),
        system_instruction: contents.system,
        contents: contents.turns,
    };
    lacks.given(request.user.as_ref(), "user");
    if request.parallel_calls == Some(false) {
        lacks.add("parallel_tool_calls");
    }
    for other in &request.others {
        lacks.add(other);
    }
    to_vec(&body, request.bulk())
}
