"""Three callers before every upstream, by way of a gate: each case, whole and
streamed. Run with the gate's address, the callers' names with commas between
them, and the names of the gate's providers.

A cell is `caller > upstream case stream|unary`; all are tried, those that fail
are told by their names, and the program fails if one does.
"""

import sys
import time
import traceback

from callers import CALLERS
from cases import CASES

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

took = time.monotonic() - begun
print(f"{len(good)} of {len(good) + len(bad)} cells are as they should be, in {took:.1f} s")
for cell in good:
    print(f"  {cell}")
for cell in bad:
    print(f"! {cell}")
sys.exit(bool(bad))
