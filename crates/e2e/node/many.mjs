// Two hundred calls at once, and connections that are used again.

import assert from "node:assert/strict";
import { Agent, fetch as undici } from "undici";
import { all, asks, client, metric, sdk, raises, text, until } from "./gate.mjs";

const CALLS = 200;

const gate = client({ timeout: 60_000 });

async function whole(gate, number) {
  const said = `call number ${number} ${"x".repeat(number % 50)}`;
  const answer = await gate.chat.completions.create({ model: "echo", messages: asks(said) });
  assert.equal(answer.choices[0].message.content, said);
}

async function streamed(gate, number) {
  const said = `stream number ${number} ${"x".repeat(number % 50)}`;
  const asked = { model: "echo", messages: asks(said), stream: true };
  assert.equal(text(await all(gate.chat.completions.create(asked))), said);
}

const completed = () => metric("tidegate_requests_total", 'class="completed"');
const kinds = [whole, streamed];

const before = await completed();
await Promise.all(Array.from({ length: CALLS }, (_, at) => kinds[at % 2](gate, at)));
assert.equal((await completed()) - before, CALLS);
await until("nothing is in flight", async () => !(await metric("tidegate_requests_in_flight")));

// An agent with a single connection: answers, streams and refusals leave it as
// good as it was.
const agent = new Agent({ connections: 1, keepAliveTimeout: 60_000 });
const alone = client({ fetch: undici, fetchOptions: { dispatcher: agent } });
const accepted = () => metric("tidegate_connections_accepted_total");
await whole(alone, 0);
const opened = await accepted();
for (let number = 1; number < 20; number += 1) {
  await kinds[number % 2](alone, number);
  await raises(sdk.NotFoundError, () =>
    alone.chat.completions.create({ model: "no-such", messages: asks("x"), stream: number % 3 === 0 }),
  );
}
// The pages of metrics come on connections of their own, one at a time.
assert((await accepted()) - opened <= 2, "the agent opened more connections than its one");

// What it queues is one call after another, each whole.
await Promise.all(Array.from({ length: 20 }, (_, at) => kinds[at % 2](alone, at)));
await agent.close();
