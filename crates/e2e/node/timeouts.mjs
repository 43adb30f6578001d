// Timeouts of the caller, and what the gate makes of them.

import assert from "node:assert/strict";
import { asks, client, metric, raises, sdk, until } from "./gate.mjs";

const cancelled = () => metric("tidegate_requests_total", 'class="cancelled"', 'label="caller"');

const gate = client({ timeout: 500 });

const chat = (model, asked = {}, options = {}) =>
  gate.chat.completions.create({ model, messages: asks("hello"), ...asked }, options);

// The SDK gives up and closes: the gate cancels, and says who it was.
const start = performance.now();
await raises(sdk.APIConnectionTimeoutError, () => chat("fault-hang"));
const took = performance.now() - start;
assert(took > 400 && took < 5000, `${took} ms`);
await until("the gate counts the cancel", async () => (await cancelled()) === 1);
await raises(sdk.APIConnectionTimeoutError, () => chat("fault-hang", { stream: true }));
await until("the gate counts the cancel", async () => (await cancelled()) === 2);
await until("nothing is in flight", async () => !(await metric("tidegate_requests_in_flight")));

// The gate gives up first, as the caller asked it to.
const sooner = { timeout: 20_000, headers: { "x-request-timeout-ms": "300" } };
const error = await raises(sdk.InternalServerError, () => chat("fault-hang", {}, sooner));
assert.deepEqual([error.status, error.code], [504, "deadline_exceeded"]);
