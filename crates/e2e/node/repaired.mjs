// The gate repairs what it can, and its caller's own retries do not multiply it.
//
// The upstream is scripted; its models are named after what they do the first
// time. The client retries as it does by default: if it had to, the gate would
// have counted more than one call.

import assert from "node:assert/strict";
import { all, ARGUMENTS, asks, client, metric, raises, sdk, text } from "./gate.mjs";

const gate = client({ maxRetries: 2 });
const [what] = ARGUMENTS;

const chat = (options = {}, by = gate) =>
  by.chat.completions.create({ model: what, messages: asks("hello"), ...options });

const start = performance.now();
const chapters = {
  // 500 once: the second attempt is the gate's.
  async stumbles() {
    assert.equal((await chat()).choices[0].message.content, "tide");
  },
  // 500 for ever: the SDK is told that it need not try.
  async fails() {
    const error = await raises(sdk.InternalServerError, chat);
    assert.deepEqual([error.status, error.code], [502, "upstream_error"]);
    assert.equal(error.headers.get("x-should-retry"), "false");
  },
  // 429 with a second to wait: the gate waits.
  async limited() {
    assert.equal((await chat()).choices[0].message.content, "tide");
    assert(performance.now() - start >= 950);
  },
  // The stream breaks before its content: the caller sees one whole stream.
  async "breaks-early"() {
    const chunks = await all(chat({ stream: true }));
    assert.equal(text(chunks), "tide");
    assert.equal(chunks.filter((chunk) => chunk.choices[0].delta.role).length, 1);
    assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
  },
  // It breaks after content: that cannot be undone, and never looks whole.
  async "breaks-late"() {
    const seen = [];
    const error = await raises(sdk.APIError, async () => {
      for await (const chunk of await chat({ stream: true })) seen.push(chunk);
    });
    assert.equal(error.code, "upstream_disconnected");
    assert.equal(text(seen), "ti");
  },
  async out() {
    const once = client({ maxRetries: 0 });
    for (let number = 0; number < 2; number += 1) {
      await raises(sdk.InternalServerError, () => chat({}, once));
    }
    // The breaker is open: refused at once, with the time to come back.
    const error = await raises(sdk.InternalServerError, () => chat({}, once));
    assert.deepEqual([error.status, error.code], [503, "upstream_unavailable"]);
    assert.equal(error.headers.get("x-should-retry"), "true");
    // With retries the SDK comes back when it may, and is served.
    assert.equal((await chat()).choices[0].message.content, "tide");
  },
};
await chapters[what]();

const calls = await metric("tidegate_requests_received_total");
console.log(`${what}: ${calls} calls in ${((performance.now() - start) / 1000).toFixed(2)} s`);
