//! The description against the routes: nothing is left out, nothing is made
//! up, and what pages answer has the form that it says.

use std::collections::HashSet;

use super::*;

fn whole() -> Value {
    document(Face::All, true)
}

/// Promise 1: the route inventory.
#[test]
fn every_route_is_described_and_every_description_has_a_route() {
    let key = |method: &str, path: &str| format!("{method} {path}");
    let routes = ROUTES.iter();
    let routes: HashSet<_> = routes
        .map(|one| key(one.method.as_str(), one.path))
        .collect();
    let described = operations().map(|one| key(one.method, one.path));
    let described: Vec<_> = described.collect();
    for route in &routes {
        assert!(
            described.contains(route),
            "no entry in openapi/table.rs: {route}"
        );
    }
    for one in &described {
        assert!(routes.contains(one), "described, and no route: {one}");
    }
    assert_eq!(described.len(), routes.len(), "one entry a route");
    let ids: HashSet<_> = operations().map(|one| one.id).collect();
    assert_eq!(ids.len(), operations().count(), "an id stands twice");
    for one in operations() {
        assert!(TAGS.iter().any(|(tag, _)| *tag == one.tag), "{}", one.id);
        assert!(
            !one.gives.is_empty() && !one.summary.is_empty(),
            "{}",
            one.id
        );
    }
}

#[test]
fn a_public_listener_tells_nothing_of_the_operators_pages() {
    let paths = |face| document(face, true)["paths"].as_object().unwrap().clone();
    assert!(paths(Face::All).contains_key("/debug/pools"));
    let public = paths(Face::Callers);
    assert!(public.contains_key("/v1/models/{id}") && public.contains_key("/livez"));
    assert!(
        !public
            .keys()
            .any(|path| path.starts_with("/debug") || path == "/metrics")
    );
}

#[test]
fn the_operators_listener_describes_its_own_pages() {
    for face in [Face::Operators, Face::FarOperators] {
        let document = document(face, true);
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.contains_key("/debug/requests/{id}") && paths.contains_key("/openapi.json"));
        assert!(
            !paths.keys().any(|path| path.starts_with("/v1")),
            "{face:?}"
        );
        let tags = document["tags"].as_array().unwrap().iter();
        let tags: Vec<_> = tags.map(|tag| tag["name"].as_str().unwrap()).collect();
        assert!(
            tags.contains(&"operators") && !tags.contains(&"models"),
            "{tags:?}"
        );
        let text = document["info"]["description"].as_str().unwrap();
        assert!(text.contains("operators"), "{text}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn check(document: &Value, at: &Value) {
        if let Some(reference) = at.get("$ref") {
            let pointer = reference.as_str().unwrap().trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
        let inner: Vec<_> = match at {
            Value::Object(entries) => entries.values().collect(),
            Value::Array(items) => items.iter().collect(),
            _ => Vec::new(),
        };
        inner.into_iter().for_each(|one| check(document, one));
    }
    let document = whole();
    check(&document, &document);
    for (name, schema) in SCHEMAS.as_object().unwrap() {
        assert!(jsonschema::draft202012::meta::is_valid(schema), "{name}");
    }
}

/// Promise 2.
#[test]
fn every_code_stands_at_its_status() {
    let document = whole();
    let chat = &document["paths"]["/v1/chat/completions"]["post"]["responses"];
    for code in Code::ALL {
        let status = code.status().to_string();
        assert!(chat.get(&status).is_some(), "{status}");
        let codes = &document["components"]["responses"][&status]["x-codes"];
        assert!(codes.as_array().unwrap().contains(&json!(code.as_str())));
    }
}

/// Promise 3.
#[test]
fn a_key_is_asked_for_where_one_is_wanted() {
    for with_keys in [true, false] {
        let document = document(Face::All, with_keys);
        let scheme = document.pointer("/components/securitySchemes/key/scheme");
        assert_eq!(scheme.is_some(), with_keys);
        for route in ROUTES {
            let method = route.method.as_str().to_lowercase();
            let operation = &document["paths"][plain(route.path)][&method];
            let wanted = with_keys && route.door != Door::Anybody;
            assert_eq!(
                operation.get("security").is_some(),
                wanted,
                "{}",
                route.path
            );
        }
    }
}

/// The schema of what a page gives, with every object closed: a member that is
/// not described would be found.
pub(crate) fn closed(path: &str) -> Value {
    fn close(at: &mut Value) {
        if at.get("properties").is_some_and(Value::is_object) && at["type"] == "object" {
            at["additionalProperties"] = json!(false);
        }
        match at {
            Value::Object(entries) => entries.values_mut().for_each(close),
            Value::Array(items) => items.iter_mut().for_each(close),
            _ => {}
        }
    }
    let document = whole();
    let content = &document["paths"][path]["get"]["responses"]["200"]["content"];
    let mut schema = content["application/json"]["schema"].clone();
    schema["components"] = document["components"].clone();
    close(&mut schema["components"]["schemas"]);
    schema
}
