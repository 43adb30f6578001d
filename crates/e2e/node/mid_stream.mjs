// A stream that breaks after its first pieces: what came is kept, then an
// APIError, never a clean end. The upstream is scripted; its models are named
// after what they do once content went out.

import assert from "node:assert/strict";
import { asks, client, raises, sdk } from "./gate.mjs";

const gate = client();
let seen;

async function read(model) {
  seen = "";
  const asked = { model, messages: asks("hello"), stream: true };
  for await (const chunk of await gate.chat.completions.create(asked)) {
    seen += chunk.choices[0].delta.content ?? "";
  }
}

for (const [model, code] of [
  ["resets", "upstream_disconnected"],
  ["closes", "upstream_disconnected"],
  ["stops", "stream_truncated"],
  ["stalls", "stream_idle_timeout"],
  ["garbles", "upstream_protocol"],
]) {
  const error = await raises(sdk.APIError, () => read(model));
  assert.equal(error.code, code, model);
  assert.equal(seen, "ab", model);
}

const error = await raises(sdk.APIError, () => read("says-so"));
assert(error.code && error.message.includes("too busy"), error.message);
assert.equal(seen, "ab");

// One malformed event does not end a stream whose next events are fine.
await read("stumbles");
assert.equal(seen, "abc");
