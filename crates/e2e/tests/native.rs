//! The upstreams that understand their dialect, before its official SDK, without
//! a gate: what they say is what the real services say.
//!
//! The proofs through the gate stand on this one.

use tidegate_e2e::sdk::Sdk;
use tidegate_testkit::native::{Dialect, KEY, sigv4};

async fn takes(dialect: Dialect) {
    if !Sdk::Dialects.is_here() {
        return;
    }
    let upstream = dialect.start().await;
    let root = format!("http://{}", upstream.address());
    let variables = [
        ("AWS_ACCESS_KEY_ID", sigv4::ACCESS_KEY),
        ("AWS_SECRET_ACCESS_KEY", sigv4::SECRET_KEY),
        ("AWS_REGION", sigv4::REGION),
        ("AWS_DEFAULT_REGION", sigv4::REGION),
    ];
    let args = [dialect.kind(), &root, KEY];
    Sdk::Dialects.run_with("direct", &args, &variables).await;
}

#[tokio::test]
async fn native_openai_is_taken_by_its_sdk() {
    takes(Dialect::OpenAi).await;
}

#[tokio::test]
async fn native_anthropic_is_taken_by_its_sdk() {
    takes(Dialect::Anthropic).await;
}

#[tokio::test]
async fn native_gemini_is_taken_by_its_sdk() {
    takes(Dialect::Gemini).await;
}

#[tokio::test]
async fn native_bedrock_is_taken_by_its_sdk_and_its_signature_is_right() {
    takes(Dialect::Bedrock).await;
}

#[tokio::test]
async fn native_ollama_is_taken_by_its_sdk() {
    takes(Dialect::Ollama).await;
}
