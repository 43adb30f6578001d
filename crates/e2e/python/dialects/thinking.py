"""What a model thinks, and its proof: told to a caller of Messages and of
Responses by every upstream that tells it, and taken back with a tool's result.

Run with the gate's address and the names of its providers; see `matrix.py`.
"""

import sys

from callers import Messages, Responses
from cases import GIVEN, WEATHER, Ask

url, *upstreams = sys.argv[1:]
root = url.removesuffix("/v1")
THOUGHT = "Hm, \u6f6e."
ASKED = "How is the weather?"
# Amazon's own fields go by the family of the model.
MODELS = {"bedrock": "anthropic.claude-sonnet-4-20250514-v1:0"}


def by_messages(upstream, stream):
    """The thought stands in front, and goes back with what was called."""
    claude = Messages(root).client
    model = f"{upstream}/{MODELS.get(upstream, 'm-1')}"
    options = Messages(root).options(Ask([("user", ASKED)], tools=[WEATHER], model=model))
    # Ollama thinks as long as it likes.
    thinking = {"type": "adaptive", "display": "summarized"}
    if upstream != "ollama":
        thinking = {"type": "enabled", "budget_tokens": 1024}
    options |= {"thinking": thinking, "max_tokens": 3000}

    def ask():
        if not stream:
            return claude.messages.create(**options)
        with claude.messages.stream(**options) as events:
            return events.get_final_message()

    answer = ask()
    kinds = [block.type for block in answer.content]
    assert kinds == ["thinking", "tool_use"], kinds
    thought, call = answer.content
    assert thought.thinking == THOUGHT, thought
    assert call.input == GIVEN["weather"], call
    done = {"type": "tool_result", "tool_use_id": call.id, "content": "calm"}
    options["messages"] += [answer.to_param(), {"role": "user", "content": [done]}]
    last = ask()
    text = last.content[-1].text
    assert text.endswith("result: weather calm"), text
    heard = f"thought: {THOUGHT}" in text
    assert heard, f"the thought did not come back: {text}"


def by_responses(upstream, stream):
    """The thought is a summary of its own."""
    client = Responses(root).client
    model = f"{upstream}/{MODELS.get(upstream, 'm-1')}"
    options = {
        "model": model,
        "input": "Say so",
        "store": False,
        "reasoning": {"effort": "low", "summary": "auto"},
    }
    if stream:
        with client.responses.stream(**options) as events:
            answer = events.get_final_response()
    else:
        answer = client.responses.create(**options)
    thoughts = [item for item in answer.output if item.type == "reasoning"]
    told = [part.text for item in thoughts for part in item.summary]
    assert told == [THOUGHT], answer.output
    assert answer.output_text == "user: Say so", answer.output_text


bad = []
for run in (by_messages, by_responses):
    for upstream in upstreams:
        # Chat of OpenAI does not tell it.
        if upstream in ("openai", "azure"):
            continue
        for stream in (False, True):
            try:
                run(upstream, stream)
            except Exception as error:
                bad.append(f"! {run.__name__} > {upstream} {stream}: {type(error).__name__}: {error}")

print(f"{len(bad)} failures")
print("\n".join(bad))
sys.exit(bool(bad))
