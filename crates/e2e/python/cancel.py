"""A stream that its caller closes stops the upstream, while the client lives on."""

import asyncio

from gate import asks, async_client, client, metric, until

CANCELLED = ("tidegate_requests_total", 'class="cancelled"', 'label="caller"')
# Fifty seconds of work, if nobody stops it.
LONG = "sim-0-1000-50-8"


def all_given_back(cancels):
    until("the gate counts the cancel", lambda: metric(*CANCELLED) == cancels)
    until("nothing is in flight", lambda: metric("tidegate_requests_in_flight") == 0)
    until("no permit is out", lambda: metric("tidegate_pool_permits_busy") == 0)


def read_three(stream):
    for _, chunk in zip(range(3), stream):
        assert chunk.choices


gate = client()
stream = gate.chat.completions.create(model=LONG, messages=asks("hello"), stream=True)
read_three(stream)
assert metric("tidegate_requests_in_flight") == 1
stream.close()
all_given_back(1)

# Leaving the block is enough.
with gate.chat.completions.create(model=LONG, messages=asks("hello"), stream=True) as stream:
    read_three(stream)
all_given_back(2)

# The same client goes on working.
answer = gate.chat.completions.create(model="echo", messages=asks("still here"))
assert answer.choices[0].message.content == "still here"


async def cancelled_task():
    async with async_client() as gate:
        async def read():
            stream = await gate.chat.completions.create(
                model=LONG, messages=asks("hello"), stream=True
            )
            async for _ in stream:
                begun.set()

        begun = asyncio.Event()
        task = asyncio.create_task(read())
        await asyncio.wait_for(begun.wait(), 15)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await asyncio.to_thread(all_given_back, 3)


asyncio.run(cancelled_task())
