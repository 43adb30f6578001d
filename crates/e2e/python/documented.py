"""The worked example of docs/sim.md, run as it stands: `documented.py PAGE FOLDER`.

FOLDER is where the binary is. A few lines stand in for pytest: fixtures by
name, one for all tests, and `raises`.
"""

import contextlib
import inspect
import os
import re
import sys
import types

PAGE, FOLDER = sys.argv[1:3]
os.environ["PATH"] = FOLDER + os.pathsep + os.environ.get("PATH", "")

fixtures = {}
pytest = types.ModuleType("pytest")


def fixture(function=None, scope="function"):
    def mark(function):
        fixtures[function.__name__] = (function, scope)
        return function

    return mark if function is None else mark(function)


@contextlib.contextmanager
def raises(kind):
    try:
        yield
    except kind:
        return
    raise AssertionError(f"no {kind.__name__} was raised")


pytest.fixture, pytest.raises = fixture, raises
sys.modules["pytest"] = pytest

with open(PAGE, encoding="utf-8") as page:
    app, tests = re.findall(r"^```python\n(.*?)^```$", page.read(), re.MULTILINE | re.DOTALL)
sys.modules["app"] = types.ModuleType("app")
exec(compile(app, "app.py", "exec"), sys.modules["app"].__dict__)
space = {"__name__": "test_app"}
exec(compile(tests, "test_app.py", "exec"), space)


def resolve(function, held, ends):
    arguments = {name: made(name, held, ends) for name in inspect.signature(function).parameters}
    return function(**arguments)


def made(name, held, ends):
    if name not in held:
        function, scope = fixtures[name]
        value = resolve(function, held, ends)
        if inspect.isgenerator(value):
            ends.append(value)
            value = next(value)
        if scope != "session":
            return value
        held[name] = value
    return held[name]


held, ends, ran = {}, [], 0
try:
    for name, test in list(space.items()):
        if name.startswith("test_"):
            resolve(test, held, ends)
            ran += 1
finally:
    for value in reversed(ends):
        next(value, None)
assert ran == 3, ran
