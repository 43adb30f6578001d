// Calls that their caller ends stop the upstream, while the client lives on.
// argv[3] is a model that streams for much longer than this program runs.

import assert from "node:assert/strict";
import { ARGUMENTS, asks, client, metric, raises, sdk, until } from "./gate.mjs";

const [LONG] = ARGUMENTS;
const gate = client();

let cancels = 0;

async function allGivenBack() {
  cancels += 1;
  const counted = () => metric("tidegate_requests_total", 'class="cancelled"', 'label="caller"');
  await until("the gate counts the cancel", async () => (await counted()) === cancels);
  await until("nothing is in flight", async () => !(await metric("tidegate_requests_in_flight")));
  await until("no permit is out", async () => !(await metric("tidegate_pool_permits_busy")));
}

const begin = (options) =>
  gate.chat.completions.create({ model: LONG, messages: asks("hello"), stream: true }, options);

/** Reads to the third chunk, then does this, and reads on to the end. */
async function read(stream, then) {
  let count = 0;
  for await (const chunk of stream) {
    assert(chunk.choices);
    count += 1;
    if (count === 3) await then();
    assert(count < 20, "it goes on and on");
  }
  return count;
}

// The stream's own controller: the loop ends.
let stream = await begin();
await read(stream, async () => {
  assert.equal(await metric("tidegate_requests_in_flight"), 1);
  stream.controller.abort();
});
await allGivenBack();

// Leaving the loop is enough.
for await (const chunk of await begin()) {
  assert(chunk.choices);
  break;
}
await allGivenBack();

// So is an error of one's own in it.
const own = new Error("something else");
await assert.rejects(read(await begin(), () => Promise.reject(own)), own);
await allGivenBack();

// A signal of the caller, while the stream flows.
let controller = new AbortController();
await read(await begin({ signal: controller.signal }), () => controller.abort());
await allGivenBack();

// The same before there is an answer, of a stream and of a whole one.
for (const wants of [true, false]) {
  controller = new AbortController();
  const asked = { model: "fault-hang", messages: asks("hello"), stream: wants };
  const call = gate.chat.completions.create(asked, { signal: controller.signal });
  const failed = raises(sdk.APIUserAbortError, () => call);
  await until("it is in flight", async () => (await metric("tidegate_requests_in_flight")) === 1);
  controller.abort();
  await failed;
  await allGivenBack();
}

// The helper's own abort.
const helper = gate.chat.completions.stream({ model: LONG, messages: asks("hello") });
helper.on("content", () => helper.abort());
await raises(sdk.APIUserAbortError, () => helper.finalContent());
await allGivenBack();

// The same client goes on working.
const answer = await gate.chat.completions.create({ model: "echo", messages: asks("still here") });
assert.equal(answer.choices[0].message.content, "still here");
