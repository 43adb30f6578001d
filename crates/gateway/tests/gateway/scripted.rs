//! The simulated provider with a script: whom it answers, and what a reload of
//! the same or of another one does.

use tidegate_types::Code;

use crate::house::{House, Plan, settings, text};

const SCRIPT: &str = r#"
[[rule]]
match.model = "gpt-x"
respond.text = "only once"
times = 1

[[rule]]
match.model = "gpt-*"
respond.text = "then this"
"#;

fn plan(script: &'static str) -> Plan {
    Plan {
        script,
        ..Plan::default()
    }
}

async fn said(house: &House, model: &str) -> String {
    let answer = text(house.ask(model, false).await.unwrap()).await;
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let said = &answer["choices"][0]["message"]["content"];
    said.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_script_answers_for_the_models_that_it_names_and_lists_them() {
    let house = House::new(plan(SCRIPT), None);
    assert_eq!(said(&house, "gpt-x").await, "only once");
    assert_eq!(said(&house, "gpt-x").await, "then this");
    assert_eq!(said(&house, "sim/gpt-y").await, "then this");
    assert_eq!(said(&house, "echo").await, "one two");
    let failure = house.ask("other", false).await.err().unwrap();
    assert_eq!(failure.code, Code::ModelNotFound);
    let listed = house.gateway.models();
    let of = |name: &str| listed.iter().any(|known| known.id == name);
    assert!(of("gpt-x") && of("echo") && !of("gpt-*"));
}

#[tokio::test]
async fn a_reload_takes_another_script_and_the_same_one_goes_on_counting() {
    let house = House::new(plan(SCRIPT), None);
    assert_eq!(said(&house, "gpt-x").await, "only once");
    let (same, changes) = house.apply(settings(&plan(SCRIPT), None));
    assert!(changes.changed.is_empty());
    assert_eq!(said(&same, "gpt-x").await, "then this");
    let other = "[[rule]]\nmatch.model = \"gpt-z\"\nrespond.text = \"other\"";
    let (next, changes) = same.apply(settings(&plan(other), None));
    assert_eq!(changes.changed, ["sim"]);
    assert_eq!(said(&next, "gpt-z").await, "other");
    let failure = next.ask("gpt-x", false).await.err().unwrap();
    assert_eq!(failure.code, Code::ModelNotFound);
    let (none, _) = next.apply(settings(&plan(""), None));
    assert!(none.ask("gpt-z", false).await.is_err());
    assert_eq!(said(&none, "echo").await, "one two");
}
