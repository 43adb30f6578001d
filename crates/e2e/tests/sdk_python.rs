//! The official Python SDK against the real binary.
//!
//! Each program of `python/` is one caller who knows nothing but a base URL;
//! what it meets stands in `tidegate_e2e::sdk::scenes`. Where there is no
//! interpreter they are skipped; see `tidegate_e2e::sdk`.

use tidegate_e2e::sdk::{Sdk, scenes};

#[tokio::test]
async fn sdk_sync_calls_streams_usage_embeddings_and_models() {
    scenes::simulated(Sdk::Python, "calls").await;
}

#[tokio::test]
async fn sdk_async_calls_and_two_hundred_at_once() {
    scenes::simulated(Sdk::Python, "async_calls").await;
}

#[tokio::test]
async fn sdk_errors_are_its_own_exception_classes() {
    scenes::simulated(Sdk::Python, "errors").await;
}

#[tokio::test]
async fn sdk_a_broken_stream_raises_and_keeps_what_came() {
    scenes::mid_stream(Sdk::Python).await;
}

#[tokio::test]
async fn sdk_timeouts() {
    scenes::simulated(Sdk::Python, "timeouts").await;
}

#[tokio::test]
async fn sdk_cancellation_by_closing_the_stream() {
    scenes::simulated(Sdk::Python, "cancel").await;
}

#[tokio::test]
async fn sdk_keys() {
    scenes::keys(Sdk::Python).await;
}

#[tokio::test]
async fn sdk_retries_only_what_is_worth_it() {
    scenes::retries(Sdk::Python).await;
}
