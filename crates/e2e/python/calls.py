"""The synchronous client: chat, streams, usage, completions, embeddings, models."""

from gate import asks, client

gate = client()

# A whole answer, with usage and our headers.
raw = gate.chat.completions.with_raw_response.create(model="echo", messages=asks("say this back"))
answer = raw.parse()
assert answer.choices[0].message.content == "say this back", answer
assert answer.choices[0].finish_reason == "stop"
assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
assert len(raw.headers["x-tidegate-id"]) == 36, raw.headers
assert float(raw.headers["x-tidegate-upstream-ms"]) >= 0

# A stream: the text in pieces, no usage unless it is asked for.
chunks = list(gate.chat.completions.create(model="echo", messages=asks("one two three"), stream=True))
text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
assert text == "one two three", text
assert len(chunks) > 3, "it came in one piece"
assert chunks[-1].choices[0].finish_reason == "stop"
assert all(chunk.usage is None for chunk in chunks)

# The same with usage: one chunk more, without choices.
options = {"include_usage": True}
chunks = list(
    gate.chat.completions.create(
        model="sim-0-20-0-4", messages=asks("hello"), stream=True, stream_options=options
    )
)
assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens > 0, chunks[-1]
assert sum(chunk.usage is not None for chunk in chunks) == 1

# The helper that collects a stream.
with gate.chat.completions.stream(model="echo", messages=asks("collected whole")) as stream:
    final = stream.get_final_completion()
assert final.choices[0].message.content == "collected whole", final

# Text completions, whole and streamed.
done = gate.completions.create(model="echo", prompt="a b c")
assert done.choices[0].text == "a b c", done
pieces = gate.completions.create(model="echo", prompt="a b c", stream=True)
assert "".join(piece.choices[0].text for piece in pieces) == "a b c"

# Embeddings: the SDK asks for base64 by itself, and decodes it.
one = gate.embeddings.create(model="sim-0-1-0-4", input="a sentence")
two = gate.embeddings.create(
    model="sim-0-1-0-4", input=["a sentence", "another"], encoding_format="float"
)
assert len(two.data) == 2 and [item.index for item in two.data] == [0, 1]
assert len(one.data[0].embedding) == len(two.data[0].embedding) > 1
near = zip(one.data[0].embedding, two.data[0].embedding)
assert all(abs(left - right) < 1e-6 for left, right in near), "base64 and float differ"
assert two.usage.prompt_tokens > 0

# Models.
names = [model.id for model in gate.models.list()]
assert "echo" in names and len(names) > 3, names

# A name with a slash, which the SDK escapes in the path.
assert gate.models.retrieve("sim/echo").owned_by == "sim"
