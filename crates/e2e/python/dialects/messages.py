"""The rest of Anthropic's SDK before a gate: raw answers and their headers, the
asynchronous client, streams event by event, prompts to be kept, tools made of
functions, counting, models, keys, and what is refused.

Run with the gate's address, a key that opens it and the names of its providers.
"""

import asyncio
import sys

import anthropic
from anthropic import beta_tool

from callers import raises
from cases import TEXT, words

root, key, *upstreams = sys.argv[1:]
root = root.removesuffix("/v1")
OPTIONS = {"base_url": root, "max_retries": 0, "timeout": 30.0}
claude = anthropic.Anthropic(api_key=key, **OPTIONS)
HELLO = [{"role": "user", "content": "hello you"}]

# A wrong key is the SDK's own class, in Anthropic's form.
wrong = anthropic.Anthropic(api_key="tg-wrong-key-0000", **OPTIONS)
error = raises(
    anthropic.AuthenticationError,
    lambda: wrong.messages.create(model="anthropic/m-1", max_tokens=9, messages=HELLO),
)
assert error.body["error"]["type"] == "authentication_error", error.body
# The same key in the header that the SDKs used until October 2026.
older = anthropic.Anthropic(api_key=None, default_headers={"X-Api-Key": key}, **OPTIONS)
older.messages.create(model=f"{upstreams[0]}/m-1", max_tokens=9, messages=HELLO)

for upstream in upstreams:
    model = f"{upstream}/m-1"

    # Raw answers, with the headers that are ours and Anthropic's.
    raw = claude.messages.with_raw_response.create(model=model, max_tokens=99, messages=HELLO)
    answer = raw.parse()
    assert answer.content[0].text == "user: hello you", answer
    assert len(raw.headers["x-tidegate-id"]) == 36, raw.headers
    assert raw.headers["request-id"], raw.headers
    assert answer.id and answer.model, answer

    # The order of events, one by one.
    stream = claude.messages.create(model=model, max_tokens=99, messages=HELLO, stream=True)
    events = [event.type for event in stream]
    assert events[0] == "message_start" and events[-2:] == ["message_delta", "message_stop"], events
    assert events[1] == "content_block_start" and events[-3] == "content_block_stop", events
    assert events.count("message_start") == events.count("message_stop") == 1
    assert set(events[2:-3]) == {"content_block_delta"}, events

    # The helper: text as it comes, and the whole.
    with claude.messages.stream(model=model, max_tokens=99, messages=HELLO) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert len(pieces) > 1 and "".join(pieces) == "user: hello you", pieces
    assert final.usage.output_tokens == 3 and final.stop_reason == "end_turn", final

    # A tool that the SDK made of a function, by its face for betas. Its own runner
    # of tools keeps the talk on Anthropic's servers, which is nothing for a gate.
    @beta_tool
    def weather(city: str) -> str:
        """The weather of a city.

        Args:
            city: Its name.
        """
        assert city == TEXT, city
        return "17 \u00b0C"

    said = [{"role": "user", "content": "How is the weather?"}]
    options = {"model": model, "max_tokens": 99, "tools": [weather.to_dict()]}
    asked = claude.beta.messages.create(messages=said, **options)
    call = next(block for block in asked.content if block.type == "tool_use")
    done = {"type": "tool_result", "tool_use_id": call.id, "content": weather.call(call.input)}
    said += [asked.to_param(), {"role": "user", "content": [done]}]
    last = claude.beta.messages.create(messages=said, **options)
    assert last.content[0].text.endswith("result: weather 17 \u00b0C"), last

    # A failure before the stream, with its class.
    raises(
        anthropic.RateLimitError,
        lambda: claude.messages.create(
            model=f"{upstream}/fails-429", max_tokens=9, messages=HELLO, stream=True
        ),
    )


async def many():
    """Fifty at once, by the asynchronous client."""
    client = anthropic.AsyncAnthropic(api_key=key, **OPTIONS)

    async def one(number):
        model = f"{upstreams[number % len(upstreams)]}/m-1"
        messages = [{"role": "user", "content": f"number {number}"}]
        async with client.messages.stream(model=model, max_tokens=99, messages=messages) as stream:
            return await stream.get_final_text()

    texts = await asyncio.gather(*(one(number) for number in range(50)))
    assert texts == [f"user: number {number}" for number in range(50)], texts
    await client.close()


asyncio.run(many())

# Counting, where the upstream does it.
counted = claude.messages.count_tokens(
    model="anthropic/m-1",
    system="Be brief.",
    messages=HELLO,
)
assert counted.input_tokens == words("system: Be brief. | user: hello you"), counted

# What is kept of a prompt is marked for an upstream that knows it.
block = {"type": "text", "text": "A long text.", "cache_control": {"type": "ephemeral"}}
kept = claude.messages.create(
    model="anthropic/m-1", max_tokens=99, messages=[{"role": "user", "content": [block]}]
)
assert kept.content[0].text == "user: A long text.", kept
assert kept.usage.cache_read_input_tokens == 1, kept

# Models, in Anthropic's form.
models = claude.models.list()
assert all(model.type == "model" and model.id for model in models), models

# A model that nobody has.
error = raises(
    anthropic.NotFoundError,
    lambda: claude.messages.create(model="anthropic/fails-404", max_tokens=9, messages=HELLO),
)
assert error.body["error"]["type"] == "not_found_error", error.body
assert error.request_id or error.body.get("request_id"), error.body

# A request without its bound on tokens is refused as Anthropic does.
raises(
    anthropic.BadRequestError,
    lambda: claude.post(
        "/v1/messages", body={"model": "anthropic/m-1", "messages": HELLO}, cast_to=object
    ),
)

