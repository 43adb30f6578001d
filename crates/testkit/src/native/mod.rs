//! Upstreams that understand what they are asked: each dialect of a model API,
//! as its real service speaks it, behind one small mind.
//!
//! Promises:
//! 1. Every dialect is asked the same and answers the same, each in its form.
//! 2. They are strict: a path, a key, a field or an order that the service would
//!    not take is a 400, 401 or 404 of that service.
//! 3. The official SDKs of each dialect take their answers (`e2e`, `native.rs`).

mod anthropic;
mod bedrock;
mod chat;
mod fill;
mod gemini;
mod heard;
pub mod lender;
mod mind;
mod ollama;
mod parts;
mod responses;
pub mod sigv4;
mod sse;

use serde_json::Value;

use self::heard::Heard;
use self::mind::{Answer, FAILED};
use crate::script::Script;
use crate::upstream::{Recorded, Upstream};

/// The key of every one of them.
pub const KEY: &str = "sk-native-key";

/// What an upstream speaks; its name in a configuration is [`Dialect::kind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI: chat, Responses, embeddings.
    OpenAi,
    /// The same on Azure, by deployments.
    Azure,
    /// Anthropic.
    Anthropic,
    /// Google.
    Gemini,
    /// Amazon; signed, for the account of [`sigv4`].
    Bedrock,
    /// Ollama; it knows no keys.
    Ollama,
}

/// An answer flowing, in whole frames.
#[derive(Debug)]
pub struct Frames {
    /// Until all is said.
    pub begun: Vec<Vec<u8>>,
    /// What ends it.
    pub end: Vec<Vec<u8>>,
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Chat,
    Responses,
    Embeddings,
    Count,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::OpenAi,
        Self::Azure,
        Self::Anthropic,
        Self::Gemini,
        Self::Bedrock,
        Self::Ollama,
    ];

    /// Its name.
    pub fn kind(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Azure => "azure",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Bedrock => "bedrock",
            Self::Ollama => "ollama",
        }
    }

    /// The address of `upstream` as a configuration names it.
    pub fn base_url(self, upstream: &Upstream) -> String {
        let root = format!("http://{}", upstream.address());
        match self {
            Self::OpenAi => format!("{root}/v1"),
            Self::Gemini => format!("{root}/v1beta"),
            _ => root,
        }
    }

    /// An upstream that speaks it.
    pub async fn start(self) -> Upstream {
        let upstream = Upstream::start().await;
        upstream.by(move |request| Some(self.answer(request)));
        upstream
    }

    /// What it says to `request`.
    pub fn answer(self, request: &Recorded) -> Script {
        match self.try_answer(request) {
            Ok(script) => script,
            Err((status, message)) => self.failure(status, &message),
        }
    }

    fn try_answer(self, request: &Recorded) -> Result<Script, (u16, String)> {
        let (method, target) = request.line();
        let (call, model, stream) = self
            .place(&target)
            .filter(|_| method == "POST")
            .ok_or_else(|| (404, format!("nothing at {method} {target}")))?;
        self.check_key(request).map_err(|what| (401, what))?;
        let bad = |message: String| (400, message);
        let mut body: Value = serde_json::from_slice(request.body())
            .map_err(|error| bad(format!("no JSON: {error}")))?;
        if self == Self::Azure && !model.is_empty() {
            // The deployment: what the body says does not count.
            body["model"] = Value::from(model.as_str());
        }
        if self == Self::Anthropic {
            anthropic::check_version(request, &body).map_err(bad)?;
        }
        let json = |text: String| Ok(Script::json(200, &text));
        let heard = match call {
            Call::Embeddings => return json(self.embeddings(&target, &body).map_err(bad)?),
            Call::Count => return json(anthropic::count_tokens(&body).map_err(bad)?),
            Call::Chat | Call::Responses => self.hear(call, &model, stream, &body),
        };
        let heard = heard.map_err(bad)?;
        let answer = mind::answer(&heard).map_err(|status| (status, FAILED.to_owned()))?;
        match heard.stream {
            true => Ok(self.stream(call, &heard, &answer)),
            false => json(self.whole(call, &answer)),
        }
    }

    /// What is asked for at this place: the call, the model and whether it
    /// streams, where the path says that.
    fn place(self, target: &str) -> Option<(Call, String, bool)> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let none = String::new;
        Some(match (self, path) {
            (Self::OpenAi, "/v1/chat/completions") => (Call::Chat, none(), false),
            (Self::OpenAi, "/v1/responses") => (Call::Responses, none(), false),
            (Self::OpenAi, "/v1/embeddings") => (Call::Embeddings, none(), false),
            (Self::Anthropic, "/v1/messages") => (Call::Chat, none(), false),
            (Self::Anthropic, "/v1/messages/count_tokens") => (Call::Count, none(), false),
            (Self::Ollama, "/api/chat") => (Call::Chat, none(), false),
            (Self::Ollama, "/api/embed") => (Call::Embeddings, none(), false),
            (Self::Azure, "/openai/v1/chat/completions") => (Call::Chat, none(), false),
            (Self::Azure, "/openai/v1/responses") => (Call::Responses, none(), false),
            (Self::Azure, "/openai/v1/embeddings") => (Call::Embeddings, none(), false),
            (Self::Azure, path) => {
                let (model, call) = path.strip_prefix("/openai/deployments/")?.split_once('/')?;
                let call = match call {
                    "chat/completions" => Call::Chat,
                    "embeddings" => Call::Embeddings,
                    _ => return None,
                };
                query.strip_prefix("api-version=20")?;
                (call, model.to_owned(), false)
            }
            (Self::Gemini, path) => {
                let (model, method) = path.strip_prefix("/v1beta/models/")?.split_once(':')?;
                let (call, stream) = match (method, query) {
                    ("generateContent", _) => (Call::Chat, false),
                    ("streamGenerateContent", "alt=sse") => (Call::Chat, true),
                    ("embedContent" | "batchEmbedContents", _) => (Call::Embeddings, false),
                    _ => return None,
                };
                (call, model.to_owned(), stream)
            }
            (Self::Bedrock, path) => {
                let (model, call) = path.strip_prefix("/model/")?.split_once('/')?;
                let (call, stream) = match call {
                    "converse" => (Call::Chat, false),
                    "converse-stream" => (Call::Chat, true),
                    "invoke" => (Call::Embeddings, false),
                    _ => return None,
                };
                (call, bedrock::model_of(model), stream)
            }
            _ => return None,
        })
    }

    fn check_key(self, request: &Recorded) -> Result<(), String> {
        let must_be = |name: &str, value: &str| match request.header(name) {
            Some(told) if told == value => Ok(()),
            _ => Err(format!("the header {name} is not {value:?}")),
        };
        match self {
            Self::OpenAi => must_be("authorization", &format!("Bearer {KEY}")),
            Self::Azure => must_be("api-key", KEY),
            Self::Anthropic => {
                anthropic::version(request)?;
                // Its SDKs of 2023-06-01 use the one, those of 2026-10-21 the other.
                let bearer = must_be("authorization", &format!("Bearer {KEY}"));
                must_be("x-api-key", KEY).or(bearer)
            }
            Self::Gemini => must_be("x-goog-api-key", KEY),
            Self::Bedrock => sigv4::check(request, "bedrock"),
            Self::Ollama => Ok(()),
        }
    }

    fn hear(self, call: Call, model: &str, stream: bool, body: &Value) -> Result<Heard, String> {
        match self {
            _ if call == Call::Responses => responses::hear(body),
            Self::OpenAi | Self::Azure => chat::hear(body),
            Self::Anthropic => anthropic::hear(body),
            Self::Gemini => gemini::hear(model, stream, body),
            Self::Bedrock => bedrock::hear(model, stream, body),
            Self::Ollama => ollama::hear(body),
        }
    }

    fn whole(self, call: Call, answer: &Answer) -> String {
        match self {
            _ if call == Call::Responses => responses::whole(answer),
            Self::OpenAi | Self::Azure => chat::whole(answer),
            Self::Anthropic => anthropic::whole(answer),
            Self::Gemini => gemini::whole(answer),
            Self::Bedrock => bedrock::whole(answer),
            Self::Ollama => ollama::whole(answer),
        }
    }

    fn stream(self, call: Call, heard: &Heard, answer: &Answer) -> Script {
        let Frames { begun, mut end } = self.frames(call, answer, heard.usage);
        if let Some(status) = answer.breaks {
            end = vec![self.break_frame(call, answer, status)];
        }
        let frames = begun.into_iter().chain(end);
        frames.fold(self.stream_head(), Script::bytes)
    }

    fn frames(self, call: Call, answer: &Answer, usage: bool) -> Frames {
        match self {
            _ if call == Call::Responses => responses::frames(answer),
            Self::OpenAi | Self::Azure => chat::frames(answer, usage),
            Self::Anthropic => anthropic::frames(answer),
            Self::Gemini => gemini::frames(answer),
            Self::Bedrock => bedrock::frames(answer),
            Self::Ollama => ollama::frames(answer),
        }
    }

    /// A failure in the middle of a stream.
    fn break_frame(self, call: Call, answer: &Answer, status: u16) -> Vec<u8> {
        match self {
            _ if call == Call::Responses => responses::failed(answer, status, FAILED),
            Self::OpenAi | Self::Azure => {
                format!("data: {}\n\n", chat::failure(status, FAILED)).into_bytes()
            }
            Self::Anthropic => sse::named(&anthropic::failure(status, FAILED)),
            Self::Gemini => format!("data: {}\r\n\r\n", gemini::failure(status, FAILED)).into(),
            Self::Bedrock => bedrock::exception(status, FAILED),
            Self::Ollama => format!("{{\"error\":{:?}}}\n", FAILED).into(),
        }
    }

    fn embeddings(self, target: &str, body: &Value) -> Result<String, String> {
        match self {
            Self::OpenAi | Self::Azure => chat::embeddings(body),
            Self::Gemini => {
                let method = target.rsplit(':').next().unwrap_or_default();
                gemini::embeddings(method, body)
            }
            Self::Bedrock => bedrock::embeddings(body),
            Self::Ollama => ollama::embeddings(body),
            Self::Anthropic => Err("there are no embeddings here".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
