// What this runtime's client of HTTP can do and others do not: requests that are
// sent before the answer of the last one is there, reading at its own pace, and
// bodies that are left half-way.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, fetch as undici } from "undici";
import { all, asks, client, metric, until } from "./gate.mjs";

// Ten questions at a time on one connection, each with its own answer.
const agent = new Agent({ connections: 1, pipelining: 10 });
const piped = client({ fetch: undici, fetchOptions: { dispatcher: agent } });
const names = (await all(piped.models.list())).map((model) => `sim/${model.id.replace(/^sim\//, "")}`);
const found = await Promise.all(names.map((name) => piped.models.retrieve(name)));
assert(found.length > 3 && found.every((model) => model.owned_by === "sim"));
await agent.close();

// A reader who stops again and again: the gate holds back, and nothing is lost.
const gate = client();
const pieces = 20_000;
const asked = { model: `sim-0-${pieces}-0-64`, messages: asks("hello"), stream: true };
let [count, finish] = [0, null];
for await (const chunk of await gate.chat.completions.create(asked)) {
  count += chunk.choices[0].delta.content ? 1 : 0;
  finish = chunk.choices[0].finish_reason ?? finish;
  if (count % 1000 === 0) await sleep(20);
}
assert.deepEqual([count, finish], [pieces, "stop"]);

// A body that its caller stops sending.
const cancelled = () => metric("tidegate_requests_total", 'class="cancelled"');
const before = await cancelled();
const controller = new AbortController();
async function* endless() {
  yield Buffer.from('{"model":"echo","messages":[{"role":"user","content":"');
  // The runtime does not end it: a loop for ever would keep this program alive.
  while (!controller.signal.aborted) {
    yield Buffer.alloc(1024, "x");
    await sleep(10);
  }
}
const sent = fetch(`${gate.baseURL}/chat/completions`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: endless(),
  duplex: "half",
  signal: controller.signal,
});
await until("it is in flight", async () => (await metric("tidegate_requests_in_flight")) === 1);
controller.abort();
await assert.rejects(sent, { name: "AbortError" });
await until("the gate counts the cancel", async () => (await cancelled()) === before + 1);
await until("nothing is in flight", async () => !(await metric("tidegate_requests_in_flight")));
