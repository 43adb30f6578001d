"""The gate repairs what it can, and its caller's own retries do not multiply it.

The upstream is scripted; its models are named after what they do the first
time. The client retries as it does by default: if it had to, the gate would
have counted more than one call."""

import sys
import time

import openai
from gate import asks, client, metric, raises

gate = client(max_retries=2)
what = sys.argv[2]


def chat(**options):
    return gate.chat.completions.create(model=what, messages=asks("hello"), **options)


def text(stream):
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream)


start = time.monotonic()
if what == "stumbles":
    # 500 once: the second attempt is the gate's.
    assert chat().choices[0].message.content == "tide"
elif what == "fails":
    # 500 for ever: the SDK is told that it need not try.
    error = raises(openai.InternalServerError, chat)
    assert (error.status_code, error.code) == (502, "upstream_error"), error
    assert error.response.headers["x-should-retry"] == "false"
elif what == "limited":
    # 429 with a second to wait: the gate waits.
    assert chat().choices[0].message.content == "tide"
    assert time.monotonic() - start >= 0.95
elif what == "breaks-early":
    # The stream breaks before its content: the caller sees one whole stream.
    chunks = list(chat(stream=True))
    assert text(chunks) == "tide", chunks
    roles = [chunk for chunk in chunks if chunk.choices[0].delta.role]
    assert len(roles) == 1, chunks
    assert chunks[-1].choices[0].finish_reason == "stop"
elif what == "breaks-late":
    # It breaks after content: that cannot be undone, and never looks whole.
    seen = []

    def read():
        for chunk in chat(stream=True):
            seen.append(chunk.choices[0].delta.content or "")

    error = raises(openai.APIError, read)
    assert error.code == "upstream_disconnected", error.code
    assert "".join(seen) == "ti", seen
elif what == "out":
    once = client(max_retries=0)

    def ask():
        return once.chat.completions.create(model=what, messages=asks("hello"))

    for _ in range(2):
        raises(openai.InternalServerError, ask)
    # The breaker is open: refused at once, with the time to come back.
    error = raises(openai.InternalServerError, ask)
    assert (error.status_code, error.code) == (503, "upstream_unavailable"), error
    assert error.response.headers["x-should-retry"] == "true"
    # With retries the SDK comes back when it may, and is served.
    assert chat().choices[0].message.content == "tide"
else:
    raise SystemExit(f"no such program: {what}")

calls = metric("tidegate_requests_received_total")
print(f"{what}: {calls:.0f} calls in {time.monotonic() - start:.2f} s")
