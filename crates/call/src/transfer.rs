//! The table of a transfer's states, and the pure function that walks it.
//!
//! A transfer hands the transferor's place in a call to a target that is rung for it. Its state is
//! beside that of the transferor's connection, which stays what it was until the target is there.

use std::fmt;

use thiserror::Error;

/// How far a transfer has come.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TransferState {
    /// Initial state.
    None,
    /// The target is being called.
    Transferring,
    /// The target has taken the transferor's place. Final.
    Accepted,
    /// The target has not come; the call goes on as it was. Final.
    Failed,
}

impl TransferState {
    /// All states, in the order of the source.
    pub const ALL: [Self; 4] = [Self::None, Self::Transferring, Self::Accepted, Self::Failed];

    /// Returns the name that a diagram uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Transferring => "Transferring",
            Self::Accepted => "Accepted",
            Self::Failed => "Failed",
        }
    }

    /// Returns whether nothing follows.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Accepted | Self::Failed => true,
            Self::None | Self::Transferring => false,
        }
    }
}

impl fmt::Display for TransferState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What moves a transfer from one state to another.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TransferTrigger {
    /// The transferor asks for it.
    Begin,
    /// The target is connected.
    ConnectTarget,
    /// The target declined, is busy, is not there, did not answer in time, failed to finish its
    /// set-up, or its invitation was taken back.
    EndTarget,
    /// The transferee left, or everybody whom the target would have met.
    LoseTransferee,
    /// The transferor left before the target came.
    LoseTransferor,
}

impl TransferTrigger {
    /// All triggers.
    pub const ALL: [Self; 5] = [
        Self::Begin,
        Self::ConnectTarget,
        Self::EndTarget,
        Self::LoseTransferee,
        Self::LoseTransferor,
    ];

    /// Returns the words a diagram puts on the edge.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Begin => "transfer",
            Self::ConnectTarget => "target connected",
            Self::EndTarget => "target declined, is not there, or failed",
            Self::LoseTransferee => "transferee left",
            Self::LoseTransferor => "transferor left",
        }
    }
}

impl fmt::Display for TransferTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// One edge of the transfer machine.
#[derive(Clone, Copy, Debug)]
pub struct TransferEdge {
    /// The state before.
    pub from: TransferState,
    /// What happens.
    pub on: TransferTrigger,
    /// The state after.
    pub to: TransferState,
    /// Why it leads there.
    pub because: &'static str,
}

/// Says that a trigger is not listed for a state.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("no edge of a transfer from {from} on \"{on}\"")]
pub struct InvalidTransferTransition {
    /// The state.
    pub from: TransferState,
    /// The trigger.
    pub on: TransferTrigger,
}

/// Returns the state of a transfer that follows a trigger.
///
/// # Errors
///
/// A pair that the table does not list is refused.
pub fn transfer_transition(
    from: TransferState,
    on: TransferTrigger,
) -> Result<TransferState, InvalidTransferTransition> {
    TRANSFER_EDGES
        .iter()
        .find(|edge| edge.from == from && edge.on == on)
        .map(|edge| edge.to)
        .ok_or(InvalidTransferTransition { from, on })
}

macro_rules! transfer_edges {
    ($($from:ident + $on:ident => $to:ident: $because:literal;)*) => {
        &[$(TransferEdge {
            from: TransferState::$from,
            on: TransferTrigger::$on,
            to: TransferState::$to,
            because: $because,
        }),*]
    };
}

/// The transfer machine. ADR 7 says how it was decided what the source leaves open.
pub const TRANSFER_EDGES: &[TransferEdge] = transfer_edges! {
    None + Begin => Transferring: "the target is called on behalf of the transferor";
    Transferring + ConnectTarget => Accepted: "the transferor's connection ends with 200/7015";
    Transferring + EndTarget => Failed: "the transferor stays, with the reason of the target";
    Transferring + LoseTransferee => Failed: "there is nobody left to hand over";
    Transferring + LoseTransferor => Transferring: "hanging up is not taking back";
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mid7_every_pair_of_state_and_trigger_of_a_transfer_goes_where_the_table_says() {
        use TransferState as S;
        use TransferTrigger as T;
        for from in S::ALL {
            for on in T::ALL {
                // A second spelling of the table, by hand.
                let expected = match (from, on) {
                    (S::None, T::Begin) | (S::Transferring, T::LoseTransferor) => {
                        Ok(S::Transferring)
                    }
                    (S::Transferring, T::ConnectTarget) => Ok(S::Accepted),
                    (S::Transferring, T::EndTarget | T::LoseTransferee) => Ok(S::Failed),
                    _ => Err(InvalidTransferTransition { from, on }),
                };
                assert_eq!(transfer_transition(from, on), expected, "{from} on {on:?}");
            }
        }
    }

    #[test]
    fn mid7_nothing_leads_out_of_the_final_states_and_every_other_state_is_left() {
        for state in TransferState::ALL {
            let is_left = TRANSFER_EDGES.iter().any(|edge| edge.from == state && edge.to != state);
            assert_eq!(is_left, !state.is_final(), "{state}");
        }
    }
}
