// The SDK's own retries obey what the gate tells it. The upstream is scripted:
// `limited` answers 429 with a wait of nothing, `broke` 429 without credit.

import assert from "node:assert/strict";
import { asks, client, raises, sdk } from "./gate.mjs";

const gate = client({ maxRetries: 2 });

const chat = (model) => gate.chat.completions.create({ model, messages: asks("hello") });

// Worth another try: the SDK asks three times in all.
let error = await raises(sdk.RateLimitError, () => chat("limited"));
assert.equal(error.code, "rate_limit_exceeded");

// Not worth one: `x-should-retry: false` keeps it from asking again.
error = await raises(sdk.RateLimitError, () => chat("broke"));
assert.equal(error.code, "insufficient_quota");
