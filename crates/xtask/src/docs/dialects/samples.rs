//! The samples of `docs/dialects.md`: for each dialect of callers one request
//! for each thing that it can ask.
//!
//! A sample is what stands in the request beside a model and a plain message; a
//! field that is not named here is no promise of the page.

/// Samples of one subject.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) samples: &'static [Sample],
}

/// One field, and a request that has it.
pub(super) struct Sample {
    pub(super) field: &'static str,
    /// A JSON object.
    pub(super) says: &'static str,
    /// The same without the field, if more than a plain message is left.
    pub(super) beside: &'static str,
}

const fn of(field: &'static str, says: &'static str) -> Sample {
    let beside = "{}";
    Sample {
        field,
        says,
        beside,
    }
}

impl Sample {
    const fn beside(self, beside: &'static str) -> Self {
        Self { beside, ..self }
    }
}

/// A tool in each dialect, for what is said of tools.
const OPENAI_TOOL: &str =
    r#"{"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]}"#;
const RESPONSES_TOOL: &str =
    r#"{"tools":[{"type":"function","name":"f","parameters":{"type":"object"}}]}"#;
const ANTHROPIC_TOOL: &str = r#"{"tools":[{"name":"f","input_schema":{"type":"object"}}]}"#;

pub(super) const OPENAI: &[Group] = &[
    Group {
        name: "messages",
        samples: &[
            of(
                "role: system, developer",
                r#"{"messages":[{"role":"system","content":"A"},{"role":"developer","content":"B"},{"role":"user","content":"Hi"}]}"#,
            ),
            of(
                "role: system, behind others",
                r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Ho"},{"role":"system","content":"A"},{"role":"user","content":"Hi"}]}"#,
            ),
            of(
                "name",
                r#"{"messages":[{"role":"user","name":"Ann","content":"Hi"}]}"#,
            ),
            of(
                "image_url, as data",
                r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}]}"#,
            ),
            of(
                "image_url, elsewhere",
                r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a.example/a.png"}}]}]}"#,
            ),
            of(
                "image_url.detail",
                r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo=","detail":"low"}}]}]}"#,
            ),
            of(
                "input_audio",
                r#"{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}}]}]}"#,
            ),
            of(
                "file.file_data",
                r#"{"messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBERi0="}}]}]}"#,
            ),
            of(
                "file.file_id",
                r#"{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"file-1"}}]}]}"#,
            ),
            of(
                "refusal",
                r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","refusal":"No"},{"role":"user","content":"Hi"}]}"#,
            ),
        ],
    },
    Group {
        name: "tools",
        samples: &[
            of(
                "tools",
                r#"{"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]}"#,
            ),
            of(
                "tools.function.strict",
                r#"{"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object","properties":{},"additionalProperties":false}}}]}"#,
            ),
            of(
                "tools: custom",
                r#"{"tools":[{"type":"custom","custom":{"name":"f"}}]}"#,
            ),
            of(
                "tool_choice: none",
                r#"{"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":"none"}"#,
            ).beside(OPENAI_TOOL),
            of(
                "tool_choice: required",
                r#"{"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":"required"}"#,
            ).beside(OPENAI_TOOL),
            of(
                "tool_choice: a function",
                r#"{"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":{"type":"function","function":{"name":"f"}}}"#,
            ).beside(OPENAI_TOOL),
            of(
                "parallel_tool_calls: false",
                r#"{"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"parallel_tool_calls":false}"#,
            ).beside(OPENAI_TOOL),
            of(
                "tool_calls, role: tool",
                r#"{"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"messages":[{"role":"user","content":"Hi"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"42"}]}"#,
            ),
        ],
    },
    Group {
        name: "the answer's form",
        samples: &[
            of(
                "response_format: json_object",
                r#"{"response_format":{"type":"json_object"}}"#,
            ),
            of(
                "response_format: json_schema",
                r#"{"response_format":{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema":{"type":"object"}}}}"#,
            ),
            of(
                "modalities: audio",
                r#"{"modalities":["text","audio"],"audio":{"voice":"alloy","format":"wav"}}"#,
            ),
            of(
                "prediction",
                r#"{"prediction":{"type":"content","content":"Hi"}}"#,
            ),
            of("verbosity", r#"{"verbosity":"low"}"#),
        ],
    },
    Group {
        name: "sampling",
        samples: &[
            of("max_completion_tokens", r#"{"max_completion_tokens":50}"#),
            of("max_tokens", r#"{"max_tokens":50}"#),
            of("temperature, up to 1", r#"{"temperature":0.5}"#),
            of("temperature, above 1", r#"{"temperature":1.5}"#),
            of("top_p", r#"{"top_p":0.5}"#),
            of("stop", r#"{"stop":["a","b"]}"#),
            of("n", r#"{"n":2}"#),
            of("seed", r#"{"seed":7}"#),
            of("frequency_penalty", r#"{"frequency_penalty":0.5}"#),
            of("presence_penalty", r#"{"presence_penalty":0.5}"#),
            of("logit_bias", r#"{"logit_bias":{"50256":-100}}"#),
            of(
                "logprobs, top_logprobs",
                r#"{"logprobs":true,"top_logprobs":2}"#,
            ),
            of("reasoning_effort: none", r#"{"reasoning_effort":"none"}"#),
            of("reasoning_effort: low", r#"{"reasoning_effort":"low"}"#),
            of("reasoning_effort: high", r#"{"reasoning_effort":"high"}"#),
            of("reasoning_effort: xhigh", r#"{"reasoning_effort":"xhigh"}"#),
        ],
    },
    Group {
        name: "the account",
        samples: &[
            of("user", r#"{"user":"ann"}"#),
            of("safety_identifier", r#"{"safety_identifier":"ann"}"#),
            of("metadata", r#"{"metadata":{"a":"b"}}"#),
            of("store", r#"{"store":true}"#),
            of("service_tier", r#"{"service_tier":"flex"}"#),
            of("prompt_cache_key", r#"{"prompt_cache_key":"a"}"#),
            of("web_search_options", r#"{"web_search_options":{}}"#),
            of("a field of no API", r#"{"frobnicate":1}"#),
        ],
    },
];

pub(super) const RESPONSES: &[Group] = &[
    Group {
        name: "input",
        samples: &[
            of("instructions", r#"{"instructions":"A"}"#),
            of(
                "input: messages",
                r#"{"input":[{"role":"developer","content":"A"},{"role":"user","content":"Hi"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Ho"}]},{"role":"user","content":"Hi"}]}"#,
            ),
            of(
                "input_image, as data",
                r#"{"input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo="}]}]}"#,
            ),
            of(
                "input_image, elsewhere",
                r#"{"input":[{"role":"user","content":[{"type":"input_image","image_url":"https://a.example/a.png"}]}]}"#,
            ),
            of(
                "input_image.file_id",
                r#"{"input":[{"role":"user","content":[{"type":"input_image","file_id":"file-1"}]}]}"#,
            ),
            of(
                "input_file.file_data",
                r#"{"input":[{"role":"user","content":[{"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,JVBERi0="}]}]}"#,
            ),
            of(
                "input_file.file_url",
                r#"{"input":[{"role":"user","content":[{"type":"input_file","file_url":"https://a.example/a.pdf"}]}]}"#,
            ),
            of(
                "function_call, function_call_output",
                r#"{"tools":[{"type":"function","name":"f","parameters":{"type":"object"}}],"input":[{"role":"user","content":"Hi"},{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":"42"}]}"#,
            ),
            of(
                "item_reference",
                r#"{"input":[{"type":"item_reference","id":"msg_1"},{"role":"user","content":"Hi"}]}"#,
            ),
        ],
    },
    Group {
        name: "tools",
        samples: &[
            of(
                "tools: function",
                r#"{"tools":[{"type":"function","name":"f","parameters":{"type":"object"}}]}"#,
            ),
            of("tools: web_search", r#"{"tools":[{"type":"web_search"}]}"#),
            of(
                "tools: file_search",
                r#"{"tools":[{"type":"file_search","vector_store_ids":["vs_1"]}]}"#,
            ),
            of(
                "tools: mcp",
                r#"{"tools":[{"type":"mcp","server_label":"a","server_url":"https://a.example"}]}"#,
            ),
            of(
                "tools: custom",
                r#"{"tools":[{"type":"custom","name":"f"}]}"#,
            ),
            of(
                "tool_choice: required",
                r#"{"tools":[{"type":"function","name":"f","parameters":{"type":"object"}}],"tool_choice":"required"}"#,
            ).beside(RESPONSES_TOOL),
            of(
                "parallel_tool_calls: false",
                r#"{"tools":[{"type":"function","name":"f","parameters":{"type":"object"}}],"parallel_tool_calls":false}"#,
            ).beside(RESPONSES_TOOL),
            of("max_tool_calls", r#"{"max_tool_calls":2}"#),
        ],
    },
    Group {
        name: "the answer",
        samples: &[
            of(
                "text.format: json_object",
                r#"{"text":{"format":{"type":"json_object"}}}"#,
            ),
            of(
                "text.format: json_schema",
                r#"{"text":{"format":{"type":"json_schema","name":"a","strict":true,"schema":{"type":"object"}}}}"#,
            ),
            of("text.verbosity", r#"{"text":{"verbosity":"low"}}"#),
            of("max_output_tokens", r#"{"max_output_tokens":50}"#),
            of("temperature", r#"{"temperature":0.5}"#),
            of("top_p", r#"{"top_p":0.5}"#),
            of("top_logprobs", r#"{"top_logprobs":2}"#),
            of("reasoning.effort", r#"{"reasoning":{"effort":"low"}}"#),
            of("reasoning.summary", r#"{"reasoning":{"summary":"auto"}}"#),
            of(
                "include: reasoning.encrypted_content",
                r#"{"include":["reasoning.encrypted_content"]}"#,
            ),
            of("truncation: auto", r#"{"truncation":"auto"}"#),
        ],
    },
    Group {
        name: "the account",
        samples: &[
            of("user", r#"{"user":"ann"}"#),
            of("metadata", r#"{"metadata":{"a":"b"}}"#),
            of("service_tier", r#"{"service_tier":"flex"}"#),
            of("prompt_cache_key", r#"{"prompt_cache_key":"a"}"#),
            of("prompt", r#"{"prompt":{"id":"pmpt_1"}}"#),
            of(
                "previous_response_id",
                r#"{"previous_response_id":"resp_1"}"#,
            ),
            of("conversation", r#"{"conversation":"conv_1"}"#),
            of("store: true", r#"{"store":true}"#),
            of("background", r#"{"background":true}"#),
        ],
    },
];

pub(super) const ANTHROPIC: &[Group] = &[
    Group {
        name: "messages",
        samples: &[
            of("system", r#"{"system":"A"}"#),
            of(
                "cache_control",
                r#"{"system":[{"type":"text","text":"A","cache_control":{"type":"ephemeral"}}]}"#,
            ),
            of(
                "image, as data",
                r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}]}]}"#,
            ),
            of(
                "image, elsewhere",
                r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://a.example/a.png"}}]}]}"#,
            ),
            of(
                "image, by file_id",
                r#"{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"file","file_id":"file_1"}}]}]}"#,
            ),
            of(
                "document: a PDF as data",
                r#"{"messages":[{"role":"user","content":[{"type":"document","title":"A","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="}}]}]}"#,
            ),
            of(
                "document: a PDF elsewhere",
                r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"url","url":"https://a.example/a.pdf"}}]}]}"#,
            ),
            of(
                "document: text",
                r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"A"}}]}]}"#,
            ),
            of(
                "document.citations",
                r#"{"messages":[{"role":"user","content":[{"type":"document","citations":{"enabled":true},"source":{"type":"text","media_type":"text/plain","data":"A"}}]}]}"#,
            ),
            of(
                "search_result",
                r#"{"messages":[{"role":"user","content":[{"type":"search_result","source":"a","title":"A","content":[{"type":"text","text":"A"}]}]}]}"#,
            ),
            of(
                "thinking, signed, of an earlier answer",
                r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"A","signature":"c2ln"},{"type":"text","text":"Ho"}]},{"role":"user","content":"Hi"}]}"#,
            ),
            of(
                "redacted_thinking",
                r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"redacted_thinking","data":"ZGF0YQ=="},{"type":"text","text":"Ho"}]},{"role":"user","content":"Hi"}]}"#,
            ),
        ],
    },
    Group {
        name: "tools",
        samples: &[
            of(
                "tools",
                r#"{"tools":[{"name":"f","input_schema":{"type":"object"}}]}"#,
            ),
            of(
                "tools: web_search",
                r#"{"tools":[{"type":"web_search_20250305","name":"web_search"}]}"#,
            ),
            of(
                "tool_choice: any",
                r#"{"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"}}"#,
            ).beside(ANTHROPIC_TOOL),
            of(
                "tool_choice: none",
                r#"{"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"none"}}"#,
            ).beside(ANTHROPIC_TOOL),
            of(
                "tool_choice: tool",
                r#"{"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"tool","name":"f"}}"#,
            ).beside(ANTHROPIC_TOOL),
            of(
                "disable_parallel_tool_use",
                r#"{"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}"#,
            ).beside(ANTHROPIC_TOOL),
            of(
                "tool_use, tool_result",
                r#"{"tools":[{"name":"f","input_schema":{"type":"object"}}],"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"42"}]}]}"#,
            ),
            of(
                "tool_result.is_error",
                r#"{"tools":[{"name":"f","input_schema":{"type":"object"}}],"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","is_error":true,"content":"no"}]}]}"#,
            ),
            of(
                "tool_result with an image",
                r#"{"tools":[{"name":"f","input_schema":{"type":"object"}}],"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}}]}]}]}"#,
            ),
        ],
    },
    Group {
        name: "the answer",
        samples: &[
            of("temperature", r#"{"temperature":0.5}"#),
            of("top_p", r#"{"top_p":0.5}"#),
            of("top_k", r#"{"top_k":5}"#),
            of("stop_sequences", r#"{"stop_sequences":["a"]}"#),
            of("thinking: disabled", r#"{"thinking":{"type":"disabled"}}"#),
            of("thinking: adaptive", r#"{"thinking":{"type":"adaptive"}}"#),
            of(
                "thinking.budget_tokens",
                r#"{"max_tokens":4000,"thinking":{"type":"enabled","budget_tokens":2000}}"#,
            ),
            of(
                "output_config.effort",
                r#"{"output_config":{"effort":"low"}}"#,
            ),
            of(
                "output_config.format",
                r#"{"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}}"#,
            ),
        ],
    },
    Group {
        name: "the account",
        samples: &[
            of("metadata.user_id", r#"{"metadata":{"user_id":"ann"}}"#),
            of("service_tier", r#"{"service_tier":"standard_only"}"#),
            of("container", r#"{"container":"c_1"}"#),
            of(
                "mcp_servers",
                r#"{"mcp_servers":[{"type":"url","url":"https://a.example","name":"a"}]}"#,
            ),
            of(
                "context_management",
                r#"{"context_management":{"edits":[]}}"#,
            ),
        ],
    },
];
