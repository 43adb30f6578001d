"""LangChain, instructor and pydantic-ai, each with one program that calls a tool,
by OpenAI's dialect and by Anthropic's, before every upstream by way of a gate.

Run as `matrix.py` is: with the gate's address, the callers' names with commas
between them, and the names of the gate's providers.
"""

import asyncio
import sys
import time
import traceback

import anthropic
import instructor
import openai
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

from cases import TEXT, TIDE, Tide

url, names, *upstreams = sys.argv[1:]
root = url.removesuffix("/v1")
OPENAI = {"base_url": root + "/v1", "api_key": "any", "max_retries": 0, "timeout": 30.0}
ANTHROPIC = {"base_url": root, "api_key": "any", "max_retries": 0, "timeout": 30.0}

ASKED = "How is the weather?"
FINE = "17 \u00b0C and calm"


def heard(text):
    """What an upstream hears of a whole round: the call, and its result."""
    call = f'call: weather {{"city":"{TEXT}"}}'
    for part in (f"user: {ASKED}", call, f"result: weather {FINE}"):
        assert part in text, f"{part!r} is not in {text!r}"


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    assert city == TEXT, city
    return FINE


def langchain(model):
    agent = model.bind_tools([weather])
    said = [SystemMessage("Be brief."), HumanMessage(ASKED)]
    for stream in (False, True):
        turns = list(said)
        answer = collect(agent, turns) if stream else agent.invoke(turns)
        call, = answer.tool_calls
        assert (call["name"], call["args"]) == ("weather", {"city": TEXT}), call
        turns += [answer, ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])]
        last = collect(agent, turns) if stream else agent.invoke(turns)
        heard(last.text if isinstance(last.text, str) else last.text())
        assert not last.tool_calls, last
        assert last.usage_metadata["output_tokens"] > 0, last.usage_metadata


def collect(agent, turns):
    whole = None
    for chunk in agent.stream(turns):
        whole = chunk if whole is None else whole + chunk
    return whole


def langchain_openai(upstream):
    langchain(ChatOpenAI(model=f"{upstream}/m-1", stream_usage=True, **OPENAI))


def langchain_responses(upstream):
    options = OPENAI | {"use_responses_api": True, "store": False}
    langchain(ChatOpenAI(model=f"{upstream}/m-1", **options))


def langchain_anthropic(upstream):
    langchain(ChatAnthropic(model=f"{upstream}/m-1", max_tokens=1000, **ANTHROPIC))


def instructor_openai(upstream):
    client = instructor.from_openai(openai.OpenAI(**OPENAI))
    form = client.chat.completions.create(
        model=f"{upstream}/m-1",
        response_model=Tide,
        messages=[{"role": "user", "content": "When does the Tide rise?"}],
    )
    assert form.model_dump() == TIDE.model_dump(), form


def instructor_anthropic(upstream):
    client = instructor.from_anthropic(anthropic.Anthropic(**ANTHROPIC))
    form = client.chat.completions.create(
        model=f"{upstream}/m-1",
        max_tokens=1000,
        response_model=Tide,
        messages=[{"role": "user", "content": "When does the Tide rise?"}],
    )
    assert form.model_dump() == TIDE.model_dump(), form


def pydantic_ai(model):
    agent = Agent(model, system_prompt="Be brief.")

    @agent.tool_plain(name="weather")
    def look(city: str) -> str:
        """The weather of a city."""
        assert city == TEXT, city
        return FINE

    async def run():
        heard((await agent.run(ASKED)).output)
        async with agent.run_stream(ASKED) as stream:
            pieces = [piece async for piece in stream.stream_text(delta=True, debounce_by=None)]
        assert len(pieces) > 1, pieces
        heard("".join(pieces))

    asyncio.run(run())


def openai_provider():
    return OpenAIProvider(openai_client=openai.AsyncOpenAI(**OPENAI))


def pydantic_ai_openai(upstream):
    pydantic_ai(OpenAIChatModel(f"{upstream}/m-1", provider=openai_provider()))


def pydantic_ai_responses(upstream):
    pydantic_ai(OpenAIResponsesModel(f"{upstream}/m-1", provider=openai_provider()))


def pydantic_ai_anthropic(upstream):
    provider = AnthropicProvider(anthropic_client=anthropic.AsyncAnthropic(**ANTHROPIC))
    pydantic_ai(AnthropicModel(f"{upstream}/m-1", provider=provider))


PROGRAMS = {
    "chat": (langchain_openai, instructor_openai, pydantic_ai_openai),
    "responses": (langchain_responses, pydantic_ai_responses),
    "messages": (langchain_anthropic, instructor_anthropic, pydantic_ai_anthropic),
}

begun = time.monotonic()
good, bad = [], []
for program in [program for name in names.split(",") for program in PROGRAMS[name]]:
    for upstream in upstreams:
        cell = f"{program.__name__} > {upstream}"
        try:
            program(upstream)
            good.append(cell)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            bad.append(f"{cell}: {type(error).__name__}: {error} ({where.name})")

took = time.monotonic() - begun
print(f"{len(good)} of {len(good) + len(bad)} programs ran to their end, in {took:.1f} s")
for cell in bad:
    print(f"! {cell}")
sys.exit(bool(bad))
