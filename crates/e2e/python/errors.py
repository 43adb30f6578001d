"""Failures as the SDK's own exception classes, with our stable codes."""

import openai
from gate import asks, client, raises

gate = client()


def chat(model, **options):
    return gate.chat.completions.create(model=model, messages=asks("hello"), **options)


for stream in (False, True):
    error = raises(openai.NotFoundError, lambda: chat("no-such-model", stream=stream))
    assert (error.code, error.param, error.status_code) == ("model_not_found", "model", 404), error

    error = raises(openai.RateLimitError, lambda: chat("fault-429", stream=stream))
    assert error.code == "rate_limit_exceeded", error.code
    assert error.response.headers["retry-after"] == "1"

    error = raises(openai.InternalServerError, lambda: chat("fault-500", stream=stream))
    assert (error.code, error.status_code) == ("upstream_error", 502), error

    error = raises(openai.InternalServerError, lambda: chat("fault-529", stream=stream))
    assert (error.code, error.status_code) == ("upstream_overloaded", 503), error

error = raises(openai.BadRequestError, lambda: chat("echo", n=99))
assert (error.code, error.param, error.type) == ("invalid_value", "n", "invalid_request_error")

error = raises(openai.BadRequestError, lambda: chat("echo", extra_body={"api_base": "http://x"}))
assert (error.code, error.param) == ("unsupported_parameter", "api_base")

# A unary answer that was cut is a failure, not half an answer.
error = raises(openai.InternalServerError, lambda: chat("fault-cut"))
assert error.code == "upstream_disconnected", error.code
