// Tools and forms: what the SDK makes of them on its way out and back. The
// simulated model fills each schema that it is given.

import assert from "node:assert/strict";
import { z } from "zod";
import { all, asks, client, zodFunction, zodResponseFormat } from "./gate.mjs";

const gate = client();

// A form, as an object that fits it: whole, and from a stream.
const Tide = z.object({ harbour: z.string(), metres: z.number(), rises: z.boolean() });
const formed = {
  model: "sim-0-4-0-8",
  messages: asks("when is the tide?"),
  response_format: zodResponseFormat(Tide, "tide"),
};
const parsed = (await gate.chat.completions.parse(formed)).choices[0].message.parsed;
assert.deepEqual(Tide.parse(parsed), parsed);
const streamed = await gate.chat.completions.stream(formed).finalChatCompletion();
assert.deepEqual(streamed.choices[0].message.parsed, parsed);

// A tool, called by the SDK itself, and its result sent back: two calls.
const asked = [];
const look = zodFunction({
  name: "look",
  description: "how high the water stands",
  parameters: z.object({ harbour: z.string() }),
  function: ({ harbour }) => {
    asked.push(harbour);
    return { metres: 2.5 };
  },
});
const task = { model: "tools", messages: asks("use look"), tools: [look] };
for (const stream of [false, true]) {
  asked.length = 0;
  const runner = gate.chat.completions.runTools({ ...task, stream });
  const turns = [];
  runner.on("message", (message) => turns.push(message.role));
  assert(await runner.finalContent());
  assert.equal(asked.length, 1);
  assert.equal(typeof asked[0], "string");
  assert.deepEqual(turns.slice(-3), ["assistant", "tool", "assistant"]);
}

// The pieces of a call by hand.
const chunks = await all(gate.chat.completions.create({ ...task, stream: true }));
const calls = chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? []);
assert(calls[0].id && calls[0].function.name === "look");
const written = calls.map((call) => call.function.arguments ?? "").join("");
assert.equal(typeof JSON.parse(written).harbour, "string");
assert.equal(chunks.at(-1).choices[0].finish_reason, "tool_calls");
