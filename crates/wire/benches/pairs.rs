//! What translating costs and how it grows, for every caller's dialect with every
//! upstream's: `cargo bench -p tidegate-wire --bench pairs`.
//!
//! Each size stands beside its double and eight times itself: what is not linear
//! shows there, and not in the step at which data leave a core's own cache.

use std::fmt;

use divan::{Bencher, black_box, counter::BytesCount};
use tidegate_wire::chat::{Decode, Encode, Event, Lacks, Request};
use tidegate_wire::{anthropic, bedrock, gemini, ollama, openai, responses};

fn main() {
    divan::main();
}

#[derive(Debug, Clone, Copy)]
enum Caller {
    OpenAi,
    Anthropic,
    Responses,
}

#[derive(Debug, Clone, Copy)]
enum Upstream {
    OpenAi,
    Anthropic,
    Gemini,
    Bedrock,
    Ollama,
}

/// Who with whom, and how much.
#[derive(Clone, Copy)]
struct Case(Caller, Upstream, usize);

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(caller, upstream, size) = self;
        let names = format!("{caller:?}-{upstream:?}").to_lowercase();
        write!(f, "{names}-{size}")
    }
}

/// Every pair, with this size, its double, and eight times that.
fn cases(size: usize) -> Vec<Case> {
    let mut cases = Vec::new();
    for caller in [Caller::OpenAi, Caller::Anthropic, Caller::Responses] {
        for upstream in [
            Upstream::OpenAi,
            Upstream::Anthropic,
            Upstream::Gemini,
            Upstream::Bedrock,
            Upstream::Ollama,
        ] {
            cases.extend([size, 2 * size, 8 * size].map(|size| Case(caller, upstream, size)));
        }
    }
    cases
}

impl Caller {
    /// A request with one picture of so many bytes in base64.
    fn request(self, size: usize) -> String {
        let data = "iVBORw0KGgoAAAAN".repeat(size / 16);
        match self {
            Self::OpenAi => format!(
                r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{data}"}}}}]}}]}}"#
            ),
            Self::Anthropic => format!(
                r#"{{"model":"m","max_tokens":1,"messages":[{{"role":"user","content":[{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{data}"}}}}]}}]}}"#
            ),
            Self::Responses => format!(
                r#"{{"model":"m","input":[{{"role":"user","content":[{{"type":"input_image","image_url":"data:image/png;base64,{data}"}}]}}]}}"#
            ),
        }
    }

    fn read(self, body: &[u8]) -> Option<Request> {
        match self {
            Self::OpenAi => openai::chat::read_request(body),
            Self::Anthropic => anthropic::read_request(body),
            Self::Responses => responses::read_request(body),
        }
        .ok()
    }

    fn writer(self) -> Box<dyn Encode> {
        match self {
            Self::OpenAi => Box::new(openai::chat::Writer::new(&openai::chat::Asked::default())),
            Self::Anthropic => Box::new(anthropic::Writer::new("msg")),
            Self::Responses => {
                let asked = responses::Asked::read(br#"{"model":"m","input":""}"#, 7, 7);
                Box::new(responses::Writer::new(asked, 64 << 20))
            }
        }
    }
}

/// A name and data.
type Frame = (&'static str, String);

impl Upstream {
    fn write(self, request: &Request) -> Vec<u8> {
        let lacks = &mut Lacks::default();
        match self {
            Self::OpenAi => openai::chat::write_request(request, openai::chat::Ways::OPENAI, lacks),
            Self::Anthropic => {
                anthropic::write_request(request, &anthropic::Ways::default(), lacks)
            }
            Self::Gemini => gemini::write_request(request, lacks),
            Self::Bedrock => bedrock::write_request(request, lacks),
            Self::Ollama => ollama::write_request(request, lacks),
        }
    }

    fn reader(self) -> Box<dyn Decode> {
        match self {
            Self::OpenAi => Box::new(openai::chat::Reader::default()),
            Self::Anthropic => Box::new(anthropic::Reader::default()),
            Self::Gemini => Box::new(gemini::Reader::default()),
            Self::Bedrock => Box::new(bedrock::Reader::default()),
            Self::Ollama => Box::new(ollama::Reader::default()),
        }
    }

    /// A stream whose one call has so many bytes of arguments: in pieces of 20, but
    /// for those whose calls come whole.
    fn frames(self, size: usize) -> Vec<Frame> {
        let whole = format!(
            r#"{{"text":"{}"}}"#,
            "twenty letters long.".repeat(size / 20)
        );
        let one = |frame: String| vec![("", frame)];
        let in_pieces = |start: Vec<Frame>, piece: &dyn Fn(&str) -> Frame, end: Vec<Frame>| {
            let mut frames = start;
            frames.push(piece(r#"{\"text\":\""#));
            frames.extend((0..size / 20).map(|_| piece("twenty letters long.")));
            frames.push(piece(r#"\"}"#));
            frames.extend(end);
            frames
        };
        match self {
            Self::OpenAi => in_pieces(
                one(chunk(r#""id":"c","function":{"name":"f"}"#, "null")),
                &|text| {
                    let call = format!(r#""function":{{"arguments":"{text}"}}"#);
                    ("", chunk(&call, "null"))
                },
                vec![("", chunk("", "\"tool_calls\"")), ("", "[DONE]".to_owned())],
            ),
            Self::Anthropic => in_pieces(
                vec![
                    ("message_start", r#"{"type":"message_start","message":{"id":"m","model":"c"}}"#.to_owned()),
                    ("content_block_start", r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#.to_owned()),
                ],
                &|text| ("content_block_delta", format!(r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"input_json_delta","partial_json":"{text}"}}}}"#)),
                vec![
                    ("content_block_stop", r#"{"type":"content_block_stop","index":0}"#.to_owned()),
                    ("message_delta", r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"}}"#.to_owned()),
                    ("message_stop", r#"{"type":"message_stop"}"#.to_owned()),
                ],
            ),
            Self::Bedrock => in_pieces(
                vec![
                    ("messageStart", r#"{"role":"assistant"}"#.to_owned()),
                    ("contentBlockStart", r#"{"contentBlockIndex":0,"start":{"toolUse":{"name":"f","toolUseId":"t"}}}"#.to_owned()),
                ],
                &|text| ("contentBlockDelta", format!(r#"{{"contentBlockIndex":0,"delta":{{"toolUse":{{"input":"{text}"}}}}}}"#)),
                vec![
                    ("contentBlockStop", r#"{"contentBlockIndex":0}"#.to_owned()),
                    ("messageStop", r#"{"stopReason":"tool_use"}"#.to_owned()),
                ],
            ),
            Self::Gemini => one(format!(r#"{{"candidates":[{{"content":{{"parts":[{{"functionCall":{{"name":"f","args":{whole}}}}}]}},"finishReason":"STOP"}}],"responseId":"r"}}"#)),
            Self::Ollama => one(format!(r#"{{"model":"q","message":{{"role":"assistant","tool_calls":[{{"function":{{"name":"f","arguments":{whole}}}}}]}},"done":true}}"#)),
        }
    }
}

/// A chunk of OpenAI's with this in its call.
fn chunk(call: &str, reason: &str) -> String {
    let calls = match call {
        "" => String::new(),
        call => format!(r#""tool_calls":[{{"index":0,{call}}}]"#),
    };
    format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1790000000,"model":"gpt-5","choices":[{{"index":0,"delta":{{{calls}}},"finish_reason":{reason}}}]}}"#
    )
}

/// A request with a picture, read and written.
#[divan::bench(args = cases(1 << 20), sample_count = 40)]
fn picture(bencher: Bencher<'_, '_>, case: Case) {
    let Case(caller, upstream, size) = case;
    let body = caller.request(size);
    bencher.counter(BytesCount::new(body.len())).bench(|| {
        let request = caller.read(black_box(body.as_bytes()));
        let written = request.map(|request| upstream.write(&request).len());
        assert!(written > Some(size), "{case}");
    });
}

/// A stream with a long call, read and written.
#[divan::bench(args = cases(200_000), sample_count = 40)]
fn call(bencher: Bencher<'_, '_>, case: Case) {
    let Case(caller, upstream, size) = case;
    let frames = upstream.frames(size);
    bencher.counter(BytesCount::new(size)).bench(|| {
        let (mut reader, mut writer) = (upstream.reader(), caller.writer());
        let (mut written, mut out) = (0, Vec::new());
        let mut sink = |event: Event<'_>| {
            writer.event(&event, &mut out);
            written += out.len();
            out.clear();
        };
        for (name, data) in &frames {
            let read = reader.frame(name.as_bytes(), black_box(data.as_bytes()), &mut sink);
            assert!(read.is_ok(), "{case}");
        }
        assert!(reader.finish(&mut sink) && written > size, "{case}");
    });
}
