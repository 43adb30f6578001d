//! What only some families of models take: `additionalModelRequestFields`.
//!
//! The family shows in the model's id, also behind a region (`us.`) and in the
//! ARN of an inference profile. An ARN that does not tell it is of no family.

use serde::Serialize;

use crate::chat::{Effort, Lacks, Reasoning, Request};
use crate::claude;

/// The least budget of thinking that Claude takes.
const LEAST_BUDGET: u64 = 1024;

#[derive(Serialize, Default, Debug, PartialEq)]
pub(super) struct Extra {
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    /// Claude's.
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    /// Claude's, from 4.6 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig>,
    /// OpenAI's open models'.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    /// Nova's own place of `top_k`.
    #[serde(rename = "inferenceConfig", skip_serializing_if = "Option::is_none")]
    inference_config: Option<InferenceConfig>,
    /// Nova's.
    #[serde(rename = "reasoningConfig", skip_serializing_if = "Option::is_none")]
    reasoning_config: Option<ReasoningConfig>,
}

#[derive(Serialize, Debug, PartialEq)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Thinking {
    Enabled {
        budget_tokens: u64,
    },
    Adaptive {
        #[serde(skip_serializing_if = "Option::is_none")]
        display: Option<&'static str>,
    },
}

#[derive(Serialize, Debug, PartialEq)]
struct OutputConfig {
    effort: &'static str,
}

#[derive(Serialize, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
struct InferenceConfig {
    top_k: u64,
}

#[derive(Serialize, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
struct ReasoningConfig {
    r#type: &'static str,
    max_reasoning_effort: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    /// Claude, with thinking by a budget.
    Budget,
    /// Claude, with thinking as it sees fit.
    Adaptive,
    Nova,
    OpenAi,
    Other,
}

impl Family {
    fn of(model: &str) -> Self {
        if model.contains("anthropic.claude-") {
            return match claude::adapts(model) {
                true => Self::Adaptive,
                false => Self::Budget,
            };
        }
        if model.contains("amazon.nova-") {
            return Self::Nova;
        }
        match model.contains("openai.gpt-") {
            true => Self::OpenAi,
            false => Self::Other,
        }
    }
}

impl Extra {
    pub(super) fn of(request: &Request, lacks: &mut Lacks) -> Self {
        let family = Family::of(&request.model);
        let mut extra = Self::default();
        match (family, request.top_k) {
            (Family::Nova, Some(top_k)) => {
                extra.inference_config = Some(InferenceConfig { top_k });
            }
            (_, top_k) => extra.top_k = top_k,
        }
        let asked = request.reasoning.filter(|asked| {
            // Nobody thinks here unasked, but those that cannot be asked not to.
            asked.effort != Some(Effort::Nothing) && asked.budget != Some(0)
        });
        if let Some(asked) = asked {
            extra.think(family, asked, request.max_tokens, lacks);
        }
        extra
    }

    pub(super) fn says_nothing(&self) -> bool {
        *self == Self::default()
    }

    fn think(&mut self, family: Family, asked: Reasoning, most: Option<u64>, lacks: &mut Lacks) {
        match family {
            Family::Budget | Family::Adaptive if asked.budget.is_some() => {
                // It says more than a step of a scale does.
                self.budget(asked.budget.unwrap_or_default());
            }
            Family::Adaptive => {
                let display = asked.told.then_some("summarized");
                self.thinking = Some(Thinking::Adaptive { display });
                let effort = asked.effort.map(|effort| word(effort, true, lacks));
                self.output_config = effort.map(|effort| OutputConfig { effort });
            }
            Family::Budget => {
                let wanted = budget(asked.effort.unwrap_or(Effort::Medium));
                let room = most.map_or(u64::MAX, |most| most.saturating_sub(1));
                match wanted.min(room) {
                    budget if budget >= LEAST_BUDGET => self.budget(budget),
                    _ => lacks.add("reasoning_effort"),
                }
            }
            Family::Nova | Family::OpenAi => {
                lacks.given(asked.budget, "thinking.budget_tokens");
                let Some(effort) = asked.effort.map(|effort| word(effort, false, lacks)) else {
                    return;
                };
                if family == Family::OpenAi {
                    self.reasoning_effort = Some(effort);
                } else {
                    self.reasoning_config = Some(ReasoningConfig {
                        r#type: "enabled",
                        max_reasoning_effort: effort,
                    });
                }
            }
            Family::Other => {
                lacks.given(asked.budget, "thinking.budget_tokens");
                lacks.given(asked.effort, "reasoning_effort");
            }
        }
    }

    fn budget(&mut self, budget_tokens: u64) {
        self.thinking = Some(Thinking::Enabled { budget_tokens });
    }
}

/// A step of the scale by its name, `far` beyond `high` too. Where there is no
/// such step it is the nearest one, and told as lacking.
fn word(effort: Effort, far: bool, lacks: &mut Lacks) -> &'static str {
    match effort {
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Highest if far => "xhigh",
        Effort::Max if far => "max",
        nearest => {
            lacks.add("reasoning_effort");
            match nearest < Effort::Low {
                true => "low",
                false => "high",
            }
        }
    }
}

/// A step of the scale as tokens, for models that know budgets only.
fn budget(effort: Effort) -> u64 {
    match effort {
        Effort::Nothing => 0,
        Effort::Minimal => LEAST_BUDGET,
        Effort::Low => 2048,
        Effort::Medium => 8192,
        Effort::High => 16_384,
        Effort::Highest => 24_576,
        Effort::Max => 32_768,
    }
}
