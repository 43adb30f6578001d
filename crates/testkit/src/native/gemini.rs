//! `generateContent`, its stream as server-sent events, and embeddings of Google.
//!
//! Fields are taken with underscores too; calls come whole and without ids.

use serde_json::{Value, json};

use super::Frames;
use super::heard::{self, Choose, Heard, Said, Tool, at, count, list, object};
use super::mind::{Answer, CACHED, Call, PROOF, Stop, proven, vector, words_of};

const FIELDS: &[&str] = &[
    "contents",
    "systemInstruction",
    "tools",
    "toolConfig",
    "generationConfig",
    "safetySettings",
    "cachedContent",
];

const CONFIG: &[&str] = &[
    "temperature",
    "topP",
    "topK",
    "maxOutputTokens",
    "stopSequences",
    "candidateCount",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "responseLogprobs",
    "logprobs",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "mediaResolution",
    "thinkingConfig",
];

const PART: &[&str] = &[
    "text",
    "thought",
    "thoughtSignature",
    "inlineData",
    "functionCall",
    "functionResponse",
];

/// What a caller says in words of its own, in which no field is renamed.
const FREE: &[&str] = &[
    "args",
    "response",
    "parameters",
    "parametersJsonSchema",
    "responseSchema",
    "responseJsonSchema",
];

/// Google takes each field also with underscores.
fn camel(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(camel).collect(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| {
                let mut words = name.split('_');
                let first = words.next().unwrap_or_default().to_owned();
                let name = words.fold(first, |name, word| {
                    let (head, rest) = word.split_at(word.len().min(1));
                    name + &head.to_ascii_uppercase() + rest
                });
                let value = match FREE.contains(&name.as_str()) {
                    true => value.clone(),
                    false => camel(value),
                };
                (name, value)
            });
            Value::Object(fields.collect())
        }
        other => other.clone(),
    }
}

pub(super) fn hear(model: &str, stream: bool, body: &Value) -> Result<Heard, String> {
    let body = &camel(body);
    object(body, "Invalid JSON payload received. Unknown name", FIELDS)?;
    let mut heard = Heard {
        model: model.to_owned(),
        stream,
        choose: choose(&body["toolConfig"]["functionCallingConfig"])?,
        parallel: true,
        usage: true,
        ..Heard::default()
    };
    for part in list(&body["systemInstruction"], "parts") {
        let text = at(part, "/text").to_owned();
        let role = "system";
        heard.said.push(Said::Text { role, text });
    }
    for (place, content) in list(body, "contents").iter().enumerate() {
        let place = format!("contents[{place}]");
        object(content, &place, &["role", "parts"])?;
        let role = match at(content, "/role") {
            "user" => "user",
            "model" => "assistant",
            other => {
                return Err(format!(
                    "{place}: Please use a valid role: user, model. {other:?}"
                ));
            }
        };
        for part in list(content, "parts") {
            object(part, &place, PART)?;
            hear_part(part, role, &place, &mut heard)?;
        }
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        object(tool, "tools", &["functionDeclarations"])?;
        for declared in list(tool, "functionDeclarations") {
            let known = ["name", "description", "parameters", "parametersJsonSchema"];
            object(declared, "function_declarations", &known)?;
            let schema = declared
                .get("parametersJsonSchema")
                .unwrap_or(&declared["parameters"]);
            heard.tools.push(Tool {
                name: at(declared, "/name").to_owned(),
                schema: schema.clone(),
            });
        }
    }
    if let Some(config) = body.get("generationConfig") {
        object(config, "generationConfig", CONFIG)?;
        heard.most = count(config, "/maxOutputTokens");
        let schema = config
            .get("responseJsonSchema")
            .or(config.get("responseSchema"));
        if schema.is_some() && at(config, "/responseMimeType") != "application/json" {
            return Err("responseMimeType must be application/json with a schema".to_owned());
        }
        heard.form = schema.cloned();
        heard.thinks = config["thinkingConfig"]["includeThoughts"] == true;
    }
    heard.settle()?;
    Ok(heard)
}

fn choose(calling: &Value) -> Result<Choose, String> {
    match at(calling, "/mode") {
        "" | "AUTO" | "VALIDATED" => Ok(Choose::Auto),
        "NONE" => Ok(Choose::Never),
        "ANY" => Ok(match at(calling, "/allowedFunctionNames/0") {
            "" => Choose::Any,
            name => Choose::Named(name.to_owned()),
        }),
        other => Err(format!("toolConfig: {other:?}")),
    }
}

fn hear_part(
    part: &Value,
    role: &'static str,
    place: &str,
    heard: &mut Heard,
) -> Result<(), String> {
    let name = |object: &Value| at(object, "/name").to_owned();
    // Calls have ids from some models on; before that a name and the order tell.
    let id = |object: &Value| match at(object, "/id") {
        "" => at(object, "/name").to_owned(),
        id => id.to_owned(),
    };
    let proof = at(part, "/thoughtSignature");
    // Google takes a word in the place of a proof that nobody has.
    if !proof.is_empty() && proof != "skip_thought_signature_validator" {
        proven(proof)?;
    }
    let said = if let Some(blob) = part.get("inlineData") {
        heard::image(at(blob, "/mimeType"), at(blob, "/data"))?
    } else if let Some(call) = part.get("functionCall") {
        object(call, place, &["id", "name", "args"])?;
        Said::Call {
            id: id(call),
            name: name(call),
            arguments: call.get("args").cloned().unwrap_or_else(|| json!({})),
        }
    } else if let Some(result) = part.get("functionResponse") {
        object(result, place, &["id", "name", "response"])?;
        let response = result["response"].as_object().ok_or("response: required")?;
        let text = ["output", "result", "error"]
            .iter()
            .find_map(|name| response.get(*name)?.as_str().map(str::to_owned));
        Said::Result {
            id: id(result),
            name: name(result),
            text: text.unwrap_or_else(|| result["response"].to_string()),
        }
    } else {
        match at(part, "/text") {
            "" if !proof.is_empty() => return Ok(()),
            "" => return Err(format!("{place}: Unable to submit request: no text")),
            text if part["thought"] == true => Said::Thought {
                text: text.to_owned(),
            },
            text => Said::Text {
                role,
                text: text.to_owned(),
            },
        }
    };
    heard.said.push(said);
    Ok(())
}

fn response(answer: &Answer, parts: &[String], finish: Option<Stop>) -> String {
    let finish = match finish {
        None => String::new(),
        // Calls are no reason of their own here.
        Some(Stop::End | Stop::Calls) => r#","finishReason":"STOP""#.to_owned(),
        Some(Stop::Length) => r#","finishReason":"MAX_TOKENS""#.to_owned(),
    };
    let usage = json!({"promptTokenCount": answer.input, "candidatesTokenCount": answer.output,
        "totalTokenCount": answer.input + answer.output, "cachedContentTokenCount": CACHED,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": answer.input}]});
    format!(
        r#"{{"candidates":[{{"content":{{"parts":[{}],"role":"model"}}{finish},"index":0}}],"usageMetadata":{usage},"modelVersion":{},"responseId":"native-response"}}"#,
        parts.join(","),
        json!(answer.model)
    )
}

/// Of calls that were thought of the first one has the proof.
fn called(answer: &Answer, place: usize, call: &Call) -> String {
    let (name, arguments) = (json!(call.name), &call.arguments);
    let proof = match answer.thought.filter(|_| place == 0) {
        Some(_) => format!(r#","thoughtSignature":"{PROOF}""#),
        None => String::new(),
    };
    format!(r#"{{"functionCall":{{"name":{name},"args":{arguments}}}{proof}}}"#)
}

fn thought(text: &str) -> String {
    json!({"text": text, "thought": true}).to_string()
}

fn said(text: &str) -> String {
    json!({"text": text}).to_string()
}

pub(super) fn whole(answer: &Answer) -> String {
    let mut parts: Vec<String> = answer.thought.map(thought).into_iter().collect();
    let calls = answer.calls.iter().enumerate();
    parts.extend(calls.map(|(place, call)| called(answer, place, call)));
    if answer.calls.is_empty() {
        parts.push(said(&answer.text));
    }
    response(answer, &parts, Some(answer.stop))
}

fn event(data: &str) -> Vec<u8> {
    format!("data: {data}\r\n\r\n").into_bytes()
}

pub(super) fn frames(answer: &Answer) -> Frames {
    let mut begun = Vec::new();
    let mut end = Vec::new();
    if let Some(text) = answer.thought {
        for piece in text.split_inclusive(' ') {
            begun.push(event(&response(answer, &[thought(piece)], None)));
        }
    }
    if answer.calls.is_empty() {
        for piece in answer.pieces() {
            begun.push(event(&response(answer, &[said(piece)], None)));
        }
        // The last one has its reason beside a text that is empty.
        end.push(event(&response(answer, &[said("")], Some(answer.stop))));
    } else {
        for (place, call) in answer.calls.iter().enumerate() {
            begun.push(event(&response(
                answer,
                &[called(answer, place, call)],
                None,
            )));
        }
        end.push(event(&response(answer, &[], Some(answer.stop))));
    }
    Frames { begun, end }
}

pub(super) fn failure(status: u16, message: &str) -> Value {
    let (status, name) = match status {
        401 => (401, "UNAUTHENTICATED"),
        400 | 422 => (400, "INVALID_ARGUMENT"),
        403 => (403, "PERMISSION_DENIED"),
        404 => (404, "NOT_FOUND"),
        429 => (429, "RESOURCE_EXHAUSTED"),
        503 | 529 => (503, "UNAVAILABLE"),
        504 => (504, "DEADLINE_EXCEEDED"),
        other => (other, "INTERNAL"),
    };
    json!({"error": {"code": status, "message": message, "status": name}})
}

/// One vector (`embedContent`), or one for each request.
pub(super) fn embeddings(method: &str, body: &Value) -> Result<String, String> {
    let one = |body: &Value| -> Result<Value, String> {
        let known = [
            "model",
            "content",
            "outputDimensionality",
            "taskType",
            "title",
        ];
        object(body, "body", &known)?;
        let texts = list(&body["content"], "parts").iter();
        let text: String = texts.map(|part| at(part, "/text")).collect();
        if words_of(&text) == 0 {
            return Err("content: no text".to_owned());
        }
        let dimensions = count(body, "/outputDimensionality");
        Ok(json!({"values": vector(&text, dimensions)}))
    };
    let answer = match method {
        "embedContent" => json!({"embedding": one(body)?}),
        _ => {
            object(body, "body", &["requests"])?;
            let requests = list(body, "requests").iter();
            let vectors: Result<Vec<Value>, String> = requests.map(one).collect();
            json!({"embeddings": vectors?})
        }
    };
    Ok(answer.to_string())
}
