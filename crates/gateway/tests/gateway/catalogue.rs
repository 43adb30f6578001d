//! What a gateway knows of the models that it lists, and that another
//! configuration says it anew.

use std::collections::BTreeMap;

use tidegate_gateway::{Facts, Gateway, Settings};
use tidegate_testkit::Upstream;

use crate::house::{House, Plan, settings};

/// `up` lists these; the catalogue says this of `gpt-4o`.
fn listing(upstream: &Upstream, window: Option<u64>) -> Settings {
    let mut settings = settings(&Plan::default(), Some(upstream));
    let up = &mut settings.providers[0];
    up.models = vec!["gpt-4o".to_owned(), "house".to_owned()];
    up.deployments = BTreeMap::from([("mapped".to_owned(), "gpt-4o-mini".to_owned())]);
    settings.catalogue = window
        .map(|tokens| {
            let facts = Facts {
                context_window: Some(tokens),
                input_price: Some(1.0),
                ..Facts::default()
            };
            ("up/gpt-4o".to_owned(), facts)
        })
        .into_iter()
        .collect();
    settings
}

fn facts(gateway: &Gateway, id: &str) -> Facts {
    let models = gateway.models();
    let found = models.into_iter().find(|name| name.id == id);
    found.unwrap().facts
}

#[tokio::test]
async fn r_s15_the_facts_of_a_model_follow_the_configuration() {
    let upstream = Upstream::start().await;
    let house = House::usual();
    let (house, _) = house.apply(listing(&upstream, None));
    let known = facts(&house.gateway, "gpt-4o");
    assert_eq!(known.context_window, Some(128_000));
    // The upstream of the test is not the maker's own.
    assert_eq!(known.input_price, None);
    assert_eq!(facts(&house.gateway, "house"), Facts::default());
    let mapped = facts(&house.gateway, "mapped");
    assert_eq!(mapped.context_window, Some(128_000), "by its deployment");

    let (next, changes) = house.apply(listing(&upstream, Some(9_000)));
    assert_eq!(changes.changed, [] as [&str; 0], "no provider is another");
    let own = facts(&next.gateway, "gpt-4o");
    assert_eq!(
        (own.context_window, own.input_price),
        (Some(9_000), Some(1.0))
    );
    assert!(
        own.capabilities().any(|word| word == "tools"),
        "the rest stays"
    );
    let before = facts(&house.gateway, "gpt-4o");
    assert_eq!(before.context_window, Some(128_000), "who began before");
}
