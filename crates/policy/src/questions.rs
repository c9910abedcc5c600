//! Keeps the trace while a decision is under way.

use std::borrow::Cow;

use trunkline_reasons::EndReason;

use crate::decision::{Decision, Step};

/// The questions asked so far.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    trace: Vec<Step>,
}

/// What a rule says that forbids.
#[derive(Debug)]
pub(crate) struct Denial {
    pub(crate) rule: &'static str,
    pub(crate) fix: String,
    pub(crate) reason: EndReason,
}

/// The name of the rule that allows, or what the one says that forbids.
pub(crate) type Verdict = Result<&'static str, Denial>;

impl Questions {
    /// Notes a question and its answer, and hands the answer back.
    pub(crate) fn ask(&mut self, question: impl Into<Cow<'static, str>>, answer: bool) -> bool {
        self.trace.push(Step { question: question.into(), answer });
        answer
    }

    /// Ends with a verdict.
    pub(crate) fn decide(self, verdict: Verdict) -> Decision {
        let trace = self.trace;
        match verdict {
            Ok(rule) => Decision::Allowed { rule, trace },
            Err(Denial { rule, fix, reason }) => Decision::Denied { rule, fix, reason, trace },
        }
    }
}
