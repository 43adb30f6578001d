"""The SDK's own retries obey what the gate tells it. The upstream is scripted:
`limited` answers 429 with a wait of nothing, `broke` 429 without credit."""

import openai
from gate import asks, client, raises

gate = client(max_retries=2)


def chat(model):
    return gate.chat.completions.create(model=model, messages=asks("hello"))


# Worth another try: the SDK asks three times in all.
error = raises(openai.RateLimitError, lambda: chat("limited"))
assert error.code == "rate_limit_exceeded"

# Not worth one: `x-should-retry: false` keeps it from asking again.
error = raises(openai.RateLimitError, lambda: chat("broke"))
assert error.code == "insufficient_quota"
