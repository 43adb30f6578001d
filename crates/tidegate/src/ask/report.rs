//! What `--stats` and `--json` say: how long it took, and how it ended.
//!
//! Times count from the moment the question is sent, connecting included;
//! tokens are the provider's count, or pieces of the stream where it gives none.

use serde::Serialize;
use serde_json::Value;
use tidegate_kernel::Instant;

use super::answer::Answer;
use crate::check::count;
use crate::client::Reply;
use crate::fault::Fault;
use crate::say::one_line;

/// The moments of one conversation.
#[derive(Debug)]
pub(super) struct Report {
    sent: Instant,
    first: Option<Instant>,
    /// The last text.
    last: Instant,
    ended: Instant,
    id: Option<String>,
    queue_ms: Option<u64>,
}

impl Report {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            sent: now,
            first: None,
            last: now,
            ended: now,
            id: None,
            queue_ms: None,
        }
    }

    pub(super) fn sent(&mut self, now: Instant) {
        (self.sent, self.last) = (now, now);
    }

    pub(super) fn head(&mut self, reply: &Reply) {
        self.id = reply.header("x-tidegate-id").map(one_line);
        self.queue_ms = reply
            .header("x-tidegate-queue-ms")
            .and_then(|text| text.parse().ok());
    }

    pub(super) fn content(&mut self, now: Instant) {
        self.first.get_or_insert(now);
        self.last = now;
    }

    pub(super) fn ended(&mut self, now: Instant) {
        self.ended = now;
    }

    fn first_ms(&self) -> Option<u64> {
        self.first.map(|first| millis(self.sent, first))
    }

    /// One line for people.
    pub(super) fn line(&self, answer: &Answer) -> String {
        let Some(first) = self.first else {
            return "no token came".to_owned();
        };
        let counted = answer.usage.as_ref();
        let counted = counted.and_then(|usage| usage["completion_tokens"].as_u64());
        let (tokens, what) = match counted {
            Some(tokens) => (tokens, "token"),
            None => (answer.pieces, "piece"),
        };
        let mut line = format!(
            "first token after {} ms, {} in {} ms",
            millis(self.sent, first),
            count(tokens, what),
            millis(self.sent, self.last),
        );
        // The first is where counting begins, so it is not counted.
        let time = self.last.duration_since(first).as_secs_f64();
        if tokens > 1 && time > 0.0 {
            let rate = (u32::try_from(tokens - 1).map_or(f64::MAX, f64::from)) / time;
            line.push_str(&format!(", {rate:.1} {what}s/s"));
        }
        if let Some(queued) = self.queue_ms {
            line.push_str(&format!(", {queued} ms in the queue"));
        }
        line
    }

    /// One object for machines; `ended` is nothing after Ctrl-C.
    pub(super) fn told<'a>(
        &'a self,
        ended: Option<&'a Result<(), Fault>>,
        answer: &'a Answer,
    ) -> Told<'a> {
        let (outcome, error) = match ended {
            None => ("cancelled", None),
            Some(Ok(())) => ("completed", None),
            Some(Err(fault)) => ("failed", Some(Failed::of(fault, answer))),
        };
        Told {
            outcome,
            id: self.id.as_deref(),
            model: answer.model.as_deref(),
            content: &answer.content,
            finish_reason: answer.finish.as_deref(),
            usage: answer.usage.as_ref(),
            queue_ms: self.queue_ms,
            first_token_ms: self.first_ms(),
            total_ms: millis(self.sent, self.ended),
            error,
        }
    }
}

/// What `--json` prints, in the order of `--help`.
#[derive(Debug, Serialize)]
pub(super) struct Told<'a> {
    outcome: &'static str,
    id: Option<&'a str>,
    model: Option<&'a str>,
    content: &'a str,
    finish_reason: Option<&'a str>,
    usage: Option<&'a Value>,
    queue_ms: Option<u64>,
    first_token_ms: Option<u64>,
    total_ms: u64,
    error: Option<Failed<'a>>,
}

#[derive(Debug, Serialize)]
struct Failed<'a> {
    code: Option<&'a str>,
    message: &'a str,
}

impl<'a> Failed<'a> {
    fn of(fault: &'a Fault, answer: &'a Answer) -> Self {
        match &answer.error {
            Some(told) => Self {
                code: told.code.as_deref(),
                message: &told.message,
            },
            None => Self {
                code: None,
                message: fault.what().unwrap_or_default(),
            },
        }
    }
}

fn millis(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use tidegate_kernel::Clock;

    use super::*;

    #[test]
    fn the_rate_counts_from_the_first_token() {
        let start = Clock.now();
        let mut report = Report::new(start);
        let mut answer = Answer::new(false);
        assert_eq!(report.line(&answer), "no token came");
        report.content(start + Duration::from_millis(500));
        report.content(start + Duration::from_millis(2500));
        answer.pieces = 5;
        assert_eq!(
            report.line(&answer),
            "first token after 500 ms, 5 pieces in 2500 ms, 2.0 pieces/s"
        );
        answer.usage = Some(json!({"completion_tokens": 1}));
        assert!(report.line(&answer).ends_with(", 1 token in 2500 ms"));
        answer.usage = Some(json!({"completion_tokens": 21}));
        assert!(
            report
                .line(&answer)
                .ends_with("21 tokens in 2500 ms, 10.0 tokens/s")
        );
    }

    #[test]
    fn one_object_says_how_it_ended() {
        let report = Report::new(Clock.now());
        let answer = Answer::new(true);
        let json = |ended: Option<&Result<(), Fault>>| {
            serde_json::to_value(report.told(ended, &answer)).unwrap()
        };
        assert_eq!(json(None)["outcome"], "cancelled");
        let failed = json(Some(&Err(Fault::running("no"))));
        assert_eq!(
            (&failed["outcome"], &failed["error"]["message"]),
            (&json!("failed"), &json!("no"))
        );
    }
}
