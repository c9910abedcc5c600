//! The Rust calling SDK: CallClient, CallAgent, TeamsCallAgent, Call.
