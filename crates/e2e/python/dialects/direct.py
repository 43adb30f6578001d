"""An upstream of the tests before the official SDK of its dialect: no gate is
in between. Run with the dialect, its address and its key."""

import sys

from callers import Chat, Messages, Responses
from cases import CASES

dialect, url, key = sys.argv[1:4]

match dialect:
    case "openai":
        callers = [Chat, Responses]
    case "anthropic":
        callers = [Messages]
    case _:
        import natives

        name = {"gemini": "Gemini", "bedrock": "Bedrock", "ollama": "Ollama"}[dialect]
        callers = [getattr(natives, name)]

for kind in callers:
    caller = kind(url, key)
    for name, case in CASES.items():
        for stream in (False, True):
            try:
                case(caller, stream)
            except Exception as error:
                error.add_note(f"{kind.__name__} {name} {'stream' if stream else 'unary'}")
                raise

client = callers[0](url, key).client
text = "a sentence of five words"


def close(vector):
    expected = [len(text) / 64, 5 / 64, 0.5]
    assert all(abs(a - b) < 1e-6 for a, b in zip(vector, expected, strict=True)), vector


match dialect:
    case "openai":
        for encoding in ("float", "base64"):
            answer = client.embeddings.create(model="m-1", input=[text, "b"], encoding_format=encoding)
            assert answer.usage.prompt_tokens == 6
        close(client.embeddings.create(model="m-1", input=text).data[0].embedding)
    case "anthropic":
        messages = [{"role": "user", "content": text}]
        counted = client.messages.count_tokens(model="m-1", messages=messages)
        assert counted.input_tokens == 6, counted
    case "gemini":
        for contents in (text, [text, "b"]):
            answer = client.models.embed_content(model="m-1", contents=contents)
            close(answer.embeddings[0].values)
    case "ollama":
        close(client.embed(model="m-1", input=text).embeddings[0])
