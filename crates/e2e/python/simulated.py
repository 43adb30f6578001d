"""An application that is tested with `tidegate sim`: tools, forms, vectors, faults.

The base URL is that of `tidegate sim` itself: there is no gate in between.
"""

import json
import urllib.request

import openai
from gate import ROOT, asks, client, raises
from pydantic import BaseModel

sim = client()


def page(method, path, body=None):
    body = None if body is None else body.encode()
    request = urllib.request.Request(ROOT + path, data=body, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


class Step(BaseModel):
    title: str
    minutes: int


class Recipe(BaseModel):
    name: str
    steps: list[Step]
    rating: float | None


def get_weather():
    return {
        "type": "function",
        "function": {
            "name": "get_weather",
            "strict": True,
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"type": "string"},
                    "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
                    "days": {"type": "integer", "minimum": 2},
                },
                "required": ["city", "unit", "days"],
                "additionalProperties": False,
            },
        },
    }


EXPECTED = {"city": "city", "unit": "celsius", "days": 2}

# Tools, whole: forced by the request, and free by the model's name.
for model, choice in (("echo", "required"), ("sim-0-4-0-8", "required"), ("tools", "auto")):
    answer = sim.chat.completions.create(
        model=model, messages=asks("weather?"), tools=[get_weather()], tool_choice=choice
    )
    call = answer.choices[0].message.tool_calls[0]
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", EXPECTED)
    assert answer.choices[0].finish_reason == "tool_calls"

# The result of a tool gets a text.
history = asks("weather?") + [
    answer.choices[0].message,
    {"role": "tool", "tool_call_id": call.id, "content": "it rains"},
]
follow = sim.chat.completions.create(model="tools", messages=history, tools=[get_weather()])
assert follow.choices[0].message.content == "it rains", follow

# Tools, streamed: the SDK's own accumulation, two calls at once.
with sim.chat.completions.stream(
    model="tools-2", messages=asks("weather?"), tools=[get_weather()]
) as stream:
    done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
    final = stream.get_final_completion()
assert [json.loads(event.arguments) for event in done] == [EXPECTED, EXPECTED], done
calls = final.choices[0].message.tool_calls
assert len(calls) == 2 and len({call.id for call in calls}) == 2, calls
assert final.choices[0].finish_reason == "tool_calls"
one = sim.chat.completions.create(
    model="tools-2", messages=asks("x"), tools=[get_weather()], parallel_tool_calls=False
)
assert len(one.choices[0].message.tool_calls) == 1

# A form that is asked for, read into a model, whole and streamed.
parsed = sim.chat.completions.parse(model="echo", messages=asks("soup"), response_format=Recipe)
recipe = parsed.choices[0].message.parsed
assert recipe == Recipe(name="name", steps=[Step(title="title", minutes=1)], rating=1), recipe
with sim.chat.completions.stream(
    model="sim-0-4-0-8", messages=asks("soup"), response_format=Recipe
) as stream:
    assert stream.get_final_completion().choices[0].message.parsed == recipe

# Choices and bounds.
answer = sim.chat.completions.create(model="echo", messages=asks("a b c"), n=2, max_tokens=2)
assert [choice.message.content for choice in answer.choices] == ["a b", "a b"]
assert {choice.finish_reason for choice in answer.choices} == {"length"}
usage = answer.usage
assert (usage.completion_tokens, usage.prompt_tokens_details.cached_tokens) == (4, 0), usage
assert usage.completion_tokens_details.reasoning_tokens == 0
chunks = sim.chat.completions.create(model="echo", messages=asks("a b"), n=2, stream=True)
texts = ["", ""]
for chunk in chunks:
    for choice in chunk.choices:
        texts[choice.index] += choice.delta.content or ""
assert texts == ["a b", "a b"], texts

# Vectors: base64 by the SDK itself, and as numbers.
short = sim.embeddings.create(model="echo", input="a", dimensions=64).data[0].embedding
both = sim.embeddings.create(
    model="echo", input=["b", "a"], dimensions=64, encoding_format="float"
).data
assert len(short) == 64 and abs(sum(x * x for x in short) - 1) < 1e-5
assert all(abs(x - y) < 1e-6 for x, y in zip(short, both[1].embedding))

# Scripted failures are the SDK's own exceptions, and what is worth it is asked again.
page("PUT", "/sim/script", """
    [[rule]]
    match = { model = "limited" }
    status = 429
    headers = { retry-after = "0" }
    times = 2

    [[rule]]
    match = { model = "limited" }
    respond.text = "at last"

    [[rule]]
    match.model = "long"
    status = 400
    error = { message = "Too long.", code = "context_length_exceeded", param = "messages" }

    [[rule]]
    match.model = "locked"
    status = 401

    [[rule]]
    match.model = "failing"
    status = 503

    [[rule]]
    match.model = "closing"
    fault = "close"

    [[rule]]
    match.model = "hanging"
    fault = "hang"

    [[rule]]
    match.model = "cut"
    respond.text = "one two three four"
    fault = "reset"
    after = 2

    [[rule]]
    match.model = "no"
    respond.refusal = "I would rather not."

    [[rule]]
    match.model = "counted"
    respond.json = { a = 1 }
    usage = { prompt = 100, cached = 90, completion = 50, reasoning = 40 }
""")


def chat(model, **options):
    return sim.with_options(max_retries=2).chat.completions.create(
        model=model, messages=asks("x"), **options
    )


def asked(model):
    requests = page("GET", "/sim/requests")["requests"]
    return sum(request["json"]["model"] == model for request in requests)


page("POST", "/sim/reset")
assert chat("limited").choices[0].message.content == "at last"
assert asked("limited") == 3
error = raises(openai.BadRequestError, lambda: chat("long"))
assert (error.code, error.param, asked("long")) == ("context_length_exceeded", "messages", 1)
assert raises(openai.AuthenticationError, lambda: chat("locked")).code == "invalid_api_key"
raises(openai.InternalServerError, lambda: chat("failing"))
raises(openai.APIConnectionError, lambda: chat("closing"))
assert (asked("failing"), asked("closing")) == (3, 3)
raises(openai.APITimeoutError, lambda: sim.with_options(timeout=0.3).chat.completions.create(
    model="hanging", messages=asks("x")
))
pieces = []


def read_until_it_breaks():
    for chunk in chat("cut", stream=True):
        pieces.extend(choice.delta.content or "" for choice in chunk.choices)


broken = raises(openai.APIConnectionError, read_until_it_breaks)
assert "reset" in str(broken.__cause__).lower(), repr(broken.__cause__)
assert "".join(pieces) == "one two ", pieces
refused = sim.chat.completions.parse(model="no", messages=asks("x"), response_format=Recipe)
assert refused.choices[0].message.refusal == "I would rather not."
assert refused.choices[0].message.parsed is None
counted = chat("counted")
assert json.loads(counted.choices[0].message.content) == {"a": 1}
assert counted.usage.prompt_tokens_details.cached_tokens == 90
assert counted.usage.completion_tokens_details.reasoning_tokens == 40

# What was sent can be looked at, and no key is shown.
last = page("GET", "/sim/requests?last=1")["requests"][0]
assert last["json"]["messages"] == asks("x") and last["rule"] == "rule 10", last
assert "Bearer any" not in json.dumps(last)
rules = {rule["name"]: rule["answered"] for rule in page("GET", "/sim/stats")["rules"]}
assert rules["rule 1"] == 2 and rules["rule 2"] == 1, rules
