//! The outcome of a question, with the way to it.

use std::{borrow::Cow, fmt};

use serde::Serialize;
use trunkline_reasons::EndReason;

/// The outcome, with the way to it. Prints as several lines, for people.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
#[must_use]
pub enum Decision {
    /// It may be done.
    Allowed {
        /// The rule that decided.
        rule: &'static str,
        /// Every question asked and its answer.
        trace: Vec<Step>,
    },
    /// It may not be done.
    Denied {
        /// The rule that decided.
        rule: &'static str,
        /// What would allow it.
        fix: String,
        /// The documented code of the refusal.
        reason: EndReason,
        /// Every question asked and its answer.
        trace: Vec<Step>,
    },
}

impl Decision {
    /// Returns whether it may be done.
    pub fn is_allowed(&self) -> bool {
        match self {
            Self::Allowed { .. } => true,
            Self::Denied { .. } => false,
        }
    }

    /// Returns the rule that decided.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Allowed { rule, .. } | Self::Denied { rule, .. } => rule,
        }
    }

    /// Returns what would allow it, if it may not be done.
    pub fn fix(&self) -> Option<&str> {
        match self {
            Self::Allowed { .. } => None,
            Self::Denied { fix, .. } => Some(fix),
        }
    }

    /// Returns the documented code of the refusal, if it may not be done.
    pub fn reason(&self) -> Option<EndReason> {
        match self {
            Self::Allowed { .. } => None,
            Self::Denied { reason, .. } => Some(*reason),
        }
    }

    /// Returns the sentence for whoever is refused: the rule and what would allow it.
    pub fn sentence(&self) -> Option<String> {
        match self {
            Self::Allowed { .. } => None,
            Self::Denied { rule, fix, .. } => Some(format!("denied by {rule}: {fix}")),
        }
    }

    /// Returns every question asked and its answer.
    pub fn trace(&self) -> &[Step] {
        match self {
            Self::Allowed { trace, .. } | Self::Denied { trace, .. } => trace,
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allowed { rule, .. } => write!(f, "allowed by {rule}")?,
            Self::Denied { rule, fix, reason, .. } => {
                write!(f, "denied by {rule} ({reason})\n  fix: {fix}")?;
            }
        }
        self.trace().iter().try_for_each(|step| write!(f, "\n  {step}"))
    }
}

/// One question on the way to a decision.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Step {
    /// What was asked; names policies, resources and segments, never a person.
    pub question: Cow<'static, str>,
    /// What the answer was.
    pub answer: bool,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = if self.answer { "yes" } else { "no" };
        write!(f, "{} {answer}", self.question)
    }
}
