"""The rest of the POST family: files, uploads, audio, images, moderation,
batches, fine-tuning. The upstream answers with what it got, so that the bytes
can be compared here."""

import base64
import hashlib
import io

import openai

from gate import client, metric, raises

gate = client()


def noise(length, step):
    return bytes(at * step % 251 for at in range(length))


def sha(data):
    return hashlib.sha256(data).hexdigest()


# Files: up and down again, byte for byte.
lines = noise(3_000_000, 7)
made = gate.files.create(file=("lines.jsonl", io.BytesIO(lines)), purpose="batch")
assert (made.id, made.filename, made.bytes) == ("file-1", "lines.jsonl", len(lines)), made
listed = gate.files.list(purpose="batch", limit=2)
assert [file.id for file in listed.data] == ["file-1"], listed
assert gate.files.retrieve("file-1").id == "file-1"
content = gate.files.content("file-1")
assert sha(content.content) == sha(lines)
assert "lines.jsonl" in content.response.headers["content-disposition"]
with gate.files.with_streaming_response.content("file-1") as streamed:
    digest = hashlib.sha256()
    for piece in streamed.iter_bytes():
        digest.update(piece)
assert digest.hexdigest() == sha(lines)
assert gate.files.delete("file-1").deleted
gone = raises(openai.NotFoundError, lambda: gate.files.retrieve("file-none"))
assert "No such file" in str(gone), gone

# Uploads: parts of a file.
upload = gate.uploads.create(
    bytes=len(lines), filename="lines.jsonl", mime_type="text/jsonl", purpose="batch"
)
part = gate.uploads.parts.create(upload.id, data=lines)
assert part.id == "part_" + str(len(lines)), part
assert gate.uploads.complete(upload.id, part_ids=[part.id]).status == "completed"
assert gate.uploads.cancel(upload.id).status == "cancelled"

# Audio, both ways.
sound = noise(400_000, 11)
speech = {"model": "tts-1", "voice": "alloy", "input": "hello"}
with gate.audio.speech.with_streaming_response.create(**speech) as spoken:
    assert spoken.headers["content-type"] == "audio/mpeg"
    assert sha(b"".join(spoken.iter_bytes())) == sha(sound)
assert sha(gate.audio.speech.create(**speech).content) == sha(sound)
file = ("a.mp3", sound)
heard = gate.audio.transcriptions.create(model="mock/whisper-1", file=file)
assert heard.text == f"whisper-1 heard {len(sound)}", heard
assert gate.audio.translations.create(model="whisper-1", file=file).text == heard.text
plain = gate.audio.transcriptions.create(model="whisper-text", file=file, response_format="text")
assert plain == "only text\n", plain
events = list(gate.audio.transcriptions.create(model="gpt-4o-transcribe", file=file, stream=True))
assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]

# Images: made, changed, and in parts.
image = noise(50_000, 13)
drawn = gate.images.generate(model="mock/dall-e-3", prompt="tide", response_format="b64_json")
assert base64.b64decode(drawn.data[0].b64_json) == b"dall-e-3 drew", drawn
edited = gate.images.edit(model="gpt-image-1", image=("a.png", image), prompt="more tide")
assert base64.b64decode(edited.data[0].b64_json) == image
varied = gate.images.create_variation(image=("a.png", image))
assert base64.b64decode(varied.data[0].b64_json) == image
parts = list(
    gate.images.generate(model="gpt-image-1", prompt="tide", stream=True, partial_images=1)
)
kinds = ["image_generation.partial_image", "image_generation.completed"]
assert [part.type for part in parts] == kinds, parts

# Moderation, with a model and without.
for options in ({"model": "omni-moderation-latest"}, {}):
    judged = gate.moderations.create(input="a harmless text", **options)
    assert judged.results[0].flagged is False

# Batches and fine-tuning.
batch = gate.batches.create(
    input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h"
)
assert gate.batches.retrieve(batch.id).id == batch.id == "batch_1"
assert [one.id for one in gate.batches.list(limit=1).data] == ["batch_1"]
assert gate.batches.cancel(batch.id).status == "cancelling"
jobs = gate.fine_tuning.jobs
job = jobs.create(model="gpt-4o-mini", training_file="file-1")
assert jobs.retrieve(job.id).id == job.id == "ftjob-1"
assert [one.id for one in jobs.list(limit=1).data] == ["ftjob-1"]
assert jobs.list_events(job.id, limit=1).data[0].message == "begun"
assert jobs.checkpoints.list(job.id).data == []
for step in (jobs.cancel, jobs.pause, jobs.resume):
    assert step(job.id).id == "ftjob-1"

# Another provider, by its name.
named = client(default_headers={"x-tidegate-provider": "nobody"})
assert "`mock`" in str(raises(openai.BadRequestError, lambda: named.batches.list()))

failed = metric("tidegate_requests_total", 'class="failed"')
assert failed == 1, "the file that is not there"
assert metric("tidegate_requests_total", 'class="completed"') > 30
