"""Timeouts of the caller, and what the gate makes of them."""

import time

import openai
from gate import asks, client, metric, raises, until

CANCELLED = ("tidegate_requests_total", 'class="cancelled"', 'label="caller"')

gate = client(timeout=0.5)


def chat(model, **options):
    return gate.chat.completions.create(model=model, messages=asks("hello"), **options)


# The SDK gives up and closes: the gate cancels, and says who it was.
start = time.monotonic()
raises(openai.APITimeoutError, lambda: chat("fault-hang"))
assert 0.4 < time.monotonic() - start < 5
until("the gate counts the cancel", lambda: metric(*CANCELLED) == 1)
raises(openai.APITimeoutError, lambda: chat("fault-hang", stream=True))
until("the gate counts the cancel", lambda: metric(*CANCELLED) == 2)
until("nothing is in flight", lambda: metric("tidegate_requests_in_flight") == 0)

# The gate gives up first, as the caller asked it to.
error = raises(
    openai.InternalServerError,
    lambda: chat("fault-hang", timeout=20, extra_headers={"x-request-timeout-ms": "300"}),
)
assert (error.status_code, error.code) == (504, "deadline_exceeded"), error
