"""What is asked, in no dialect's words, and what every upstream answers to it.

The upstreams (testkit, `native`) answer with all that they heard, in a line; a
tool that the last words name is called; a schema is filled. Tokens are words.
"""

import struct
import zlib
from dataclasses import dataclass, field

from pydantic import BaseModel, Field


def png(width, height):
    """A picture: small, and whole."""

    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + bytes(width) for _ in range(height)))
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


PNG = png(3, 2)
SEEN = f"image/png {len(PNG)} {zlib.crc32(PNG):08x}"


class Tide(BaseModel):
    """A form with a list, a number, a choice and what may be missing."""

    harbour: str
    metres: float
    hours: list[int]
    rises: bool
    note: str | None = Field(default=None)


TEXT = "Fl\u00fcsse \u6f6e"
TIDE = Tide(harbour=TEXT, metres=1.5, hours=[2], rises=True, note=TEXT)

# As the upstreams write them: who writes them anew on the way is seen.
RAW = {
    "weather": '{ "city" : "Fl\\u00fcsse \u6f6e" }',
    "time": '{ "zone" : "Fl\\u00fcsse \u6f6e" }',
}
GIVEN = {"weather": {"city": TEXT}, "time": {"zone": TEXT}}


def takes(name):
    return {
        "type": "object",
        "properties": {name: {"type": "string"}},
        "required": [name],
        "additionalProperties": False,
    }


WEATHER = ("weather", "The weather of a city.", takes("city"))
TIME = ("time", "The time of a zone.", takes("zone"))


@dataclass
class Ask:
    """A request: what was said, by words such as `("user", "...")`,
    `("image", bytes)`, `("call", id, name, arguments)`, `("result", id, name, text)`."""

    said: list
    tools: list = field(default_factory=list)
    form: type | None = None
    most: int | None = None
    model: str = "m-1"

    def line(self):
        """What an upstream hears of it."""

        def one(said):
            match said:
                case ("image", data):
                    return f"image: image/png {len(data)} {zlib.crc32(data):08x}"
                case ("call", _, name, given):
                    (key, value), = given.items()
                    return f'call: {name} {{"{key}":"{value}"}}'
                case ("result", _, name, text):
                    return f"result: {name} {text}"
                case (role, text):
                    return f"{role}: {text}"

        return " | ".join(one(said) for said in self.said)


@dataclass
class Told:
    """An answer, in no dialect's words."""

    text: str = ""
    # Ids, names and arguments; and these as text, where that can be seen.
    calls: list = field(default_factory=list)
    raw: list | None = None
    # `end`, `length` or `calls`.
    stop: str = ""
    # Tokens: of the prompt, of it from a cache (`None`: not told), of the answer.
    usage: tuple | None = None
    # An answer in a form.
    form: object = None
    model: str = ""

    def called(self):
        return [(name, given) for _, name, given in self.calls]


def words(text):
    return len(text.split())


def same(told, what, expected):
    assert told == expected, f"{what}: {told!r} and not {expected!r}"


def says(told, ask, text, stop="end"):
    """`told` is this text, with its reason and its tokens."""
    same(told.text, "the text", text)
    same(told.calls, "the calls", [])
    same(told.stop, "the reason", stop)
    counted(told, ask, words(text))


def counted(told, ask, output):
    assert told.usage, "no usage was told"
    prompt, cached, answer = told.usage
    same((prompt, answer), "the tokens", (words(ask.line()), output))
    assert cached in (None, 0, 1), f"{cached} tokens from a cache"


def calls(told, ask, names):
    """`told` calls these tools, each once."""
    same(told.called(), "the calls", [(name, GIVEN[name]) for name in names])
    same(told.stop, "the reason", "calls")
    same(told.text, "the text", "")
    ids = [id for id, _, _ in told.calls]
    assert all(ids) and len(set(ids)) == len(ids), f"the ids: {ids}"
    if told.raw is not None:
        same(told.raw, "the arguments as text", [RAW[name] for name in names])
    counted(told, ask, sum(words(RAW[name]) for name in names))


def case_text(caller, stream):
    ask = Ask([("user", "Say \u6f6e and \U0001f30a to \"me\"\\n")])
    says(caller.ask(ask, stream), ask, ask.line())


def case_multi_turn(caller, stream):
    said = [
        ("system", "Be brief."),
        ("user", "What is here?"),
        ("assistant", "A harbour."),
        ("user", "And now?"),
    ]
    ask = Ask(said)
    says(caller.ask(ask, stream), ask, ask.line())


def case_image(caller, stream):
    ask = Ask([("user", "What is this?"), ("image", PNG)])
    says(caller.ask(ask, stream), ask, ask.line())


def with_results(caller, stream, asked, names):
    """What is called is answered, and what comes then is all that was said."""
    ask = Ask([("user", asked)], tools=[WEATHER, TIME])
    told = caller.ask(ask, stream)
    calls(told, ask, names)
    results = [("result", id, name, f"{name} is fine, 17 \u00b0C") for id, name, _ in told.calls]
    said = ask.said + [("call", *call) for call in told.calls] + results
    again = Ask(said, tools=ask.tools)
    says(caller.ask(again, stream), again, again.line())


def case_one_tool(caller, stream):
    with_results(caller, stream, "How is the weather?", ["weather"])


def case_parallel_tools(caller, stream):
    with_results(caller, stream, "What weather and what time?", ["weather", "time"])


def case_structured_output(caller, stream):
    ask = Ask([("user", "When is the tide?")], form=Tide)
    told = caller.ask(ask, stream)
    same(told.form, "the form", TIDE)
    same(told.stop, "the reason", "end")


def case_length(caller, stream):
    ask = Ask([("user", "one two three four five")], most=3)
    says(caller.ask(ask, stream), ask, "user: one two", stop="length")


def case_error(caller, stream):
    for status in (400, 404, 429, 500, 529):
        ask = Ask([("user", "hello")], model=f"fails-{status}")
        caller.fails(ask, stream, status)
    if stream:
        caller.breaks(Ask([("user", "one two")], model="breaks-500"), "user: one two")


CASES = {
    name.removeprefix("case_"): case
    for name, case in list(globals().items())
    if name.startswith("case_")
}
