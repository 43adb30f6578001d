"""The official SDK over TLS: whole, streamed, left early; run with the authority's file."""

import ssl
import sys

import openai
from gate import BASE_URL, asks, raises

context = ssl.create_default_context(cafile=sys.argv[2])


def client(http, **options):
    settings = {"base_url": BASE_URL, "api_key": "any", "max_retries": 0, "timeout": 30.0}
    return openai.OpenAI(http_client=http, **(settings | options))


with openai.DefaultHttpxClient(verify=context) as http:
    gate = client(http)
    answer = gate.chat.completions.create(model="echo", messages=asks("say this back"))
    assert answer.choices[0].message.content == "say this back", answer

    chunks = list(gate.chat.completions.create(model="echo", messages=asks("one two three"), stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "one two three"
    assert len(chunks) > 3, "it came in one piece"

    # Left in the middle: the program that runs this one looks at the numbers.
    stream = gate.chat.completions.create(model="sim-0-50-200-4", messages=asks("go on"), stream=True)
    next(iter(stream))
    stream.close()

    names = [model.id for model in gate.models.list()]
    assert "echo" in names, names

# Nobody that it trusts.
with openai.DefaultHttpxClient() as http:
    error = raises(openai.APIConnectionError, lambda: client(http).models.list())
    assert "certificate" in str(error.__cause__).lower(), repr(error.__cause__)

# Plain HTTP is told what to write.
with openai.DefaultHttpxClient() as http:
    plain = BASE_URL.replace("https://", "http://")
    error = raises(openai.BadRequestError, lambda: client(http, base_url=plain).models.list())
    assert error.code == "tls_required" and "https://" in str(error), error
