"""What the programs share: the gate's address, its metrics, short clients.

Run as `python <program>.py http://127.0.0.1:PORT/v1`. A program that ends
with code 0 has seen all that it checks; a failed check is a traceback.
"""

import re
import sys
import time
import urllib.request

import openai

BASE_URL = sys.argv[1]
ROOT = BASE_URL.removesuffix("/v1")


def client(**options):
    """A client that asks once: a retry would hide what it was told."""
    settings = {"base_url": BASE_URL, "api_key": "any", "max_retries": 0, "timeout": 30.0}
    return openai.OpenAI(**(settings | options))


def async_client(**options):
    settings = {"base_url": BASE_URL, "api_key": "any", "max_retries": 0, "timeout": 60.0}
    return openai.AsyncOpenAI(**(settings | options))


def metric(name, *labels):
    """The sum of the samples of `name` that carry all labels."""
    with urllib.request.urlopen(ROOT + "/metrics", timeout=10) as page:
        text = page.read().decode()
    samples = re.findall(rf"^{name}(\{{.*\}})? (\S+)$", text, re.MULTILINE)
    return sum(float(value) for has, value in samples if all(label in has for label in labels))


def until(what, condition, patience=15.0):
    """Waits until `condition()` holds; the bound only catches hangs."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.02)


def raises(kind, call):
    """The exception of exactly this class that `call` raises."""
    try:
        call()
    except openai.OpenAIError as error:
        assert type(error) is kind, f"{type(error).__name__} instead of {kind.__name__}: {error}"
        return error
    raise AssertionError(f"no {kind.__name__} was raised")


def asks(text):
    return [{"role": "user", "content": text}]
