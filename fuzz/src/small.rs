//! Errors, embeddings, forms, and the JSON scanner: what is too small for a file
//! of its own.

use tidegate_wire::chat::Lacks;
use tidegate_wire::embed::Embed;
use tidegate_wire::json::{self, Limits, Violation};
use tidegate_wire::openai::{self, error};
use tidegate_wire::{anthropic, aws_lent, bedrock, gemini, ollama, responses};

use super::{hold_json, is_json};

/// What an upstream's error says, in any form, and told on to each caller.
pub(crate) fn errors(data: &[u8]) {
    let mut messages = vec![
        anthropic::read_error(500, data).message,
        gemini::read_error(500, data).message,
        bedrock::read_error(500, None, data).message,
    ];
    messages.extend(error::parse(data).map(|body| body.message));
    messages.extend(ollama::read_error(data).map(|body| body.message));
    // Names stand in headers, and are anything too.
    if let Ok(name) = std::str::from_utf8(data) {
        bedrock::read_error(500, Some(name), b"{}");
    }
    for message in messages {
        let shown = openai::redact(&message, &["sk-secret-0123456789"]);
        assert!(!shown.contains("sk-secret-0123456789"));
        for body in [
            error::render("code", "kind", &shown, None),
            anthropic::write_error(529, &shown, None),
            responses::write_error("code", "kind", &shown, None),
        ] {
            hold_json(&body, data);
        }
    }
}

/// What lends a credential lends a whole one, and shows nothing of it.
pub(crate) fn aws_lent(data: &[u8]) {
    for read in [aws_lent::read_role, aws_lent::read_service] {
        let Ok(lent) = read(data) else { continue };
        for part in [&lent.access_key, &lent.secret_key, &lent.session_token] {
            assert!(!part.trim().is_empty());
        }
        let shown = format!("Lent {{ expires: {}, .. }}", lent.expires);
        assert_eq!(format!("{lent:?}"), shown);
    }
    if let Some((code, _)) = aws_lent::read_refusal(data) {
        assert!(code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let role = aws_lent::Role {
        arn: text,
        session: "tidegate",
        external_id: None,
        seconds: None,
    };
    for form in [
        aws_lent::assume_role(&role),
        aws_lent::with_web_identity(&role, text),
    ] {
        // No value adds a field.
        let fields = form.split('&').filter(|field| field.contains('='));
        assert_eq!(
            fields.count(),
            4 + usize::from(form.contains("&WebIdentityToken="))
        );
        assert!(form.is_ascii());
    }
}

/// As a request, and as an answer to one.
pub(crate) fn embeddings(data: &[u8]) {
    if let Ok(embed) = openai::embeddings::read_request(data) {
        let lacks = &mut Lacks::default();
        hold_json(&ollama::write_embed(&embed, lacks), data);
        // The model's name stands with each input.
        let body = gemini::write_embed(&embed, lacks);
        hold_json(&body, &data.repeat(embed.inputs.len().max(1)));
        assert!(gemini::embed_path(&embed).starts_with('/'));
    }
    for base64 in [false, true] {
        let asked = Embed {
            model: "m".to_owned(),
            inputs: vec!["a".to_owned()],
            base64,
            ..Embed::default()
        };
        for read in [gemini::read_embedded, ollama::read_embedded] {
            if let Ok(answer) = read(data, &asked) {
                assert!(answer.answers(&asked));
                hold_json(&openai::embeddings::write_answer(&answer, &asked), data);
            }
        }
    }
}

/// The first line is the `content-type`, what follows is the body.
pub(crate) fn form(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (head, body) = data.split_at(end.unwrap_or(data.len()));
    if let Some(boundary) = openai::boundary(head)
        && let Ok(Some(named)) = openai::scan_form(boundary, body.get(1..).unwrap_or_default())
    {
        assert!(!named.model.trim().is_empty());
    }
}

/// What the scanner takes, another parser takes; what that one takes, ours refuses
/// for its limits alone.
pub(crate) fn json(data: &[u8]) {
    let told = json::check(data, &Limits::default());
    assert!(told.is_err() || is_json(data), "a scanner of its own mind");
    if let Err(violation) = told {
        assert!(violation.to_string().len() < 200);
        let unreadable = matches!(violation, Violation::Syntax { .. } | Violation::Utf8 { .. });
        assert!(!(unreadable && is_json(data)), "{violation}");
    }
}
