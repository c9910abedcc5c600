//! The call: connections, participants, ringing, holds, timers.
