//! The same for the routes that are carried and not understood: their forms are
//! the provider's, so that little is said of them here.

use super::table::Body::{Bytes, Events, Form, Json, Text};
use super::table::{Body, Operation, op};

const PARTS: &str = "Parts of the answer, as the provider sends them. A stream that was cut ends with \
                     an event of the error form, or breaks off.";

const fn carried(
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    gives: &'static [Body],
) -> Operation {
    op(method, path, "carried", id, summary).gives(gives)
}

/// The list, in the order of the page.
pub(super) const CARRIED: &[Operation] = &[
    carried(
        "POST",
        "/v1/images/generations",
        "createImage",
        "Draw an image",
        &[Json("Object"), Events(PARTS)],
    )
    .about("The `model` says who answers; every other byte passes.")
    .takes(&[Json("Object")]),
    carried(
        "POST",
        "/v1/images/edits",
        "createImageEdit",
        "Change an image",
        &[Json("Object"), Events(PARTS)],
    )
    .takes(&[Form]),
    carried(
        "POST",
        "/v1/images/variations",
        "createImageVariation",
        "Draw an image again",
        &[Json("Object")],
    )
    .takes(&[Form]),
    carried(
        "POST",
        "/v1/audio/speech",
        "createSpeech",
        "Speak a text",
        &[Bytes, Events(PARTS)],
    )
    .about("The `model` says who answers; every other byte passes.")
    .takes(&[Json("Object")]),
    carried(
        "POST",
        "/v1/audio/transcriptions",
        "createTranscription",
        "Write down what is said",
        &[Json("Object"), Text, Events(PARTS)],
    )
    .takes(&[Form]),
    carried(
        "POST",
        "/v1/audio/translations",
        "createTranslation",
        "Write down in English what is said",
        &[Json("Object"), Text],
    )
    .takes(&[Form]),
    carried(
        "POST",
        "/v1/moderations",
        "createModeration",
        "Judge a text",
        &[Json("Object")],
    )
    .about("The `model` says who answers; every other byte passes.")
    .takes(&[Json("Object")]),
    carried(
        "POST",
        "/v1/files",
        "createFile",
        "Send a file",
        &[Json("Object")],
    )
    .about("It goes up as it comes, up to `limits.upload`.")
    .takes(&[Form]),
    carried(
        "GET",
        "/v1/files",
        "listFiles",
        "The files",
        &[Json("Object")],
    ),
    carried(
        "GET",
        "/v1/files/{id}",
        "retrieveFile",
        "A file",
        &[Json("Object")],
    ),
    carried(
        "DELETE",
        "/v1/files/{id}",
        "deleteFile",
        "Delete a file",
        &[Json("Object")],
    ),
    carried(
        "GET",
        "/v1/files/{id}/content",
        "downloadFile",
        "What a file holds",
        &[Bytes],
    ),
    carried(
        "POST",
        "/v1/uploads",
        "createUpload",
        "Begin a file in parts",
        &[Json("Object")],
    )
    .takes(&[Json("Object")]),
    carried(
        "POST",
        "/v1/uploads/{id}/parts",
        "addUploadPart",
        "Send a part of a file",
        &[Json("Object")],
    )
    .about("It goes up as it comes, up to `limits.upload`.")
    .takes(&[Form]),
    carried(
        "POST",
        "/v1/uploads/{id}/complete",
        "completeUpload",
        "Make a file of its parts",
        &[Json("Object")],
    )
    .takes(&[Json("Object")]),
    carried(
        "POST",
        "/v1/uploads/{id}/cancel",
        "cancelUpload",
        "Give a file in parts up",
        &[Json("Object")],
    ),
    carried(
        "POST",
        "/v1/batches",
        "createBatch",
        "Begin a batch",
        &[Json("Object")],
    )
    .takes(&[Json("Object")]),
    carried(
        "GET",
        "/v1/batches",
        "listBatches",
        "The batches",
        &[Json("Object")],
    ),
    carried(
        "GET",
        "/v1/batches/{id}",
        "retrieveBatch",
        "A batch",
        &[Json("Object")],
    ),
    carried(
        "POST",
        "/v1/batches/{id}/cancel",
        "cancelBatch",
        "End a batch",
        &[Json("Object")],
    ),
    carried(
        "POST",
        "/v1/fine_tuning/jobs",
        "createFineTuningJob",
        "Begin to tune a model",
        &[Json("Object")],
    )
    .about("The `model` says who answers; every other byte passes.")
    .takes(&[Json("Object")]),
    carried(
        "GET",
        "/v1/fine_tuning/jobs",
        "listFineTuningJobs",
        "The jobs that tune models",
        &[Json("Object")],
    ),
    carried(
        "GET",
        "/v1/fine_tuning/jobs/{id}",
        "retrieveFineTuningJob",
        "A job that tunes a model",
        &[Json("Object")],
    ),
    carried(
        "POST",
        "/v1/fine_tuning/jobs/{id}/cancel",
        "cancelFineTuningJob",
        "End such a job",
        &[Json("Object")],
    ),
    carried(
        "POST",
        "/v1/fine_tuning/jobs/{id}/pause",
        "pauseFineTuningJob",
        "Let such a job rest",
        &[Json("Object")],
    ),
    carried(
        "POST",
        "/v1/fine_tuning/jobs/{id}/resume",
        "resumeFineTuningJob",
        "Let such a job go on",
        &[Json("Object")],
    ),
    carried(
        "GET",
        "/v1/fine_tuning/jobs/{id}/events",
        "listFineTuningEvents",
        "What happened in such a job",
        &[Json("Object")],
    ),
    carried(
        "GET",
        "/v1/fine_tuning/jobs/{id}/checkpoints",
        "listFineTuningJobCheckpoints",
        "The states that such a job kept",
        &[Json("Object")],
    ),
];
