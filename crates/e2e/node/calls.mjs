// Chat, streams, usage, completions, embeddings, models.

import assert from "node:assert/strict";
import { all, asks, client, text } from "./gate.mjs";

const gate = client();
const chat = (model, said, options = {}) =>
  gate.chat.completions.create({ model, messages: asks(said), ...options });

// A whole answer, with usage and our headers.
const { data: answer, response } = await chat("echo", "say this back").withResponse();
assert.equal(answer.choices[0].message.content, "say this back");
assert.equal(answer.choices[0].finish_reason, "stop");
const { total_tokens, prompt_tokens, completion_tokens } = answer.usage;
assert(total_tokens === prompt_tokens + completion_tokens && total_tokens > 0);
assert.equal(response.headers.get("x-tidegate-id").length, 36);
assert(Number(response.headers.get("x-tidegate-upstream-ms")) >= 0);

// A stream: the text in pieces, no usage unless it is asked for.
let chunks = await all(chat("echo", "one two three", { stream: true }));
assert.equal(text(chunks), "one two three");
assert(chunks.length > 3, "it came in one piece");
assert.equal(chunks.at(-1).choices[0].finish_reason, "stop");
assert(chunks.every((chunk) => !chunk.usage));

// Text beyond ASCII, whole over any cut of its bytes.
const beyond = "Flut – 潮汐 🌊 ".repeat(40).trim();
assert.equal(text(await all(chat("echo", beyond, { stream: true }))), beyond);

// The same with usage: one chunk more, without choices.
const counted = { stream: true, stream_options: { include_usage: true } };
chunks = await all(chat("sim-0-20-0-4", "hello", counted));
assert.deepEqual(chunks.at(-1).choices, []);
assert(chunks.at(-1).usage.completion_tokens > 0);
assert.equal(chunks.filter((chunk) => chunk.usage).length, 1);

// The helper that collects a stream.
const asked = { model: "echo", messages: asks("collected whole") };
const helper = gate.chat.completions.stream(asked);
assert.equal((await helper.finalChatCompletion()).choices[0].message.content, "collected whole");

// Text completions, whole and streamed.
const done = await gate.completions.create({ model: "echo", prompt: "a b c" });
assert.equal(done.choices[0].text, "a b c");
const pieces = gate.completions.create({ model: "echo", prompt: "a b c", stream: true });
assert.equal(text(await all(pieces)), "a b c");

// Embeddings: the SDK asks for base64 by itself, and decodes it.
const embed = (options) => gate.embeddings.create({ model: "sim-0-1-0-4", ...options });
const one = await embed({ input: "a sentence" });
const two = await embed({ input: ["a sentence", "another"], encoding_format: "float" });
assert.deepEqual(two.data.map((item) => item.index), [0, 1]);
const [left, right] = [one.data[0].embedding, two.data[0].embedding];
assert(Array.isArray(left) && left.length === right.length && left.length > 1);
assert(left.every((value, at) => Math.abs(value - right[at]) < 1e-6), "base64 and float differ");
assert(two.usage.prompt_tokens > 0);

// Models.
const names = [];
for await (const model of gate.models.list()) names.push(model.id);
assert(names.includes("echo") && names.length > 3, String(names));

// A name with a slash, which the SDK escapes in the path.
assert.equal((await gate.models.retrieve("sim/echo")).owned_by, "sim");
