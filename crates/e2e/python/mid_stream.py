"""A stream that breaks after its first pieces: what came is kept, then an
APIError, never a clean end. The upstream is scripted; its models are named
after what they do once content went out."""

import openai
from gate import asks, client, raises

gate = client()
seen = []


def read(model):
    seen.clear()
    for chunk in gate.chat.completions.create(model=model, messages=asks("hello"), stream=True):
        seen.append(chunk.choices[0].delta.content or "")


for model, code in [
    ("resets", "upstream_disconnected"),
    ("closes", "upstream_disconnected"),
    ("stops", "stream_truncated"),
    ("stalls", "stream_idle_timeout"),
    ("garbles", "upstream_protocol"),
]:
    error = raises(openai.APIError, lambda: read(model))
    assert error.code == code, (model, error.code)
    assert "".join(seen) == "ab", (model, seen)

error = raises(openai.APIError, lambda: read("says-so"))
assert error.code and "too busy" in error.message, error
assert "".join(seen) == "ab", seen

# One malformed event does not end a stream whose next events are fine.
read("stumbles")
assert "".join(seen) == "abc", seen
