//! A request for chat: who said what, what may be called, how to answer.
//!
//! It owns its texts: it outlives the body it was read from, since another
//! attempt may write it for another dialect.

use serde_json::value::RawValue;

/// A whole request, without its model's way to an upstream.
#[derive(Debug, Default)]
pub struct Request {
    /// The model's name; the caller's when it was read, the upstream's when it
    /// is written.
    pub model: String,
    /// The answer shall flow.
    pub stream: bool,
    /// The caller wants the tokens of a stream to be told. Dialects that always
    /// tell them set it.
    pub wants_usage: bool,
    /// In order. Instructions stand in it as [`Role::System`].
    pub messages: Vec<Message>,
    /// What the model may call.
    pub tools: Vec<Tool>,
    /// Whether it must; `None` leaves it to the model.
    pub choose: Option<Choose>,
    /// Several calls in one answer; `None` is the dialect's default, which is yes.
    pub parallel_calls: Option<bool>,
    /// The form of the answer, if it is not free text.
    pub format: Option<Format>,
    /// How much to think.
    pub reasoning: Option<Reasoning>,
    /// The most tokens of the answer.
    pub max_tokens: Option<u64>,
    /// 0 to 2 in OpenAI's scale, 0 to 1 in Anthropic's; carried as it is.
    pub temperature: Option<f64>,
    /// The share of the likeliest tokens to draw from, 0 to 1.
    pub top_p: Option<f64>,
    /// The number of the likeliest tokens to draw from.
    pub top_k: Option<u64>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// Answers asked for, where it is not one.
    pub n: Option<u64>,
    /// For drawing the same again.
    pub seed: Option<i64>,
    /// -2 to 2, by how often a token has come.
    pub frequency_penalty: Option<f64>,
    /// -2 to 2, once a token has come.
    pub presence_penalty: Option<f64>,
    /// Log probabilities of the tokens, with so many others at each place.
    pub logprobs: Option<u8>,
    /// The caller's own user.
    pub user: Option<String>,
    /// Paths of fields that were given, mean something and have no place here,
    /// such as `metadata` or `messages[0].name`. Whoever writes the request for
    /// another dialect counts them among what is lacking.
    pub others: Vec<String>,
}

impl Request {
    /// About how many bytes its texts, media and schemas have together, which is
    /// about what it has in any dialect.
    pub(crate) fn bulk(&self) -> usize {
        let said: usize = self.messages.iter().map(|said| bulk(&said.parts)).sum();
        let tools = self.tools.iter().map(|tool| {
            let schema = tool.schema.as_ref().map_or(0, |schema| schema.get().len());
            let description = tool.description.as_ref().map_or(0, String::len);
            SMALL + schema + description
        });
        said + tools.sum::<usize>() + SMALL * (1 + self.messages.len())
    }
}

/// Names and small fields around a part, a message or a tool.
const SMALL: usize = 128;

fn bulk(parts: &[Part]) -> usize {
    let place = |place: &Where| match place {
        Where::Url(text) | Where::File(text) => text.len(),
        Where::Data(media) => media.data.len(),
    };
    let each = parts.iter().map(|part| match part {
        Part::Text { text, .. } | Part::Refusal(text) | Part::Redacted(text) => text.len(),
        Part::Image { place: at, .. } | Part::Document { place: at, .. } => place(at),
        Part::Audio { data, .. } => data.len(),
        Part::Call(call) => call.arguments.len(),
        Part::Result(result) => bulk(&result.parts),
        Part::Thinking { text, signature } => {
            text.len() + signature.as_ref().map_or(0, String::len)
        }
    });
    each.map(|bytes| SMALL + bytes).sum()
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Instructions (OpenAI: `system` and `developer`; Anthropic: `system`).
    System,
    /// The caller, and the results of calls.
    User,
    /// The model.
    Assistant,
}

/// One message.
#[derive(Debug)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// In order. What the model called stands behind what it said with it.
    pub parts: Vec<Part>,
}

/// A piece of a message or of an answer.
#[derive(Debug)]
pub enum Part {
    /// Plain text.
    Text {
        /// Itself.
        text: String,
        /// The prompt up to here shall be kept by the provider (Anthropic's
        /// `cache_control`), with what was said of it, as it was.
        cache: Option<Box<RawValue>>,
    },
    /// The model's own refusal (OpenAI).
    Refusal(String),
    /// A picture.
    Image {
        /// Where it is.
        place: Where,
        /// OpenAI's `detail`: how closely to look.
        detail: Option<String>,
        /// As with text.
        cache: Option<Box<RawValue>>,
    },
    /// A document, such as a PDF.
    Document {
        /// Where it is.
        place: Where,
        /// Its name or title.
        name: Option<String>,
        /// As with text.
        cache: Option<Box<RawValue>>,
    },
    /// Sound, with its format's name (`wav`, `mp3`).
    Audio {
        /// In base64, as it was given.
        data: String,
        /// Such as `wav`.
        format: String,
    },
    /// The model calls.
    Call(ToolCall),
    /// What came of a call.
    Result(ToolResult),
    /// What the model thought, where it is told. The signature is the provider's
    /// proof that it is unchanged; only the provider that gave it takes it. One
    /// with a name and a colon in front (`gemini:`) is of that dialect alone: the
    /// proofs themselves are base64, which has no colon.
    Thinking {
        /// What is told of it.
        text: String,
        /// The proof.
        signature: Option<String>,
    },
    /// What it thought, for its provider's eyes only.
    Redacted(String),
}

/// Where bytes that are no text are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Where {
    /// Fetched by the provider; never by us.
    Url(String),
    /// In the request, in base64 as it was given.
    Data(Media),
    /// At the provider, under this id.
    File(String),
}

/// Bytes in base64, and what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// Such as `image/png`.
    pub kind: String,
    /// In base64, as it was given.
    pub data: String,
}

/// A call that the model makes.
#[derive(Debug)]
pub struct ToolCall {
    /// By which its result is told apart. Dialects without ids get one by the
    /// call's place in the conversation, the same each time.
    pub id: String,
    /// The tool's.
    pub name: String,
    /// Its arguments: the text of a JSON object, byte for byte as it was given,
    /// or whatever the model wrote instead.
    pub arguments: String,
}

impl ToolCall {
    /// Its arguments as the JSON object that they should be, every byte of it as
    /// it is; without any it is an empty one. `None` if they are something else.
    pub fn object(&self) -> Option<&RawValue> {
        let text = match self.arguments.trim_ascii() {
            "" => "{}",
            text => text,
        };
        let object: &RawValue = serde_json::from_str(text).ok()?;
        object.get().starts_with('{').then_some(object)
    }
}

/// What came of a call.
#[derive(Debug)]
pub struct ToolResult {
    /// The call's.
    pub id: String,
    /// The tool's, where the dialect or an earlier message tells it.
    pub name: Option<String>,
    /// Text and images.
    pub parts: Vec<Part>,
    /// The call failed.
    pub failed: bool,
    /// As with [`Part::Text`].
    pub cache: Option<Box<RawValue>>,
}

/// What the model may call.
#[derive(Debug)]
pub struct Tool {
    /// By which it is called.
    pub name: String,
    /// What it is good for, for the model.
    pub description: Option<String>,
    /// The JSON Schema of its arguments, as it was given; `None` takes nothing.
    pub schema: Option<Box<RawValue>>,
    /// The arguments must keep to the schema.
    pub strict: Option<bool>,
    /// As with [`Part::Text`].
    pub cache: Option<Box<RawValue>>,
}

/// Whether the model calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choose {
    /// As it likes.
    Auto,
    /// Never.
    Never,
    /// Any of them, but one at least.
    Any,
    /// This one.
    Named(String),
}

/// The form of the answer.
#[derive(Debug)]
pub enum Format {
    /// Some JSON object.
    Json,
    /// One that keeps to a schema.
    Schema {
        /// The schema's name.
        name: String,
        /// What the answer is for.
        description: Option<String>,
        /// JSON Schema, as it was given.
        schema: Box<RawValue>,
        /// The answer must keep to it.
        strict: Option<bool>,
    },
}

/// How much to think before the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reasoning {
    /// As a step of a scale.
    pub effort: Option<Effort>,
    /// Anthropic's and Google's: tokens at the most; 0 is not at all.
    pub budget: Option<u64>,
    /// What was thought shall be told.
    pub told: bool,
}

/// How much to think: OpenAI's scale, and one step above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// `none`.
    Nothing,
    /// `minimal`.
    Minimal,
    /// `low`.
    Low,
    /// `medium`.
    Medium,
    /// `high`.
    High,
    /// `xhigh`.
    Highest,
    /// `max`, which Anthropic has above it.
    Max,
}
