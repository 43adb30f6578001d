//! `tidegate models`: the names that can be asked for, and where each leads.
//!
//! It shows what the server lists; what a pattern permits beside that, nobody
//! can list. An empty cell is not known.

use std::process::ExitCode;

use http::Method;
use serde_json::Value;

use crate::cli::Models;
use crate::client::{Page, Server, Whose};
use crate::columns::{self, Side};
use crate::fault::{Fault, end};
use crate::paint::Paint;
use crate::{runtime, say};

pub(crate) fn run(args: &Models) -> ExitCode {
    end(tell(args))
}

/// A name, and the provider that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) provider: String,
    /// What is known of it, as cells: tokens, prices, capabilities.
    known: [String; 5],
}

/// The listed models, in the server's order.
pub(crate) async fn list(server: &Server) -> Result<(Page, Vec<Model>), Fault> {
    let page = server.page(Method::GET, "/v1/models?facts=1").await?;
    if page.status != 200 {
        return Err(server.refusal(&page, Whose::Callers));
    }
    let models = read(&page.body).ok_or_else(|| server.not_a_tidegate("a list of models"))?;
    Ok((page, models))
}

fn read(body: &[u8]) -> Option<Vec<Model>> {
    let parsed: Value = serde_json::from_slice(body).ok()?;
    let text = |model: &Value, name: &str| Some(model.get(name)?.as_str()?.to_owned());
    let models = parsed.get("data")?.as_array()?.iter().map(|model| {
        Some(Model {
            name: text(model, "id")?,
            provider: text(model, "owned_by").unwrap_or_default(),
            known: known(&model["facts"]),
        })
    });
    models.collect()
}

/// What is not known is an empty cell.
fn known(facts: &Value) -> [String; 5] {
    let tokens = |name: &str| {
        facts[name]
            .as_u64()
            .map_or_else(String::new, |n| n.to_string())
    };
    let price = |name: &str| facts[name].as_f64().map(|usd| usd.to_string());
    let prices = match (price("input_price"), price("output_price")) {
        (Some(input), Some(output)) => format!("{input} / {output}"),
        (Some(input), None) => input,
        _ => String::new(),
    };
    let words = facts["capabilities"].as_array().into_iter().flatten();
    let words: Vec<_> = words.filter_map(Value::as_str).collect();
    [
        tokens("context_window"),
        tokens("max_output_tokens"),
        prices,
        price("cached_price").unwrap_or_default(),
        words.join(" "),
    ]
}

fn tell(args: &Models) -> Result<ExitCode, Fault> {
    let server = Server::of(&args.reach)?;
    let (page, models) = runtime::talk(list(&server))?;
    if args.json {
        say::bytes(page.body.trim_ascii_end())?;
        say::result("")?;
        return Ok(ExitCode::SUCCESS);
    }
    if models.is_empty() {
        say::note("no provider names its models; what their patterns permit can be asked for");
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = models
        .into_iter()
        .map(|model| {
            let [window, most, prices, cached, words] = model.known;
            [
                model.name,
                model.provider,
                window,
                most,
                prices,
                cached,
                words,
            ]
        })
        .collect();
    let head = [
        ("MODEL", Side::Left),
        ("PROVIDER", Side::Left),
        ("CONTEXT", Side::Right),
        ("OUTPUT", Side::Right),
        ("USD/M IN/OUT", Side::Right),
        ("CACHED", Side::Right),
        ("CAN", Side::Left),
    ];
    let lines = columns::lines(head, &rows, usize::MAX, Paint::stdout());
    say::result(lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_and_anything_else_is_not() {
        let list = br#"{"data":[{"id":"a/b","owned_by":"mock"},{"id":"c"}]}"#;
        let model = |name: &str, provider: &str| Model {
            name: name.to_owned(),
            provider: provider.to_owned(),
            known: Default::default(),
        };
        assert_eq!(read(list), Some(vec![model("a/b", "mock"), model("c", "")]));
        let facts = br#"{"data":[{"id":"m","facts":{"context_window":128000,"input_price":2.5,"output_price":10.0,"capabilities":["vision","tools"]}}]}"#;
        let known = &read(facts).unwrap()[0].known;
        let cells = known.each_ref().map(|cell| &**cell);
        assert_eq!(cells, ["128000", "", "2.5 / 10", "", "vision tools"]);
        for odd in [&b"hello"[..], b"{}", br#"{"data":[{}]}"#] {
            assert_eq!(read(odd), None);
        }
    }
}
