// The gate is asked to stop while a stream flows on a connection of several: the
// stream ends whole, and no call that is sent on its way is lost half-way.
// argv[3] is the gate's process.

import assert from "node:assert/strict";
import { ARGUMENTS, asks, client, raises, sdk } from "./gate.mjs";

const gate = client();

// Connections that rest when the gate is asked to stop.
const short = () => gate.chat.completions.create({ model: "echo", messages: asks("short") });
await Promise.all(Array.from({ length: 5 }, short));

const asked = { model: "sim-0-100-20-8", messages: asks("hello"), stream: true };
let [count, finish] = [0, null];
for await (const chunk of await gate.chat.completions.create(asked)) {
  count += chunk.choices[0].delta.content ? 1 : 0;
  finish = chunk.choices[0].finish_reason ?? finish;
  if (count === 3) process.kill(Number(ARGUMENTS[0]), "SIGTERM");
}
assert.deepEqual([count, finish], [100, "stop"]);

await raises(sdk.APIConnectionError, short);
