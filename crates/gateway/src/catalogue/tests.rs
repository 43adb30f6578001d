//! The data is well formed, names find their model, and a price is told only
//! where it holds.

use super::*;

const OPENAI: Option<&str> = Some("api.openai.com");

#[test]
fn every_entry_is_well_formed() {
    let file: File = toml::from_str(FILE).unwrap();
    let names = |entry: &Entry| {
        let all = std::iter::once(entry.name.clone());
        all.chain(entry.also.clone()).collect::<Vec<_>>()
    };
    let all: Vec<_> = file.model.iter().flat_map(names).collect();
    assert_eq!(KNOWN.len(), all.len(), "each name once");
    for name in &all {
        assert!(
            *name == name.to_lowercase() && plain(name) == name,
            "{name}"
        );
        assert!(KNOWN.contains_key(name), "{name} is read");
    }
    let order: Vec<_> = file.model.iter().map(|entry| &entry.name).collect();
    assert!(order.is_sorted(), "in the order of the names");
    for entry in &file.model {
        let name = &entry.name;
        assert!(entry.source.starts_with("https://"), "{name}");
        assert!(
            undated(&format!("x-{}", entry.date)).is_some(),
            "{name}: {}",
            entry.date
        );
        let tokens = [entry.max_output_tokens, entry.context_window];
        let tokens: Vec<_> = tokens.into_iter().flatten().collect();
        assert!(
            tokens.iter().all(|one| *one >= 512) && tokens.is_sorted(),
            "{name}"
        );
        let prices = [entry.cached_price, entry.input_price, entry.output_price];
        let prices: Vec<f64> = prices.into_iter().flatten().collect();
        assert!(
            prices.iter().all(|one| (0.0..1000.0).contains(one)),
            "{name}"
        );
        assert!(
            prices.is_sorted(),
            "{name}: cached, read, written: {prices:?}"
        );
        assert!(
            prices.is_empty() || file.makers.contains_key(&entry.maker),
            "{name} has a price that is nobody's"
        );
    }
}

#[test]
fn p1_names_find_their_model_and_others_find_nothing() {
    let none = Catalogue::default();
    let window = |model: &str| none.facts("p", None, model, model).context_window;
    for (model, tokens) in [
        ("gpt-4o", Some(128_000)),
        ("gpt-4o-2024-08-06", Some(128_000)),
        ("openai/gpt-4o", Some(128_000)),
        ("claude-sonnet-4-20250514", Some(200_000)),
        ("eu.anthropic.claude-sonnet-4-20250514-v1:0", Some(200_000)),
        ("anthropic.claude-3-haiku-20240307-v1:0", Some(200_000)),
        ("claude-opus-4-1@20250805", Some(200_000)),
        ("meta-llama/Llama-3.3-70B-Instruct", Some(131_072)),
        ("gpt-4o-audio-preview", None),
        ("gpt-4o-vision", None),
        ("my-gpt-4o", None),
        ("-20240806", None),
        ("-v1", None),
        ("é-2024-08-06", None),
        ("@", None),
        ("", None),
    ] {
        assert_eq!(window(model), tokens, "{model}");
    }
    let deployment = none.facts("az", None, "house-model", "gpt-4o");
    assert_eq!(
        deployment.context_window,
        Some(128_000),
        "by its other name"
    );
}

#[test]
fn p2_p3_the_configuration_wins_and_a_price_is_the_makers() {
    let own = Facts {
        context_window: Some(9_000),
        input_price: Some(7.0),
        ..Facts::default()
    };
    let nearer = Facts {
        vision: Some(false),
        input_price: Some(8.0),
        ..Facts::default()
    };
    let catalogue = Catalogue::new(BTreeMap::from([
        ("gpt-4o".to_owned(), own),
        ("az/gpt-4o".to_owned(), nearer),
    ]));
    let of = |catalogue: &Catalogue, provider: &str, host| {
        catalogue.facts(provider, host, "gpt-4o", "gpt-4o")
    };
    let there = of(&catalogue, "openai", OPENAI);
    let told = |facts: &Facts| (facts.context_window, facts.input_price, facts.output_price);
    assert_eq!(told(&there), (Some(9_000), Some(7.0), Some(10.0)));
    assert!(there.capabilities().any(|word| word == "vision"));
    let azure = of(&catalogue, "az", Some("x.openai.azure.com"));
    assert_eq!(told(&azure), (Some(9_000), Some(8.0), None));
    assert!(!azure.capabilities().any(|word| word == "vision"));
    let plain = Catalogue::default();
    assert_eq!(of(&plain, "p", Some("other.example")).input_price, None);
    assert_eq!(of(&plain, "p", OPENAI).input_price, Some(2.5));
}
