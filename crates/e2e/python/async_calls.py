"""The asynchronous client, one call and two hundred at once."""

import asyncio

from gate import asks, async_client, metric, until

CALLS = 200


async def whole(gate, number):
    said = f"call number {number} " + "x" * (number % 50)
    answer = await gate.chat.completions.create(model="echo", messages=asks(said))
    assert answer.choices[0].message.content == said, answer


async def streamed(gate, number):
    said = f"stream number {number} " + "x" * (number % 50)
    stream = await gate.chat.completions.create(model="echo", messages=asks(said), stream=True)
    text = ""
    async for chunk in stream:
        text += chunk.choices[0].delta.content or ""
    assert text == said, text


async def main():
    async with async_client() as gate:
        await whole(gate, 0)
        await streamed(gate, 0)
        vectors = await gate.embeddings.create(model="sim-0-1-0-4", input="a sentence")
        assert len(vectors.data[0].embedding) > 1
        assert "echo" in [model.id async for model in gate.models.list()]

        before = metric("tidegate_requests_total", 'class="completed"')
        kinds = (whole, streamed)
        await asyncio.gather(*(kinds[number % 2](gate, number) for number in range(CALLS)))
        completed = metric("tidegate_requests_total", 'class="completed"') - before
        assert completed == CALLS, completed
    until("nothing is in flight", lambda: metric("tidegate_requests_in_flight") == 0)


asyncio.run(main())
