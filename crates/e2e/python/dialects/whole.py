"""Upstreams that give a whole answer where a stream was asked for: the SDKs' own
helpers put the stream together, and nothing of the answer is missing.

Run with the gate's address and the names of its providers; what those answer
stands in `dialects.rs`.
"""

import sys

import anthropic
import openai

url, *upstreams = sys.argv[1:]
root = url.removesuffix("/v1")
OPTIONS = {"api_key": "any", "max_retries": 0, "timeout": 30.0}
gpt = openai.OpenAI(base_url=url, **OPTIONS)
claude = anthropic.Anthropic(base_url=root, **OPTIONS)
HELLO = [{"role": "user", "content": "hello you"}]
NATIVE = ("openai", "azure")
SOURCE = "https://tide.example"
cells = 0

for upstream in upstreams:
    model = f"{upstream}/m-1"
    plain = "Two metres" if upstream == "anthropic" else "a b"

    with gpt.chat.completions.stream(model=model, messages=HELLO) as stream:
        for _ in stream:
            pass
        choice = stream.get_final_completion().choices[0]
    assert choice.message.content == plain, choice

    with gpt.responses.stream(model=model, input="hello you", store=False) as stream:
        kinds = [event.type for event in stream]
        response = stream.get_final_response()
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds
    assert response.output_text == ("Two metres" if upstream in NATIVE else plain), response
    if upstream in NATIVE:
        search, thought, said, call = response.output
        assert search.action.query == "tide", search
        assert thought.summary[0].text == "First.", thought
        assert said.content[0].annotations[0].url == SOURCE, said
        assert said.content[1].refusal == "No more.", said
        assert call.arguments == '{"a":  1}', call
        assert "response.output_text.annotation.added" in kinds, kinds

    with claude.messages.stream(model=model, max_tokens=99, messages=HELLO) as stream:
        kinds = [event.type for event in stream]
        message = stream.get_final_message()
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop", kinds
    if upstream == "anthropic":
        thought, search, found, said, call = message.content
        assert (thought.thinking, thought.signature) == ("Hm.", "EqQB"), thought
        assert search.input == {"query": "tide"}, search
        assert found.content[0].url == SOURCE, found
        assert (said.text, said.citations[0].url) == ("Two metres", SOURCE), said
        assert call.input == {"a": 1}, call
        assert message.usage.output_tokens == 7, message
        assert message.stop_reason == "tool_use", message
    else:
        assert message.content[0].text == "a b", message
    cells += 3

print(f"{cells} cells")
