//! Which path each call takes at each upstream, and that no name leaves its own
//! segment of it.

use std::sync::Arc;

use http::Method;

use super::*;
use crate::errand::Errand;

type Face = (Dialect, Option<&'static str>);

const OPENAI: Face = (Dialect::OpenAi, None);

fn paths(path: &str, (dialect, version): Face) -> Paths {
    let base = BaseUrl {
        tls: true,
        host: "x".to_owned(),
        port: 443,
        path: path.to_owned(),
    };
    Paths::new(dialect, &base, version.map(str::to_owned)).unwrap()
}

fn azure(version: Option<&'static str>) -> Face {
    (Dialect::Azure, version)
}

fn to<'a>(subject: &'a Subject, model: &'a str) -> Target<'a> {
    Target {
        subject,
        model,
        stream: false,
        path: None,
    }
}

fn errand(kind: ErrandKind, target: &str) -> Subject {
    Subject::Errand(Arc::new(Errand {
        kind,
        method: Method::POST,
        target: target.to_owned(),
        content_type: None,
        provider: None,
    }))
}

#[test]
fn each_face_has_its_paths() {
    let chat = Subject::Model(Endpoint::Chat);
    let responses = Subject::Model(Endpoint::Responses);
    let (old, new) = (azure(Some("2024-10-21")), azure(None));
    let image = errand(ErrandKind::Make, "/images/generations");
    let files = errand(ErrandKind::Look, "/files?limit=2");
    for (base, face, subject, model, path) in [
        ("/v1", OPENAI, &chat, "a/b", "/v1/chat/completions"),
        ("/v1", OPENAI, &files, NO_MODEL, "/v1/files?limit=2"),
        ("", new, &chat, "a/b", "/openai/v1/chat/completions"),
        (
            "/apim/openai",
            new,
            &image,
            "d",
            "/apim/openai/v1/images/generations",
        ),
        (
            "/openai/v1",
            azure(Some("preview")),
            &files,
            NO_MODEL,
            "/openai/v1/files?limit=2&api-version=preview",
        ),
        (
            "",
            old,
            &chat,
            "my-dep.1",
            "/openai/deployments/my-dep.1/chat/completions?api-version=2024-10-21",
        ),
        (
            "",
            old,
            &responses,
            "my-dep.1",
            "/openai/responses?api-version=2024-10-21",
        ),
        ("", new, &responses, "d", "/openai/v1/responses"),
        (
            "",
            old,
            &image,
            "dalle",
            "/openai/deployments/dalle/images/generations?api-version=2024-10-21",
        ),
        (
            "/openai",
            old,
            &files,
            NO_MODEL,
            "/openai/files?limit=2&api-version=2024-10-21",
        ),
    ] {
        assert_eq!(paths(base, face).of(&to(subject, model)).unwrap(), path);
    }
    let old = paths("", azure(Some("2024-10-21")));
    assert_eq!(
        *old.models().unwrap(),
        "/openai/models?api-version=2024-10-21"
    );
}

#[test]
fn p1_no_name_leaves_its_segment() {
    let old = paths("", azure(Some("2024-10-21")));
    for name in [
        "..",
        ".",
        "",
        "a/b",
        "a?b",
        "a%2fb",
        "a#",
        "é",
        "a b",
        &"a".repeat(65),
    ] {
        assert!(!old.fits(name), "{name}");
        let failure = old
            .of(&to(&Subject::Model(Endpoint::Chat), name))
            .unwrap_err();
        assert_eq!(failure.code, Code::ModelNotFound);
    }
    assert!(paths("", azure(None)).fits("a/b"), "it stands in the body");
}

#[test]
fn a_models_name_in_a_path_stays_in_its_segment() {
    let chat = Subject::Model(Endpoint::Chat);
    let gemini = paths("/v1beta", (Dialect::Gemini, None));
    let bedrock = paths("", (Dialect::Bedrock, None));
    for (paths, model, stream, path) in [
        (
            &gemini,
            "gemini-2.5-pro",
            false,
            "/v1beta/models/gemini-2.5-pro:generateContent",
        ),
        (
            &gemini,
            "../x?y",
            true,
            "/v1beta/models/..%2Fx%3Fy:streamGenerateContent?alt=sse",
        ),
        (
            &bedrock,
            "eu.anthropic.claude:0",
            false,
            "/model/eu.anthropic.claude%3A0/converse",
        ),
        (&bedrock, "a/b", true, "/model/a%2Fb/converse-stream"),
    ] {
        let to = Target {
            stream,
            ..to(&chat, model)
        };
        assert_eq!(paths.of(&to).unwrap(), path);
    }
    assert!(!bedrock.fits("..") && bedrock.fits("..."));
}
