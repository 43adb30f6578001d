"""The gate's own keys: argv[2] is the right one."""

import sys

import openai
from gate import asks, client, raises

right = client(api_key=sys.argv[2])
assert right.chat.completions.create(model="echo", messages=asks("in")).choices
assert list(right.models.list())

wrong = client(api_key="not-a-key")
error = raises(openai.AuthenticationError, lambda: wrong.models.list())
assert (error.status_code, error.code) == (401, "invalid_api_key"), error
raises(
    openai.AuthenticationError,
    lambda: wrong.chat.completions.create(model="echo", messages=asks("out")),
)
