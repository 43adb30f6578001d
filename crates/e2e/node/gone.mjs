// The gate dies while a stream flows: that is an error, never a clean end; and
// what comes after it finds nobody. argv[3] is the gate's process.

import assert from "node:assert/strict";
import { ARGUMENTS, asks, client, raises, sdk } from "./gate.mjs";

const gate = client();

const asked = { model: "sim-0-1000-20-8", messages: asks("hello"), stream: true };
let count = 0;
const read = async () => {
  for await (const chunk of await gate.chat.completions.create(asked)) {
    count += chunk.choices.length;
    if (count === 3) process.kill(Number(ARGUMENTS[0]), "SIGKILL");
  }
};
// The break itself comes as the runtime's own error.
await assert.rejects(read, (error) => error instanceof Error && !(error instanceof assert.AssertionError));
assert(count >= 3);

await raises(sdk.APIConnectionError, () => gate.models.list());
