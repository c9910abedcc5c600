//! A plan under way: one step at a time, and taken back if a step fails.

use trunkline_reasons::EndReason;

use crate::roster::{RosterPlan, RosterStep};

/// Carries a plan out.
///
/// The owner of the call does what `current` says and then reports `succeed` or `fail`, until `outcome`
/// says how it ended. Each plan ends once. When a step of an addition fails, the steps before it are
/// taken back, the last one first. A step of a removal that fails does not bring anybody back: the
/// other steps are done, and the failed ones are left over for another try.
#[derive(Clone, Debug)]
pub struct RosterChange {
    steps: Vec<RosterStep>,
    at: usize,
    failure: Option<EndReason>,
    left_over: Vec<RosterStep>,
}

/// How a change ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ChangeOutcome {
    /// Every step was done.
    Applied,
    /// Something is not as it should be: these steps failed and are to be tried again.
    LeftOver(Vec<RosterStep>),
    /// A step failed, and everything before it was taken back.
    TakenBack(EndReason),
}

impl RosterChange {
    /// Begins to carry a plan out.
    pub fn new(plan: RosterPlan) -> Self {
        Self { steps: plan.steps, at: 0, failure: None, left_over: Vec::new() }
    }

    /// Notes that the current step was done.
    pub fn succeed(&mut self) {
        self.at += 1;
    }

    /// Notes that the current step could not be done.
    pub fn fail(&mut self, reason: EndReason) {
        let Some(failed) = self.steps.get(self.at).cloned() else {
            return;
        };
        // What takes a step back has nothing that takes it back, so this comes once at most.
        if failed.undo().is_some() {
            self.failure = Some(reason);
            self.steps =
                self.steps.iter().take(self.at).rev().filter_map(RosterStep::undo).collect();
            self.at = 0;
        } else {
            self.left_over.push(failed);
            self.at += 1;
        }
    }

    /// Returns the step to do.
    pub fn current(&self) -> Option<&RosterStep> {
        self.steps.get(self.at)
    }

    /// Returns how the change ended; `None` while there is a step to do.
    pub fn outcome(&self) -> Option<ChangeOutcome> {
        if self.current().is_some() {
            return None;
        }
        Some(match self.failure {
            _ if !self.left_over.is_empty() => ChangeOutcome::LeftOver(self.left_over.clone()),
            Some(reason) => ChangeOutcome::TakenBack(reason),
            None => ChangeOutcome::Applied,
        })
    }
}
