//! Every error code that a caller can meet, in one table.
//!
//! `docs/errors.md` is generated from this list and a test holds it there.
//! A code, once given out, keeps its meaning.

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The request was wrong, or its caller left or cut it short.
    Caller,
    /// The upstream failed.
    Provider,
    /// We failed, or had no room.
    Us,
}

impl Fault {
    /// The stable label for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Provider => "provider",
            Self::Us => "us",
        }
    }
}

/// Whether sending the same request again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// The same request fails again.
    No,
    /// It may work, after the `retry-after` that the answer carries if it has one.
    Later,
}

macro_rules! codes {
    ($($variant:ident $name:literal $status:literal $kind:literal $fault:ident $retry:ident
        $meaning:literal $action:literal;)*) => {
        /// A stable error code, as it stands in the `code` field of an error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// All codes, in the order of the table.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// The stable text of the code.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The HTTP status when the answer has not begun.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),* }
            }

            /// The `type` field of the OpenAI error form.
            pub const fn kind(self) -> &'static str {
                match self { $(Self::$variant => $kind),* }
            }

            /// Whose fault it is.
            pub const fn fault(self) -> Fault {
                match self { $(Self::$variant => Fault::$fault),* }
            }

            /// Whether sending it again can help.
            pub const fn retry(self) -> Retry {
                match self { $(Self::$variant => Retry::$retry),* }
            }

            /// What it means, one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),* }
            }

            /// What to do about it, one sentence.
            pub const fn action(self) -> &'static str {
                match self { $(Self::$variant => $action),* }
            }
        }
    };
}

codes! {
    // The request.
    InvalidJson "invalid_json" 400 "invalid_request_error" Caller No
        "The body is not valid JSON in UTF-8." "Send a JSON object; the message names the byte.";
    JsonTooDeep "json_too_deep" 400 "invalid_request_error" Caller No
        "The body nests deeper than `limits.json_depth`." "Flatten it, or raise the limit.";
    JsonTooLarge "json_too_large" 400 "invalid_request_error" Caller No
        "An array, object, string or number of the body is over its limit." "Send less, or raise the limit the message names.";
    InvalidValue "invalid_value" 400 "invalid_request_error" Caller No
        "A field is missing, has the wrong type or is out of range." "Correct the field that `param` names.";
    UnsupportedParameter "unsupported_parameter" 400 "invalid_request_error" Caller No
        "A field that Tidegate never takes from a caller, such as `api_base`." "Remove the field that `param` names; endpoints are set in the configuration.";
    InvalidHeader "invalid_header" 400 "invalid_request_error" Caller No
        "A request header has a value that cannot be used." "Correct the header that the message names.";
    BadFraming "bad_framing" 400 "invalid_request_error" Caller No
        "The request's framing is broken or ambiguous." "Send one `content-length` or chunked encoding, not a mixture.";
    TlsRequired "tls_required" 400 "invalid_request_error" Caller No
        "Plain HTTP came to a port that speaks TLS." "Write `https://` instead of `http://` in the base URL.";
    InvalidApiKey "invalid_api_key" 401 "invalid_request_error" Caller No
        "Tidegate asks for a key, and the request carries none or a wrong one." "Send `authorization: Bearer` with one of the keys of `[auth] keys`.";
    TooManyWrongKeys "too_many_wrong_keys" 429 "rate_limit_error" Caller Later
        "This address sent too many wrong keys." "Correct the key, and wait a minute.";
    ForbiddenHost "forbidden_host" 403 "invalid_request_error" Caller No
        "Without keys only loopback names are answered, and the `host` header is another." "Use `127.0.0.1` or `localhost`, or set `[auth] keys`.";
    ForbiddenOrigin "forbidden_origin" 403 "invalid_request_error" Caller No
        "A web page of another origin made this request." "Call from a server, or set `[auth] keys`.";
    NotFound "not_found" 404 "invalid_request_error" Caller No
        "There is no such route, nothing of this id, or no provider that has the endpoint." "Check the path or id; `base_url` of an OpenAI SDK ends in `/v1`.";
    ModelNotFound "model_not_found" 404 "invalid_request_error" Caller No
        "No provider, route or list has this model name." "Use one of the near names in the message, or `GET /v1/models`.";
    MethodNotAllowed "method_not_allowed" 405 "invalid_request_error" Caller No
        "The route exists, with another method." "Use the method that the `allow` header names.";
    RequestTimeout "request_timeout" 408 "invalid_request_error" Caller Later
        "The request arrived too slowly." "Send the body without pauses.";
    RequestTooLarge "request_too_large" 413 "invalid_request_error" Caller No
        "The body is over `limits.body`, or over `limits.upload` where it is passed on as it comes." "Send less, or raise the limit that the message names.";
    UnsupportedMediaType "unsupported_media_type" 415 "invalid_request_error" Caller No
        "The body is not declared as what the endpoint takes: JSON, or a form with its boundary." "Send `content-type: application/json`, or `multipart/form-data`.";
    UnsupportedEncoding "unsupported_encoding" 415 "invalid_request_error" Caller No
        "Compressed request bodies are not taken." "Send the body without `content-encoding`.";

    // Our own room and life.
    QueueFull "queue_full" 503 "server_error" Us Later
        "The provider's pool and queue are full." "Wait for `retry-after`; raise `pool.size` or `pool.queue` if it happens often.";
    QueueTimeout "queue_timeout" 503 "server_error" Us Later
        "No permit came free within `pool.max_wait`." "Wait for `retry-after`; raise `pool.size` if it happens often.";
    Dropped "dropped" 503 "server_error" Us No
        "The overflow policy gave this request up." "Do not send it again, or choose another `pool.overflow`.";
    ShuttingDown "shutting_down" 503 "server_error" Us Later
        "This process is draining." "Send it again; another instance takes it.";
    Overloaded "overloaded" 503 "server_error" Us Later
        "A limit on connections or requests in flight is reached." "Wait for `retry-after`.";
    CancelledByOperator "cancelled_by_operator" 503 "server_error" Us No
        "An operator ended this request." "Ask the operator before sending it again.";
    Internal "internal_error" 500 "server_error" Us No
        "A defect of Tidegate; the log has the details under the request's id." "Report it with the value of `x-tidegate-id`.";

    // The deadline.
    DeadlineExceeded "deadline_exceeded" 504 "invalid_request_error" Caller No
        "The time that `x-request-timeout-ms` allowed is over." "Allow more time.";
    NotCached "not_cached" 504 "invalid_request_error" Caller No
        "No answer to this is known, and `cache-control: only-if-cached` asks for no other." "Leave that directive out.";

    // The upstream.
    UpstreamRejected "upstream_rejected" 400 "invalid_request_error" Caller No
        "The provider refused the request itself; its own status, code and message are passed on, redacted." "Correct the request as the message says.";
    UpstreamRateLimited "rate_limit_exceeded" 429 "rate_limit_error" Provider Later
        "The provider limits the rate." "Wait for `retry-after`.";
    InsufficientQuota "insufficient_quota" 429 "insufficient_quota" Provider No
        "The provider's account has no credit left." "Top up the account of the provider's key.";
    UpstreamOverloaded "upstream_overloaded" 503 "upstream_error" Provider Later
        "The provider says that it is overloaded." "Wait for `retry-after`.";
    UpstreamUnavailable "upstream_unavailable" 503 "upstream_error" Provider Later
        "The provider failed repeatedly and is left alone for a while." "Wait for `retry-after`; `/debug/pools` shows which target is left alone and why.";
    UpstreamError "upstream_error" 502 "upstream_error" Provider Later
        "The provider answered with a server error." "Try again later; look at the provider's status page.";
    UpstreamAuth "upstream_auth" 502 "upstream_error" Provider No
        "The provider refused Tidegate's own key, or nobody lends Tidegate one; the message says which." "Correct `keys` or the credential of the provider in the configuration.";
    UpstreamUnreachable "upstream_unreachable" 502 "upstream_error" Provider Later
        "No connection to the provider: name, address or port." "Check `base_url` and the network.";
    UpstreamTls "upstream_tls" 502 "upstream_error" Provider No
        "The provider's certificate was not accepted, or TLS failed; the message says why." "Check `base_url`, the clock and `ca_file`.";
    UpstreamTimeout "upstream_timeout" 504 "upstream_error" Provider Later
        "The provider did not begin, or did not end, its answer in time." "Try again; raise the provider's `timeouts` if its model is slow.";
    UpstreamSlow "upstream_slow" 504 "upstream_error" Provider Later
        "The target gave no content within `slow_after` of its route, and no other one could be asked in its place." "Try again; raise `slow_after` if the models of the route take longer.";
    UpstreamRedirect "upstream_redirect" 502 "upstream_error" Provider No
        "The provider answered with a redirect, which is never followed." "Set `base_url` to the final address.";
    UpstreamProtocol "upstream_protocol" 502 "upstream_error" Provider Later
        "The provider's answer is not what its API promises." "Try again; check that `base_url` and `kind` fit the provider.";
    UpstreamDisconnected "upstream_disconnected" 502 "upstream_error" Provider Later
        "The connection to the provider broke in the middle of the answer." "Try again; what was received is incomplete.";
    StreamTruncated "stream_truncated" 502 "upstream_error" Provider Later
        "The provider's stream ended without its end marker." "Try again; what was received is incomplete.";
    StreamIdleTimeout "stream_idle_timeout" 504 "upstream_error" Provider Later
        "The provider's stream stood still for `timeouts.idle`." "Try again; what was received is incomplete.";
    EventTooLarge "event_too_large" 502 "upstream_error" Provider No
        "One event of the provider's stream is over `limits.event`." "Raise the limit if the model sends images.";
    ResponseTooLarge "response_too_large" 502 "upstream_error" Provider No
        "The provider's answer is over `limits.response`." "Ask for less, or raise the limit.";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_statuses_fit_the_fault() {
        let mut seen = HashSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{} stands twice", code.as_str());
            let expected = match code.fault() {
                Fault::Caller => 400..=504,
                Fault::Provider => 429..=504,
                Fault::Us => 500..=503,
            };
            assert!(expected.contains(&code.status()), "{}", code.as_str());
            assert!(code.meaning().ends_with('.') && code.action().ends_with('.'));
        }
    }
}
