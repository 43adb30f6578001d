// The rest of the POST family: files, uploads, audio, images, moderation,
// batches, fine-tuning. The upstream answers with what it got, so that the bytes
// can be compared here. This SDK writes the parts of a form in the order in
// which it is given them: the file stands before the model here.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { all, client, metric, raises, sdk } from "./gate.mjs";

const gate = client();
const { toFile } = sdk;

const noise = (length, step) => Buffer.from(Array.from({ length }, (_, at) => (at * step) % 251));
const sha = (data) => createHash("sha256").update(Buffer.from(data)).digest("hex");
const bytes = async (response) => sha(await response.arrayBuffer());
const ids = (page) => page.data.map((one) => one.id);

// Files: up and down again, byte for byte.
const lines = noise(3_000_000, 7);
const whole = await toFile(lines, "lines.jsonl");
const made = await gate.files.create({ file: whole, purpose: "batch" });
assert.deepEqual([made.id, made.filename, made.bytes], ["file-1", "lines.jsonl", lines.length]);
assert.deepEqual(ids(await gate.files.list({ purpose: "batch", limit: 2 })), ["file-1"]);
assert.equal((await gate.files.retrieve("file-1")).id, "file-1");
const content = await gate.files.content("file-1");
assert(content.headers.get("content-disposition").includes("lines.jsonl"));
assert.equal(await bytes(content), sha(lines));
// In pieces, and left half-way: the next call is none the worse.
const pieces = await gate.files.content("file-1");
for await (const piece of pieces.body) {
  assert(piece.length > 0);
  break;
}
assert((await gate.files.delete("file-1")).deleted);
const gone = await raises(sdk.NotFoundError, () => gate.files.retrieve("file-none"));
assert(gone.message.includes("No such file"), gone.message);

// Uploads: parts of a file.
const begun = { bytes: lines.length, filename: "lines.jsonl", mime_type: "text/jsonl", purpose: "batch" };
const upload = await gate.uploads.create(begun);
const part = await gate.uploads.parts.create(upload.id, { data: whole });
assert.equal(part.id, `part_${lines.length}`);
assert.equal((await gate.uploads.complete(upload.id, { part_ids: [part.id] })).status, "completed");
assert.equal((await gate.uploads.cancel(upload.id)).status, "cancelled");

// Audio, both ways.
const sound = noise(400_000, 11);
const speech = await gate.audio.speech.create({ model: "tts-1", voice: "alloy", input: "hello" });
assert.equal(speech.headers.get("content-type"), "audio/mpeg");
assert.equal(await bytes(speech), sha(sound));
const file = await toFile(sound, "a.mp3");
const { transcriptions, translations } = gate.audio;
const heard = await transcriptions.create({ file, model: "mock/whisper-1" });
assert.equal(heard.text, `whisper-1 heard ${sound.length}`);
assert.equal((await transcriptions.create({ model: "mock/whisper-1", file })).text, heard.text);
assert.equal((await translations.create({ file, model: "whisper-1" })).text, heard.text);
const plain = { file, model: "whisper-text", response_format: "text" };
assert.equal(await transcriptions.create(plain), "only text\n");
const streamed = { file, model: "gpt-4o-transcribe", stream: true };
const events = await all(transcriptions.create(streamed));
assert.deepEqual(events.map((event) => event.type), ["transcript.text.delta", "transcript.text.done"]);

// Images: made, changed, and in parts.
const image = noise(50_000, 13);
const picture = await toFile(image, "a.png", { type: "image/png" });
const drawn = (answer) => Buffer.from(answer.data[0].b64_json, "base64");
const tide = { prompt: "tide" };
const generated = { model: "mock/dall-e-3", response_format: "b64_json", ...tide };
assert.equal(drawn(await gate.images.generate(generated)).toString(), "dall-e-3 drew");
const edited = await gate.images.edit({ image: picture, model: "gpt-image-1", ...tide });
assert.equal(sha(drawn(edited)), sha(image));
assert.equal(sha(drawn(await gate.images.createVariation({ image: picture }))), sha(image));
const parts = { model: "gpt-image-1", stream: true, partial_images: 1, ...tide };
assert.deepEqual(
  (await all(gate.images.generate(parts))).map((event) => event.type),
  ["image_generation.partial_image", "image_generation.completed"],
);

// Moderation, with a model and without.
for (const options of [{ model: "omni-moderation-latest" }, {}]) {
  const judged = await gate.moderations.create({ input: "a harmless text", ...options });
  assert.equal(judged.results[0].flagged, false);
}

// Batches and fine-tuning.
const endpoint = "/v1/chat/completions";
const work = { input_file_id: "file-1", endpoint, completion_window: "24h" };
assert.equal((await gate.batches.create(work)).id, "batch_1");
assert.equal((await gate.batches.retrieve("batch_1")).id, "batch_1");
assert.deepEqual(ids(await gate.batches.list({ limit: 1 })), ["batch_1"]);
assert.equal((await gate.batches.cancel("batch_1")).status, "cancelling");
const { jobs } = gate.fineTuning;
const job = await jobs.create({ model: "gpt-4o-mini", training_file: "file-1" });
assert.equal(job.id, "ftjob-1");
assert.equal((await jobs.retrieve(job.id)).id, job.id);
assert.deepEqual(ids(await jobs.list({ limit: 1 })), [job.id]);
assert.equal((await jobs.listEvents(job.id, { limit: 1 })).data[0].message, "begun");
assert.deepEqual((await jobs.checkpoints.list(job.id)).data, []);
for (const step of ["cancel", "pause", "resume"]) assert.equal((await jobs[step](job.id)).id, job.id);

// Another provider, by its name.
const named = client({ defaultHeaders: { "x-tidegate-provider": "nobody" } });
const unknown = await raises(sdk.BadRequestError, () => named.batches.list());
assert(unknown.message.includes("`mock`"), unknown.message);

assert.equal(await metric("tidegate_requests_total", 'class="failed"'), 1, "the file that is not there");
assert((await metric("tidegate_requests_total", 'class="completed"')) > 30);
