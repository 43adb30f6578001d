//! `tidegate sim`: an application is tested with it, by the official Python SDK.
//!
//! Its tools, forms and faults are what the SDK makes of them; its script is
//! told like a configuration when it is wrong; what docs/sim.md shows runs.

use std::path::Path;

use serde_json::Value;
use tidegate_e2e::sdk::Sdk;
use tidegate_testkit::gate::{Folder, Start, binary};
use tidegate_testkit::wait::until_async;
use tidegate_testkit::{Gate, Provider, Settings};

#[tokio::test]
async fn sdk_tools_forms_vectors_and_scripted_faults() {
    if !Sdk::Python.is_here() {
        return;
    }
    let sim = Start::command(&["sim", "--port", "0"]).listen().await;
    Sdk::Python.run("simulated", &[&sim.url()]).await;
}

#[tokio::test]
async fn sdk_the_worked_example_of_the_page_runs() {
    if !Sdk::Python.is_here() {
        return;
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sim.md");
    let binary = binary();
    let folder = binary.parent().expect("the folder of the binary");
    let args = [page.display().to_string(), folder.display().to_string()];
    let args = [args[0].as_str(), &args[1]];
    Sdk::Python.run("documented", &args).await;
}

/// The built-in provider and `tidegate sim` behind a gate: calls of tools go through as they are.
#[tokio::test]
async fn calls_of_tools_go_through_a_gate() {
    let sim = Start::command(&["sim", "--port", "0"]).listen().await;
    let settings = Settings::with(Provider::new("far", &sim.url()));
    let gate = Start::with(&settings).start().await;
    for model in ["sim/tools-2", "far/tools-2"] {
        let tool = r#"{"type":"function","function":{"name":"look","parameters":{"type":"object","properties":{"q":{"type":"string"}}}}}"#;
        let body = format!(
            r#"{{"model":"{model}","stream":true,"messages":[{{"role":"user","content":"x"}}],"tools":[{tool}]}}"#
        );
        let reply = gate.post("/v1/chat/completions", &body).await;
        let text = reply.text();
        assert_eq!(reply.status(), 200, "{text}");
        let (mut arguments, mut finish) = ([String::new(), String::new()], String::new());
        for data in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
            let Ok(event) = serde_json::from_str::<Value>(data) else {
                assert_eq!(data, "[DONE]");
                continue;
            };
            let choice = &event["choices"][0];
            finish.push_str(choice["finish_reason"].as_str().unwrap_or_default());
            for call in choice["delta"]["tool_calls"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let at = call["index"].as_u64().expect("an index") as usize;
                let piece = call["function"]["arguments"].as_str().expect("a piece");
                arguments[at].push_str(piece);
            }
        }
        assert_eq!(arguments, [r#"{"q":"q"}"#, r#"{"q":"q"}"#]);
        assert_eq!(finish, "tool_calls");
    }
    assert_eq!(gate.until_quiet().await.conserved(), Ok(2));
}

const WRONG: &str = r#"[[rule]]
match = { modl = "gpt-*", regex = "(" }
delay = "soon"
[[rule]]
match.headers = { authorization = 7 } # Bearer sk-canary-sim
"#;

#[tokio::test]
async fn a_wrong_script_is_told_whole_with_code_2() {
    let folder = Folder::new();
    let script = folder.file("answers.toml", WRONG).display().to_string();
    for more in [&[][..], &["--check"]] {
        let start = Start::command(&["sim", "--port", "0", "--script", &script]);
        let start = more.iter().fold(start, |start, arg| start.arg(arg));
        let (status, stdout, stderr) = start.run().await;
        assert_eq!((status.code(), &*stdout), (Some(2), ""), "{stderr}");
        for told in [
            "`rule[0].match.modl` is not a known key",
            "answers.toml:2:11",
            "did you mean `model`?",
            "`rule[0].match.regex` does not compile",
            "answers.toml:3:9",
            "3 | delay = \"soon\"",
            "`rule[1].match.headers.authorization`",
            "4 errors in the script",
        ] {
            assert!(stderr.contains(told), "{told}:\n{stderr}");
        }
        assert!(!stderr.contains("canary"), "{stderr}");
    }
    let missing = Start::command(&["sim", "--script", "none.toml"])
        .run()
        .await;
    assert_eq!(missing.0.code(), Some(2));
    assert!(
        missing.2.contains("cannot be read") && missing.2.contains("--script"),
        "{}",
        missing.2
    );
}

#[tokio::test]
async fn a_script_is_checked_served_and_summed_up() {
    let folder = Folder::new();
    let text =
        "[[rule]]\nname = \"greets\"\nmatch.model = \"gpt-4o\"\nrespond.text = \"hi {{user}}\"\n";
    let script = folder.file("answers.toml", text).display().to_string();
    let (status, stdout, _) = Start::command(&["sim", "--script", &script, "--check"])
        .run()
        .await;
    assert_eq!(status.code(), Some(0));
    assert!(stdout.contains("answers.toml is fine: 1 rule"), "{stdout}");

    let mut sim = Start::command(&["sim", "--port", "0", "--script", &script])
        .listen()
        .await;
    let body = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"tide"}]}"#;
    let answer = sim.post("/v1/chat/completions", body).await;
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "hi tide");
    sim.terminate();
    assert_eq!(sim.exit().await.code(), Some(0));
    let told = sim.stdout();
    assert!(told.contains("greets      1         1         1"), "{told}");
}

/// What a gate says to a model of an application's, and its status.
async fn asked(gate: &Gate) -> (u16, Value) {
    let body = r#"{"model":"gpt-app","messages":[{"role":"user","content":"x"}]}"#;
    let reply = gate.post("/v1/chat/completions", body).await;
    let said = reply.json()["choices"][0]["message"]["content"].take();
    (reply.status(), said)
}

/// The built-in provider follows a script beside the configuration: changed it is
/// taken up, wrong it changes nothing and is told with its place.
#[tokio::test]
async fn the_built_in_provider_follows_a_script() {
    let folder = Folder::new();
    let rule = |says: &str| format!("[[rule]]\nmatch.model = \"gpt-*\"\n{says}\n");
    let script = folder.file("rules.toml", &rule("respond.text = \"one\""));
    let config = folder.file("gate.toml", "[providers.sim]\nscript = \"rules.toml\"\n");
    let path = config.display().to_string();
    let command = ["serve", "--listen", "127.0.0.1:0", "--config", &path];
    let gate = Start::command(&command).start().await;
    assert_eq!(asked(&gate).await, (200, "one".into()));
    let write = |says: &str| std::fs::write(&script, rule(says)).expect("a script");

    write("respond.text = \"two\"");
    until_async("the other script is taken", || async {
        (asked(&gate).await == (200, "two".into())).then_some(())
    })
    .await;
    write("respond.txt = \"three\"");
    let page = until_async("the script is refused", || async {
        let page = gate.get("/admin/v1/config").await.json();
        (page["last_reload"]["ok"] == false).then_some(page.to_string())
    })
    .await;
    assert!(page.contains("providers.sim.script"), "{page}");
    assert!(page.contains("is wrong at 3:"), "{page}");
    assert_eq!(asked(&gate).await, (200, "two".into()));
}
