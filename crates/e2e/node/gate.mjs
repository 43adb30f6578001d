// What the programs share: the SDK, the gate's address, its metrics, short clients.
//
// Run as `node <program>.mjs http://127.0.0.1:PORT/v1`. A program that ends with
// code 0 has seen all that it checks; a failed check is a trace.

import assert from "node:assert/strict";
import { File } from "node:buffer";
import { setTimeout as sleep } from "node:timers/promises";

// Node 18 has no global of this name, which the SDK needs for uploads.
globalThis.File ??= File;

const node = Number(process.versions.node.split(".")[0]);

/** The SDK's module: its newest version that is made for this Node. */
export const sdk = await import(node >= 22 ? "openai" : "openai-6");
export const { zodResponseFormat, zodFunction } = await import(
  node >= 22 ? "openai/helpers/zod" : "openai-6/helpers/zod"
);

export const [, , BASE_URL, ...ARGUMENTS] = process.argv;
const ROOT = BASE_URL.replace(/\/v1$/, "");

/** A client that asks once: a retry would hide what it was told. */
export function client(options = {}) {
  const settings = { baseURL: BASE_URL, apiKey: "any", maxRetries: 0, timeout: 30_000 };
  return new sdk.OpenAI({ ...settings, ...options });
}

/** The sum of the samples of `name` that carry all labels. */
export async function metric(name, ...labels) {
  const page = await fetch(`${ROOT}/metrics`, { signal: AbortSignal.timeout(10_000) });
  const samples = (await page.text()).matchAll(new RegExp(`^${name}(\\{.*\\})? (\\S+)$`, "gm"));
  return [...samples]
    .filter(([, has]) => labels.every((label) => has?.includes(label)))
    .reduce((sum, [, , value]) => sum + Number(value), 0);
}

/** Waits until `condition()` holds; the bound only catches hangs. */
export async function until(what, condition, patience = 15_000) {
  const end = performance.now() + patience;
  while (!(await condition())) {
    assert(performance.now() < end, `waited in vain: ${what}`);
    await sleep(20);
  }
}

/** The error of exactly this class that `call` fails with. */
export async function raises(kind, call) {
  let done;
  try {
    done = await call();
  } catch (error) {
    assert.equal(error.constructor.name, kind.name, error.stack);
    return error;
  }
  assert.fail(`no ${kind.name} was raised, but: ${JSON.stringify(done)}`);
}

export const asks = (content) => [{ role: "user", content }];

/** All chunks of a stream. */
export async function all(stream) {
  const chunks = [];
  for await (const chunk of await stream) chunks.push(chunk);
  return chunks;
}

/** The text that chunks carry. */
export const text = (chunks) =>
  chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? chunk.choices[0]?.text ?? "").join("");
