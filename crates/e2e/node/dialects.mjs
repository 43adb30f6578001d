// The three callers of Node before every upstream, by way of a gate: whole,
// streamed, a tool with its result, a bound, and failures. The upstreams
// (testkit, `native`) answer with all that they heard.
//
// Run with the gate's address and the names of its providers. What fails is
// told by its cell, and the program fails if one does.

import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { ARGUMENTS, BASE_URL, asks, client, raises, sdk } from "./gate.mjs";

const gate = client();
const ROOT = BASE_URL.replace(/\/v1$/, "");
const claude = new Anthropic({ baseURL: ROOT, apiKey: "any", maxRetries: 0, timeout: 30_000 });

const TEXT = "Fl\u00fcsse \u6f6e";
const SCHEMA = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
const FINE = "17 \u00b0C";
const ASKED = "How is the weather?";
const HEARD = `user: ${ASKED} | call: weather {"city":"${TEXT}"} | result: weather ${FINE}`;

/** Chat Completions: { text, calls, stop, message }. */
async function chat(model, messages, { tools, most, stream } = {}) {
  const options = { model, messages };
  if (tools) {
    const weather = { name: "weather", description: "The weather.", parameters: SCHEMA };
    options.tools = [{ type: "function", function: weather }];
  }
  if (most) options.max_completion_tokens = most;
  const answer = stream
    ? await gate.chat.completions.stream(options).finalChatCompletion()
    : await gate.chat.completions.create(options);
  const [{ message, finish_reason }] = answer.choices;
  return {
    text: message.content ?? "",
    calls: (message.tool_calls ?? []).map(({ id, function: { name, arguments: given } }) => {
      return { id, name, given: JSON.parse(given) };
    }),
    stop: { stop: "end", length: "length", tool_calls: "calls" }[finish_reason],
    next: (result) => {
      const { role, tool_calls } = message;
      const [{ id }] = tool_calls;
      return [...messages, { role, tool_calls }, { role: "tool", tool_call_id: id, content: result }];
    },
  };
}

/** Responses, which keep nothing. */
async function responses(model, messages, { tools, most, stream } = {}) {
  const options = { model, input: messages, store: false };
  if (tools) {
    const weather = { name: "weather", description: "The weather.", parameters: SCHEMA };
    options.tools = [{ type: "function", strict: true, ...weather }];
  }
  if (most) options.max_output_tokens = most;
  const answer = stream
    ? await gate.responses.stream(options).finalResponse()
    : await gate.responses.create(options);
  const calls = answer.output.filter((item) => item.type === "function_call");
  return {
    text: answer.output_text,
    calls: calls.map(({ call_id, name, arguments: given }) => {
      return { id: call_id, name, given: JSON.parse(given) };
    }),
    stop: calls.length ? "calls" : { completed: "end", incomplete: "length" }[answer.status],
    next: (result) => {
      const { call_id, name, arguments: given } = calls[0];
      const call = { type: "function_call", call_id, name, arguments: given };
      return [...messages, call, { type: "function_call_output", call_id, output: result }];
    },
  };
}

/** Messages of Anthropic. */
async function messages(model, said, { tools, most, stream } = {}) {
  const options = { model, messages: said, max_tokens: most ?? 1000 };
  if (tools) {
    options.tools = [{ name: "weather", description: "The weather.", input_schema: SCHEMA }];
  }
  let answer;
  if (stream) {
    const flow = claude.messages.stream(options);
    let text = "";
    flow.on("text", (piece) => (text += piece));
    answer = await flow.finalMessage();
    assert.equal(text, answer.content.map((block) => block.text ?? "").join(""));
  } else {
    answer = await claude.messages.create(options);
  }
  const calls = answer.content.filter((block) => block.type === "tool_use");
  return {
    text: answer.content.map((block) => block.text ?? "").join(""),
    calls: calls.map(({ id, name, input }) => ({ id, name, given: input })),
    stop: { end_turn: "end", max_tokens: "length", tool_use: "calls" }[answer.stop_reason],
    next: (result) => {
      const done = { type: "tool_result", tool_use_id: calls[0].id, content: result };
      return [
        ...said,
        { role: "assistant", content: answer.content },
        { role: "user", content: [done] },
      ];
    },
  };
}

const CASES = {
  async text(ask, upstream, stream) {
    const said = 'Say \u6f6e and \u{1f30a} to "me"';
    const told = await ask(`${upstream}/m-1`, asks(said), { stream });
    assert.deepEqual([told.text, told.calls, told.stop], [`user: ${said}`, [], "end"]);
  },
  async tool(ask, upstream, stream) {
    const model = `${upstream}/m-1`;
    const told = await ask(model, asks(ASKED), { tools: true, stream });
    assert.deepEqual([told.text, told.stop, told.calls.length], ["", "calls", 1]);
    const [{ id, name, given }] = told.calls;
    assert(id, "no id");
    assert.deepEqual([name, given], ["weather", { city: TEXT }]);
    const last = await ask(model, told.next(FINE), { tools: true, stream });
    assert.deepEqual([last.text, last.calls, last.stop], [HEARD, [], "end"]);
  },
  async length(ask, upstream, stream) {
    // The helper of chat takes a cut answer for a failure.
    if (ask === chat && stream) return;
    const told = await ask(`${upstream}/m-1`, asks("one two three"), { most: 2, stream });
    assert.deepEqual([told.text, told.stop], ["user: one", "length"]);
  },
  async errors(ask, upstream, stream) {
    const { BadRequestError, NotFoundError, RateLimitError, InternalServerError } =
      ask === messages ? Anthropic : sdk;
    for (const [status, kind] of [
      [400, BadRequestError],
      [404, NotFoundError],
      [429, RateLimitError],
      [500, InternalServerError],
    ]) {
      const call = () => ask(`${upstream}/fails-${status}`, asks("hello"), { stream });
      const error = await raises(kind, call);
      assert.equal(error.status, status === 500 ? 502 : status, error.message);
    }
  },
};

const bad = [];
let good = 0;
for (const ask of [chat, responses, messages]) {
  for (const upstream of ARGUMENTS) {
    for (const [name, run] of Object.entries(CASES)) {
      for (const stream of [false, true]) {
        const cell = `${ask.name} > ${upstream} ${name} ${stream ? "stream" : "unary"}`;
        try {
          await run(ask, upstream, stream);
          good += 1;
        } catch (error) {
          bad.push(`! ${cell}: ${error.stack}`);
        }
      }
    }
  }
}

// What only some upstreams have.
for (const upstream of ["openai", "azure", "gemini", "ollama"].filter((one) => ARGUMENTS.includes(one))) {
  const two = await gate.embeddings.create({ model: `${upstream}/m-1`, input: ["a b", "c"] });
  assert.deepEqual(two.data.map(({ index }) => index), [0, 1], upstream);
  const [first] = two.data;
  const right = [3 / 64, 2 / 64, 0.5];
  assert(right.every((value, at) => Math.abs(first.embedding[at] - value) < 1e-6), upstream);
}
if (ARGUMENTS.includes("anthropic")) {
  const counted = await claude.messages.countTokens({ model: "anthropic/m-1", messages: asks("a b") });
  assert.equal(counted.input_tokens, 3);
}

console.log(`${good} of ${good + bad.length} cells are as they should be`);
for (const cell of bad) console.log(cell);
process.exitCode = bad.length ? 1 : 0;
