//! What each route is for, what it takes and what it gives: one entry a route.
//!
//! The routes themselves stand in `routes`; a test holds the two lists to each
//! other. Schemas are named here and stand in `schemas.json`.

use Body::{Bytes, Events, Html, Json, Text};

/// The description of one route.
#[derive(Clone, Copy)]
pub(super) struct Operation {
    pub(super) method: &'static str,
    /// As it stands in `routes`.
    pub(super) path: &'static str,
    pub(super) tag: &'static str,
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) about: &'static str,
    /// Parameters of the query.
    pub(super) query: &'static [Query],
    pub(super) takes: &'static [Body],
    pub(super) gives: &'static [Body],
    /// Statuses of its own, beside those of every route of its kind.
    pub(super) also: &'static [u16],
}

/// A parameter of the query.
#[derive(Clone, Copy)]
pub(super) struct Query {
    pub(super) name: &'static str,
    pub(super) values: &'static [&'static str],
    pub(super) about: &'static str,
}

/// What a body is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// JSON of this schema.
    Json(&'static str),
    /// `text/event-stream`; the sentence says of what.
    Events(&'static str),
    /// `multipart/form-data`.
    Form,
    Text,
    Html,
    /// Anything.
    Bytes,
}

/// The groups, in the order of the page.
pub(super) const TAGS: [(&str, &str); 5] = [
    ("models", "Calls to models, in the OpenAI form."),
    (
        "carried",
        "The rest of the OpenAI API, passed on to a provider as it is. The forms are the \
         provider's: its own documents describe them.",
    ),
    (
        "health",
        "For whoever starts, balances and watches processes.",
    ),
    (
        "operators",
        "What the process does at this moment. Only where operators listen.",
    ),
    ("description", "What there is to call."),
];

pub(super) const fn op(
    method: &'static str,
    path: &'static str,
    tag: &'static str,
    id: &'static str,
    summary: &'static str,
) -> Operation {
    Operation {
        method,
        path,
        tag,
        id,
        summary,
        about: "",
        query: &[],
        takes: &[],
        gives: &[],
        also: &[],
    }
}

impl Operation {
    pub(super) const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    const fn query(self, query: &'static [Query]) -> Self {
        Self { query, ..self }
    }

    pub(super) const fn takes(self, takes: &'static [Body]) -> Self {
        Self { takes, ..self }
    }

    pub(super) const fn gives(self, gives: &'static [Body]) -> Self {
        Self { gives, ..self }
    }

    const fn also(self, also: &'static [u16]) -> Self {
        Self { also, ..self }
    }
}

const CHUNKS: &str = "One chunk an event; the last is `[DONE]`. A stream that failed ends with an \
                      event of the error form, and without `[DONE]`.";

const RESPONSE_EVENTS: &str = "From `response.created` to `response.completed`, `.incomplete` or \
                               `.failed`; an `error` event where nothing has begun.";

const MESSAGE_EVENTS: &str = "From `message_start` to `message_stop`. A stream that failed ends \
                              with an `error` event in its place.";

/// The list, in the order of the page.
pub(super) const OPERATIONS: &[Operation] = &[
    op(
        "POST",
        "/v1/chat/completions",
        "models",
        "createChatCompletion",
        "Ask a model in a chat",
    )
    .about("With `\"stream\": true` the answer is a stream of server-sent events.")
    .takes(&[Json("ChatRequest")])
    .gives(&[Json("ChatCompletion"), Events(CHUNKS)]),
    op(
        "POST",
        "/v1/completions",
        "models",
        "createCompletion",
        "Let a model go on with a text",
    )
    .about("The older form; chat completions are the newer one.")
    .takes(&[Json("CompletionRequest")])
    .gives(&[Json("Completion"), Events(CHUNKS)]),
    op(
        "POST",
        "/v1/embeddings",
        "models",
        "createEmbedding",
        "Turn texts into vectors",
    )
    .takes(&[Json("EmbeddingRequest")])
    .gives(&[Json("Embeddings")]),
    op(
        "POST",
        "/v1/responses",
        "models",
        "createResponse",
        "Ask a model in the form of Responses",
    )
    .about(
        "With `\"stream\": true` the answer is a stream of server-sent events. Nothing is kept \
         here between two calls: what needs that is the provider's, if it speaks Responses \
         itself, and refused by its name otherwise.",
    )
    .takes(&[Json("ResponsesRequest")])
    .gives(&[Json("Response"), Events(RESPONSE_EVENTS)]),
    op(
        "POST",
        "/v1/messages",
        "models",
        "createMessage",
        "Ask a model in Anthropic's form",
    )
    .about(
        "With `\"stream\": true` the answer is a stream of server-sent events. Failures have \
         Anthropic's form here, and 529 where there is no room.",
    )
    .takes(&[Json("MessagesRequest")])
    .gives(&[Json("MessageAnswer"), Events(MESSAGE_EVENTS)])
    .also(&[529]),
    op(
        "POST",
        "/v1/messages/count_tokens",
        "models",
        "countMessageTokens",
        "How many tokens a message would have",
    )
    .about("Only where the provider itself counts them: one that speaks Anthropic's dialect.")
    .takes(&[Json("CountRequest")])
    .gives(&[Json("TokenCount")])
    .also(&[529]),
    op(
        "GET",
        "/v1/models",
        "models",
        "listModels",
        "The names that can be asked for",
    )
    .about("Those that the configuration lists: a pattern permits names, it never lists them.")
    .query(&[Query {
        name: "facts",
        values: &["0", "1"],
        about: "Whether to tell what is known of each: tokens, capabilities, prices.",
    }])
    .gives(&[Json("Models")])
    .also(&[400]),
    op(
        "GET",
        "/v1/models/{*id}",
        "models",
        "retrieveModel",
        "One of the names",
    )
    .about("A name may hold slashes, escaped or not, and may have its provider before it.")
    .gives(&[Json("Model")])
    .also(&[404]),
    op(
        "GET",
        "/livez",
        "health",
        "live",
        "Whether the process answers",
    )
    .gives(&[Text]),
    op(
        "GET",
        "/readyz",
        "health",
        "ready",
        "Whether it takes new requests",
    )
    .about("503 while it starts, and while it drains.")
    .gives(&[Text])
    .also(&[503]),
    op(
        "GET",
        "/metrics",
        "operators",
        "metrics",
        "Every metric, for Prometheus",
    )
    .gives(&[Text]),
    op(
        "GET",
        "/admin/v1/config",
        "operators",
        "config",
        "Which configuration holds, and what became of the last reload",
    )
    .about(
        "Changed files are taken by themselves. A wrong one changes nothing; its problems stand \
                here until one is right.",
    )
    .gives(&[Json("ConfigState")]),
    op(
        "GET",
        "/debug/advice",
        "operators",
        "advice",
        "What the traffic says about the settings",
    )
    .gives(&[Json("Advice")]),
    op(
        "GET",
        "/debug/overload",
        "operators",
        "overload",
        "How near the process is to its bounds",
    )
    .gives(&[Json("Overload")]),
    op(
        "GET",
        "/debug/pools",
        "operators",
        "pools",
        "Permits, queues, keys, credentials that are lent, and breakers",
    )
    .gives(&[Json("Pools")]),
    op(
        "GET",
        "/debug/requests",
        "operators",
        "requests",
        "Every request in flight",
    )
    .about(
        "With `watch=1` a stream that has no end: a `snapshot` of this form, then `request` for \
         each that is new or changed, and `ended` with `id`, `outcome` and `total_ms`; after a \
         gap a new `snapshot`. `last-event-id` goes on behind an event.",
    )
    .query(&[Query {
        name: "watch",
        values: &["0", "1"],
        about: "Whether to stay and be told what happens.",
    }])
    .gives(&[
        Json("RequestsInFlight"),
        Events("What happens to requests, as it does."),
    ])
    .also(&[400, 503]),
    op(
        "DELETE",
        "/debug/requests/{id}",
        "operators",
        "cancelRequest",
        "End a request in flight",
    )
    .about(
        "Its caller gets 503 `cancelled_by_operator`, or that error as the last event. With 404 \
         it does not end by this: the text says whether it has ended, ends already, or is whole.",
    )
    .gives(&[Json("Cancelled")])
    .also(&[404]),
    op(
        "GET",
        "/debug/reuse",
        "operators",
        "reuse",
        "Buffers that are used again",
    )
    .gives(&[Json("Reuse")]),
    op(
        "GET",
        "/debug/tasks",
        "operators",
        "tasks",
        "Every task that has not ended",
    )
    .gives(&[Json("Tasks")]),
    op(
        "GET",
        "/openapi.json",
        "description",
        "openapi",
        "This description",
    )
    .gives(&[Json("Object")]),
    op(
        "GET",
        "/docs",
        "description",
        "docs",
        "This description as a page to read and try",
    )
    .about(
        "The page holds nothing of this process: it asks for `/openapi.json`, with the key \
                that its reader gives it.",
    )
    .gives(&[Html]),
    op(
        "GET",
        "/docs/{file}",
        "description",
        "docsFile",
        "A part of that page",
    )
    .gives(&[Bytes])
    .also(&[404]),
];
