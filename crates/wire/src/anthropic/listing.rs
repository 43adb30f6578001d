//! The small forms: a count of tokens, and the list of models.
//!
//! A date that is not known is the epoch, as the API has it.

use serde::Serialize;

use super::fields::Object;
use crate::chat::Malformed;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// The latest moment that is told: the last of the year 9999.
const LATEST: u64 = 253_402_300_799;

#[derive(Serialize)]
struct Count {
    input_tokens: u64,
}

/// Writes a count of tokens: `{"input_tokens":n}`.
pub fn write_count(tokens: u64) -> Vec<u8> {
    let count = Count {
        input_tokens: tokens,
    };
    // Nothing in it can fail.
    serde_json::to_vec(&count).unwrap_or_default()
}

/// Reads a count of tokens.
///
/// # Errors
/// [`Malformed::Frame`] where it is none.
pub fn read_count(body: &[u8]) -> Result<u64, Malformed> {
    Object::whole(body)
        .and_then(|mut object| object.count("input_tokens"))
        .ok()
        .flatten()
        .ok_or(Malformed::Frame)
}

/// A model for the list.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    /// By which it is asked for.
    pub id: &'a str,
    /// For people; the id where it is none.
    pub name: Option<&'a str>,
    /// Seconds since 1970, where it is known.
    pub created: Option<u64>,
}

#[derive(Serialize)]
struct List<'a> {
    data: Vec<Model<'a>>,
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Model<'a> {
    r#type: &'static str,
    id: &'a str,
    display_name: &'a str,
    created_at: String,
}

/// Writes the list of models, as one page.
pub fn write_models(models: &[Listed<'_>]) -> Vec<u8> {
    let list = List {
        data: models.iter().map(Model::from).collect(),
        has_more: false,
        first_id: models.first().map(|model| model.id),
        last_id: models.last().map(|model| model.id),
    };
    // Nothing in it can fail: it is text.
    serde_json::to_vec(&list).unwrap_or_default()
}

/// Writes one model alone.
pub fn write_model(model: &Listed<'_>) -> Vec<u8> {
    // As above.
    serde_json::to_vec(&Model::from(model)).unwrap_or_default()
}

impl<'a> From<&Listed<'a>> for Model<'a> {
    fn from(model: &Listed<'a>) -> Self {
        Self {
            r#type: "model",
            id: model.id,
            display_name: model.name.unwrap_or(model.id),
            created_at: moment(model.created.unwrap_or(0)),
        }
    }
}

/// A moment in RFC 3339, in UTC.
fn moment(seconds: u64) -> String {
    let seconds = seconds.min(LATEST);
    let (days, rest) = (seconds / DAY, seconds % DAY);
    // Years that begin in March have the leap day at their end; 400 of them
    // have 146,097 days, and 719,468 lie before 1970.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}
