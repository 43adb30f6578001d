//! The official Node SDK against the real binary.
//!
//! Each program of `node/` is one caller who knows nothing but a base URL; what
//! it meets is what the Python programs meet (`tidegate_e2e::sdk::scenes`), and
//! what is Node's own: aborts, agents, a process that dies. Where there is no
//! Node they are skipped; see `tidegate_e2e::sdk`.

use tidegate_e2e::Scene;
use tidegate_e2e::sdk::{Sdk, scenes};
use tidegate_testkit::gate::Start;
use tidegate_testkit::openai::{content_chunk, role_chunk};
use tidegate_testkit::{Script, openai};

#[tokio::test]
async fn node_calls_streams_usage_embeddings_and_models() {
    scenes::simulated(Sdk::Node, "calls").await;
}

#[tokio::test]
async fn node_two_hundred_at_once_and_connections_that_are_used_again() {
    scenes::simulated(Sdk::Node, "many").await;
}

#[tokio::test]
async fn node_errors_are_its_own_classes() {
    scenes::simulated(Sdk::Node, "errors").await;
}

#[tokio::test]
async fn node_a_broken_stream_raises_and_keeps_what_came() {
    scenes::mid_stream(Sdk::Node).await;
}

#[tokio::test]
async fn node_timeouts() {
    scenes::simulated(Sdk::Node, "timeouts").await;
}

#[tokio::test]
async fn node_keys() {
    scenes::keys(Sdk::Node).await;
}

#[tokio::test]
async fn node_retries_only_what_is_worth_it() {
    scenes::retries(Sdk::Node).await;
}

#[tokio::test]
async fn node_tools_and_forms() {
    scenes::simulated(Sdk::Node, "tools").await;
}

/// Fifty seconds of work, if nobody stops it.
#[tokio::test]
async fn node_cancellation_by_every_way_the_sdk_has() {
    scenes::simulated_with(Sdk::Node, "cancel", &["sim-0-1000-50-8"]).await;
}

#[tokio::test]
async fn node_cancellation_frees_an_upstream_that_stands_still() {
    if !Sdk::Node.is_here() {
        return;
    }
    let scene = Scene::start().await;
    let begun = (0..4).fold(Script::sse().event(&role_chunk()), |script, _| {
        script.event(&content_chunk("tide "))
    });
    scene.upstream.on_model("long", begun.stall());
    scene.upstream.on_model("fault-hang", Script::silent());
    let echo = openai::completion("still here");
    scene.upstream.on_model("echo", Script::json(200, &echo));
    let url = scene.gate.url();
    Sdk::Node.run("cancel", &[&url, "mock/long"]).await;
    scene.gate.until_quiet().await;
    // All but the last, whole answer were stopped with their connections.
    let idle = || (scene.upstream.open() <= 1).then_some(());
    tidegate_testkit::until("the gateway closes its upstream connections", idle).await;
}

#[tokio::test]
async fn node_a_gate_that_dies_is_an_error_and_no_end() {
    if !Sdk::Node.is_here() {
        return;
    }
    let gate = Start::bare().start().await;
    let pid = gate.pid().to_string();
    Sdk::Node.run("gone", &[&gate.url(), &pid]).await;
}

/// The SDK as it is rests connections for four seconds if nobody says better.
#[tokio::test]
async fn node_a_resting_connection_is_not_used_at_its_end() {
    if !Sdk::Node.is_here() {
        return;
    }
    let limits = "[limits]\nkeep_alive = \"2s\"";
    let gate = Start::with_text(limits).start().await;
    Sdk::Node.run("pauses", &[&gate.url(), "2000"]).await;
}

/// This SDK goes on sending its body while the refusal is already there.
#[tokio::test]
async fn node_a_refusal_of_a_large_body_is_read_as_what_it_is() {
    if !Sdk::Node.is_here() {
        return;
    }
    let key = "tg-0123456789abcdef";
    let tables =
        format!("[auth]\nkeys = [\"{key}\"]\n[limits]\nbody = \"1MiB\"\nupload = \"1MiB\"");
    let scene = Scene::with_tables(&tables).await;
    Sdk::Node.run("refused", &[&scene.gate.url(), key]).await;
    assert_eq!(scene.upstream.count(), 0);
}

#[tokio::test]
async fn node_pipelines_slow_readers_and_bodies_left_half_way() {
    scenes::simulated(Sdk::Node, "habits").await;
}

#[tokio::test]
async fn node_a_stream_ends_whole_while_the_gate_drains() {
    if !Sdk::Node.is_here() {
        return;
    }
    let mut gate = Start::bare().start().await;
    let pid = gate.pid().to_string();
    Sdk::Node.run("drained", &[&gate.url(), &pid]).await;
    assert!(gate.exit().await.success());
}
