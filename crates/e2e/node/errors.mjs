// Failures as the SDK's own classes of errors, with our stable codes.

import assert from "node:assert/strict";
import { asks, client, raises, sdk } from "./gate.mjs";

const gate = client();

const chat = (model, options = {}) =>
  gate.chat.completions.create({ model, messages: asks("hello"), ...options });

for (const stream of [false, true]) {
  let error = await raises(sdk.NotFoundError, () => chat("no-such-model", { stream }));
  assert.deepEqual([error.code, error.param, error.status], ["model_not_found", "model", 404]);

  error = await raises(sdk.RateLimitError, () => chat("fault-429", { stream }));
  assert.equal(error.code, "rate_limit_exceeded");
  assert.equal(error.headers.get("retry-after"), "1");

  error = await raises(sdk.InternalServerError, () => chat("fault-500", { stream }));
  assert.deepEqual([error.code, error.status], ["upstream_error", 502]);

  error = await raises(sdk.InternalServerError, () => chat("fault-529", { stream }));
  assert.deepEqual([error.code, error.status], ["upstream_overloaded", 503]);
}

let error = await raises(sdk.BadRequestError, () => chat("echo", { n: 99 }));
assert.deepEqual([error.code, error.param, error.type], ["invalid_value", "n", "invalid_request_error"]);
assert(error.message.length > 10, error.message);

// What this SDK does not know it sends as it stands.
error = await raises(sdk.BadRequestError, () => chat("echo", { api_base: "http://x" }));
assert.deepEqual([error.code, error.param], ["unsupported_parameter", "api_base"]);

// A whole answer that was cut is a failure, not half an answer.
error = await raises(sdk.InternalServerError, () => chat("fault-cut"));
assert.equal(error.code, "upstream_disconnected");

await raises(sdk.NotFoundError, () => gate.models.retrieve("no-such-model"));
await raises(sdk.NotFoundError, () => gate.get("/no/such/route"));
