// An application that is busy with itself while the gate closes the connection
// that it left at rest, and then asks again before it has looked: no call of it
// meets the close, since the gate has said how long it waits. The client does
// not retry, which would hide it. argv[3] is that time in milliseconds.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { ARGUMENTS, asks, client } from "./gate.mjs";

const rests = Number(ARGUMENTS[0]);
const gate = client();

for (const said of ["once", "again", "and again"]) {
  const answer = await gate.chat.completions.create({ model: "echo", messages: asks(said) });
  assert.equal(answer.choices[0].message.content, said);
  await sleep(rests * 0.8);
  // Nothing of this process runs meanwhile: it cannot see the close.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, rests * 0.4);
}
