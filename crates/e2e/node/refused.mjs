// A refusal that is said while the caller still sends its body is read as what
// it is, not as a broken connection. argv[3] is the right key; the gate takes
// bodies of one MiB, uploads among them.

import assert from "node:assert/strict";
import { ARGUMENTS, asks, client, raises, sdk } from "./gate.mjs";

const large = asks("x".repeat(8 << 20));
const form = () => sdk.toFile(Buffer.alloc(8 << 20, "y"), "large.jsonl");
const [right, wrong] = [client({ apiKey: ARGUMENTS[0] }), client({ apiKey: "not-a-key" })];

const chat = (gate) => gate.chat.completions.create({ model: "echo", messages: large });
const upload = async (gate) => gate.files.create({ file: await form(), purpose: "batch" });

for (let turn = 0; turn < 5; turn += 1) {
  for (const call of [chat, upload]) {
    const unknown = await raises(sdk.AuthenticationError, () => call(wrong));
    assert.equal(unknown.code, "invalid_api_key");
    const error = await raises(sdk.APIError, () => call(right));
    assert.equal(error.status, 413, error.message);
  }
  // Whoever was refused is served with the next call.
  const asked = { model: "sim/echo", messages: asks("short") };
  assert.equal((await right.chat.completions.create(asked)).choices[0].message.content, "short");
}
