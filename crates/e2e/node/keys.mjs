// The gate's own keys: argv[3] is the right one.

import assert from "node:assert/strict";
import { all, ARGUMENTS, asks, client, raises, sdk } from "./gate.mjs";

const right = client({ apiKey: ARGUMENTS[0] });
const call = (gate) => gate.chat.completions.create({ model: "echo", messages: asks("in") });
assert((await call(right)).choices.length);
assert((await all(right.models.list())).length);

const wrong = client({ apiKey: "not-a-key" });
const error = await raises(sdk.AuthenticationError, () => wrong.models.list());
assert.deepEqual([error.status, error.code], [401, "invalid_api_key"]);
assert(!error.message.includes("not-a-key"), error.message);
await raises(sdk.AuthenticationError, () => call(wrong));
