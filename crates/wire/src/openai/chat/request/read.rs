//! Reads a caller's request: everything but its messages.
//!
//! Both names of a field that has two are read, and the newer one counts.

use super::at::At;
use super::extras::Extras;
use super::messages;
use crate::chat::{Choose, Effort, Format, Reasoning, Request, Tool};
use crate::json::{Kind, Scanner, utf8};
use crate::openai::Refused;
use crate::openai::request::{MOST_ANSWERS, MOST_STOPS, MOST_TOOLS, check_model, check_taken};

/// The most likelihoods at each place.
const MOST_LOGPROBS: u8 = 20;

/// Reads a request. That `body` is JSON within the limits was checked before.
///
/// # Errors
/// [`Refused`] for the first thing that is not what the API has, with its path.
pub fn read_request(body: &[u8]) -> Result<Request, Refused> {
    let mut scan = Scanner::of_upstream(utf8(body)?);
    let mut reading = Reading::default();
    scan.object(|scan, key| {
        let key = key.decode();
        reading.member(&At::Top(&key), &key, scan)
    })?;
    scan.end()?;
    reading.finish()
}

/// A request in the middle of being read.
#[derive(Default)]
struct Reading {
    request: Request,
    extras: Extras,
    model: Option<String>,
    messages: bool,
    /// Tools that there are, those of other kinds among them.
    offered: usize,
    max_tokens: Option<u64>,
    logprobs: bool,
    top_logprobs: Option<u8>,
    safety_identifier: Option<String>,
    effort: Option<Effort>,
    reasoning: Option<Reasoning>,
}

impl Reading {
    fn member(&mut self, at: &At<'_>, name: &str, scan: &mut Scanner<'_>) -> Result<(), Refused> {
        let request = &mut self.request;
        match name {
            "model" => self.model = at.owned(scan)?,
            "messages" => {
                self.messages = scan.kind()? == Kind::Array;
                request.messages = messages::read(at, scan, &mut self.extras)?;
            }
            "stream" => request.stream = at.flag(scan)?.unwrap_or(false),
            "stream_options" => self.stream_options(at, scan)?,
            "tools" => self.tools(at, scan)?,
            "tool_choice" => self.choose(at, scan)?,
            "parallel_tool_calls" => {
                request.parallel_calls = at.flag(scan)?.filter(|parallel| !parallel);
            }
            "response_format" => self.format(at, scan)?,
            "reasoning_effort" => self.effort = effort(at, scan)?,
            "reasoning" => self.reasoning(at, scan)?,
            "thinking" => self.thinking(at, scan)?,
            "max_completion_tokens" => request.max_tokens = at.whole(scan)?,
            "max_tokens" => self.max_tokens = at.whole(scan)?,
            "temperature" => request.temperature = at.number(scan)?,
            "top_p" => request.top_p = at.number(scan)?,
            "top_k" => request.top_k = at.whole(scan)?,
            "stop" => self.stop(at, scan)?,
            "n" => self.n(at, scan)?,
            "seed" => request.seed = at.whole(scan)?,
            "frequency_penalty" => request.frequency_penalty = penalty(at, scan)?,
            "presence_penalty" => request.presence_penalty = penalty(at, scan)?,
            "logprobs" => self.logprobs = at.flag(scan)?.unwrap_or(false),
            "top_logprobs" => self.top_logprobs(at, scan)?,
            "user" => request.user = at.owned(scan)?,
            "safety_identifier" => self.safety_identifier = at.owned(scan)?,
            _ => {
                check_taken(name)?;
                self.extras.read(at, name, scan)?;
            }
        }
        Ok(())
    }

    fn stream_options(&mut self, at: &At<'_>, scan: &mut Scanner<'_>) -> Result<(), Refused> {
        at.object(scan, |at, name, scan| {
            match name {
                "include_usage" => self.request.wants_usage = at.flag(scan)?.unwrap_or(false),
                _ => self.extras.read(at, name, scan)?,
            }
            Ok(())
        })
        .map(drop)
    }

    fn tools(&mut self, at: &At<'_>, scan: &mut Scanner<'_>) -> Result<(), Refused> {
        at.list(scan, |place, scan| {
            self.offered += 1;
            if self.offered > MOST_TOOLS {
                return Err(at.must(&format!("a list of at most {MOST_TOOLS} elements")));
            }
            self.tool(place, scan)
        })
    }

    fn tool(&mut self, at: &At<'_>, scan: &mut Scanner<'_>) -> Result<(), Refused> {
        let mut function = None;
        let mut cache = None;
        let mut other = false;
        let extras = &mut self.extras;
        at.object(scan, |at, name, scan| {
            match name {
                "type" => other = at.text(scan)?.is_some_and(|kind| kind != "function"),
                "function" => function = read_function(at, scan, extras)?,
                "cache_control" => cache = at.raw(scan)?,
                // What another kind of tool is made of is named as a whole.
                _ => scan.skip()?,
            }
            Ok(())
        })?;
        if other {
            self.extras.add(at);
            return Ok(());
        }
        let mut tool = function.ok_or_else(|| At::In(at, "function").missing())?;
        tool.cache = cache;
        self.request.tools.push(tool);
        Ok(())
    }

    fn choose(&mut self, at: &At<'_>, scan: &mut Scanner<'_>) -> Result<(), Refused> {
        if scan.kind()? != Kind::Object {
            let said = at.text(scan)?;
            self.request.choose = match said.as_deref() {
                None | Some("auto") => None,
                Some("none") => Some(Choose::Never),
                Some("required") => Some(Choose::Any),
                Some(_) => return Err(at.must("`none`, `auto`, `required` or an object")),
            };
            return Ok(());
        }
        let mut other = false;
        let mut named = None;
        at.object(scan, |at, name, scan| {
            match name {
                "type" => other = at.text(scan)?.is_some_and(|kind| kind != "function"),
                "function" => {
                    at.object(scan, |at, name, scan| {
                        match name {
                            "name" => named = at.owned(scan)?,
                            _ => scan.skip()?,
                        }
                        Ok(())
                    })?;
                }
                _ => scan.skip()?,
            }
            Ok(())
        })?;
        match (other, named) {
            (true, _) => self.extras.add(at),
            (false, Some(name)) => self.request.choose = Some(Choose::Named(name)),
            (false, None) => return Err(At::In(at, "function.name").missing()),
        }
        Ok(())
    }

    fn format(&mut self, at: &At<'_>, scan: &mut Scanner<'_>) -> Result<(), Refused> {
        let mut kind = None;
        let mut schema = None;
        let extras = &mut self.extras;
        let given = at.object(scan, |at, name, scan| {
            match name {
                "type" => kind = at.text(scan)?,
                "json_schema" => schema = read_schema(at, scan, extras)?,
                _ => extras.read(at, name, scan)?,
            }
            Ok(())
        })?;
        if !given {
            return Ok(());
        }
        self.request.format = match kind.as_deref() {
            Some("text") => None,
            Some("json_object") => Some(Format::Json),
            Some("json_schema") => Some(schema.ok_or_else(|| At::In(at, "json_schema").missing())?),
            Some(_) => {
                self.extras.add(at);
                None
            }
            None => return Err(At::In(at, "type").missing()),
        };
        Ok(())
    }

    /// `reasoning`, as many who follow OpenAI have it.
    fn reasoning(&mut self, at: &At<'_>, scan: &mut Scanner<'_>) -> Result<(), Refused> {
        let mut reasoning = Reasoning {
            told: true,
            ..Reasoning::default()
        };
        let extras = &mut self.extras;
        let given = at.object(scan, |at, name, scan| {
            match name {
                "effort" => reasoning.effort = effort(at, scan)?,
                "max_tokens" => reasoning.budget = at.whole(scan)?,
                "exclude" => reasoning.told = !at.flag(scan)?.unwrap_or(false),
                "enabled" if at.flag(scan)? == Some(false) => {
                    reasoning.effort = Some(Effort::Nothing);
                }
                "enabled" => {}
                _ => extras.read(at, name, scan)?,
            }
            Ok(())
        })?;
        self.reasoning = given.then_some(reasoning).or(self.reasoning);
        Ok(())
    }

    /// `thinking`, as others have it.
    fn thinking(&mut self, at: &At<'_>, scan: &mut Scanner<'_>) -> Result<(), Refused> {
        let mut reasoning = Reasoning::default();
        let extras = &mut self.extras;
        let given = at.object(scan, |at, name, scan| {
            match name {
                "type" => match at.text(scan)?.as_deref() {
                    Some("disabled") => reasoning.effort = Some(Effort::Nothing),
                    Some("enabled" | "auto" | "adaptive") => reasoning.told = true,
                    Some(_) => return Err(at.must("`enabled` or `disabled`")),
                    None => {}
                },
                "budget_tokens" => reasoning.budget = at.whole(scan)?,
                _ => extras.read(at, name, scan)?,
            }
            Ok(())
        })?;
        self.reasoning = given.then_some(reasoning).or(self.reasoning);
        Ok(())
    }

    fn stop(&mut self, at: &At<'_>, scan: &mut Scanner<'_>) -> Result<(), Refused> {
        let stop = &mut self.request.stop;
        if scan.kind()? == Kind::String {
            stop.extend(at.owned(scan)?);
            return Ok(());
        }
        at.list(scan, |place, scan| {
            if stop.len() == MOST_STOPS {
                return Err(at.must(&format!("a list of at most {MOST_STOPS} texts")));
            }
            stop.push(place.owned(scan)?.ok_or_else(|| place.must("a string"))?);
            Ok(())
        })
    }

    fn n(&mut self, at: &At<'_>, scan: &mut Scanner<'_>) -> Result<(), Refused> {
        let n = at.whole(scan)?;
        if n.is_some_and(|n| !(1..=MOST_ANSWERS).contains(&n)) {
            return Err(at.must(&format!("a whole number from 1 to {MOST_ANSWERS}")));
        }
        self.request.n = n.filter(|n| *n != 1);
        Ok(())
    }

    fn top_logprobs(&mut self, at: &At<'_>, scan: &mut Scanner<'_>) -> Result<(), Refused> {
        self.top_logprobs = at.whole(scan)?;
        match self.top_logprobs {
            Some(count) if count > MOST_LOGPROBS => Err(at.must("a whole number from 0 to 20")),
            _ => Ok(()),
        }
    }

    fn finish(self) -> Result<Request, Refused> {
        let mut request = self.request;
        request.model = self.model.ok_or_else(|| At::Top("model").missing())?;
        check_model(&request.model)?;
        if !self.messages {
            return Err(At::Top("messages").missing());
        }
        if self.top_logprobs.is_some() && !self.logprobs {
            return Err(At::Top("logprobs").must("true for `top_logprobs`"));
        }
        if self.offered == 0 && matches!(request.choose, Some(Choose::Any | Choose::Named(_))) {
            return Err(At::Top("tool_choice").must("left out where there are no `tools`"));
        }
        if request.tools.is_empty() {
            // There is nothing that these could be about.
            (request.choose, request.parallel_calls) = (None, None);
        }
        request.wants_usage &= request.stream;
        request.logprobs = self.logprobs.then(|| self.top_logprobs.unwrap_or(0));
        request.max_tokens = request.max_tokens.or(self.max_tokens);
        request.user = request.user.or(self.safety_identifier);
        request.reasoning = self.reasoning;
        if self.effort.is_some() {
            request.reasoning.get_or_insert_default().effort = self.effort;
        }
        request.others = self.extras.into_paths();
        Ok(request)
    }
}

fn effort(at: &At<'_>, scan: &mut Scanner<'_>) -> Result<Option<Effort>, Refused> {
    Ok(Some(match at.text(scan)?.as_deref() {
        None => return Ok(None),
        Some("none") => Effort::Nothing,
        Some("minimal") => Effort::Minimal,
        Some("low") => Effort::Low,
        Some("medium") => Effort::Medium,
        Some("high") => Effort::High,
        Some("xhigh") => Effort::Highest,
        Some("max") => Effort::Max,
        Some(_) => {
            return Err(at.must("`none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`"));
        }
    }))
}

/// Reads a penalty; none at all is the default.
fn penalty(at: &At<'_>, scan: &mut Scanner<'_>) -> Result<Option<f64>, Refused> {
    Ok(at.number(scan)?.filter(|penalty| *penalty != 0.0))
}

fn read_function(
    at: &At<'_>,
    scan: &mut Scanner<'_>,
    extras: &mut Extras,
) -> Result<Option<Tool>, Refused> {
    let (mut title, mut description, mut schema, mut strict) = (None, None, None, None);
    let given = at.object(scan, |at, name, scan| {
        match name {
            "name" => title = at.owned(scan)?,
            "description" => description = at.owned(scan)?,
            "parameters" => schema = at.raw(scan)?,
            // False is the default.
            "strict" => strict = at.flag(scan)?.filter(|strict| *strict),
            _ => extras.read(at, name, scan)?,
        }
        Ok(())
    })?;
    if !given {
        return Ok(None);
    }
    Ok(Some(Tool {
        name: title.ok_or_else(|| At::In(at, "name").missing())?,
        description,
        schema,
        strict,
        cache: None,
    }))
}

fn read_schema(
    at: &At<'_>,
    scan: &mut Scanner<'_>,
    extras: &mut Extras,
) -> Result<Option<Format>, Refused> {
    let (mut title, mut description, mut schema, mut strict) = (None, None, None, None);
    let given = at.object(scan, |at, name, scan| {
        match name {
            "name" => title = at.owned(scan)?,
            "description" => description = at.owned(scan)?,
            "schema" => schema = at.raw(scan)?,
            "strict" => strict = at.flag(scan)?.filter(|strict| *strict),
            _ => extras.read(at, name, scan)?,
        }
        Ok(())
    })?;
    if !given {
        return Ok(None);
    }
    Ok(Some(Format::Schema {
        name: title.ok_or_else(|| At::In(at, "name").missing())?,
        description,
        schema: schema.ok_or_else(|| At::In(at, "schema").missing())?,
        strict,
    }))
}
