"""Three callers before every upstream, by way of a gate: each case, whole and
streamed. Run with the gate's address, the callers' names with commas between
them, and the names of the gate's providers.

A cell is `caller > upstream case stream|unary`; all are tried, those that fail
are told by their names, and the program fails if one does.
"""

import base64
import struct
import sys
import time
import traceback

from callers import CALLERS, Chat, Messages
from cases import CASES, Ask, says

url, names, *upstreams = sys.argv[1:]
root = url.removesuffix("/v1")
callers = [kind for kind in CALLERS if kind.name in names.split(",")]
assert len(callers) == len(names.split(",")), names

# An upstream's own failure is the gate's to tell; Anthropic has a status of its
# own for what has no room.
TOLD = {500: 502, 529: 503}

begun = time.monotonic()
good, bad = [], []
for kind in callers:
    told = TOLD | ({529: 529} if kind.name == "messages" else {})
    for upstream in upstreams:
        caller = kind(root, prefix=f"{upstream}/", told=told)
        for name, case in CASES.items():
            for stream in (False, True):
                cell = f"{kind.name} > {upstream} {name} {'stream' if stream else 'unary'}"
                try:
                    case(caller, stream)
                    good.append(cell)
                except Exception as error:
                    where = traceback.extract_tb(error.__traceback__)[-1]
                    bad.append(f"{cell}: {type(error).__name__}: {error} ({where.name})")



def tried(cell, run):
    try:
        run()
        good.append(cell)
    except Exception as error:
        bad.append(f"{cell}: {type(error).__name__}: {error}")


def embeds(upstream):
    """Vectors, by number and in base64, one and several."""
    client = Chat(root).client
    texts = ["a sentence of five words", "two words"]
    for given in (texts[0], texts):
        for encoding in ("float", "base64"):
            model = f"{upstream}/m-1"
            answer = client.embeddings.create(model=model, input=given, encoding_format=encoding)
            assert [item.index for item in answer.data] == list(range(len(answer.data)))
            vector = answer.data[0].embedding
            if isinstance(vector, str):
                vector = struct.unpack("<3f", base64.b64decode(vector))
            right = [len(texts[0]) / 64, 5 / 64, 0.5]
            near = zip(vector, right, strict=True)
            assert all(abs(one - other) < 1e-6 for one, other in near), vector


def prefixed(upstream):
    """The same by the prefixes of the dialects."""
    for kind, prefix in ((Chat, "/openai"), (Messages, "/anthropic")):
        ask = Ask([("user", "Say so")])
        for stream in (False, True):
            says(kind(root + prefix, prefix=f"{upstream}/").ask(ask, stream), ask, ask.line())


for upstream in upstreams:
    tried(f"prefixes > {upstream}", lambda: prefixed(upstream))
    if upstream in ("openai", "azure", "gemini", "ollama"):
        tried(f"embeddings > {upstream}", lambda: embeds(upstream))

took = time.monotonic() - begun
print(f"{len(good)} of {len(good) + len(bad)} cells are as they should be, in {took:.1f} s")
for cell in good:
    print(f"  {cell}")
for cell in bad:
    print(f"! {cell}")
sys.exit(bool(bad))
